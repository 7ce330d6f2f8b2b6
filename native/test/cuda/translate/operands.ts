// Operands of a kernel as C++: registers are rows of 32 lanes, predicates are masks, addresses of shared
// memory are constants, since the translator lays it out.

import { bitsOf, isFloat } from "./opcode.ts";
import { bytesOf, type Parameter, splitOperands, type Variable } from "./ptx-module.ts";

/** Address of the first byte of shared memory: 0 stays an address of nothing. */
export const SHARED_BASE = 1024;

/** Registers with lanes that vary, which the warp holds as rows. */
const LANE_ROWS: Readonly<Record<string, string>> = {
  "%tid.x": "w.tid[0]",
  "%tid.y": "w.tid[1]",
  "%tid.z": "w.tid[2]",
  "%laneid": "w.lane_ids",
  "%lanemask_eq": "w.lane_masks[0]",
  "%lanemask_lt": "w.lane_masks[1]",
  "%lanemask_le": "w.lane_masks[2]",
  "%lanemask_gt": "w.lane_masks[3]",
  "%lanemask_ge": "w.lane_masks[4]",
};

/** Registers with one value for the warp. */
const UNIFORM: Readonly<Record<string, string>> = {
  "%ntid.x": "w.shape().block[0]",
  "%ntid.y": "w.shape().block[1]",
  "%ntid.z": "w.shape().block[2]",
  "%ctaid.x": "w.block_index()[0]",
  "%ctaid.y": "w.block_index()[1]",
  "%ctaid.z": "w.block_index()[2]",
  "%nctaid.x": "w.shape().grid[0]",
  "%nctaid.y": "w.shape().grid[1]",
  "%nctaid.z": "w.shape().grid[2]",
  "%warpid": "w.index()",
};

type Place =
  | { readonly type: "register"; readonly bits: number; readonly index: number }
  | { readonly type: "predicate"; readonly index: number }
  | { readonly type: "shared" | "local" | "param"; readonly address: number }
  | { readonly type: "global"; readonly name: string };

export interface Address {
  readonly base: string;
  readonly offset: number;
  /** A parameter's place, if the base is one by name. */
  readonly parameter: number | undefined;
}

export class Operands {
  #scopes: Map<string, Place>[] = [new Map()];
  #counts = { 16: 0, 32: 0, 64: 0, predicate: 0 };
  #sharedEnd = SHARED_BASE;
  #localEnd = 0;

  constructor(parameters: readonly Parameter[], variables: readonly Variable[]) {
    for (const { name, offset } of parameters)
      this.#declare(name, { type: "param", address: offset });
    for (const variable of variables) this.declareVariable(variable);
  }

  /** Sizes of the register files, in rows, and bytes of shared and local memory. */
  get sizes() {
    const { predicate, ...rows } = this.#counts;
    return {
      rows16: rows[16],
      rows32: rows[32],
      rows64: rows[64],
      predicates: predicate,
      sharedBytes: this.#sharedEnd - SHARED_BASE,
      localBytes: this.#localEnd,
    };
  }

  open(): void {
    this.#scopes.push(new Map());
  }

  close(): void {
    this.#scopes.pop();
  }

  declareRegisters(kind: string, names: readonly string[]): void {
    for (const name of names) {
      if (kind === "pred") {
        this.#declare(name, { type: "predicate", index: this.#counts.predicate++ });
        continue;
      }
      const bits = Math.max(16, 8 * bytesOf(kind)) as 16 | 32 | 64;
      this.#declare(name, { type: "register", bits, index: this.#counts[bits]++ });
    }
  }

  declareVariable({ name, space, align, bytes }: Variable): void {
    if (space === "shared") {
      const address = Math.ceil(this.#sharedEnd / align) * align;
      this.#declare(name, { type: "shared", address });
      this.#sharedEnd = address + bytes;
    } else if (space === "local") {
      const address = Math.ceil(this.#localEnd / align) * align;
      this.#declare(name, { type: "local", address });
      this.#localEnd = address + bytes;
    } else this.#declare(name, { type: "global", name: cName(name) });
  }

  /** A register that is written: a row, or a row that is thrown away for `_`. */
  row(operand: string): string {
    if (operand === "_") return "w.nowhere32";
    const place = this.#find(operand);
    if (place?.type !== "register") throw new Error(`${operand} is no register`);
    return `r${place.bits} + ${place.index * 32}`;
  }

  /** A predicate: a mask that may be assigned. */
  predicate(operand: string): string {
    if (operand === "_") return "w.no_predicate";
    const place = this.#find(operand);
    if (place?.type !== "predicate") throw new Error(`${operand} is no predicate`);
    return `p[${place.index}]`;
  }

  /** A predicate as it is read, negated or not. */
  condition(operand: string): string {
    if (operand.startsWith("!")) return `~${this.predicate(operand.slice(1))}`;
    return this.predicate(operand);
  }

  isRegister(operand: string): boolean {
    return this.#find(operand)?.type === "register";
  }

  /** Anything that is read as a `type`: a row of lanes, or one value for all. */
  value(operand: string, type: string): string {
    const place = this.#find(operand);
    if (place?.type === "register") return `r${place.bits} + ${place.index * 32}`;
    const lanes = LANE_ROWS[operand];
    if (lanes !== undefined) return lanes;
    const uniform = UNIFORM[operand];
    if (uniform !== undefined) return `Imm<uint32_t>{${uniform}}`;
    const bits = Math.max(8, bitsOf(type));
    return `Imm<uint${bits}_t>{${this.#constant(operand, type)}}`;
  }

  /** A constant whose value the instruction needs when it is translated, such as a wait's count. */
  integer(operand: string): string {
    if (!/^-?(0[xX][0-9a-fA-F]+|\d+)U?$/.test(operand))
      throw new Error(`${operand} is no constant`);
    return operand;
  }

  vector(operand: string): readonly string[] {
    if (!operand.startsWith("{")) return [operand];
    return splitOperands(operand.slice(1, -1));
  }

  address(operand: string): Address {
    const match = /^\[\s*([%\w$]+)\s*(?:\+\s*(-?\d+))?\s*\]$/.exec(operand);
    if (match === null) throw new Error(`${operand} is no address`);
    const [, name = "", offset = "0"] = match;
    const place = this.#find(name);
    const parameter = place?.type === "param" ? place.address + Number(offset) : undefined;
    return { base: this.value(name, "u64"), offset: Number(offset), parameter };
  }

  #declare(name: string, place: Place): void {
    this.#scopes.at(-1)?.set(name, place);
  }

  #find(name: string): Place | undefined {
    return this.#scopes.findLast((scope) => scope.has(name))?.get(name);
  }

  #constant(operand: string, type: string): string {
    const [, name = operand, offset = "0"] = /^([\w$]+)\s*\+\s*(-?\d+)$/.exec(operand) ?? [];
    const place = this.#find(name);
    if (place?.type === "shared") return `${place.address + Number(offset)}`;
    if (place?.type === "local") return `kLocalWindow + ${place.address + Number(offset)}`;
    if (place?.type === "param") return `kParamWindow + ${place.address + Number(offset)}`;
    if (place?.type === "global") return `address_of(${place.name}) + ${offset}`;
    return literal(operand, type);
  }
}

/** A number of PTX as an unsigned literal of the type's width. */
function literal(operand: string, type: string): string {
  if (/^0[fF][0-9a-fA-F]{8}$/.test(operand)) return `0x${operand.slice(2)}u`;
  if (/^0[dD][0-9a-fA-F]{16}$/.test(operand)) return `0x${operand.slice(2)}ull`;
  if (!/^-?(0[xX][0-9a-fA-F]+|\d+)U?$/.test(operand) || isFloat(type))
    throw new Error(`an operand that is not known: ${operand}`);
  const text = operand.replace(/U$/, "");
  const value = text.startsWith("-") ? -BigInt(text.slice(1)) : BigInt(text);
  return `${BigInt.asUintN(Math.max(8, bitsOf(type)), value)}${bitsOf(type) === 64 ? "ull" : "u"}`;
}

/** A PTX name as an identifier of C++. */
export function cName(name: string): string {
  return name.replace(/\$/g, "_S_");
}
