// Instructions that a warp executes together: its lanes gather before one runs.

import { arg, type Call, each, value } from "./call.ts";
import type { Opcode } from "./opcode.ts";

export interface Collective {
  /** The lanes that must be there, as C++. */
  readonly members: (call: Call) => string;
  readonly translate: (call: Call) => string;
}

const ALL = () => "kAllLanes";

export const COLLECTIVES: Readonly<Record<string, Collective>> = {
  shfl: { members: lastOperand, translate: shuffle },
  vote: { members: lastOperand, translate: vote },
  match: { members: lastOperand, translate: match },
  redux: { members: lastOperand, translate: reduce },
  ldmatrix: { members: ALL, translate: loadMatrix },
  mma: { members: ALL, translate: multiplyMatrices },
};

function lastOperand(call: Call): string {
  return `w.members(${call.line}, ${value(call, call.args.length - 1, "b32")})`;
}

const SHUFFLES = { bfly: "kButterfly", up: "kUp", down: "kDown", idx: "kIndex" } as const;

function shuffle(call: Call): string {
  const { op, operands, mask, line } = call;
  op.only("sync", "bfly", "up", "down", "idx");
  const mode = op.one(["bfly", "up", "down", "idx"] as const);
  if (mode === undefined || !op.has("sync")) throw op.unknown();
  const [to = "", found = "_"] = arg(call, 0).split("|");
  const inputs = [1, 2, 3].map((i) => value(call, i, "b32"));
  const results = [operands.row(to), operands.predicate(found)];
  return `shuffle<Shuffle::${SHUFFLES[mode]}>(${["w", mask, line, ...results, ...inputs].join(", ")});`;
}

function vote(call: Call): string {
  const { op, operands, mask } = call;
  op.only("sync", "all", "any", "uni", "ballot", "pred");
  const holds = `(${mask} & (${operands.condition(arg(call, 1))}))`;
  if (op.has("ballot")) return each(call, "same<uint32_t>", [`Imm<uint32_t>{${holds}}`]);
  const all = `${holds} == ${mask}`;
  const none = `${holds} == 0`;
  const result = op.has("all") ? all : op.has("any") ? `!(${none})` : `${all} || ${none}`;
  return `put(${operands.predicate(arg(call, 0))}, ${mask}, (${result}) ? kAllLanes : 0u);`;
}

function match(call: Call): string {
  const { op, operands, mask } = call;
  op.only("sync", "any", "all");
  const [to = "", found = "_"] = arg(call, 0).split("|");
  const fn = op.has("all") ? "match_all" : "match_any";
  const results = [operands.row(to), operands.predicate(found)];
  return `${fn}(${[mask, ...results, value(call, 1, op.type)].join(", ")});`;
}

const REDUCTIONS: Readonly<Record<string, string>> = {
  add: "add",
  min: "least",
  max: "greatest",
  and: "bits_and",
  or: "bits_or",
  xor: "bits_xor",
};

function reduce(call: Call): string {
  const { op, operands, mask } = call;
  const [sync, name = "", type = ""] = op.modifiers;
  const fn = REDUCTIONS[name];
  if (sync !== "sync" || fn === undefined || op.modifiers.length !== 3) throw op.unknown();
  const word = type === "s32" ? "int32_t" : "uint32_t";
  return `reduce<${fn}<${word}>>(${[mask, operands.row(arg(call, 0)), value(call, 1, "b32")].join(", ")});`;
}

function loadMatrix(call: Call): string {
  const { op, operands, line } = call;
  op.only("sync", "aligned", "m8n8", "x1", "x2", "x4", "trans", "shared", "cta");
  if (!op.has("sync") || !op.has("aligned") || !op.has("shared")) throw op.unknown();
  const rows = operands.vector(arg(call, 0)).map((name) => operands.row(name));
  if (!op.has(`x${rows.length}`) || op.type !== "b16") throw op.unknown();
  const { base, offset } = operands.address(arg(call, 1));
  const flip = call.mutated("flip .trans");
  const isTransposed = op.has("trans") ? `!(${flip})` : `(${flip})`;
  const shift = `(${call.mutated("shift address")} ? 16 : 0)`;
  const place = ["w", line, base, `${offset} + ${shift}`, isTransposed];
  return `load_matrices<${rows.length}>(${place.join(", ")}, {${rows.join(", ")}});`;
}

/** The shapes and types that kernels use, and how many registers of A, B and C a lane holds. */
const PRODUCTS: Readonly<Record<string, { fn: string; registers: readonly number[] }>> = {
  "m16n8k16.row.col.f32.bf16.bf16.f32": {
    fn: "multiply_halves<Bf16, 16, 4, 2>",
    registers: [4, 2, 4],
  },
  "m16n8k8.row.col.f32.bf16.bf16.f32": {
    fn: "multiply_halves<Bf16, 8, 2, 1>",
    registers: [2, 1, 4],
  },
  "m16n8k16.row.col.f32.f16.f16.f32": {
    fn: "multiply_halves<F16, 16, 4, 2>",
    registers: [4, 2, 4],
  },
  "m16n8k32.row.col.s32.s8.s8.s32": { fn: "multiply_bytes<int8_t, int8_t>", registers: [4, 2, 4] },
  "m16n8k32.row.col.s32.u8.s8.s32": { fn: "multiply_bytes<uint8_t, int8_t>", registers: [4, 2, 4] },
  "m16n8k32.row.col.s32.s8.u8.s32": { fn: "multiply_bytes<int8_t, uint8_t>", registers: [4, 2, 4] },
  "m16n8k32.row.col.s32.u8.u8.s32": {
    fn: "multiply_bytes<uint8_t, uint8_t>",
    registers: [4, 2, 4],
  },
};

function multiplyMatrices(call: Call): string {
  const { op, operands } = call;
  const product = PRODUCTS[op.modifiers.slice(2).join(".")];
  if (product === undefined || !op.text.startsWith("mma.sync.aligned.")) throw op.unknown();
  const accumulator = op.type;
  const list = (index: number, type: string) =>
    operands.vector(arg(call, index)).map((name) => operands.value(name, type));
  const d = operands.vector(arg(call, 0)).map((name) => operands.row(name));
  const [a, b, c] = [list(1, "b32"), list(2, "b32"), list(3, accumulator)];
  if ([a, b, c].some((parts, i) => parts.length !== product.registers[i])) throw op.unknown();
  const swapped = call.mutated("swap operands");
  const mutant = (parts: readonly string[]) =>
    parts.length < 2
      ? parts
      : [
          `(${swapped} ? ${parts[1]} : ${parts[0]})`,
          `(${swapped} ? ${parts[0]} : ${parts[1]})`,
          ...parts.slice(2),
        ];
  const rows = [d, mutant(a), b, c].map((parts) => `{${parts.join(", ")}}`);
  return `${product.fn}(w, ${call.line}, ${rows.join(", ")});`;
}

/** A barrier of the block, or of some of its warps. */
export interface Barrier {
  readonly id: string;
  /** 0 for all threads of the block. */
  readonly count: string;
  readonly waits: boolean;
  /** Lanes that count for bar.red. */
  readonly vote: string;
  /** C++ for bar.red's result, once the barrier has been passed; undefined for the others. */
  readonly result: string | undefined;
}

/** The barrier that `call` is, or undefined. */
export function barrierOf(call: Call): Barrier | undefined {
  const { op } = call;
  if (op.root !== "bar" && op.root !== "barrier") return undefined;
  if (op.has("warp")) return undefined;
  op.only("cta", "sync", "arrive", "red", "aligned", "popc", "and", "or", "pred");
  const first = op.has("red") ? 1 : 0;
  const last = call.args.length - (op.has("red") ? 1 : 0);
  const id = uniform(call, first);
  const count = first + 1 < last ? uniform(call, first + 1) : "0u";
  const vote = op.has("red") ? call.operands.condition(arg(call, last)) : "0u";
  return { id, count, waits: !op.has("arrive"), vote, result: resultOf(call) };
}

function uniform(call: Call, index: number): string {
  return `w.uniform(${call.line}, ${value(call, index, "u32")})`;
}

function resultOf(call: Call): string | undefined {
  const { op, operands, mask } = call;
  if (!op.has("red")) return undefined;
  if (op.has("popc")) return each(call, "same<uint32_t>", ["Imm<uint32_t>{w.barrier_votes()}"]);
  const holds = op.has("and")
    ? "w.barrier_votes() == w.barrier_threads()"
    : "w.barrier_votes() > 0";
  return `put(${operands.predicate(arg(call, 0))}, ${mask}, ${holds} ? kAllLanes : 0u);`;
}

/** True for bar.warp.sync, after which lanes of the warp see each other's writes. */
export function isWarpSync(op: Opcode): boolean {
  return op.text === "bar.warp.sync";
}
