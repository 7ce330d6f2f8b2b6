import { expect, test } from "bun:test";

import { interruptsOf } from "../../src/cli/context.ts";

test("SIGHUP ends a server as SIGTERM does, unless nohup has made it be ignored", () => {
  const status = (mask: string) => `Name:\tdynamo\nSigIgn:\t${mask}\nSigCgt:\t0000000000000000\n`;
  expect(interruptsOf(status("0000000001001000"))).toEqual(["SIGINT", "SIGTERM", "SIGHUP"]);
  expect(interruptsOf(status("0000000001001001"))).toEqual(["SIGINT", "SIGTERM"]);
  expect(interruptsOf("")).toEqual(["SIGINT", "SIGTERM", "SIGHUP"]);
});
