// PTX text, as nvcc writes it, to kernels and variables. Statements keep their line, which faults name.

/** An instruction, declaration or mark of a kernel's body. */
export type Statement =
  | { readonly type: "label"; readonly name: string; readonly line: number }
  | { readonly type: "open" | "close"; readonly line: number }
  | {
      readonly type: "registers";
      readonly kind: string;
      readonly names: readonly string[];
      readonly line: number;
    }
  | { readonly type: "variable"; readonly variable: Variable; readonly line: number }
  | Instruction;

export interface Instruction {
  readonly type: "instruction";
  readonly line: number;
  /** `%p1` or `!%p1`; the instruction runs in lanes for which it holds. */
  readonly guard: string | undefined;
  readonly opcode: string;
  readonly operands: readonly string[];
}

export interface Variable {
  readonly name: string;
  readonly space: string;
  readonly align: number;
  /** 0 for the array whose size the launch gives. */
  readonly bytes: number;
  readonly content: readonly number[];
}

export interface Parameter {
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
}

export interface PtxKernel {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly maxThreads: number;
  readonly body: readonly Statement[];
}

export interface PtxModule {
  readonly file: string;
  readonly variables: readonly Variable[];
  readonly kernels: readonly PtxKernel[];
}

/** Names the file and line of what the translator cannot read. */
export class PtxError extends Error {
  constructor(file: string, line: number, what: string) {
    super(`${file}:${line}: ${what}`);
    this.name = "PtxError";
  }
}

export function parsePtx(file: string, source: string): PtxModule {
  const text = withoutComments(source);
  const variables: Variable[] = [];
  const kernels: PtxKernel[] = [];
  for (const item of itemsOf(file, text)) {
    if (item.body !== undefined && /\.entry\b/.test(item.head)) kernels.push(kernelOf(file, item));
    else if (/\.(global|const|shared)\b/.test(item.head) && !/\.func\b/.test(item.head))
      variables.push(variableOf(file, item.line, item.head));
  }
  return { file, variables, kernels };
}

interface Item {
  readonly head: string;
  readonly line: number;
  readonly body: string | undefined;
  readonly bodyLine: number;
}

const HEADER = /\s*(\.(version|target|address_size|file|section)\b[^\n]*\n)?/y;

/** Items at the top of the file: a head each, and a body in braces behind heads of functions. */
function* itemsOf(file: string, text: string): Generator<Item> {
  let at = 0;
  for (;;) {
    HEADER.lastIndex = at;
    const skipped = HEADER.exec(text)?.[0] ?? "";
    at += skipped.length;
    if (skipped.trim() !== "") continue;
    if (at >= text.length) return;
    const line = lineAt(text, at);
    const end = /[;{=]/.exec(text.slice(at));
    if (end === null) throw new PtxError(file, line, "an item without an end");
    const stop = at + end.index;
    if (end[0] === "{") {
      const close = closingBrace(text, stop);
      const body = text.slice(stop + 1, close);
      yield { head: text.slice(at, stop), line, body, bodyLine: lineAt(text, stop) };
      at = close + 1;
    } else {
      const semicolon = text.indexOf(";", stop);
      yield { head: text.slice(at, semicolon), line, body: undefined, bodyLine: line };
      at = semicolon + 1;
    }
  }
}

function kernelOf(file: string, { head, line, body, bodyLine }: Item): PtxKernel {
  const match = /\.entry\s+([\w$]+)\s*(?:\(([\s\S]*?)\))?([^)]*)$/.exec(head);
  if (match === null) throw new PtxError(file, line, `cannot read the head ${oneLine(head)}`);
  const [, name = "", list = "", limits = ""] = match;
  const threads = /\.(?:max|req)ntid\s+(\d+)(?:\s*,\s*(\d+))?(?:\s*,\s*(\d+))?/.exec(limits);
  const maxThreads =
    threads === null ? 1024 : [1, 2, 3].reduce((n, i) => n * Number(threads[i] ?? 1), 1);
  const statements = [...statementsOf(file, body ?? "", bodyLine)];
  return { name, parameters: parametersOf(file, line, list), maxThreads, body: statements };
}

function parametersOf(file: string, line: number, list: string): readonly Parameter[] {
  let offset = 0;
  return splitOperands(list).map((text) => {
    const match =
      /^\.param\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+(?:\.ptr\b.*\s)?([\w$]+)(?:\[(\d+)\])?$/.exec(
        oneLine(text),
      );
    if (match === null) throw new PtxError(file, line, `cannot read the parameter ${text}`);
    const [, align, type = "", name = "", count] = match;
    const unit = bytesOf(type);
    const bytes = unit * Number(count ?? 1);
    const step = Number(align ?? unit);
    offset = Math.ceil(offset / step) * step;
    const parameter = { name, offset, bytes };
    offset += bytes;
    return parameter;
  });
}

function variableOf(file: string, line: number, head: string): Variable {
  const match =
    /\.(global|const|shared|local)\s+(?:\.align\s+(\d+)\s+)?\.(\w+)\s+([\w$]+)((?:\[\d*\])*)\s*(?:=\s*([\s\S]*))?$/.exec(
      head.trim(),
    );
  if (match === null) throw new PtxError(file, line, `cannot read the variable ${oneLine(head)}`);
  const [, space = "", align, type = "", name = "", sizes = "", content] = match;
  const unit = bytesOf(type);
  const counts = [...sizes.matchAll(/\[(\d*)\]/g)].map(([, count]) => Number(count || 0));
  const bytes = counts.reduce((product, count) => product * count, unit);
  const values = content === undefined ? [] : contentOf(file, line, content, unit);
  return { name, space, align: Number(align ?? unit), bytes, content: values };
}

/** Bytes of an initial value, little endian. */
function contentOf(file: string, line: number, content: string, unit: number): readonly number[] {
  const words = content.replace(/[{}]/g, " ").split(/[\s,]+/);
  return words
    .filter((word) => word !== "")
    .flatMap((word) => {
      const hex = word.replace(/^0[fFdD]/, "0x").replace(/U$/, "");
      if (!/^-?(0x[0-9a-f]+|\d+)$/i.test(hex))
        throw new PtxError(file, line, `an initial value that is no number: ${word}`);
      const value = hex.startsWith("-") ? -BigInt(hex.slice(1)) : BigInt(hex);
      const bits = BigInt.asUintN(8 * unit, value);
      return Array.from({ length: unit }, (_, i) => Number((bits >> BigInt(8 * i)) & 255n));
    });
}

const MARK = /\s*(?:([{}])|([\w$]+):(?!:))?/y;

/** Braces that open a scope stand where a statement would begin; those of operands lie before its semicolon. */
function* statementsOf(file: string, body: string, firstLine: number): Generator<Statement> {
  let at = 0;
  for (;;) {
    MARK.lastIndex = at;
    const [skipped = "", brace, label] = MARK.exec(body) ?? [];
    at += skipped.length;
    const line = firstLine + lineAt(body, at) - 1;
    if (brace !== undefined) yield { type: brace === "{" ? "open" : "close", line };
    else if (label !== undefined) yield { type: "label", name: label, line };
    else if (at >= body.length) return;
    else {
      const end = endOf(file, line, body, at);
      yield* statementOf(file, line, oneLine(body.slice(at, end)));
      at = end + 1;
    }
  }
}

function endOf(file: string, line: number, body: string, at: number): number {
  const end = body.indexOf(";", at);
  if (end < 0) throw new PtxError(file, line, "a statement without an end");
  return end;
}

/** None for remarks to the assembler. */
function statementOf(file: string, line: number, text: string): readonly Statement[] {
  if (/^\.(pragma|loc|file)\b/.test(text)) return [];
  if (text.startsWith(".reg")) return [registersOf(file, line, text)];
  if (/^\.(shared|local)\b/.test(text))
    return [{ type: "variable", variable: variableOf(file, line, text), line }];
  const match = /^(?:@(!?[%\w$]+)\s+)?([a-z][\w.:]*)\s*(.*)$/.exec(text);
  if (match === null) throw new PtxError(file, line, `cannot read ${text}`);
  const [, guard, opcode = "", operands = ""] = match;
  return [{ type: "instruction", line, guard, opcode, operands: splitOperands(operands) }];
}

function registersOf(file: string, line: number, text: string): Statement {
  const match = /^\.reg\s+\.(\w+)\s+(.*)$/.exec(text);
  if (match === null) throw new PtxError(file, line, `cannot read ${text}`);
  const [, kind = "", list = ""] = match;
  const names = splitOperands(list).flatMap((item) => {
    const range = /^([%\w$]+)<(\d+)>$/.exec(item);
    if (range === null) return [item];
    return Array.from({ length: Number(range[2]) }, (_, i) => `${range[1]}${i}`);
  });
  return { type: "registers", kind, names, line };
}

/** Splits at commas outside brackets. */
export function splitOperands(text: string): readonly string[] {
  const parts: string[] = [];
  let depth = 0;
  let current = "";
  for (const character of text) {
    if ("{[(".includes(character)) depth += 1;
    if ("}])".includes(character)) depth -= 1;
    if (character === "," && depth === 0) {
      parts.push(current.trim());
      current = "";
    } else current += character;
  }
  if (current.trim() !== "") parts.push(current.trim());
  return parts;
}

/** Bytes of a type such as `f32` or `b8`. */
export function bytesOf(type: string): number {
  const bits = /^(?:u|s|b|f|bf)(8|16|32|64)$/.exec(type)?.[1];
  if (bits === undefined) throw new Error(`no type .${type}`);
  return Number(bits) / 8;
}

function withoutComments(source: string): string {
  const blank = (text: string) => text.replace(/[^\n]/g, " ");
  return source.replace(/\/\*[\s\S]*?\*\//g, blank).replace(/\/\/[^\n]*/g, "");
}

function closingBrace(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at += 1) {
    if (text[at] === "{") depth += 1;
    if (text[at] === "}") depth -= 1;
    if (depth === 0) return at;
  }
  throw new Error("a brace is never closed");
}

/** Line of a place, from 1 on; places are asked for in order. */
function lineAt(text: string, at: number): number {
  const known = lines.text === text && lines.at <= at ? lines : { text, at: 0, line: 1 };
  let { line } = known;
  for (let next = text.indexOf("\n", known.at); next >= 0 && next < at; ) {
    line += 1;
    next = text.indexOf("\n", next + 1);
  }
  lines = { text, at, line };
  return line;
}

/** The last answer, from which the next one counts on. */
let lines = { text: "", at: 0, line: 1 };

function oneLine(text: string): string {
  return text.trim().replace(/\s+/g, " ");
}
