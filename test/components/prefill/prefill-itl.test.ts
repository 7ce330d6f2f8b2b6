// Aim of disaggregation, in virtual time: a reader does not see long prompts arrive.

import { expect, test } from "bun:test";

import { simulate } from "../../bench/disagg/simulate.ts";
import { quantile } from "../../bench/median.ts";
import { hangLimit } from "../../time-limits.ts";

test(
  "beside long prompts, streams wait 1.3 times as long at most with prefill workers, and longer without",
  async () => {
    const scenario = { numStreams: 16, promptTokens: 8000, durationMs: 6000, promptEveryMs: 1250 };
    const none = await simulate({ ...scenario, graph: "agg", promptEveryMs: undefined });
    const agg = await simulate({ ...scenario, graph: "agg" });
    const disagg = await simulate({ ...scenario, graph: "disagg" });
    const bound = 1.3 * quantile(none.itlMs, 0.99);
    expect(quantile(disagg.itlMs, 0.99)).toBeLessThanOrEqual(bound);
    expect(quantile(agg.itlMs, 0.99)).toBeGreaterThan(bound);
    expect(disagg.ttftMs.length).toBeGreaterThan(3);
  },
  hangLimit(60_000),
);
