// An instruction on its way to C++, and what its translator may ask of the kernel around it.

import type { MutationKind } from "./mutations.ts";
import { cType, type Opcode } from "./opcode.ts";
import type { Operands } from "./operands.ts";

export interface Call {
  readonly op: Opcode;
  readonly args: readonly string[];
  readonly line: number;
  readonly operands: Operands;
  /** The lanes in which it runs, as C++. */
  readonly mask: string;
  /** True in C++ while the mutation that is put here is on. */
  mutated(kind: MutationKind): string;
}

/** C++ for one instruction. */
export type Translate = (call: Call) => string;

export function arg(call: Call, index: number): string {
  const operand = call.args[index];
  if (operand === undefined) throw call.op.unknown();
  return operand;
}

export function value(call: Call, index: number, type: string): string {
  return call.operands.value(arg(call, index), type);
}

/** `each<fn>(mask, to, inputs...)`: a function of one lane, for all that run. */
export function each(call: Call, fn: string, inputs: readonly string[]): string {
  return `each<${fn}>(${[call.mask, call.operands.row(arg(call, 0)), ...inputs].join(", ")});`;
}

/** Two operands, which a mutation exchanges if both are registers. */
export function swappable(call: Call, first: number, second: number, type: string) {
  const a = value(call, first, type);
  const b = value(call, second, type);
  const { operands } = call;
  if (!operands.isRegister(arg(call, first)) || !operands.isRegister(arg(call, second)))
    return [a, b];
  if (arg(call, first) === arg(call, second)) return [a, b];
  const mutated = call.mutated("swap operands");
  return [`(${mutated} ? ${b} : ${a})`, `(${mutated} ? ${a} : ${b})`];
}

/** A function of C++ with what `.ftz` and `.sat` do to floats around it. */
export function withModes(op: Opcode, fn: string): string {
  const flushed = op.has("ftz") ? `Flush<${fn}>::run` : fn;
  if (!op.has("sat")) return flushed;
  if (op.type !== "f32") throw op.unknown();
  return `Saturate<${flushed}>::run`;
}

export function typed(fn: string, type: string): string {
  return `${fn}<${cType(type)}>`;
}
