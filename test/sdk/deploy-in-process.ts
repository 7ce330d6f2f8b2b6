// Runs a graph on the test's own thread, with the actor room's in-process host.

import { type Clock, systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { EmbeddedQueues } from "../../src/queue/embedded-queue.ts";
import { EmbeddedRegistry } from "../../src/registry/embedded-registry.ts";
import { type InstanceId, InstanceIds } from "../../src/registry/instance-id.ts";
import type { Registry } from "../../src/registry/registry.ts";
import type { Graph } from "../../src/sdk/graph.ts";
import { Instance } from "../../src/sdk/run-instance.ts";
import { type Deployment, deploy } from "../../src/serve/deploy.ts";
import type { DeploymentPlan } from "../../src/serve/plan.ts";
import type { ThreadData } from "../../src/serve/service-specs.ts";
import { spawnSideThread } from "../../src/worker-entries.ts";
import { InProcessHost } from "../actor/in-process-host.ts";
import { lanes, type TestTransport } from "../transport/test-transport.ts";

export interface PlanOptions {
  /** By service name; 1 unless given. */
  readonly workers?: Readonly<Record<string, number>>;
  readonly config?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly maxCalls?: number;
  /** Restarts at once within a minute, of each service. */
  readonly maxRestarts?: number;
  readonly heartbeatTimeoutMs?: number;
}

export interface InProcessDeployment extends Deployment {
  readonly host: InProcessHost;
  readonly logLines: readonly string[];
}

export function planOf(graph: Graph, options: PlanOptions = {}): DeploymentPlan {
  return {
    source: { type: "built-in", name: "test" },
    entry: graph.entry.name,
    services: graph.services.map(({ name, service, edges }) => ({
      name,
      service,
      namespace: "test",
      numWorkers: options.workers?.[name] ?? 1,
      config: options.config?.[name] ?? {},
      env: {},
      maxCalls: options.maxCalls ?? 1024,
      restarts: { intensity: options.maxRestarts ?? 10, periodMs: 60_000 },
      heartbeatTimeoutMs: options.heartbeatTimeoutMs,
      edges,
    })),
  };
}

interface InProcessOptions extends PlanOptions {
  readonly clock?: Clock;
  readonly random?: () => number;
  readonly transport?: TestTransport;
  readonly registry?: Registry;
}

export async function deployInProcess(
  graph: Graph,
  options: InProcessOptions = {},
): Promise<InProcessDeployment> {
  const deployment = beginInProcess(graph, options);
  await deployment.ready;
  return deployment;
}

/** While it starts. */
export function beginInProcess(graph: Graph, options: InProcessOptions = {}): InProcessDeployment {
  const { clock = systemClock, random = Math.random, transport = lanes } = options;
  const plan = planOf(graph, options);
  const logLines: string[] = [];
  const host = new InProcessHost((scope) => {
    const { init } = scope.init.data as ThreadData; // service-specs.ts gives nothing else
    const service = plan.services.find(({ name }) => name === init.service)?.service;
    if (!service) throw new Error(`${init.service} is not in the plan`);
    const instance = new Instance({
      scope,
      service,
      init,
      clock,
      random,
      sideThread: spawnSideThread,
      dialer: (control) => transport.dialer({ id: scope.init.id, control, clock }),
    });
    instance.start().catch((error) => scope.fail(error));
    return () => instance.close();
  }, transport);
  const log = createLogger("main", "debug", (line) => logLines.push(line));
  const deployment = deploy(plan, {
    ...{ host, clock, log, logLevel: "error", random },
    ...ofOneProcess(clock),
    ...(options.registry && { registry: options.registry }),
  });
  return Object.assign(deployment, { host, logLines });
}

/** The largest node number there is: what cannot carry all of an instance id shows. */
const NODE = 2 ** 32 - 1;

/** The id of the instance that a process starts as its `n`th, from 1. */
export function nthInstance(n: number): InstanceId {
  return NODE * 2 ** 21 + n;
}

/** Options that `dynamo serve` gives a deployment beside its host. */
export function ofOneProcess(clock: Clock) {
  return {
    registry: new EmbeddedRegistry({ clock }),
    queues: new EmbeddedQueues(),
    instanceIds: new InstanceIds(() => NODE),
  };
}
