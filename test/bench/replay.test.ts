import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { simulate } from "./replay/simulate.ts";
import { readTrace, type TraceRequest } from "./replay/trace.ts";

async function read(name: string, text: string): Promise<readonly TraceRequest[]> {
  const file = join(tmpdir(), `dynamo-${process.pid}-${name}`);
  await Bun.write(file, text);
  try {
    return await readTrace(file, Number.POSITIVE_INFINITY);
  } finally {
    await Bun.file(file).delete();
  }
}

const LINE = '{"timestamp": 10, "input_length": 600, "output_length": 3, "hash_ids": [4, 5]}';

describe("a trace", () => {
  test("is read from Mooncake's lines, from its first arrival on", async () => {
    const early = LINE.replace("10", "4");
    const [first, second] = await read("a.jsonl", `${LINE}\n${early}\n\n`);
    expect(first?.arrivesAt).toBe(0);
    expect(second).toEqual({
      arrivesAt: 6,
      numPromptTokens: 600,
      numOutputTokens: 3,
      hashIds: [4, 5],
    });
  });

  test("is read from Azure's table, in which nobody shares a prefix", async () => {
    const text =
      "TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:15:46.6805900,374,44\r\n";
    const [first, second] = await read("a.csv", `${text}2023-11-16 18:15:50.9951690,396,109\r\n`);
    expect(second?.arrivesAt).toBeCloseTo(4314.579, 2);
    expect(first?.hashIds).not.toEqual(second?.hashIds as number[]);
  });

  test("that cannot be read says where and why", async () => {
    const faults = {
      "not a line of JSON": `${LINE}\n{`,
      "a line is an object": `${LINE}\n7`,
      '"input_length" is "many"': `${LINE}\n${LINE.replace("600", '"many"')}`,
      '"timestamp" is undefined': `${LINE}\n{"input_length": 1}`,
      "has 3 blocks of 512": `${LINE}\n${LINE.replace("600", "1500")}`,
      "whole numbers": `${LINE}\n${LINE.replace("[4, 5]", "[4, -5]")}`,
    };
    for (const [why, text] of Object.entries(faults)) {
      const reading = read("bad.jsonl", text);
      await expect(reading).rejects.toThrow(/bad\.jsonl:2: /);
      await expect(read("bad.jsonl", text)).rejects.toThrow(why);
    }
    await expect(read("empty.jsonl", "\n")).rejects.toThrow("no request");
  });
});

describe("a replay", () => {
  /** Conversations of five turns, each of which adds 1,024 tokens. */
  const trace: TraceRequest[] = [];
  for (let turn = 1; turn <= 5; turn++) {
    for (let user = 0; user < 12; user++) {
      trace.push({
        arrivesAt: turn * 20_000 + user * 300,
        numPromptTokens: 1024 * turn,
        numOutputTokens: 20,
        hashIds: Array.from({ length: 2 * turn }, (_, i) => 1 + user * 100 + i),
      });
    }
  }
  const replay = (policy: "kv" | "random") =>
    simulate(trace, {
      numWorkers: 4,
      speed: 1,
      seed: 3,
      timing: "mocker",
      rule: { policy, overlapSource: "events", overlapScoreWeight: 1, temperature: 0 },
    });
  const cachedOf = (policy: "kv" | "random") =>
    replay(policy).requests.reduce((sum, request) => sum + request.numCachedTokens, 0);

  test("finds each turn's whole history under kv, and a part of it at random", () => {
    const reusable = trace.reduce((sum, request) => sum + request.numPromptTokens - 1024, 0);
    expect(cachedOf("kv")).toBe(reusable);
    expect(cachedOf("random")).toBeLessThan(0.6 * reusable);
  });

  test("is the same to the last digit each time", () => {
    expect(replay("random")).toEqual(replay("random"));
  });
});
