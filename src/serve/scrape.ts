// Counts of all instances, and those of the main thread itself: the runtime's half of /metrics.

import type { ChildStatus } from "../actor/supervisor.ts";
import type { Clock } from "../base/clock.ts";
import type { WorkQueues } from "../queue/work-queue.ts";
import { type ClusterReport, METRICS, type MetricsReport } from "../sdk/instance-control.ts";
import type { ServedInstance } from "./served-instance.ts";

/** Time that one instance has for its report. */
const REPORT_TIMEOUT_MS = 1000;

export async function scrape(of: {
  readonly instances: readonly ServedInstance[];
  readonly children: readonly ChildStatus[];
  readonly queues: WorkQueues;
  readonly clock: Clock;
}): Promise<ClusterReport> {
  const [queues, ...reports] = await Promise.all([
    of.queues.numPending(),
    ...of.instances.map((instance) => report(instance, of.clock)),
  ]);
  const restarts: Record<string, number> = {};
  const parked: Record<string, number> = {};
  for (const child of of.children) {
    restarts[child.service] = (restarts[child.service] ?? 0) + child.restarts;
    parked[child.service] = (parked[child.service] ?? 0) + (child.isParked ? 1 : 0);
  }
  return { instances: reports.flat(), restarts, parked, queues };
}

/** None of an instance that does not answer: it starts, ends, or is busy for longer than a report may take. */
async function report(
  { child, service, workerId }: ServedInstance,
  clock: Clock,
): Promise<ClusterReport["instances"]> {
  const { promise: timeout, resolve } = Promise.withResolvers<undefined>();
  const timer = clock.after(REPORT_TIMEOUT_MS, () => resolve(undefined));
  const answer = child.control.request<MetricsReport>(METRICS, undefined);
  const reported = await Promise.race([answer.catch(() => undefined), timeout]);
  timer.cancel();
  return reported ? [{ ...reported, service: service.name, workerId }] : [];
}
