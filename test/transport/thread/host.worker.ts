// Actors that host.test.ts runs on real threads.

import { Actor } from "../../../src/actor/actor.ts";
import type { StopOrder } from "../../../src/actor/child-spec.ts";
import { ControlPort } from "../../../src/actor/control-port.ts";
import { systemClock } from "../../../src/base/clock.ts";
import { createLogger } from "../../../src/base/log.ts";
import { enterActorThread } from "../../../src/transport/thread/actor-thread.ts";
import { ThreadDialer } from "../../../src/transport/thread/dialer.ts";

enterActorThread((scope) => {
  if (scope.init.data === "throws at once") throw new Error("thrown while starting");
  const control = new ControlPort(scope.channel);
  const actor: Actor = new Actor({
    id: scope.init.id,
    tag: scope.init.tag,
    control,
    dialer: new ThreadDialer({ control, clock: systemClock }),
    maxCalls: 100,
    clock: systemClock,
    log: createLogger(scope.init.tag, "error", () => {}),
    windowOf: (endpoint) => (endpoint === "lease" ? 1 : undefined),
    pulse: scope.init.pulse,
    handler: (endpoint, args) => handle({ actor, control }, endpoint, args),
  });
  control.onRequest("ready", () => true);
  control.onRequest("stats", () => actor.stats());
  control.onPush<StopOrder>("stop", async ({ deadlineMs }) => {
    await actor.drain(deadlineMs);
    actor.close();
    scope.exit();
  });
});

function handle(
  { actor, control }: { readonly actor: Actor; readonly control: ControlPort },
  endpoint: string,
  args: readonly unknown[],
): unknown {
  switch (endpoint) {
    case "echo":
      return args[0];
    case "env":
      return process.env["TEST_OF_HOST"];
    case "count":
      return count(Number(args[0]));
    case "relay":
      return relay(actor.call(Number(args[0]), "count", [args[1]]));
    case "lease":
      return count(1);
    case "fail":
      throw new RangeError("out of range here");
    case "throw outside":
      queueMicrotask(() => {
        throw new Error("thrown outside of a call");
      });
      return new Promise(() => {});
    case "reject unhandled":
      void Promise.reject(new Error("rejected and not handled"));
      return new Promise(() => {});
    case "exit":
      return process.exit(3);
    case "spin":
      control.push("busy", undefined);
      for (;;) void 0;
    case "native call":
      control.push("busy", undefined);
      return Bun.sleepSync(Number(args[0]));
    default:
      throw new Error(`no case for ${endpoint}`);
  }
}

async function* count(to: number) {
  for (let i = 0; i < to; i++) yield { i, ids: new Int32Array([i, -i]) };
}

async function* relay(items: AsyncIterable<unknown>) {
  for await (const item of items) yield item;
}
