// The object behind `Client<S>`, `Ref<S>` and what `at()`, `all()`, `random()` and `roundRobin()` return: whatever
// is not a word of the client itself is the name of an endpoint.

import type { Actor } from "../actor/actor.ts";
import { ActorDownError } from "../actor/error.ts";
import type { InstanceId } from "./client.ts";
import { type ClientCall, FailedCall, InstanceCall } from "./client-call.ts";
import { NoWorkersError } from "./error.ts";
import { EveryCall } from "./every-call.ts";
import { InstanceChanges } from "./instance-changes.ts";
import type { InstanceList } from "./instance-list.ts";
import { type Reference, reviveRefs, wireReference } from "./ref.ts";

export interface ClientOptions {
  readonly actor: Actor;
  readonly instances: InstanceList;
  /** 0 to 1, as `Math.random`. */
  readonly random: () => number;
}

/** The bound client that takes the place of `depends()` in a field. */
export function createClient({ actor, instances, random }: ClientOptions): object {
  const { service } = instances;
  const callOne = (instance: InstanceId, endpoint: string, args: readonly unknown[]) =>
    callInstance(actor, { instance, endpoint, args, onDown: () => instances.avoid(instance) });

  type Choose = (live: readonly InstanceId[]) => InstanceId | undefined;
  const callAny = (choose: Choose): EndpointCall => {
    return (endpoint, args) => {
      const instance = choose(instances.live);
      if (instance === undefined) return new FailedCall(new NoWorkersError(service));
      return callOne(instance, endpoint, args);
    };
  };

  let turn = 0;
  const atRandom = callAny((live) => live[Math.floor(random() * live.length)]);
  const inTurn = callAny((live) => live[turn++ % live.length]);
  const every: EndpointCall = (endpoint, args) =>
    new EveryCall(instances, (instance) => callOne(instance, endpoint, args));
  const at = (instance: InstanceId) =>
    endpoints({ ref: createRef(actor, { instance, service }) }, (endpoint, args) =>
      callOne(instance, endpoint, args),
    );

  const modes = {
    random: endpoints({}, atRandom),
    roundRobin: endpoints({}, inTurn),
    all: endpoints({}, every),
  };
  const own = {
    get instances() {
      return instances.live;
    },
    waitForInstances: (count = 1) => instances.waitFor(count),
    watchInstances: () => new InstanceChanges(instances),
    random: () => modes.random,
    roundRobin: () => modes.roundRobin,
    all: () => modes.all,
    at,
  };
  return endpoints(own, atRandom);
}

/** A callable reference. Packed into a message, it is the plain value of ref.ts again. */
export function createRef<R extends object>(actor: Actor, reference: Reference): R {
  const { instance } = reference;
  const own = wireReference(reference);
  // What its endpoints are is for the caller's types to say, as everywhere in this file.
  return endpoints(own, (endpoint, args) =>
    callInstance(actor, { instance, endpoint, args, onDown: () => {} }),
  ) as R;
}

/** Makes what has arrived for this actor usable: references in it become callable. */
export function receive(actor: Actor, value: unknown): unknown {
  return reviveRefs(value, (reference) => createRef(actor, reference));
}

interface InstanceCallOptions {
  readonly instance: InstanceId;
  readonly endpoint: string;
  readonly args: readonly unknown[];
  readonly onDown: () => void;
}

function callInstance(actor: Actor, call: InstanceCallOptions): ClientCall {
  return new InstanceCall({
    call: actor.call(call.instance, call.endpoint, call.args),
    receive: (value) => receive(actor, value),
    onFailure: (error) => {
      // What the callee answers has the code and not the class: that somebody behind it is down is not its own end.
      if (error instanceof ActorDownError) call.onDown();
    },
  });
}

type EndpointCall = (endpoint: string, args: readonly unknown[]) => ClientCall;
type Method = (...args: unknown[]) => ClientCall;

/** `own`, and a method for every other name. Methods are made once a name. */
function endpoints(own: object, call: EndpointCall): object {
  const methods = new Map<string, Method>();
  return new Proxy(own, {
    get(target, name) {
      if (typeof name === "symbol" || name in target || NEVER_ENDPOINTS.has(name)) {
        return Reflect.get(target, name);
      }
      let method = methods.get(name);
      if (!method) {
        method = (...args) => call(name, args);
        methods.set(name, method);
      }
      return method;
    },
    set() {
      throw new TypeError("a client cannot be written to");
    },
  });
}

/** Asked for by `await` and by JSON. What every object has (`constructor`, `toString`) is on `own` already. */
const NEVER_ENDPOINTS: ReadonlySet<string> = new Set(["then", "toJSON"]);
