// A fault of a configuration, shown where it was written:
//
//   configs/agg.yaml:14:3: VllmWorker has no key "block-sise". Did you mean "block-size"?
//
//      14 |   block-sise: 64
//         |   ^^^^^^^^^^

import { DynamoError } from "../base/error.ts";

/** A text that configuration was read from; `name` is how messages call it. */
export interface SourceText {
  readonly name: string;
  readonly text: string;
  /** The user has not written it: messages do not point there. */
  readonly isDefault?: boolean;
}

/** A stretch of a text, as offsets. */
export interface Span {
  readonly source: SourceText;
  readonly start: number;
  readonly end: number;
}

export interface Problem {
  readonly message: string;
  /** Place to look; absent when the fault is that something is nowhere. */
  readonly span: Span | undefined;
}

export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

/** One-based, as editors count. */
export function lineColumn({ source, start }: Span): LineColumn {
  const before = source.text.slice(0, start);
  const lineStart = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: start - lineStart + 1 };
}

/** `configs/agg.yaml:14`, or the flag itself. */
export function renderPlace(span: Span): string {
  if (span === DEFAULT_SPAN) return "default";
  return isFlag(span.source) ? span.source.text : `${span.source.name}:${lineColumn(span).line}`;
}

/** In one line, without the text around it. */
export function renderBriefly({ message, span }: Problem): string {
  if (!span || span.source.isDefault || isFlag(span.source)) return message;
  const { line, column } = lineColumn(span);
  return `${span.source.name}:${line}:${column}: ${message}`;
}

export function renderProblem({ message, span }: Problem): string {
  if (!span || span.source.isDefault) return message;
  const { source } = span;
  const { line, column } = lineColumn(span);
  const { text, caret } = excerpt(span, column - 1);
  if (isFlag(source)) return `${message}\n\n   ${text}\n   ${caret}`;
  const number = String(line).padStart(5);
  const gutter = " ".repeat(number.length);
  const place = `${source.name}:${line}:${column}`;
  return `${place}: ${message}\n\n${number} | ${text}\n${gutter} | ${caret}`;
}

/** Longer lines (the environment's JSON is one) are shown in part. */
const MAX_EXCERPT = 100;
const EXCERPT_LEAD = 30;

function excerpt({ source, start, end }: Span, column: number): { text: string; caret: string } {
  const line = source.text.slice(start - column).split(/\r?\n/, 1)[0] ?? "";
  const from = line.length <= MAX_EXCERPT ? 0 : Math.max(0, column - EXCERPT_LEAD);
  const to = from + MAX_EXCERPT;
  const before = (from > 0 ? "..." : "") + line.slice(from, column);
  const marked = line.slice(column, Math.min(to, column + end - start));
  const after = line.slice(column + marked.length, to) + (line.length > to ? "..." : "");
  const margin = before.replace(/[^\t]+/g, (part) => " ".repeat(Bun.stringWidth(part)));
  return {
    text: before + marked + after,
    caret: margin + "^".repeat(Math.max(1, Bun.stringWidth(marked))),
  };
}

/** A flag of the command line as a text; `start` and `end` default to the whole of it. */
export function flagSpan(flag: string, start = 0, end = flag.length): Span {
  return { source: { name: FLAG, text: flag }, start, end };
}

const FLAG = "command line";

/** The place of a value that was written nowhere. */
export const DEFAULT_SPAN: Span = {
  source: { name: "default", text: "", isDefault: true },
  start: 0,
  end: 0,
};

export function isFlag(source: SourceText): boolean {
  return source.name === FLAG;
}

/** At most this many problems are shown in full at once. */
const MAX_SHOWN = 8;

/** A configuration that cannot be served. Nothing has been started. */
export class ConfigError extends DynamoError {
  override readonly code = "invalid_config";

  constructor(problems: readonly Problem[]) {
    const shown = problems.slice(0, MAX_SHOWN).map(renderProblem);
    const rest = problems.length - shown.length;
    if (rest > 0) shown.push(`... and ${rest} more`);
    super(shown.join("\n\n"));
  }
}
