// Why a user's graph cannot be loaded, at the user's own file, line and column. Bun reports each kind of
// failure in its own way: syntax errors have a position and no stack, a module that is not found has
// neither, and what the module throws has a stack that may begin in this program. A fault without a place
// (broken JSON, a missing export, a class that is no service) is looked for in the files that were imported.

import { existsSync, readFileSync } from "node:fs";
import { dirname, extname, relative } from "node:path";

import { DynamoError } from "../base/error.ts";
import { type JsonFault, jsonFault } from "../base/json-fault.ts";
import { describeSystemError } from "../base/system-error.ts";
import { renderProblem, type Span } from "./config-error.ts";
import { isEmbedded, missingExportText, missingModule } from "./import-words.ts";
import { userModules } from "./user-modules.ts";

/** `path` is the module that was imported; places are shown relative to `workingDir`. */
export async function explainImportError(
  error: unknown,
  path: string,
  workingDir: string,
): Promise<string> {
  const errors = error instanceof AggregateError ? error.errors : [error];
  const texts = await Promise.all(errors.map((one) => explainOne(one, path, workingDir)));
  return texts.join("\n\n");
}

async function explainOne(error: unknown, path: string, workingDir: string): Promise<string> {
  const message = await messageOf(error, path);
  const place =
    positionOf(error) ??
    specifierOf(error) ??
    missingExport(error, path) ??
    brokenJson(error, path)?.place ??
    classOf(error, path) ??
    frameOf(error);
  const span = place && spanOf(place, workingDir);
  if (span) return renderProblem({ message, span });
  if (error instanceof DynamoError) return message;
  return `${shownPath(path, workingDir)} cannot be imported: ${message}`;
}

async function messageOf(error: unknown, path: string): Promise<string> {
  if (!(error instanceof Error)) return String(error);
  const resolving = resolveFailure(error);
  if (resolving) return missingModule(resolving.specifier, resolving.referrer);
  const absent = absentExport(error);
  if (absent) return missingExportText(absent.name, absent.exporter);
  const fault = brokenJson(error, path)?.fault;
  if (fault) return `not JSON: ${fault.message}`;
  const [, code, file = ""] = /^(E[A-Z]+) reading "(.*)"$/.exec(error.message) ?? [];
  if (code !== undefined) {
    return `${file} cannot be read: ${describeSystemError(Object.assign(new Error(code), { code }))}`;
  }
  return error.message;
}

interface Place {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly length: number;
}

/** Place in a `BuildMessage`: the parser's. */
function positionOf(error: unknown): Place | undefined {
  if (!(error instanceof Error) || !("position" in error)) return undefined;
  const position = error.position;
  if (typeof position !== "object" || position === null) return undefined;
  const { file, line, column, length } = position as Partial<Place>;
  if (file === undefined || line === undefined || column === undefined) return undefined;
  return { file, line, column, length: length ?? 1 };
}

/** Place in a `ResolveMessage`: where the importing file names what is not there. */
function specifierOf(error: unknown): Place | undefined {
  const failure = resolveFailure(error);
  return failure && findText(failure.referrer, failure.specifier);
}

function resolveFailure(error: unknown) {
  if (!(error instanceof Error) || !("specifier" in error) || !("referrer" in error))
    return undefined;
  const referrer = String(error.referrer).replace(/^file:\/\//, "");
  return { specifier: String(error.specifier), referrer };
}

/** Name that the linker misses. It says who lacks the name, not who imports it. */
function absentExport(error: unknown) {
  if (!(error instanceof SyntaxError)) return undefined;
  const [, name = "default", exporter] =
    /^(?:Export named '([^']+)' not found|Missing 'default' export) in module '([^']+)'/.exec(
      error.message,
    ) ?? [];
  return exporter === undefined ? undefined : { name, exporter };
}

function missingExport(error: unknown, path: string): Place | undefined {
  const absent = absentExport(error);
  if (!absent) return undefined;
  const { exporter } = absent;
  for (const { file, imports } of userModules(path)) {
    const from = imports.filter((one) => one.file === exporter || one.specifier === exporter);
    const place = from.length > 0 ? clauseWith(absent, file) : undefined;
    if (place) return place;
  }
  return undefined;
}

/** Place where `file` imports the name. */
function clauseWith(
  { name, exporter }: { readonly name: string; readonly exporter: string },
  file: string,
): Place | undefined {
  const text = readFileSync(file, "utf8");
  for (const clause of text.matchAll(/\b(?:import|export)\s[^;"'`]*?(["'])([^"'`\n]*)\1/g)) {
    if (isEmbedded(exporter) && clause[2] !== exporter) continue;
    if (name === "default") return placeAt(file, clause.index, "import".length);
    const at = wordAt(clause[0], name);
    if (at >= 0) return placeAt(file, clause.index + at, name.length);
  }
  return undefined;
}

function wordAt(text: string, word: string): number {
  return text.search(new RegExp(`(?<![\\w$])${RegExp.escape(word)}(?![\\w$])`));
}

/** Fault in a `.json` file: the message has neither its name nor a position. */
function brokenJson(
  error: unknown,
  path: string,
): { readonly place: Place; readonly fault: JsonFault } | undefined {
  if (!(error instanceof SyntaxError) || !error.message.startsWith("JSON Parse error")) {
    return undefined;
  }
  for (const { file } of userModules(path)) {
    if (extname(file) !== ".json") continue;
    const fault = jsonFault(readFileSync(file, "utf8"));
    if (fault) return { fault, place: { file, line: fault.line, column: fault.column, length: 1 } };
  }
  return undefined;
}

/** Place of an invalid service: what its constructor threw, else the class. (Field initialisers have no file.) */
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

/** Place where the module threw: the topmost frame that is the user's. */
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
