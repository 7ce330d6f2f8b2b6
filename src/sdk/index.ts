// "dynamo": all that a service or a graph imports.

export { type ActorEnding, actorEnding } from "../actor/error.ts";
export type { SideThread } from "../actor/side-thread.ts";
export { DynamoError, RemoteError } from "../base/error.ts";
export type { ItemId, WorkItem, WorkQueue } from "../queue/work-queue.ts";
export { AddressError, type EndpointAddress, parseAddress } from "../registry/address.ts";
export { formatInstanceId, type InstanceId } from "../registry/instance-id.ts";
export type { MirrorUpdate } from "../registry/mirror.ts";
export { checkAddress } from "./check-address.ts";
export type {
  Client,
  Clients,
  DependencyOf,
  Endpoints,
  EveryInstance,
  FromInstance,
  InstanceClient,
  Instances,
  Ref,
} from "./client.ts";
export type { ServiceContext } from "./context.ts";
export type { Door } from "./door.ts";
export {
  GraphError,
  NoWorkersError,
  ServiceDefinitionError,
  UnboundFieldError,
} from "./error.ts";
export { Graph, type GraphService, graph } from "./graph.ts";
export type { LiveSetting, LiveSettings } from "./live-settings.ts";
export type { Metrics } from "./metrics.ts";
export { type ConfigSchema, configured, depends, isLinked, type Links } from "./need.ts";
export { Service } from "./service.ts";
export type {
  AnyService,
  CheckScope,
  ConfigProblem,
  EndedInstance,
  Environment,
  Footprint,
  FootprintScale,
  GraphView,
  RunningInstance,
  ServiceClass,
  ServiceNode,
  ServiceView,
} from "./service-class.ts";
export { isUnavailable } from "./unavailable.ts";
