// Loads, stores, atomics and cp.async. Each names its line: it may fault.

import { arg, type Call, type Translate, value } from "./call.ts";
import { capital } from "./moves.ts";
import { bitsOf, cType, type Opcode } from "./opcode.ts";
import { bytesOf } from "./ptx-module.ts";

const SPACES = ["global", "shared", "local", "param", "const"] as const;
const CACHE = ["ca", "cg", "cs", "lu", "cv", "wb", "wt", "nc", "L1", "L2", "cta"];
const CACHE_HINTS = ["no_allocate", "evict_first", "evict_last", "evict_normal", "evict_unchanged"];
const CACHE_SIZES = ["64B", "128B", "256B", "cache_hint"];
const ORDER = ["weak", "volatile", "relaxed", "acquire", "release", "acq_rel"];
const SCOPES = ["cta", "gpu", "sys"];
const PLAIN = [
  ...SPACES,
  ...CACHE,
  ...CACHE_HINTS,
  ...CACHE_SIZES,
  ...ORDER,
  ...SCOPES,
  "v2",
  "v4",
];

export const MEMORY: Readonly<Record<string, Translate>> = {
  ld: load,
  ldu: load,
  st: store,
  atom: (call) => atomic(call, arg(call, 0), 1),
  red: (call) => atomic(call, "_", 0),
  cp: copyAsync,
  membar: fence,
  fence,
  prefetch: nothing,
  prefetchu: nothing,
  nanosleep: nothing,
};

function load(call: Call): string {
  const { op, args, operands } = call;
  op.only(...PLAIN);
  const [to = "", from = ""] = args;
  const rows = operands.vector(to);
  const { base, offset, parameter } = operands.address(from);
  const type = cType(op.type);
  if (parameter !== undefined && op.has("param")) {
    const bits = bitsOf(op.type);
    const one = (row: string, i: number) =>
      row === "_"
        ? ""
        : `each<same<${type}>>(${call.mask}, ${operands.row(row)}, Imm<uint${bits}_t>{w.parameter<uint${bits}_t>(${parameter + (i * bits) / 8})});`;
    return rows.map(one).join(" ");
  }
  const lanes = rows.map((row) => rowOf(call, row));
  const place = [base, `${offset} + ${shifted(call, rows.length)}`];
  return `load<${spaceOf(op)}, ${type}, ${strength(op)}>(${["w", call.mask, call.line, ...place].join(", ")}, {${lanes.join(", ")}});`;
}

/** A discarded lane of a vector still needs a row of the width of the others. */
function rowOf(call: Call, row: string): string {
  return row === "_" ? `w.nowhere${Math.max(16, bitsOf(call.op.type))}` : call.operands.row(row);
}

function store(call: Call): string {
  const { op, args, operands } = call;
  op.only(...PLAIN);
  const [to = "", from = ""] = args;
  const values = operands.vector(from).map((name) => operands.value(name, op.type));
  const { base, offset } = operands.address(to);
  const place = [base, `${offset} + ${shifted(call, values.length)}`];
  return `store<${spaceOf(op)}, ${cType(op.type)}, ${strength(op)}>(${["w", call.mask, call.line, ...place, ...values].join(", ")});`;
}

/** The mutation of an address: one access further. */
function shifted(call: Call, count: number): string {
  return `(${call.mutated("shift address")} ? ${count * bytesOf(call.op.type)} : 0)`;
}

function spaceOf(op: Opcode): string {
  const space = op.one(SPACES);
  if (space === undefined) return "Space::kGeneric";
  return `Space::k${space === "const" ? "Global" : capital(space)}`;
}

/** A strong access is one that may meet another's: it is volatile or has an order. */
function strength(op: Opcode): string {
  return op.one(ORDER) === undefined || op.has("weak") ? "Strength::kWeak" : "Strength::kStrong";
}

const ATOMIC: Readonly<Record<string, string>> = {
  add: "add",
  min: "least",
  max: "greatest",
  and: "bits_and",
  or: "bits_or",
  xor: "bits_xor",
  exch: "second",
  inc: "wrapping_increment",
  dec: "wrapping_decrement",
};

/** Floats are refused: their sum depends on the order. */
function atomic(call: Call, result: string, from: number): string {
  const { op, operands } = call;
  op.only(...SPACES, ...ORDER, ...SCOPES, ...Object.keys(ATOMIC), "cas");
  if (op.type.startsWith("f")) throw op.unknown();
  const { base, offset } = operands.address(arg(call, from));
  const row = result === "_" ? `w.nowhere${bitsOf(op.type)}` : operands.row(result);
  const place = ["w", call.mask, call.line, base, `${offset}`, row];
  const inputs = [value(call, from + 1, op.type)];
  const type = cType(op.type);
  if (op.has("cas")) {
    inputs.push(value(call, from + 2, op.type));
    return `compare_and_swap<${spaceOf(op)}, ${type}>(${[...place, ...inputs].join(", ")});`;
  }
  const name = op.modifiers.find((part) => part in ATOMIC);
  if (name === undefined) throw op.unknown();
  return `atomic<${spaceOf(op)}, ${type}, ${ATOMIC[name]}<${type}>>(${[...place, ...inputs].join(", ")});`;
}

/** cp.async and its groups; other copies are of later architectures. */
function copyAsync(call: Call): string {
  const { op, operands, line, mask } = call;
  if (op.text === "cp.async.commit_group")
    return `if (!(${call.mutated("drop")})) w.copies.commit(${mask});`;
  if (op.text === "cp.async.wait_all") return `w.copies.commit(${mask}); ${wait(call, "0")}`;
  if (op.text === "cp.async.wait_group") return wait(call, operands.integer(arg(call, 0)));
  op.only("async", ...SPACES, ...CACHE, ...CACHE_HINTS, ...CACHE_SIZES);
  if (!op.has("async") || !op.has("shared") || !op.has("global")) throw op.unknown();
  const to = operands.address(arg(call, 0));
  const from = operands.address(arg(call, 1));
  const bytes = Number(operands.integer(arg(call, 2)));
  if (![4, 8, 16].includes(bytes) || (op.has("cg") && bytes !== 16)) throw op.unknown();
  const shift = `(${call.mutated("shift address")} ? ${bytes} : 0)`;
  const [size, policy] = call.args.slice(3);
  const hasHint = op.has("cache_hint");
  if (policy !== undefined && !hasHint) throw op.unknown();
  const hasSize = size !== undefined && (!hasHint || policy !== undefined);
  const used = hasSize ? sourceSize(call, size, bytes) : `Imm<uint32_t>{${bytes}}`;
  const places = [to.base, `${to.offset} + ${shift}`, from.base, `${from.offset}`];
  return `copy_async<${bytes}>(${["w", mask, line, ...places, used].join(", ")});`;
}

/** How much is copied, the rest being zeros: a number, or nothing where a predicate holds. */
function sourceSize(call: Call, operand: string, bytes: number): string {
  if (!operand.startsWith("%p") && !operand.startsWith("!"))
    return call.operands.value(operand, "u32");
  return `BytesUnless{${call.operands.condition(operand)}, ${bytes}}`;
}

function wait(call: Call, count: string): string {
  const dropped = call.mutated("drop");
  const late = call.mutated("wait one group less");
  const groups = `${count} + (${late} ? 1 : 0)`;
  return `if (!(${dropped})) w.wait_for_copies(${call.mask}, ${call.line}, ${groups});`;
}

/** Lanes run in lockstep and blocks one after another, so all writes are seen at once. */
function fence(call: Call): string {
  call.op.only("gl", "cta", "sys", "gpu", "sc", "acq_rel", "acquire", "release");
  return ";";
}

function nothing(): string {
  return ";";
}
