// CONTRIBUTING's recipe for a sampling parameter, against the files that one stands in.

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../..");
const MAX_FILES = 7;

/** A plain number that no other API has. */
const PARAMETER = /\b(minP|min_p)\b/;

test("a parameter stands in the files that the recipe names, and in no others", () => {
  const files = [...filesIn("src"), ...filesIn("native/src"), ...filesIn("native/include")];
  const found = [...files, "docs/api.md"].filter((file) => PARAMETER.test(textOf(file)));
  expect(found.toSorted()).toEqual(namedFiles().toSorted());
  expect(found.length).toBeLessThanOrEqual(MAX_FILES);
});

test("the tests that it names know the parameter", () => {
  const tests = namedPaths().filter(
    (path) => /(^|\/)test\//.test(path) && !path.includes("recipe"),
  );
  expect(tests).toHaveLength(4);
  for (const file of tests) expect([file, PARAMETER.test(textOf(file))]).toEqual([file, true]);
});

/** Paths of the recipe but for tests, and for the file that only a new kind of value touches. */
function namedFiles(): readonly string[] {
  return namedPaths().filter(
    (path) => !/(^|\/)test\//.test(path) && path !== "src/sampling/values.ts",
  );
}

function namedPaths(): readonly string[] {
  const [, recipe = ""] = textOf("CONTRIBUTING.md").split("## A new sampling parameter");
  const [section = ""] = recipe.split("\n## ");
  const spans = [...section.matchAll(/`([\w./{},-]+\/[\w./{},-]+)`/g)].map(([, path = ""]) => path);
  return spans.flatMap(expand);
}

/** `a/{b,c}` is two paths. */
function expand(path: string): readonly string[] {
  const [, head = "", names, tail = ""] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? [];
  return names === undefined ? [path] : names.split(",").map((name) => head + name + tail);
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|cc|h)$/.test(file))
    .map((file) => `${folder}/${file}`);
}

function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}
