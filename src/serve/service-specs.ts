// A plan as a supervisor's orders.

import type { ChildSpec, ServiceSpec } from "../actor/child-spec.ts";
import { type LogLevel, type LogStyle, PLAIN_STYLE } from "../base/log.ts";
import type { InstanceInit } from "../sdk/instance-control.ts";
import type { Environment } from "../sdk/service-class.ts";
import type { DeployedInstances } from "./deployed-instances.ts";
import { graphViewOf, nodeOf } from "./graph-view.ts";
import type { DeploymentPlan, GraphSource, ServicePlan } from "./plan.ts";
import type { Identity } from "./served-instance.ts";

/** Contents of `ActorInit.data` for `actor.worker.ts`. */
export interface ThreadData {
  readonly source: GraphSource;
  readonly init: InstanceInit;
}

export interface SpecOptions {
  readonly instances: DeployedInstances;
  readonly environment: Environment;
  readonly logLevel: LogLevel | undefined;
  readonly logStyle: LogStyle | undefined;
  /** Time for the running answers of the entry at a stop. */
  readonly drainMs: number;
}

/** Time of a stop beside the drain, all services together: the most of it is for what hangs. */
export const REST_STOP_MS = 3400;
/** The entry's part of that, behind its drain: last words to its clients. */
const ENTRY_REST_MS = 1200;

/** Runs each service's `prepare`, in order. */
export async function serviceSpecs(
  plan: DeploymentPlan,
  options: SpecOptions,
): Promise<readonly ServiceSpec[]> {
  const specs: ServiceSpec[] = [];
  const { environment, drainMs } = options;
  const entryStopShare = (drainMs + ENTRY_REST_MS) / (drainMs + REST_STOP_MS);
  for (const [index, service] of plan.services.entries()) {
    const graph = graphViewOf(plan, service.name, environment);
    const prepared = await service.service.prepare?.(service.config, environment, graph);
    const isEntry = service.name === plan.entry;
    specs.push({
      name: service.name,
      intensity: service.restarts.intensity,
      periodMs: service.restarts.periodMs,
      heartbeatTimeoutMs: service.heartbeatTimeoutMs,
      // As many as were started before it stop after it; the last may take all that is left.
      stopShare: isEntry && index > 0 ? entryStopShare : 1 / (index + 1),
      children: Array.from({ length: service.numWorkers }, (_, worker) =>
        childSpec({ plan, service, workerId: worker + 1, prepared }, options),
      ),
    });
  }
  return specs;
}

interface PlannedChild {
  readonly plan: DeploymentPlan;
  readonly service: ServicePlan;
  readonly workerId: number;
  readonly prepared: unknown;
}

function childSpec(planned: PlannedChild, options: SpecOptions): ChildSpec {
  const { service, workerId, prepared } = planned;
  const { instances } = options;
  const id = `${service.name}:${workerId}`;
  return {
    id,
    tag: id,
    restart: "permanent",
    awaits: service.service.startsEarly ? "none" : "previous",
    data: (actor) => threadData(planned, instances.identify(id, actor), options),
    env: service.env,
    start: (child) => instances.start(service, workerId, child),
    progress: (child) => service.service.progress?.(prepared, instances.identityOf(child.id)),
    hung: (child) => instances.hang(child),
    ended: (child) => instances.end(service, prepared, child),
  };
}

function threadData(
  { plan, service, workerId, prepared }: PlannedChild,
  identity: Identity,
  { logLevel, logStyle }: SpecOptions,
): ThreadData {
  return {
    source: plan.source,
    init: {
      service: service.name,
      namespace: service.namespace,
      workerId,
      numWorkers: service.numWorkers,
      ...identity,
      config: service.config,
      maxCalls: service.maxCalls,
      graph: plan.services.map(nodeOf),
      prepared,
      logLevel: service.logLevel ?? logLevel ?? "info",
      logStyle: logStyle ?? PLAIN_STYLE,
    },
  };
}
