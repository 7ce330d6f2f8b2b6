// A script: the answers of a scripted engine, as a user writes them (docs/scripted.md).

import { readFileSync } from "node:fs";
import * as v from "valibot";

import { DynamoError } from "../../base/error.ts";
import { openRegularFile } from "../../base/regular-file.ts";
import { count } from "../fields.ts";

const MAX_DELAY_MS = 600_000;

const entryFields = {
  match: v.optional(v.pipe(v.string(), v.minLength(1))),
  "delay-ms": v.optional(v.pipe(v.number(), v.minValue(0), v.maxValue(MAX_DELAY_MS)), 0),
};

const Script = v.pipe(
  v.array(
    v.union([
      v.strictObject({
        ...entryFields,
        text: v.string(),
        split: v.optional(v.picklist(["tokens", "characters", "bytes"]), "tokens"),
      }),
      v.strictObject({ ...entryFields, pieces: v.array(v.string()) }),
      v.strictObject({ ...entryFields, tokens: v.array(count(0)) }),
    ]),
  ),
  v.minLength(1),
);

export type WrittenEntry = v.InferOutput<typeof Script>[number];

/** Reads the file at `path`. Throws `ScriptError`. */
export function readScript(path: string): readonly WrittenEntry[] {
  const entries = parseYaml(path);
  if (!Array.isArray(entries) || entries.length === 0) {
    throw new ScriptError(path, "it is no list of answers; each is a text, pieces or tokens");
  }
  const parsed = v.safeParse(Script, entries);
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  const index = issue.path?.[0]?.key;
  throw new ScriptError(path, `entry ${Number(index) + 1}: ${ENTRY_FORM}`);
}

const ENTRY_FORM =
  "an entry has `text` (with `split`: tokens, characters or bytes), or a list of `pieces`, or a list of `tokens`; and " +
  "if wanted `match`, a text, and `delay-ms`, a number";

function parseYaml(path: string): unknown {
  try {
    return Bun.YAML.parse(readFileSync(openRegularFile(path), "utf8"));
  } catch (error) {
    throw new ScriptError(path, error instanceof Error ? error.message : String(error));
  }
}

/** A script that cannot be played. */
export class ScriptError extends DynamoError {
  override readonly code = "invalid_script";

  constructor(path: string, fault: string) {
    super(`${path} cannot be played: ${fault}`);
  }
}
