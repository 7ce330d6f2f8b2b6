import { existsSync, readFileSync } from "node:fs";
import { dirname, extname } from "node:path";

/** A file of the user's, and what it imports by name. */
export interface UserModule {
  readonly file: string;
  readonly imports: readonly Import[];
}

interface Import {
  readonly specifier: string;
  /** The file it leads to; absent for packages, what the executable carries, and what is not there. */
  readonly file: string | undefined;
}

/** `path` and every file that it imports, near ones first. Packages are not the user's and not looked into. */
export function* userModules(path: string): Generator<UserModule> {
  const seen = new Set([path]);
  for (const file of seen) {
    if (!existsSync(file)) continue;
    const imports = importsOf(file);
    yield { file, imports };
    for (const { file: imported } of imports) if (imported !== undefined) seen.add(imported);
  }
}

const SCRIPT = /^\.[cm]?[jt]sx?$/;

function importsOf(file: string): readonly Import[] {
  if (!SCRIPT.test(extname(file))) return [];
  const text = readFileSync(file, "utf8");
  // A scanner of the language would give up at a file with a syntax error, which is what is looked for.
  const clauses = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*(["'])([^"'\n]+)\1/g);
  return [...clauses].map(([, , specifier = ""]) => ({
    specifier,
    file: resolved(specifier, file),
  }));
}

function resolved(specifier: string, importer: string): string | undefined {
  if (!/^[./]/.test(specifier)) return undefined;
  try {
    return Bun.resolveSync(specifier, dirname(importer));
  } catch {
    return undefined; // it is not there; the caller has an error that says so
  }
}
