// A callee that is gone, told from one that fails.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isUnavailable } from "dynamo";

import { ActorDownError, ActorStoppingError, MailboxFullError } from "../../src/actor/error.ts";
import { CancelledError, RemoteError } from "../../src/base/error.ts";

test("an end of the callee, or of an actor behind it, makes it unavailable", () => {
  const gone = [new ActorDownError("gone", "failed"), new ActorDownError("never was")];
  for (const error of [...gone, new ActorStoppingError("drains")]) {
    expect(isUnavailable(error)).toBe(true);
  }
  for (const code of ["actor_down", "actor_stopping", "server_shutdown"]) {
    expect(
      isUnavailable(
        new RemoteError({ code, message: "it said so", details: {}, stack: undefined }),
      ),
    ).toBe(true);
  }
});

test("a failure of its own, a full mailbox and a cancelled call do not", () => {
  const others = [new Error("a bug"), new MailboxFullError("full"), new CancelledError("left")];
  for (const error of [
    ...others,
    new RemoteError({ code: "invalid_request", message: "no", details: {}, stack: undefined }),
    undefined,
    "text",
  ]) {
    expect(isUnavailable(error)).toBe(false);
  }
});

test("components ask it, and compare no codes of their own", () => {
  const folder = join(import.meta.dir, "../../src/components");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const comparing = files
    .filter((file) => file.endsWith(".ts"))
    .filter((file) => /"actor_(down|stopping)"/.test(readFileSync(join(folder, file), "utf8")));
  expect(comparing).toEqual([]);
});
