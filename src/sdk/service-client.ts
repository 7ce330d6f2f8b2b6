// The object behind `Client<S>`, `Ref<S>` and what `at()`, `all()`, `random()` and `roundRobin()` return: whatever
// is not a word of the client itself is the name of an endpoint.

import type { InstanceId } from "../registry/instance-id.ts";
import { type ClientCall, FailedCall } from "./client-call.ts";
import { NoWorkersError } from "./error.ts";
import { EveryCall } from "./every-call.ts";
import type { InstanceCaller } from "./instance-caller.ts";
import { InstanceChanges } from "./instance-changes.ts";
import type { InstanceList } from "./instance-list.ts";
import { type Reference, wireReference } from "./ref.ts";

export interface ClientOptions {
  readonly caller: InstanceCaller;
  readonly instances: InstanceList;
  /** 0 to 1, as `Math.random`. */
  readonly random: () => number;
}

/** The bound client that takes the place of `depends()` in a field. */
export function createClient({ caller, instances, random }: ClientOptions): object {
  const { service } = instances;
  const callOne = (instance: InstanceId, endpoint: string, args: readonly unknown[]) => {
    const callee = { instance, actor: instances.actorOf(instance) };
    return caller.call(callee, endpoint, args, () => instances.avoid(instance));
  };

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
    endpoints(
      { ref: createRef(caller, { instance, actor: instances.actorOf(instance), service }) },
      (endpoint, args) => callOne(instance, endpoint, args),
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
export function createRef(caller: InstanceCaller, reference: Reference): object {
  const call: EndpointCall = (endpoint, args) => caller.call(reference, endpoint, args);
  return endpoints(wireReference(reference), call);
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

/** Asked for by `await` and by JSON. Members of every object (`constructor`, `toString`) are on `own` already. */
const NEVER_ENDPOINTS: ReadonlySet<string> = new Set(["then", "toJSON"]);
