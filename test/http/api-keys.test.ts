// A file of keys that changes in all the ways in which files are changed.

import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../src/base/clock.ts";
import { createLogger } from "../../src/base/log.ts";
import { ApiKeys, readKeyFile } from "../../src/http/api-keys.ts";
import { singleKey } from "../../src/http/key-file.ts";
import { ManualClock } from "../manual-clock.ts";

const root = mkdtempSync(join(tmpdir(), "api-keys-"));
afterAll(() => rmSync(root, { recursive: true }));

const OLD = "old-key-0123456789";
const NEW = "new-key-0123456789";
let numFolders = 0;

interface World {
  readonly folder: string;
  readonly file: string;
  readonly keys: ApiKeys;
  readonly lines: string[];
  /** Which of the two keys open something now. */
  opens(): Promise<string>;
}

/** A file with the old key, unless `make` makes another. */
function world(
  make = (file: string) => writeFileSync(file, `alice ${OLD}\n`, { mode: 0o600 }),
): World {
  const folder = join(root, String(numFolders++));
  mkdirSync(folder);
  const file = join(folder, "keys");
  make(file);
  const lines: string[] = [];
  const log = createLogger("test", "info", (line) => lines.push(line));
  const keys = new ApiKeys({ file, others: [], clock: systemClock, log });
  const opens = async () => {
    await keys.settled();
    return [OLD, NEW]
      .filter((key) => keys.find(key))
      .map((key) => key.slice(0, 3))
      .join(" ");
  };
  return { folder, file, keys, lines, opens };
}

describe("the new keys hold at once when the file", () => {
  test("is replaced by rename, as editors and mv do", async () => {
    const { file, keys, opens } = world();
    expect(await opens()).toBe("old");
    writeFileSync(`${file}.new`, `bob ${NEW}\n`);
    renameSync(`${file}.new`, file);
    expect(keys.settled()).toBeUndefined(); // nothing is waited for
    expect(await opens()).toBe("new");
  });

  test("is replaced by one of the same size and an older time", async () => {
    const { file, opens } = world();
    writeFileSync(`${file}.new`, `alice ${NEW}\n`);
    utimesSync(`${file}.new`, 1, 1);
    renameSync(`${file}.new`, file);
    expect(await opens()).toBe("new");
  });

  test("is rewritten in place", async () => {
    const { file, opens } = world();
    writeFileSync(file, `alice ${NEW}\n`);
    expect(await opens()).toBe("new");
    writeFileSync(file, `alice ${OLD}\n`);
    expect(await opens()).toBe("old");
  });

  test("is copied over", async () => {
    const { file, opens } = world();
    writeFileSync(`${file}.new`, `alice ${NEW}\n`);
    copyFileSync(`${file}.new`, file);
    expect(await opens()).toBe("new");
  });

  test("is removed and made anew; between the two the old keys hold", async () => {
    const { file, opens, lines } = world();
    unlinkSync(file);
    expect(await opens()).toBe("old");
    expect(await opens()).toBe("old");
    expect(lines.filter((line) => line.includes("ERROR"))).toHaveLength(1);
    writeFileSync(file, `alice ${NEW}\n`);
    expect(await opens()).toBe("new");
  });

  test("is a link to a link that is pointed elsewhere, as Kubernetes mounts secrets", async () => {
    const mount = (folder: string, name: string, key: string) => {
      mkdirSync(join(folder, name));
      writeFileSync(join(folder, name, "keys"), `alice ${key}\n`);
      symlinkSync(name, join(folder, "..new"));
      renameSync(join(folder, "..new"), join(folder, "..data"));
    };
    const { folder, opens } = world((file) => {
      mount(join(file, ".."), "..1", OLD);
      symlinkSync("..data/keys", file);
    });
    expect(await opens()).toBe("old");
    mount(folder, "..2", NEW);
    expect(await opens()).toBe("new");
  });
});

test("a file that is written line by line is waited for", async () => {
  const { file } = world();
  const clock = new ManualClock();
  const keys = new ApiKeys({ file, others: [], clock, log: createLogger("test", "error") });
  writeFileSync(file, `bob ${NEW}\n`);
  const waited = keys.settled();
  expect(waited).toBeDefined();
  await clock.advance(60);
  expect([keys.find(OLD)?.name, keys.find(NEW)?.name]).toEqual(["alice", undefined]);
  appendFileSync(file, `alice ${OLD}\n`);
  await clock.advance(300);
  await waited;
  expect([keys.find(OLD)?.name, keys.find(NEW)?.name]).toEqual(["alice", "bob"]);
});

test("a file that was cut to nothing is waited for, though it bears the time of the write before", async () => {
  const { file } = world();
  const clock = new ManualClock();
  const keys = new ApiKeys({ file, others: [], clock, log: createLogger("test", "error") });
  const { atime, mtime } = statSync(file);
  writeFileSync(file, "");
  utimesSync(file, atime, mtime);
  const waited = keys.settled();
  expect(waited).toBeDefined();
  writeFileSync(file, `bob ${NEW}\nalice ${OLD}\n`);
  utimesSync(file, atime, mtime);
  await clock.advance(300);
  await waited;
  expect([keys.find(OLD)?.name, keys.find(NEW)?.name]).toEqual(["alice", "bob"]);
});

test("a file that is written without end holds requests up for a second at most", async () => {
  const { file } = world();
  const clock = new ManualClock();
  const keys = new ApiKeys({ file, others: [], clock, log: createLogger("test", "error") });
  let hasSettled = false;
  writeFileSync(file, `bob ${NEW}\n`);
  const waited = keys.settled()?.then(() => {
    hasSettled = true;
  });
  for (let ms = 0; ms < 900; ms += 50) {
    appendFileSync(file, "#\n");
    await clock.advance(50);
  }
  expect(hasSettled).toBe(false);
  for (let ms = 0; ms < 300; ms += 50) {
    appendFileSync(file, "#\n");
    await clock.advance(50);
  }
  expect(hasSettled).toBe(true);
  await waited;
  expect(keys.find(OLD)?.name).toBe("alice");
});

describe("the old keys hold, and the log has the reason once, when the new file", () => {
  const breakages: readonly [string, (file: string) => void, string][] = [
    ["is empty", (file) => writeFileSync(file, ""), "there is no key in it"],
    ["has a bad line", (file) => writeFileSync(file, `a ${NEW}\nbob\n`), "keys:2: there is no key"],
    ["is too large", (file) => writeFileSync(file, "#".repeat(2 ** 20 + 1)), "is larger than"],
    ["is a folder", mkdirSync, "is no regular file"],
    [
      "is a FIFO",
      (file) => void spawnSync("sh", ["-c", 'mkfifo "$0"', file]),
      "is no regular file",
    ],
    ["leads nowhere", (file) => symlinkSync("nowhere", file), "no such file"],
  ];
  for (const [what, make, reason] of breakages) {
    test(what, async () => {
      const { file, lines, opens } = world();
      make(`${file}.new`);
      unlinkSync(file);
      renameSync(`${file}.new`, file);
      for (let i = 0; i < 3; i++) expect(await opens()).toBe("old");
      const errors = lines.filter((line) => line.includes("ERROR"));
      expect(errors).toHaveLength(1);
      expect(errors[0]).toContain("the API keys stay as they were");
      expect(errors[0]).toContain(file);
      expect(errors[0]?.toLowerCase()).toContain(reason.toLowerCase());
      rmSync(file, { recursive: true });
      writeFileSync(file, `alice ${NEW}\n`);
      expect(await opens()).toBe("new");
    });
  }
});

test("without requests, the log still tells soon", async () => {
  const { file, keys, lines } = world();
  const timer = keys.watch();
  writeFileSync(file, "bob\n");
  while (!lines.some((line) => line.includes("ERROR"))) await Bun.sleep(5);
  timer.cancel();
  expect(lines.at(-1)).toContain("keys:1: there is no key after the name");
});

test("the key of the environment holds beside those of the file, and no file is needed", async () => {
  const { file } = world();
  const others = [singleKey(NEW, "DYNAMO_API_KEY")];
  const log = createLogger("test", "error");
  const both = new ApiKeys({ file, others, clock: systemClock, log });
  expect([both.find(OLD)?.scope, both.find(NEW)?.scope]).toEqual(["client", "admin"]);
  writeFileSync(file, "carol another-key-0123456789\n");
  await both.settled();
  expect([both.find(OLD), both.find(NEW)?.scope]).toEqual([undefined, "admin"]);
  const alone = new ApiKeys({ file: undefined, others, clock: systemClock, log });
  expect(alone.settled()).toBeUndefined();
  expect(alone.find(NEW)?.name).toBe("DYNAMO_API_KEY");
});

test("at the start, a file that cannot be used is an error with its place", () => {
  expect(() => readKeyFile(join(root, "none"))).toThrow(`cannot read the API keys in ${root}/none`);
  expect(() => readKeyFile(root)).toThrow("is no regular file");
  expect(() => world((file) => writeFileSync(file, "alice"))).toThrow("keys:1: there is no key");
});

test("what others can read or guess is warned about", () => {
  const { lines } = world((file) => {
    writeFileSync(file, `alice brief\nbob ${OLD}\n`);
    chmodSync(file, 0o644);
  });
  expect(lines.join()).toContain("other users of this machine can read the API keys; chmod 600");
  expect(lines.join()).toContain("fewer than 16 characters can be guessed  short=1");
  expect(lines.join()).not.toMatch(/alice|brief/); // either may be the key
  expect(world().lines).toEqual([]);
});

test("a short key of the environment is warned about too", () => {
  const lines: string[] = [];
  const log = createLogger("test", "info", (line) => lines.push(line));
  const others = [singleKey("short", "DYNAMO_API_KEY")];
  new ApiKeys({ file: undefined, others, clock: systemClock, log });
  expect(lines.join()).toContain("fewer than 16 characters can be guessed  name=DYNAMO_API_KEY");
  expect(lines).toHaveLength(1);
});
