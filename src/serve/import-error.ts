// Why a user's graph cannot be loaded, at the user's own file, line and column. Bun reports each kind of
// failure in its own way: syntax errors have a position and no stack, a module that is not found has
// neither, and what the module throws has a stack that may begin in this program. What has no place at all
// (broken JSON, a missing export, a class that is no service) is looked for in the files that were imported.

import { existsSync, readFileSync } from "node:fs";
import { dirname, extname, relative } from "node:path";

import { DynamoError } from "../base/error.ts";
import { renderProblem, type Span } from "./config-error.ts";
import { JsonError, parseJson } from "./python-json.ts";
import { userModules } from "./user-modules.ts";

/** `path` is the module that was imported; places are shown relative to `workingDir`. */
export function explainImportError(error: unknown, path: string, workingDir: string): string {
  const errors = error instanceof AggregateError ? error.errors : [error];
  return errors.map((one) => explainOne(one, path, workingDir)).join("\n\n");
}

function explainOne(error: unknown, path: string, workingDir: string): string {
  const message = error instanceof Error ? error.message : String(error);
  const place =
    positionOf(error) ??
    specifierOf(error) ??
    missingExport(error, path) ??
    brokenJson(error, path) ??
    classOf(error, path) ??
    frameOf(error);
  const span = place && spanOf(place, workingDir);
  if (span) return renderProblem({ message, span });
  if (error instanceof DynamoError) return message;
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

/** Of the linker: `Export named 'X' not found in module ...`. It says who lacks the name, not who imports it. */
function missingExport(error: unknown, path: string): Place | undefined {
  if (!(error instanceof SyntaxError)) return undefined;
  const [, name, exporter] =
    /^Export named '([^']+)' not found in module '([^']+)'/.exec(error.message) ?? [];
  if (name === undefined) return undefined;
  for (const { file, imports } of userModules(path)) {
    if (!imports.some((one) => one.file === exporter)) continue;
    const text = readFileSync(file, "utf8");
    for (const clause of text.matchAll(/\b(?:import|export)\s[^;"'`]*?["']/g)) {
      const at = clause[0].search(new RegExp(`(?<![\\w$])${RegExp.escape(name)}(?![\\w$])`));
      if (at >= 0) return placeAt(file, clause.index + at, name.length);
    }
  }
  return undefined;
}

/** Of a `.json` file: the message has neither its name nor a position. */
function brokenJson(error: unknown, path: string): Place | undefined {
  if (!(error instanceof SyntaxError) || !error.message.startsWith("JSON Parse error")) {
    return undefined;
  }
  for (const { file } of userModules(path)) {
    if (extname(file) !== ".json") continue;
    try {
      parseJson(readFileSync(file, "utf8"));
    } catch (reason) {
      if (!(reason instanceof JsonError)) throw reason;
      return placeAt(file, reason.at, 1);
    }
  }
  return undefined;
}

/** Of a service that cannot be one: what its constructor threw, else the class. (Field initialisers have no file.) */
function classOf(error: unknown, path: string): Place | undefined {
  if (!(error instanceof DynamoError)) return undefined;
  const { service } = error.details;
  if (typeof service !== "string") return undefined;
  const stack = error.cause instanceof Error ? (error.cause.stack ?? "") : "";
  const inField = /\n\s+at new \S+ \(unknown:/.test(stack.split("\n", 2).join("\n"));
  const frame = inField ? undefined : frameOf(error.cause);
  if (frame) return frame;
  for (const { file } of userModules(path)) {
    const text = readFileSync(file, "utf8");
    const at = text.search(new RegExp(`(?<=\\bclass\\s+)${RegExp.escape(service)}(?![\\w$])`));
    if (at >= 0) return placeAt(file, at, service.length);
  }
  return undefined;
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
  const at = readFileSync(file, "utf8").indexOf(text);
  return at < 0 ? undefined : placeAt(file, at, text.length);
}

function placeAt(file: string, at: number, length: number): Place {
  const lines = readFileSync(file, "utf8").slice(0, at).split("\n");
  return { file, line: lines.length, column: (lines.at(-1)?.length ?? 0) + 1, length };
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
