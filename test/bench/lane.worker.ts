// The other threads of the lane benchmark: an actor, a bare end of a lane, or a NATS responder.

import type { MessagePort } from "node:worker_threads";

import { connect } from "@nats-io/transport-node";
import { Actor } from "../../src/actor/actor.ts";
import type { ActorId } from "../../src/actor/actor-id.ts";
import { ControlPort } from "../../src/actor/control-port.ts";
import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { enterActorThread } from "../../src/transport/thread/actor-thread.ts";
import { ThreadDialer } from "../../src/transport/thread/dialer.ts";
import { Lane, type LaneOffer } from "../../src/transport/thread/lane.ts";
import { TurnEnd } from "../../src/transport/turn-end.ts";

enterActorThread((scope) => {
  const control = new ControlPort(scope.channel);
  control.onPush("stop", () => scope.exit());
  control.onRequest("ready", () => true);
  if (scope.init.data === "lane") serveLane(control);
  else if (scope.init.data === "nats") control.onRequest<number>("subscribe", serveNats);
  else serveActor(scope.init.id, control);
});

/** Counts what comes over a bare lane. */
function serveLane(control: ControlPort): void {
  let received = 0;
  let expected = Infinity;
  let tell: () => void = () => {};
  const lane = new Lane({
    receive: () => {
      if (++received >= expected) tell();
    },
    turnEnd: new TurnEnd(),
    clock: systemClock,
  });
  control.onPush<LaneOffer>("lane", (offer) => lane.connect(offer));
  control.onPush<MessagePort>("ping", (port) => {
    port.on("message", () => port.postMessage(0));
  });
  control.onRequest<number>("received", (total) => {
    if (received >= total) return undefined;
    expected = total;
    return new Promise<void>((resolve) => {
      tell = resolve;
    });
  });
}

function serveActor(id: ActorId, control: ControlPort): void {
  const actor: Actor = new Actor({
    id,
    tag: `Bench:${id}`,
    control,
    dialer: new ThreadDialer({ control, clock: systemClock }),
    maxCalls: 1024,
    clock: systemClock,
    log: createLogger(`Bench:${id}`),
    handler(endpoint, args) {
      const [value, count, next] = args as [unknown, number, ActorId];
      if (endpoint === "echo") return value;
      if (endpoint === "stream") return repeat(value, count);
      if (endpoint === "steps") return steps(value, count);
      return relay(actor.call(next, "steps", [value, count]));
    },
  });
}

async function* repeat(value: unknown, count: number) {
  for (let i = 0; i < count; i++) yield value;
}

/** One item a turn of the event loop, as an engine's steps give one token to each sequence. */
async function* steps(value: unknown, count: number) {
  for (let i = 0; i < count; i++) {
    await systemClock.turn();
    yield value;
  }
}

async function* relay(items: AsyncIterable<unknown>) {
  for await (const item of items) yield item;
}

async function serveNats(port: number): Promise<void> {
  const connection = await connect({ servers: `127.0.0.1:${port}` });
  connection.subscribe("echo", {
    callback: (_, message) => void message.respond(message.data),
  });
  await connection.flush();
}
