// A field's need: another service or its configuration. `depends()` and `configured()` return
// inert values; the runtime reads them from the fields of a freshly built object and puts the real ones there.

import type { GenericSchema, InferOutput, ObjectEntries } from "valibot";

import type { Client, Clients } from "./client.ts";
import { UnboundFieldError } from "./error.ts";
import type { AnyService, ServiceClass } from "./service-class.ts";

export type Need =
  | { readonly type: "dependency"; readonly service: ServiceClass; readonly links: Links }
  | { readonly type: "configuration"; readonly schema: ConfigSchema };

/** How many services a graph links to a field: one, at most one, or any number. */
export type Links = "one" | "optional" | "several";

/** `v.strictObject({...})` with camelCase keys, alone or as the first part of a `v.pipe`. */
export type ConfigSchema = GenericSchema<unknown, Readonly<Record<string, unknown>>> & {
  readonly type: "strict_object";
  readonly entries: ObjectEntries;
};

/**
 * Declares that this service calls another one. The field becomes a `Client` of whatever service the graph
 * links here: the declared class or one that extends it. With `"optional"` the service also runs without a link, and
 * asks `isLinked(field)`. With `"several"` the field becomes a map from the name of each linked service to its client.
 *
 * @throws {UnboundFieldError} when the field is used before `start()`, or without a link
 *
 * @example
 * worker = depends(VllmWorker);
 * router = depends(Router, "optional");
 * backends = depends(ChatBackend, "several");
 */
export function depends<S extends AnyService>(
  service: ServiceClass<S>,
  links?: "one" | "optional",
): Client<S>;
export function depends<S extends AnyService>(
  service: ServiceClass<S>,
  links: "several",
): Clients<S>;
export function depends<S extends AnyService>(
  service: ServiceClass<S>,
  links: Links = "one",
): Client<S> | Clients<S> {
  return inert({ type: "dependency", service, links });
}

/**
 * Declares the configuration of this service. The field becomes the parsed section of the file that bears the
 * service's name, with every default applied.
 *
 * @throws {UnboundFieldError} when the field is read before `start()`
 *
 * @example config = configured(v.strictObject({ port: v.optional(v.number(), 8000) }));
 */
export function configured<TSchema extends ConfigSchema>(
  schema: TSchema,
): Readonly<InferOutput<TSchema>> {
  return inert({ type: "configuration", schema });
}

/** True if the graph links a service to this field of `depends()`. Ask in `start()` or later; before, it is false. Gives no error. */
export function isLinked(client: object): boolean {
  return needOf(client) === undefined;
}

/** The need that a field's initial value stands for. */
export function needOf(value: unknown): Need | undefined {
  return typeof value === "object" && value !== null ? needs.get(value) : undefined;
}

const needs = new WeakMap<object, Need>();

/** Typed as what will stand in the field, so that `this.worker.generate(x)` is checked: hence the cast. */
function inert<T>(need: Need): T {
  const untouchable = () => {
    throw new UnboundFieldError(
      need.type === "dependency"
        ? `the client of ${need.service.name} is not bound: use it in start() or later, and in a graph that links ${need.service.name} to this service`
        : "the configuration is not bound yet: read it in start() or later, not in a constructor or a field",
    );
  };
  const value = new Proxy(Object.create(null), { get: untouchable, set: untouchable });
  needs.set(value, need);
  return value as T;
}
