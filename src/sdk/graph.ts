// Which services run, and who calls whom: an immutable value that `link()` and `graph()` build.

import type { DependencyOf } from "./client.ts";
import { type DeclaredDependency, describeService, isServiceClass } from "./describe.ts";
import { GraphError } from "./error.ts";
import type { AnyService, ServiceClass } from "./service-class.ts";

/** A service of a graph and what is linked to its fields. */
export interface GraphService {
  readonly name: string;
  readonly service: ServiceClass;
  /** Dependency field to the names of the services that are linked there; unbound fields are absent. */
  readonly edges: ReadonlyMap<string, readonly string[]>;
}

/** `S` is the service that the next `link()` goes on from. Made by `A.link(B)` and `graph(...)`. */
export class Graph<S extends AnyService = AnyService> {
  /** The service where requests come in. */
  readonly entry: ServiceClass;
  /** Dependencies before dependents: the order to start in. */
  readonly services: readonly GraphService[];
  readonly #last: ServiceClass<S>;
  readonly #links: readonly Link[];

  private constructor(entry: ServiceClass, last: ServiceClass<S>, links: readonly Link[]) {
    this.entry = entry;
    this.#last = last;
    this.#links = links;
    this.services = orderedServices([entry], links.length > 0 ? links : declaredLinks(entry));
  }

  /** The graph of one service; as long as nothing is linked, all that it declares is served. */
  static of<S extends AnyService>(service: ServiceClass<S>): Graph<S> {
    if (!isServiceClass(service)) throw notAService("graph() takes services and graphs", service);
    return new Graph(service, service, []);
  }

  /** Several paths from one entry, that of the first. */
  static merge(graphs: readonly [Graph, ...Graph[]]): Graph {
    const [first] = graphs;
    const links = graphs.flatMap((graph) => graph.#links);
    const merged = new Graph(first.entry, first.entry, uniqueLinks(links));
    for (const { entry } of graphs) {
      if (!merged.services.some(({ service }) => service === entry)) {
        throw new GraphError(
          `${entry.name} is not reached from ${first.entry.name}, where this graph starts; ` +
            `link it to a service that depends on it`,
        );
      }
    }
    return merged;
  }

  /**
   * Adds the edge from the last service to `target`, and goes on from there.
   *
   * @throws {GraphError}, {ServiceDefinitionError} as `Service.link`
   */
  link<D extends DependencyOf<S>>(target: ServiceClass<D>): Graph<D> {
    if (!isServiceClass(target))
      throw notAService(`${this.#last.name}.link() takes a service`, target);
    if (isAbstract(target)) throw abstractTarget(target);
    const links = fieldsFor(this.#last, target).map((declared) => ({
      from: this.#last,
      field: declared.field,
      isOneOfSeveral: declared.links === "several",
      to: target,
    }));
    return new Graph(this.entry, target, uniqueLinks([...this.#links, ...links]));
  }
}

/**
 * One graph of several paths, for services that fan out: `graph(A.link(B), A.link(C).link(D))`. It starts from
 * the first path's first service. `graph(A)` is A with all that it declares.
 *
 * @throws {GraphError} for no path, a path that is not reached from the first one's entry, a cycle, or a field that two
 *   paths link to different services
 * @throws {ServiceDefinitionError} if a class cannot be a service
 */
export function graph(
  ...paths: readonly [Graph | ServiceClass, ...(Graph | ServiceClass)[]]
): Graph {
  const [first, ...rest] = paths.map((path) => (path instanceof Graph ? path : Graph.of(path)));
  if (!first) throw new GraphError("graph() needs at least one service or path");
  return Graph.merge([first, ...rest]);
}

interface Link {
  readonly from: ServiceClass;
  readonly field: string;
  readonly isOneOfSeveral: boolean;
  readonly to: ServiceClass;
}

/** The fields of `from` that `to` fits: those that declare it, else those that declare what it extends. */
function fieldsFor(from: ServiceClass, to: ServiceClass): readonly DeclaredDependency[] {
  const { name, dependencies } = describeService(from);
  const exact = dependencies.filter(({ service }) => service === to);
  const fitting = exact.length > 0 ? exact : dependencies.filter((one) => fits(one, to));
  const declared = new Set(fitting.map(({ service }) => service));
  if (declared.size > 1) {
    throw new GraphError(
      `${to.name} fits several dependencies of ${name}: ${list(fitting)}; let it extend only one of them`,
    );
  }
  if (declared.size === 0) {
    throw new GraphError(
      `${name} does not depend on ${to.name}: it declares ${list(dependencies) || "no dependencies"}; ` +
        `add a field "= depends(${to.name})" to ${name}, or link ${to.name} to the service that has one`,
    );
  }
  return fitting;
}

function fits({ service }: DeclaredDependency, to: ServiceClass): boolean {
  return Object.prototype.isPrototypeOf.call(service, to) || to.implements.includes(service);
}

/** Its own word: what extends an abstract service inherits `isAbstract`. */
function isAbstract(service: ServiceClass): boolean {
  return Object.hasOwn(service, "isAbstract") && service.isAbstract;
}

function list(dependencies: readonly DeclaredDependency[]): string {
  return dependencies.map(({ field, service }) => `${field} (${service.name})`).join(", ");
}

/** A graph may name an edge twice, in two paths; two services are linked to one field only if it takes several. */
function uniqueLinks(links: readonly Link[]): readonly Link[] {
  const unique: Link[] = [];
  for (const link of links) {
    const same = unique.filter(({ from, field }) => from === link.from && field === link.field);
    if (same.some(({ to }) => to === link.to)) continue;
    const [other] = same;
    if (other && !link.isOneOfSeveral) {
      throw new GraphError(
        `${link.from.name}.${link.field} is linked to ${other.to.name} and to ${link.to.name}; keep one, ` +
          'or declare the field depends(..., "several")',
      );
    }
    unique.push(link);
  }
  return unique;
}

/** Every declared dependency is an edge where nothing is linked, and so on downward; but no abstract service runs. */
function declaredLinks(entry: ServiceClass): readonly Link[] {
  const links: Link[] = [];
  const seen = new Set<ServiceClass>();
  const visit = (from: ServiceClass) => {
    if (seen.has(from)) return;
    seen.add(from);
    for (const { field, service, links: kind } of describeService(from).dependencies) {
      if (isAbstract(service)) continue;
      links.push({ from, field, isOneOfSeveral: kind === "several", to: service });
      visit(service);
    }
  };
  visit(entry);
  return links;
}

function orderedServices(
  entries: readonly ServiceClass[],
  links: readonly Link[],
): readonly GraphService[] {
  const ordered = new Map<string, GraphService>();
  const classes = new Map<string, ServiceClass>();
  const path: ServiceClass[] = [];

  const visit = (service: ServiceClass) => {
    if (path.includes(service)) {
      const cycle = [...path.slice(path.indexOf(service)), service].map(({ name }) => name);
      throw new GraphError(
        `${cycle.join(" -> ")} is a cycle: services start after those that they depend on, so one of these links must go`,
        { service: service.name },
      );
    }
    const { name } = describeService(service);
    const namesake = classes.get(name);
    if (namesake !== undefined && namesake !== service) {
      throw new GraphError(
        `two classes of this graph are named ${name}; the name is the key in files and flags, so rename one`,
        { service: name },
      );
    }
    if (ordered.has(name)) return;
    classes.set(name, service);
    const mine = links.filter(({ from }) => from === service);
    path.push(service);
    for (const { to } of mine) visit(to);
    path.pop();
    const edges = new Map<string, readonly string[]>();
    for (const { field, to } of mine) {
      edges.set(field, [...(edges.get(field) ?? []), describeService(to).name]);
    }
    ordered.set(name, { name, service, edges });
  };

  for (const entry of entries) visit(entry);
  return [...ordered.values()];
}

function abstractTarget({ name }: ServiceClass): GraphError {
  return new GraphError(`${name} is abstract: link a service that extends it`, { service: name });
}

function notAService(expectation: string, value: unknown): GraphError {
  const got = typeof value === "function" ? value.name || "an unnamed function" : typeof value;
  return new GraphError(`${expectation}: classes that extend Service of "dynamo"; got ${got}`);
}
