// The parts of prom-client that are used here. Its index also loads a client of HTTP and Node's performance hooks, which
// takes 2.7 MB in each thread.

import type * as Prometheus from "prom-client";
// @ts-expect-error parts have no types of their own: they are those of the index
import AggregatorRegistryPart from "prom-client/lib/cluster.js";
// @ts-expect-error as above
import CounterPart from "prom-client/lib/counter.js";
// @ts-expect-error as above
import GaugePart from "prom-client/lib/gauge.js";
// @ts-expect-error as above
import HistogramPart from "prom-client/lib/histogram.js";
// @ts-expect-error as above
import RegistryPart from "prom-client/lib/registry.js";

export const AggregatorRegistry: typeof Prometheus.AggregatorRegistry = AggregatorRegistryPart;
export const Counter: typeof Prometheus.Counter = CounterPart;
export const Gauge: typeof Prometheus.Gauge = GaugePart;
export const Histogram: typeof Prometheus.Histogram = HistogramPart;
export const Registry: typeof Prometheus.Registry = RegistryPart;
