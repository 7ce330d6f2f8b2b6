// Why a user's module cannot be imported, at the user's own file, line and column. Bun reports each kind
// of failure in its own way: syntax errors have a position and no stack, a module that is not found has
// neither, and what the module throws has a stack that may begin in this program.

import { existsSync, readFileSync } from "node:fs";
import { dirname, relative } from "node:path";

import { renderProblem, type Span } from "./config-error.ts";

/** `path` is the module that was imported; places are shown relative to `workingDir`. */
export function explainImportError(error: unknown, path: string, workingDir: string): string {
  const errors = error instanceof AggregateError ? error.errors : [error];
  return errors.map((one) => explainOne(one, path, workingDir)).join("\n\n");
}

function explainOne(error: unknown, path: string, workingDir: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const place =
    positionOf(error) ?? specifierOf(error) ?? missingExport(error, path) ?? frameOf(error);
  const span = place && spanOf(place, workingDir);
  if (span) return renderProblem({ message, span });
  return `${shownPath(path, workingDir)} cannot be imported: ${message}`;
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** Of a `BuildMessage`: the parser's. */
function positionOf(error: unknown): Place | undefined {
  if (!(error instanceof Error) || !("position" in error)) return undefined;
  const position = error.position;
  if (typeof position !== "object" || position === null) return undefined;
  const { file, line, column, length } = position as Partial<Place>;
  if (file === undefined || line === undefined || column === undefined) return undefined;
  return { file, line, column, length: length ?? 1 };
}

/** Of a `ResolveMessage`: where the importing file names what is not there. */
function specifierOf(error: unknown): Place | undefined {
  if (!(error instanceof Error) || !("specifier" in error) || !("referrer" in error))
    return undefined;
  return findText(String(error.referrer), String(error.specifier));
}

/** Of the linker: `Export named 'X' not found in module ...`. */
function missingExport(error: unknown, path: string): Place | undefined {
  if (!(error instanceof SyntaxError)) return undefined;
  const name = /^Export named '([^']+)' not found/.exec(error.message)?.[1];
  return name === undefined ? undefined : findText(path, name);
}

/** Of what the module threw: the topmost frame that is the user's. */
function frameOf(error: unknown): Place | undefined {
  const stack = error instanceof Error ? (error.stack ?? "") : "";
  for (const [, file = "", line, column] of stack.matchAll(/\(?(\/[^():\n]+):(\d+):(\d+)\)?/g)) {
    if (isOurs(file) || !existsSync(file)) continue;
    return { file, line: Number(line), column: Number(column), length: 1 };
  }
  return undefined;
}

/** Sources of this program: beside this file's folder, or inside the executable. */
function isOurs(file: string): boolean {
  return file.startsWith(`${dirname(import.meta.dir)}/`) || file.startsWith("/$bunfs/");
}

function findText(file: string, text: string): Place | undefined {
  if (!existsSync(file)) return undefined;
  const before = readFileSync(file, "utf8").split(text, 1)[0] ?? "";
  const lines = before.split("\n");
  return { file, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, length: text.length };
}

function spanOf({ file, line, column, length }: Place, workingDir: string): Span | undefined {
  if (!existsSync(file)) return undefined;
  const text = readFileSync(file, "utf8");
  const lines = text.split("\n").slice(0, line - 1);
  const start = lines.reduce((sum, one) => sum + one.length + 1, 0) + column - 1;
  return { source: { name: shownPath(file, workingDir), text }, start, end: start + length };
}

function shownPath(file: string, workingDir: string): string {
  const path = relative(workingDir, file);
  return path.startsWith("..") ? file : path;
}
