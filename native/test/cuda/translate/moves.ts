// Moves and conversions: registers to registers.

import { setPredicate } from "./arithmetic.ts";
import { type Call, each, type Translate, value } from "./call.ts";
import { bitsOf, cType, isFloat } from "./opcode.ts";

export const MOVES: Readonly<Record<string, Translate>> = {
  mov: move,
  cvt: convert,
  cvta: changeSpace,
  isspacep: (call) => {
    const window = call.op.modifiers[0];
    if (window !== "shared" && window !== "local" && window !== "global") throw call.op.unknown();
    return setPredicate(call, `test_space<Space::k${capital(window)}>(${value(call, 1, "u64")})`);
  },
  createpolicy: (call) => each(call, "same<uint64_t>", ["Imm<uint64_t>{0}"]),
};

function move(call: Call): string {
  const { op, args, operands } = call;
  const [to = "", from = ""] = args;
  if (op.type === "pred") {
    const isNumber = /^-?\d+$/.test(from);
    const mask = isNumber ? (Number(from) === 0 ? "0u" : "kAllLanes") : operands.condition(from);
    return setPredicate(call, mask);
  }
  op.only();
  if (from.startsWith("{")) return pack(call, operands.vector(from));
  if (to.startsWith("{")) return unpack(call, operands.vector(to));
  const type = isFloat(op.type) ? `b${bitsOf(op.type)}` : op.type;
  return each(call, `same<${cType(type)}>`, [operands.value(from, movedType(from, op.type))]);
}

/** Floats are moved as their bits, but their literals are floats. */
function movedType(operand: string, type: string): string {
  return operand.startsWith("0f") || operand.startsWith("0d") ? type : `b${bitsOf(type)}`;
}

function pack(call: Call, parts: readonly string[]): string {
  const bits = bitsOf(call.op.type);
  const part = `b${bits / parts.length}`;
  if (parts.length === 4) {
    const inputs = parts.map((name) => call.operands.value(name, part));
    return each(call, "pack_four", inputs);
  }
  if (parts.length !== 2) throw call.op.unknown();
  const inputs = parts.map((name) => call.operands.value(name, part));
  return each(call, `pack_two<${cType(part)}>`, inputs);
}

function unpack(call: Call, parts: readonly string[]): string {
  const bits = bitsOf(call.op.type) / parts.length;
  const from = value(call, 1, call.op.type);
  // A part may be the row that is taken apart, so all are read before the first is written.
  const rows = parts.map((name) => (name === "_" ? `w.nowhere${bits}` : call.operands.row(name)));
  return `unpack<uint${bits}_t>(${call.mask}, ${from}, {${rows.join(", ")}});`;
}

function changeSpace(call: Call): string {
  const { op } = call;
  op.only("to", "global", "const", "local", "param", "shared");
  const isShared = op.has("shared");
  const fn = !isShared ? "same<uint64_t>" : op.has("to") ? "to_shared" : "from_shared";
  if (op.type === "u64") return each(call, fn, [value(call, 1, "u64")]);
  throw op.unknown();
}

const ROUNDINGS = ["rn", "rz", "rm", "rp", "rni", "rzi", "rmi", "rpi"] as const;
const HALVES = ["f16", "bf16", "f16x2", "bf16x2"] as const;

/** cvt{.rounding}{.ftz}{.sat}{.relu}.TO.FROM */
function convert(call: Call): string {
  const { op } = call;
  const to = op.modifiers.at(-2) ?? "";
  const from = op.modifiers.at(-1) ?? "";
  const modes = op.modifiers.slice(0, -2);
  const strange = modes.find((mode) => !["ftz", "sat", "relu", ...ROUNDINGS].includes(mode));
  if (strange !== undefined) throw op.unknown();
  const rounding = `Rounding::${op.one(ROUNDINGS) ?? "kNone"}`.replace("::r", "::kR");
  if (isHalf(to) || isHalf(from)) return convertHalf(call, to, from, rounding);
  if (op.has("relu")) throw op.unknown();
  const sat = op.has("sat") ? "true" : "false";
  const convertOne = `convert<${cType(to)}, ${cType(from)}, ${rounding}, ${sat}>`;
  const fn = op.has("ftz") ? `Flush<${convertOne}>::run` : convertOne;
  return each(call, fn, [value(call, 1, from)]);
}

function isHalf(type: string): boolean {
  return HALVES.some((half) => half === type);
}

/** Half floats are 16 bits of a register; two of them are 32, the first operand above. */
function convertHalf(call: Call, to: string, from: string, rounding: string): string {
  const { op } = call;
  if (op.has("ftz") || op.has("sat")) throw op.unknown();
  const name = (type: string) => (type.startsWith("bf16") ? "Bf16" : "F16");
  if (to.endsWith("x2")) {
    if (from !== "f32") throw op.unknown();
    const fn = `narrow_two<${name(to)}, ${rounding}, ${op.has("relu")}>`;
    return each(call, fn, [value(call, 1, "f32"), value(call, 2, "f32")]);
  }
  if (isHalf(from) && to === "f32")
    return each(call, `widen<${name(from)}>`, [value(call, 1, "b16")]);
  if (from === "f32")
    return each(call, `narrow<${name(to)}, ${rounding}, ${op.has("relu")}>`, [
      value(call, 1, "f32"),
    ]);
  throw op.unknown();
}

export function capital(word: string): string {
  return `${word[0]?.toUpperCase()}${word.slice(1)}`;
}
