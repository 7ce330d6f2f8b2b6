// Declarations of a service class, read from one object of it that never runs.

import { ServiceDefinitionError } from "./error.ts";
import { type ConfigSchema, type Links, needOf } from "./need.ts";
import type { AnyService, ServiceClass } from "./service-class.ts";

export interface ServiceDescription {
  readonly name: string;
  /** Its name, and those of the services that it extends, its parent first. */
  readonly lineage: readonly string[];
  /** Schema of `configured()`; `undefined` for a service that takes no configuration. */
  readonly schema: ConfigSchema | undefined;
  readonly dependencies: readonly DeclaredDependency[];
  /** The public methods, in the order of their definition. */
  readonly endpoints: readonly string[];
}

export interface DeclaredDependency {
  readonly field: string;
  readonly service: ServiceClass;
  readonly links: Links;
}

export function describeService(service: ServiceClass): ServiceDescription {
  const known = descriptions.get(service);
  if (known) return known;
  const description = readDescription(service);
  descriptions.set(service, description);
  return description;
}

/** Descriptions are asked for at every `link()`, and building a foreign object twice proves nothing new. */
const descriptions = new WeakMap<ServiceClass, ServiceDescription>();

/** True if `value` is a class that extends this copy of `Service`. */
export function isServiceClass(value: unknown): value is ServiceClass {
  return typeof value === "function" && SERVICE in value;
}

/** `Service` bears it as a static, so that this file need not import it. */
export const SERVICE: unique symbol = Symbol("dynamo.Service");

/** Builds the object whose fields say what the service needs. Nothing in it is bound. */
export function instantiate(service: ServiceClass): AnyService {
  try {
    return Reflect.construct(service, []);
  } catch (error) {
    const failure = new ServiceDefinitionError(
      `${service.name} cannot be built: ${error instanceof Error ? error.message : String(error)}. ` +
        "A service is built without arguments and without side effects; what it does at its beginning belongs in start().",
      { service: service.name },
    );
    failure.cause = error;
    throw failure;
  }
}

function readDescription(service: ServiceClass): ServiceDescription {
  if (service.name === "") {
    throw new ServiceDefinitionError(
      "a service class needs a name: it is its name in files, flags and the registry",
    );
  }
  const dependencies: DeclaredDependency[] = [];
  const schemas: ConfigSchema[] = [];
  for (const [field, value] of Object.entries(instantiate(service))) {
    const need = needOf(value);
    if (need?.type === "dependency") {
      checkDependency(service, field, need.service);
      dependencies.push({ field, service: need.service, links: need.links });
    }
    if (need?.type === "configuration") {
      checkSchema(service, field, need.schema);
      schemas.push(need.schema);
    }
  }
  if (schemas.length > 1) {
    throw new ServiceDefinitionError(
      `${service.name} has ${schemas.length} configured() fields; its section in the file is one, so make it one schema`,
      { service: service.name },
    );
  }
  for (const key of service.live) {
    if (schemas[0] && key in schemas[0].entries) continue;
    throw new ServiceDefinitionError(
      `${service.name}.live names ${key}, which is no key of its configured() schema`,
      { service: service.name },
    );
  }
  return {
    name: service.name,
    lineage: classesOf(service).map(({ name }) => name),
    schema: schemas[0],
    dependencies,
    endpoints: endpointsOf(service),
  };
}

// The two checks are the compiler's, for graphs that no compiler has seen.

function checkDependency(service: ServiceClass, field: string, target: unknown): void {
  if (isServiceClass(target)) return;
  throw new ServiceDefinitionError(
    `${service.name}.${field}: depends() takes a class that extends Service of "dynamo"; got ${typeof target}`,
    { service: service.name },
  );
}

function checkSchema(service: ServiceClass, field: string, schema: unknown): void {
  if (typeof schema === "object" && schema !== null && "entries" in schema) return;
  throw new ServiceDefinitionError(
    `${service.name}.${field}: configured() takes a v.strictObject({...}); got ${typeof schema}`,
    { service: service.name },
  );
}

/** The class, and those between it and `Service`. */
function classesOf(service: ServiceClass): readonly ServiceClass[] {
  const classes: ServiceClass[] = [];
  for (
    let one: unknown = service;
    isServiceClass(one) && !Object.hasOwn(one, SERVICE);
    one = Object.getPrototypeOf(one)
  ) {
    classes.push(one);
  }
  return classes;
}

/** Methods of the class and of those that it extends; what a subclass redefines stands once. */
function endpointsOf(service: ServiceClass): readonly string[] {
  const names = new Set<string>();
  for (const { prototype } of classesOf(service)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (typeof property.value === "function" && !NO_ENDPOINTS.has(name)) names.add(name);
    }
  }
  return [...names];
}

const NO_ENDPOINTS: ReadonlySet<string> = new Set(["constructor", "start", "stop"]);
