import { expect, test } from "bun:test";
import { gzipSync } from "node:zlib";

import { unpack } from "../../src/http/content-coding.ts";
import { Turns } from "../../src/http/turns.ts";

test("at most so many run at once, the others in order, also behind one that fails", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const works = ends.map(({ promise }, index) =>
    turns.run(async () => {
      begun.push(index);
      await promise;
      return index;
    }),
  );
  const results = Promise.allSettled(works);
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  expect(begun).toEqual([0, 1]);
  ends[1]?.reject(new Error("no"));
  await turn();
  expect(begun).toEqual([0, 1, 2]);
  for (const { resolve } of ends) resolve();
  expect((await results).map(({ status }) => status)).toEqual([
    ...(["fulfilled", "rejected", "fulfilled", "fulfilled", "fulfilled"] as const),
  ]);
  expect(begun).toEqual([0, 1, 2, 3, 4]);
  expect(await turns.run(async () => 7)).toBe(7);
});

test("twelve packed bodies at once are unpacked, those beside one that is none as well", async () => {
  const bodies = Array.from({ length: 12 }, (_, index) => Buffer.alloc(100_000, index));
  const packed = bodies.map((body) => gzipSync(body));
  const bad = unpack(Buffer.from("no gzip"), "gzip", 1000).catch(() => "refused");
  const unpacked = await Promise.all(packed.map((body) => unpack(body, "gzip", 200_000)));
  expect(unpacked.map((body, index) => body.equals(bodies[index] ?? Buffer.alloc(0)))).toEqual(
    Array(12).fill(true),
  );
  expect(await bad).toBe("refused");
});
