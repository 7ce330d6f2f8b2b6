// Faults of the frontend's access that are found before anything starts, and what it comes to.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../../src/base/clock.ts";
import { createLogger } from "../../../src/base/log.ts";
import {
  type AccessConfig,
  openAccess,
  prepareAccess,
  validateAccess,
} from "../../../src/components/frontend/access.ts";

const folder = mkdtempSync(join(tmpdir(), "frontend-access-"));
afterAll(() => rmSync(folder, { recursive: true }));
const apiKeyFile = join(folder, "keys");
writeFileSync(apiKeyFile, "alice a-key-of-24-characters-1\n", { mode: 0o600 });
const broken = join(folder, "broken");
writeFileSync(broken, "alice a-key-of-24-characters-1\nbob\n");

const LOCAL: AccessConfig = {
  host: "127.0.0.1",
  allowHost: [],
  allowOrigin: [],
  insecure: false,
};

describe("found before the start:", () => {
  const table: readonly [
    string,
    Partial<AccessConfig>,
    string | undefined,
    (string | undefined)?,
    string?,
  ][] = [
    ["this machine needs no key", {}, undefined],
    ["others need one", { host: "0.0.0.0" }, undefined, "host", "lets other machines in"],
    ["so do names that are not localhost", { host: "box.lan" }, undefined, "host", "--insecure"],
    ["a file of keys will do", { host: "::", apiKeyFile }, undefined],
    ["so will the variable", { host: "::" }, "sk-1"],
    ["so will the word of the user", { host: "::", insecure: true }, undefined],
    [
      "an empty variable is a mistake",
      {},
      "",
      undefined,
      "DYNAMO_API_KEY is empty; set a key, or unset it",
    ],
    ["so is one with spaces", {}, "a b", undefined, "DYNAMO_API_KEY must be visible ASCII"],
    [
      "a file that is not there",
      { apiKeyFile: "none" },
      undefined,
      "apiKeyFile",
      "keys in none: ENOENT",
    ],
    ["a bad line", { apiKeyFile: broken }, undefined, "apiKeyFile", "broken:2: there is no key"],
    ["a host with a port", { allowHost: ["a:80"] }, undefined, "allowHost", '"a:80" is no name'],
    ["hosts in one text", { allowHost: "a, b.example,10.0.0.1" }, undefined],
    [
      "an origin with a path",
      { allowOrigin: "https://a/" },
      undefined,
      "allowOrigin",
      "is no origin",
    ],
    ["origins in a list", { allowOrigin: ["https://a", "*"] }, undefined],
  ];
  for (const [what, config, apiKey, key, message] of table) {
    test(what, () => {
      const problems = validateAccess({ ...LOCAL, ...config }, { DYNAMO_API_KEY: apiKey });
      expect(problems).toEqual(
        message === undefined ? [] : [{ key, message: expect.stringContaining(message) }],
      );
    });
  }
});

describe("the policy", () => {
  const lines: string[] = [];
  const world = { clock: systemClock, log: createLogger("t", "info", (line) => lines.push(line)) };

  test("asks for keys where there are any", () => {
    const none = openAccess(LOCAL, prepareAccess(LOCAL, {}), world);
    const key = prepareAccess(LOCAL, { DYNAMO_API_KEY: "sk-0123456789abcdef" });
    const one = openAccess(LOCAL, key, world);
    const file = openAccess({ ...LOCAL, apiKeyFile }, prepareAccess(LOCAL, {}), world);
    expect([none.keys, one.keys?.find("sk-0123456789abcdef")?.scope]).toEqual([undefined, "admin"]);
    expect(file.keys?.find("a-key-of-24-characters-1")?.name).toBe("alice");
    expect(lines).toEqual([]);
  });

  test("has the names of its lists", () => {
    const config = { ...LOCAL, allowHost: "a, b", allowOrigin: ["https://c"] };
    expect(openAccess(config, { apiKey: undefined }, world)).toEqual({
      hosts: { listensOn: "127.0.0.1", allowed: ["a", "b"] },
      origins: ["https://c"],
      keys: undefined,
    });
  });

  test("that lets everyone in is logged", () => {
    openAccess({ ...LOCAL, host: "0.0.0.0", insecure: true }, { apiKey: undefined }, world);
    expect(lines.splice(0).join()).toContain("serves other machines without API keys");
  });
});
