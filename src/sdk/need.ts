// What a field of a service needs: another service or its configuration. `depends()` and `configured()` return
// inert values; the runtime reads them from the fields of a freshly built object and puts the real ones there.

import type { GenericSchema, InferOutput, ObjectEntries } from "valibot";

import type { Client } from "./client.ts";
import { UnboundFieldError } from "./error.ts";
import type { Service, ServiceClass } from "./service.ts";

export type Need =
  | { readonly type: "dependency"; readonly service: ServiceClass }
  | { readonly type: "configuration"; readonly schema: ConfigSchema };

/** `v.strictObject({...})` with camelCase keys, alone or as the first part of a `v.pipe`. */
export type ConfigSchema = GenericSchema<unknown, Readonly<Record<string, unknown>>> & {
  readonly type: "strict_object";
  readonly entries: ObjectEntries;
};

/**
 * Declares that this service calls another one. The field becomes a `Client` of whatever service the graph
 * links here: the declared class or, if that is abstract, one that extends it.
 *
 * @example worker = depends(VllmWorker);
 */
export function depends<S extends Service>(service: ServiceClass<S>): Client<S> {
  return inert({ type: "dependency", service });
}

/**
 * Declares the configuration of this service. The field becomes the parsed section of the file that bears the
 * service's name, with every default applied.
 *
 * @example config = configured(v.strictObject({ port: v.optional(v.number(), 8000) }));
 */
export function configured<TSchema extends ConfigSchema>(
  schema: TSchema,
): Readonly<InferOutput<TSchema>> {
  return inert({ type: "configuration", schema });
}

/** Whether the graph links a service to this field of `depends()`. To be asked in `start()` or later. */
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
