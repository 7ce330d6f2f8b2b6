// A kernel as a function of C++ that runs one warp until it ends or waits at a barrier.
//
// Lanes run in lockstep under a mask. The body is cut into segments at labels and at collectives; where lanes go
// different ways, each group of them stops at the next segment and the warp chooses who runs (warp.h).

import { ARITHMETIC } from "./arithmetic.ts";
import { type Call, type Translate, value } from "./call.ts";
import { barrierOf, COLLECTIVES, type Collective, isWarpSync } from "./collectives.ts";
import { MEMORY } from "./memory.ts";
import { MOVES } from "./moves.ts";
import type { Mutation, MutationKind } from "./mutations.ts";
import { Opcode, UnknownInstructionError } from "./opcode.ts";
import { Operands } from "./operands.ts";
import { type Instruction, PtxError, type PtxKernel, type PtxModule } from "./ptx-module.ts";

const PLAIN: Readonly<Record<string, Translate>> = { ...ARITHMETIC, ...MOVES, ...MEMORY };

export interface TranslatedKernel {
  readonly kernel: PtxKernel;
  /** The function's body. */
  readonly code: readonly string[];
  readonly sizes: Operands["sizes"];
  readonly mutations: readonly Mutation[];
}

export function translateKernel(module: PtxModule, kernel: PtxKernel): TranslatedKernel {
  const operands = new Operands(kernel.parameters, variablesOf(module, kernel));
  const translation = new KernelTranslation(operands, module.file);
  for (const statement of kernel.body) translation.add(statement);
  return {
    kernel,
    code: translation.finish(),
    sizes: operands.sizes,
    mutations: translation.mutations,
  };
}

/** Variables of the module that the kernel names: shared ones of other kernels take no room. */
function variablesOf(module: PtxModule, kernel: PtxKernel) {
  const text = kernel.body
    .flatMap((statement) => (statement.type === "instruction" ? statement.operands : []))
    .join(" ");
  const names = new Set(text.match(/[\w$]+/g) ?? []);
  const used = module.variables.filter(({ name }) => names.has(name));
  return used.toSorted((a, b) => Number(a.bytes === 0) - Number(b.bytes === 0));
}

class KernelTranslation {
  readonly mutations: Mutation[] = [];
  readonly #operands: Operands;
  readonly #file: string;
  readonly #code: string[] = [];
  readonly #segments = new Map<string, number>();
  readonly #resumable: number[] = [];
  #numSegments = 0;

  constructor(operands: Operands, file: string) {
    this.#operands = operands;
    this.#file = file;
    this.#begin(this.#segment());
  }

  add(statement: PtxKernel["body"][number]): void {
    switch (statement.type) {
      case "open":
        this.#operands.open();
        break;
      case "close":
        this.#operands.close();
        break;
      case "registers":
        this.#operands.declareRegisters(statement.kind, statement.names);
        break;
      case "variable":
        this.#operands.declareVariable(statement.variable);
        break;
      case "label":
        this.#begin(statement.name);
        break;
      case "instruction":
        this.#translate(statement);
    }
  }

  finish(): readonly string[] {
    this.#code.push("w.end(m);", "goto next;");
    // Segments are numbered as they stand, so that the lowest number is what lags behind.
    const cases = this.#resumable.map((id) => `case ${id}: goto R${id};`);
    const code = this.#code.map((line) =>
      line.replace(/<<([^>]+)>>/g, (_, name: string) => this.#numberOf(name)),
    );
    return ["next:", `switch (w.next()) { ${cases.join(" ")} default: return; }`, ...code];
  }

  #numberOf(name: string): string {
    const id = this.#segments.get(name);
    if (id === undefined) throw new PtxError(this.#file, 0, `there is no label ${name}`);
    return String(id);
  }

  #segment(): string {
    this.#numSegments += 1;
    return `#${this.#numSegments}`;
  }

  /** The place of a label in C++, which may come later. */
  #place(name: string): string {
    return `L_${name.replace(/[$#]/g, "_")}`;
  }

  #begin(name: string): void {
    const id = this.#resumable.length;
    this.#resumable.push(id);
    this.#segments.set(name, id);
    this.#code.push(`${this.#place(name)}: if (w.pauses(${id})) goto next;`);
    this.#code.push(`R${id}: m = w.active();`);
  }

  #translate(instruction: Instruction): void {
    const { line, opcode, operands } = instruction;
    try {
      this.#emit(new Opcode(opcode), instruction);
    } catch (error) {
      const what = error instanceof UnknownInstructionError ? error.message : String(error);
      throw new PtxError(this.#file, line, `${what}: ${opcode} ${operands.join(", ")}`);
    }
  }

  #emit(op: Opcode, instruction: Instruction): void {
    const { guard, line } = instruction;
    const call = this.#call(op, instruction);
    const collective = COLLECTIVES[op.root];
    const barrier = barrierOf(call);
    if (op.root === "bra") this.#branch(op, instruction);
    else if (op.root === "ret" || op.root === "exit") this.#end(guard);
    else if (op.text === "trap") this.#code.push(`w.trap(${call.mask}, ${line});`);
    else if (collective !== undefined) this.#collective(call, collective, guard);
    else if (barrier !== undefined) this.#barrier(call, barrier, guard);
    else if (isWarpSync(op)) this.#syncWarp(call, guard);
    else this.#code.push(this.#plain(call));
  }

  #call(op: Opcode, { operands: args, line, guard }: Instruction): Call {
    const isGathered = op.root in COLLECTIVES || op.root.startsWith("bar");
    const mask = guard === undefined || isGathered ? "m" : `m & ${this.#condition(guard)}`;
    const mutated = (kind: MutationKind) => {
      this.mutations.push({ kind, line, opcode: op.text });
      return `w.mutant == ${this.mutations.length} && w.reach()`;
    };
    return {
      op,
      args,
      line,
      operands: this.#operands,
      mask: mask === "m" ? mask : `(${mask})`,
      mutated,
    };
  }

  #plain(call: Call): string {
    const translate = PLAIN[call.op.root];
    if (call.op.root === "activemask")
      return `each<same<uint32_t>>(${call.mask}, ${call.operands.row(call.args[0] ?? "")}, Imm<uint32_t>{m});`;
    if (translate === undefined) throw call.op.unknown();
    return translate(call);
  }

  #condition(guard: string): string {
    return this.#operands.condition(guard);
  }

  #branch(op: Opcode, { operands, guard }: Instruction): void {
    op.only("uni");
    const target = operands[0] ?? "";
    const place = this.#place(target);
    if (guard === undefined) this.#code.push(`goto ${place};`);
    else this.#leave(this.#condition(guard), target);
  }

  /** Lanes for which `condition` holds go to `target`; the others go on. */
  #leave(condition: string, target: string): void {
    const place = this.#place(target);
    this.#code.push(
      `if (const Mask going = m & ${condition}; going == m) goto ${place};`,
      `else if (going != 0) m = w.split(going, ${this.#idOf(target)});`,
    );
  }

  /** A segment's number, put in when all are known: labels may lie ahead. */
  #idOf(name: string): string {
    return `<<${name}>>`;
  }

  #end(guard: string | undefined): void {
    const lanes = guard === undefined ? "m" : `m & ${this.#condition(guard)}`;
    this.#code.push(`m = w.end(${lanes});`, "if (m == 0) goto next;");
  }

  /** Skips what follows in lanes whose guard does not hold, up to the label that is returned. */
  #skipUnless(guard: string | undefined): string {
    const after = this.#segment();
    if (guard !== undefined) {
      const opposite = guard.startsWith("!") ? guard.slice(1) : `!${guard}`;
      this.#leave(this.#condition(opposite), after);
    }
    return after;
  }

  #gather(call: Call, members: string): void {
    this.#begin(this.#segment());
    const id = this.#resumable.length - 1;
    this.#code.push(`if (w.gathers(${id}, ${call.line}, ${members})) goto next;`);
  }

  #collective(call: Call, { members, translate }: Collective, guard: string | undefined): void {
    const after = this.#skipUnless(guard);
    this.#gather(call, members(call));
    this.#code.push(translate(call));
    if (guard !== undefined) this.#begin(after);
  }

  #syncWarp(call: Call, guard: string | undefined): void {
    const after = this.#skipUnless(guard);
    this.#gather(call, `w.members(${call.line}, ${value(call, 0, "b32")})`);
    this.#code.push(`if (!(${call.mutated("drop")})) w.sync_lanes();`);
    if (guard !== undefined) this.#begin(after);
  }

  #barrier(
    call: Call,
    barrier: NonNullable<ReturnType<typeof barrierOf>>,
    guard: string | undefined,
  ) {
    const after = this.#skipUnless(guard);
    this.#gather(call, "w.live()");
    const resume = this.#segment();
    const { id, count, vote, waits, result } = barrier;
    const inputs = [this.#idOf(resume), call.line, id, count, vote];
    const fn = waits ? "wait_at_barrier" : "arrive_at_barrier";
    const stop = waits ? " return;" : "";
    this.#code.push(`if (!(${call.mutated("drop")})) { w.${fn}(${inputs.join(", ")});${stop} }`);
    this.#begin(resume);
    if (result !== undefined) this.#code.push(result);
    if (guard !== undefined) this.#begin(after);
  }
}
