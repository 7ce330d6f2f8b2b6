// src/engine/abi.ts against the header, as a C compiler sees it.

import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import {
  ABI_VERSION,
  Activation,
  BATCH,
  DEVICE_CONFIG,
  DEVICE_FACTS,
  DeviceKind,
  DTYPES,
  ENGINE_CONFIG,
  ENGINE_SIZES,
  Isa,
  KV_POOL_CONFIG,
  KvDType,
  loadLibrary,
  MODEL_CONFIG,
  MODEL_PROGRESS,
  MODEL_SIZES,
  Norms,
  Part,
  QkNorm,
  Quantization,
  ROW,
  Role,
  RopeLayout,
  Status,
  TENSOR,
  THREADS_ANY,
  ThreadsBy,
  WAIT_FOREVER,
  WeightsSource,
} from "../../src/engine/abi.ts";
import { ATTENTION_TILE, MAX_BANNED_TOKENS, NO_SAMPLE } from "../../src/engine/model-runner.ts";
import { ROW_BYTES } from "../../src/engine/step-rows.ts";
import { encode, type Layout, textAt } from "../../src/engine/struct-layout.ts";
import { builtLibrary, isBuilt } from "./native-build.ts";

const root = join(import.meta.dir, "../..");
const header = readFileSync(join(root, "native/include/dynamo_engine.h"), "utf8");

describe("the numbers of the header", () => {
  test("constants are the header's", () => {
    expect(defined("DYN_ABI_VERSION")).toBe(`${ABI_VERSION}u`);
    expect(defined("DYN_MAX_BANNED_TOKENS")).toBe(`${MAX_BANNED_TOKENS}u`);
    expect(defined("DYN_ATTENTION_TILE")).toBe(`${ATTENTION_TILE}u`);
    expect(defined("DYN_NO_SAMPLE")).toBe(`(${NO_SAMPLE})`);
    expect(defined("DYN_THREADS_ANY")).toBe(`${THREADS_ANY}u`);
    expect([defined("DYN_WAIT_FOREVER"), WAIT_FOREVER]).toEqual(["UINT32_MAX", 2 ** 32 - 1]);
  });

  for (const [name, prefix, numbers] of [
    ["dyn_status", "DYN_", Status],
    ["dyn_device_kind", "DYN_DEVICE_", DeviceKind],
    ["dyn_dtype", "DYN_", DTYPES],
    ["dyn_part", "DYN_", Part],
    ["dyn_quantization", "DYN_QUANTIZATION_", Quantization],
    ["dyn_isa", "DYN_ISA_", Isa],
    ["dyn_threads_by", "DYN_THREADS_BY_", ThreadsBy],
    ["dyn_weights_source", "DYN_WEIGHTS_", WeightsSource],
    ["dyn_kv_dtype", "DYN_KV_", KvDType],
    ["dyn_role", "DYN_", Role],
    ["dyn_rope_layout", "DYN_ROPE_", RopeLayout],
    ["dyn_norms", "DYN_NORMS_", Norms],
    ["dyn_qk_norm", "DYN_QK_NORM_", QkNorm],
    ["dyn_activation", "DYN_ACTIVATION_", Activation],
  ] as const) {
    test(`${name} has the same names and numbers here and there`, () => {
      expect(enumOf(name)).toEqual(
        Object.fromEntries(Object.entries(numbers).map(([key, value]) => [prefix + key, value])),
      );
    });
  }

  test("every function of the header is called somewhere", () => {
    const source = readFileSync(join(root, "src/engine/abi.ts"), "utf8");
    const functions = [...header.matchAll(/^DYN_API .*?\b(dyn_\w+)\(/gm)].map(([, name]) => name);
    expect(functions.length).toBeGreaterThan(10);
    for (const name of functions) expect(source).toContain(`  ${name}: {`);
  });
});

describe("the words of the header", () => {
  test("each call that can fail says which errors it gives", () => {
    const calls = [...header.matchAll(/((?:^\/\/.*\n)*)^DYN_API dyn_status (dyn_\w+)\(/gm)];
    expect(calls.length).toBeGreaterThan(15);
    const silent = calls.filter(([, comment]) => !/\berrors\b/i.test(comment ?? ""));
    expect(silent.map(([, , name]) => name)).toEqual([]);
  });
});

describe.skipIf(!isBuilt)("the built library (needs `npm run build`)", () => {
  const layouts: Record<string, Layout> = {
    dyn_tensor: TENSOR,
    dyn_model_config: MODEL_CONFIG,
    dyn_device_config: DEVICE_CONFIG,
    dyn_device_facts: DEVICE_FACTS,
    dyn_model_progress: MODEL_PROGRESS,
    dyn_kv_pool_config: KV_POOL_CONFIG,
    dyn_engine_config: ENGINE_CONFIG,
    dyn_model_sizes: MODEL_SIZES,
    dyn_engine_sizes: ENGINE_SIZES,
    dyn_row: ROW,
    dyn_batch: BATCH,
  };

  test("structs have the same fields at the same offsets", () => {
    const ours: Record<string, number> = {};
    for (const [name, { size, offsets }] of Object.entries(layouts)) {
      ours[name] = size;
      for (const [field, offset] of Object.entries(offsets))
        ours[`${name}.${snakeCase(field)}`] = offset;
    }
    ours["dyn_row.reserved"] = ROW.size;
    ours["dyn_row"] = ROW_BYTES;
    // C calls the two numbers of a shape by one name.
    ours["dyn_tensor.shape"] = TENSOR.offsets.rows;
    delete ours["dyn_tensor.rows"];
    delete ours["dyn_tensor.columns"];
    expect(ours).toEqual(layoutSeenByC());
  });

  test("has the version that this program asks for", () => {
    expect(() => loadLibrary(builtLibrary)).not.toThrow();
  });

  test("a library that is none is an error with its path", () => {
    expect(() => loadLibrary("/nowhere/lib.so")).toThrow(/cannot be loaded: .*\/nowhere\/lib\.so/);
  });
});

test("a text of a struct ends at its 0, or with its field", () => {
  const bytes = new Uint8Array(DEVICE_FACTS.size);
  expect(textAt(DEVICE_FACTS, bytes, "name")).toBe("");
  bytes.set(new TextEncoder().encode("NVIDIA H200"), DEVICE_FACTS.offsets.name);
  expect(textAt(DEVICE_FACTS, bytes, "name")).toBe("NVIDIA H200");
  bytes.fill(65, DEVICE_FACTS.offsets.name);
  expect(textAt(DEVICE_FACTS, bytes, "name")).toBe("A".repeat(64));
});

test("a struct is written field by field, little-endian", () => {
  const bytes = encode(ENGINE_CONFIG, {
    max_num_seqs: 0x01020304,
    max_num_rows: 5,
    max_num_batched_tokens: 3,
    max_model_len: 16,
  });
  expect([...bytes]).toEqual([4, 3, 2, 1, 5, 0, 0, 0, 3, 0, 0, 0, 16, 0, 0, 0]);
});

function defined(name: string): string | undefined {
  return header.match(new RegExp(`^#define ${name} (\\S+)`, "m"))?.[1];
}

function enumOf(name: string): Record<string, number> {
  const body = header.match(new RegExp(`typedef enum ${name} \\{([^}]*)\\}`))?.[1] ?? "";
  return Object.fromEntries(
    [...body.matchAll(/(DYN_\w+) = (\d+)/g)].map(([, key, value]) => [key, Number(value)]),
  );
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function layoutSeenByC(): Record<string, number> {
  const program = join(root, "native/build/c_api_test");
  expect(existsSync(program)).toBe(true);
  const { stdout } = Bun.spawnSync([program, "--layout"]);
  const lines = stdout.toString().trim().split("\n");
  return Object.fromEntries(
    lines.map((line) => {
      const [name = "", value] = line.split(" ");
      return [name, Number(value)];
    }),
  );
}
