import { describe, expect, test } from "bun:test";

import { isHostAllowed, isHostName, isLoopback } from "../../src/http/host-policy.ts";

const LOOPBACK = { listensOn: "127.0.0.1", allowed: [] };
const ANY = { listensOn: "0.0.0.0", allowed: [] };
const LAN = { listensOn: "192.168.1.5", allowed: [] };
const NAMED = { listensOn: "llm.lan", allowed: ["Chat.Example.", "10.1.1.1", "::2"] };

describe("a host is allowed:", () => {
  for (const [policy, host] of [
    [LOOPBACK, "localhost"],
    [LOOPBACK, "localhost:8000"],
    [LOOPBACK, "LocalHost.:1"],
    [LOOPBACK, "app.localhost:8000"],
    [LOOPBACK, "127.0.0.1:8000"],
    [LOOPBACK, "127.8.9.10"],
    [LOOPBACK, "[::1]:8000"],
    [LOOPBACK, "[0:0:0:0:0:0:0:1]"],
    [LOOPBACK, "[::ffff:127.0.0.1]:8000"],
    [ANY, "0.0.0.0:8000"],
    [ANY, "localhost:8000"],
    [ANY, "192.168.1.5:8000"],
    [ANY, "[fe80::1]:8000"],
    [LAN, "192.168.1.5:8000"],
    [LAN, "203.0.113.9"],
    [NAMED, "llm.lan:8000"],
    [NAMED, "LLM.LAN."],
    [NAMED, "chat.example"],
    [NAMED, "10.1.1.1"],
    [NAMED, "[0::2]:1"],
    [{ ...LOOPBACK, allowed: ["*"] }, "evil.example"],
  ] as const) {
    test(`${host} by a server on ${policy.listensOn}`, () => {
      expect(isHostAllowed(host, policy)).toBe(true);
    });
  }
});

describe("a host is refused:", () => {
  for (const [policy, host] of [
    [LOOPBACK, "evil.example"],
    [LOOPBACK, "evil.example:8000"],
    [LOOPBACK, ""],
    [LOOPBACK, ":8000"],
    [LOOPBACK, "localhost.evil.example"],
    [LOOPBACK, "127.0.0.1.evil.example"],
    [LOOPBACK, "evillocalhost"],
    [LOOPBACK, "localhost:8000:1"],
    [LOOPBACK, "localhost:port"],
    [LOOPBACK, "localhost evil.example"],
    [LOOPBACK, "localhost, evil.example"],
    [LOOPBACK, "user@localhost"],
    [LOOPBACK, "localhost/evil"],
    [LOOPBACK, "192.168.1.5"],
    [LOOPBACK, "0.0.0.0:8000"],
    [LOOPBACK, "[::2]"],
    [LOOPBACK, "[::1"],
    [LOOPBACK, "[evil]"],
    [ANY, "evil.example"],
    [ANY, "192.168.1.5.evil.example"],
    [ANY, "1.2.3"],
    [LAN, "evil.example"],
    [NAMED, "chat.example.evil.example"],
    [NAMED, "lan"],
  ] as const) {
    test(`${JSON.stringify(host)} by a server on ${policy.listensOn}`, () => {
      expect(isHostAllowed(host, policy)).toBe(false);
    });
  }
});

test("loopback is what no other machine can reach", () => {
  for (const host of ["localhost", "LOCALHOST", "127.0.0.1", "127.1.2.3", "::1", "[::1]"]) {
    expect([host, isLoopback(host)]).toEqual([host, true]);
  }
  expect(isLoopback("::ffff:127.0.0.1")).toBe(true);
  for (const host of ["0.0.0.0", "::", "", "192.168.1.5", "example.com", "::ffff:10.0.0.1"]) {
    expect([host, isLoopback(host)]).toEqual([host, false]);
  }
});

test("a list of hosts holds names and addresses without ports", () => {
  for (const name of [
    "llm.example",
    "LLM.example.",
    "10.0.0.1",
    "::1",
    "[::1]",
    "my_service",
    "*",
  ]) {
    expect([name, isHostName(name)]).toEqual([name, true]);
  }
  for (const name of [
    "llm.example:8000",
    "http://llm.example",
    "a b",
    "",
    "*.example",
    "[::1]:80",
  ]) {
    expect([name, isHostName(name)]).toEqual([name, false]);
  }
});
