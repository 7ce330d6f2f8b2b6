// Keys that outlive their process.

import { Database } from "bun:sqlite";
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EmbeddedRegistry } from "../../src/registry/embedded-registry.ts";
import { SqliteJournal } from "../../src/registry/sqlite-journal.ts";
import { ManualClock } from "../manual-clock.ts";
import { seededRandom } from "../seeded-random.ts";
import { hangLimit } from "../time-limits.ts";
import { registrySuite, take } from "./registry.suite.ts";

const scratch = mkdtempSync(join(tmpdir(), "dynamo-state-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let numFiles = 0;
const newFile = () => join(scratch, `state-${numFiles++}`);

function open(file: string) {
  const clock = new ManualClock();
  const journal = new SqliteJournal({ file, durability: "process" });
  return { clock, registry: new EmbeddedRegistry({ clock, journal }) };
}

registrySuite("EmbeddedRegistry with a journal", async () => {
  const { clock, registry } = open(newFile());
  return { registry, advance: (ms) => clock.advance(ms) };
});

describe("the next process", () => {
  test("finds keys without a lease as they were, and no others", async () => {
    const file = newFile();
    const { registry } = open(file);
    const lease = await registry.grant();
    await registry.put("a", "1");
    await registry.put("a", "2");
    await registry.put("b", "leased", { lease });
    await registry.put("c", "gone");
    await registry.delete("c");
    await registry.put("d", "first without a lease");
    await registry.put("d", "then with one", { lease });
    await registry.put("é/ü", "");
    const kept = (await registry.range("")).keyValues.filter((one) => one.lease === undefined);
    await registry.close();
    const next = open(file).registry;
    const found = await next.range("");
    expect(found.keyValues).toEqual(kept);
    expect(found.keyValues.map(({ key }) => key)).toEqual(["a", "é/ü"]);
    expect(found.keyValues[0]).toMatchObject({ value: "2", version: 2 });
    await next.close();
  });

  test("goes on behind the stored revision, and knows no history before it", async () => {
    const file = newFile();
    const { registry } = open(file);
    for (let i = 0; i < 5; i++) await registry.put("a", String(i));
    const { revision } = await registry.range("");
    await registry.close();
    const next = open(file).registry;
    expect((await next.range("")).revision).toBe(revision);
    const old = next.watch("", { fromRevision: revision - 1 });
    await expect(old.next()).rejects.toMatchObject({ code: "compacted" });
    const watch = next.watch("", { fromRevision: revision + 1 });
    expect(await next.put("a", "new")).toBe(revision + 1);
    expect(await take(watch, 1)).toMatchObject([{ revision: revision + 1 }]);
    await next.close();
  });

  test("has the file alone: a second one is refused by its name, and gets it afterwards", async () => {
    const file = newFile();
    const first = new SqliteJournal({ file, durability: "disk" });
    expect(() => open(file)).toThrow(`cannot keep settings in ${file}: another process has it`);
    const script = join(import.meta.dir, "fixtures", "state-writer.ts");
    const other = Bun.spawnSync([process.execPath, script, file], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    expect(other.exitCode).not.toBe(0);
    expect(other.stderr.toString()).toContain("another process has it");
    first.close();
    await open(file).registry.close();
  });
});

describe("a file that is none of ours is refused by name and left as it is", () => {
  test("a text", () => {
    const file = newFile();
    writeFileSync(
      file,
      "something else that is longer than a header of SQLite, which is 100 bytes, and so more text",
    );
    expect(() => open(file)).toThrow("it is no file of settings");
  });

  test("another program's database", () => {
    const file = newFile();
    new Database(file).run("CREATE TABLE theirs (x)");
    expect(() => open(file)).toThrow("is a database of another program");
  });

  test("another version's", async () => {
    const file = newFile();
    await open(file).registry.close();
    const database = new Database(file);
    database.run("PRAGMA user_version = 2");
    database.close();
    expect(() => open(file)).toThrow("is of another version of dynamo (2, not 1)");
  });

  test("one in a folder that is not there", () => {
    expect(() => open("/nowhere/state")).toThrow(
      "cannot keep settings in /nowhere/state: its folder is not there",
    );
  });
});

test("what cannot be written has not happened", async () => {
  const file = newFile();
  const clock = new ManualClock();
  const journal = new SqliteJournal({ file, durability: "process" });
  let isFull = false;
  const registry = new EmbeddedRegistry({
    clock,
    journal: {
      stored: () => journal.stored(),
      append: (revision, change) => {
        if (isFull) throw new Error("disk full");
        journal.append(revision, change);
      },
      close: () => journal.close(),
    },
  });
  await registry.put("a", "1");
  await registry.put("b", "1");
  const before = await registry.range("");
  const watch = registry.watch("");
  isFull = true;
  await expect(registry.put("a", "2")).rejects.toThrow("disk full");
  await expect(registry.put("new", "1")).rejects.toThrow("disk full");
  await expect(registry.delete("b")).rejects.toThrow("disk full");
  expect(await registry.range("")).toEqual(before);
  isFull = false;
  expect(await registry.put("c", "1")).toBe(before.revision + 1);
  expect(await take(watch, 1)).toMatchObject([{ events: [{ keyValue: { key: "c" } }] }]);
  await registry.close();
});

const NUM_KILLS = Number(process.env["DYNAMO_STATE_KILLS"] ?? 12);

for (const durability of ["disk", "process"] as const) {
  test(
    `${NUM_KILLS} times kill -9 lose nothing that was acknowledged (${durability})`,
    async () => {
      const file = newFile();
      const random = seededRandom(11);
      let last = -1;
      for (let kill = 0; kill < NUM_KILLS; kill++) {
        last = Math.max(
          last,
          await killedWriter(file, { durability, first: last + 1, ms: 60 * random() }),
        );
        const { registry } = open(file);
        const values = (await registry.range("key/")).keyValues.map(({ value }) => Number(value));
        // The one behind the last that was told may be there, too.
        const newest = Math.max(...values);
        expect(newest).toBeGreaterThanOrEqual(last);
        expect(newest).toBeLessThanOrEqual(last + 2);
        for (let i = Math.max(0, newest - 49); i <= newest; i++) expect(values).toContain(i);
        await registry.close();
        last = newest;
      }
      console.log(`  ${last + 1} puts, ${NUM_KILLS} kills`);
    },
    hangLimit(5000 + NUM_KILLS * 2000),
  );
}

/** Kills it a while after its first put; the last put that it told of. */
async function killedWriter(
  file: string,
  {
    durability,
    first,
    ms,
  }: { readonly durability: string; readonly first: number; readonly ms: number },
): Promise<number> {
  const script = join(import.meta.dir, "fixtures", "state-writer.ts");
  const child = Bun.spawn([process.execPath, script, file, durability, String(first)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  let isTimed = false;
  for await (const bytes of child.stdout) {
    text += Buffer.from(bytes).toString();
    if (isTimed) continue;
    isTimed = true;
    setTimeout(() => child.kill("SIGKILL"), ms);
  }
  await child.exited;
  const told = text.split("\n").slice(0, -1);
  return Number(told.at(-1) ?? first - 1);
}

test.skipIf(process.getuid?.() === 0)(
  "a file that this user may not write is refused (root may)",
  () => {
    const file = newFile();
    writeFileSync(file, "");
    chmodSync(file, 0o400);
    expect(() => open(file)).toThrow("chmod u+w");
  },
);
