// Dependencies that a graph leaves unbound although its services count on them.

import { type DeclaredDependency, describeService } from "./describe.ts";
import type { Graph } from "./graph.ts";

/** A sentence for each dependency that is not optional and that nothing is linked to. */
export function unlinkedDependencies({ services }: Graph): readonly string[] {
  return services.flatMap(({ name, service, edges }) =>
    describeService(service)
      .dependencies.filter(({ field, links }) => links !== "optional" && !edges.has(field))
      .map((dependency) => unlinked(name, dependency)),
  );
}

function unlinked(name: string, { field, service, links }: DeclaredDependency): string {
  const wanted = service.name;
  const other = links === "one" ? `, or declare the field depends(${wanted}, "optional")` : "";
  return (
    `nothing is linked to ${name}.${field}, so its calls will fail; add ${name}.link(...) with ${wanted} or a ` +
    `service that extends it${other}`
  );
}
