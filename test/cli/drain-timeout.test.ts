import { expect, test } from "bun:test";

import { drainTimeoutMs } from "../../src/cli/drain-timeout.ts";

const VARIABLE = "DYN_RUNTIME_GRACEFUL_SHUTDOWN_TIMEOUT_SECS";

test("is 30 s, as the environment says, or as the flag says, which goes first", () => {
  expect(drainTimeoutMs(undefined, {})).toBe(30_000);
  expect(drainTimeoutMs(undefined, { [VARIABLE]: "" })).toBe(30_000);
  expect(drainTimeoutMs(undefined, { [VARIABLE]: "900" })).toBe(900_000);
  expect(drainTimeoutMs("0", { [VARIABLE]: "900" })).toBe(0);
  expect(drainTimeoutMs("1.5", {})).toBe(1500);
});

test("names what is no number of seconds, and where it stands", () => {
  for (const wrong of ["", "-1", "1e3", "soon", "86401"]) {
    expect(() => drainTimeoutMs(wrong, {})).toThrow(
      "--drain-timeout takes seconds from 0 to 86400",
    );
  }
  expect(() => drainTimeoutMs(undefined, { [VARIABLE]: "30s" })).toThrow(
    `${VARIABLE} takes seconds`,
  );
});
