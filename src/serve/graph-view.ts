// A service's view of the others: for `validate`, `prepare` and `footprint`.

import { describeService } from "../sdk/describe.ts";
import type {
  Environment,
  GraphView,
  ServiceClass,
  ServiceNode,
  ServiceView,
} from "../sdk/service-class.ts";

export interface ViewedService extends Omit<ServiceView, "endpoints" | "is"> {
  readonly service: ServiceClass;
}

export function viewOf(viewed: ViewedService): ServiceView {
  const { numWorkers, gpusPerWorker, config, service } = viewed;
  const is = (other: ServiceClass) =>
    other === service || Object.prototype.isPrototypeOf.call(other, service);
  return { ...nodeOf(viewed), numWorkers, gpusPerWorker, config, is };
}

export function graphViewOf(
  { entry, services }: { readonly entry: string; readonly services: readonly ViewedService[] },
  service: string,
  environment: Environment,
): GraphView {
  return { service, entry, services: services.map(viewOf), environment };
}

/** Facts of each service that threads get. */
export function nodeOf({ name, namespace, service, edges }: ViewedService): ServiceNode {
  return { name, namespace, endpoints: describeService(service).endpoints, edges };
}
