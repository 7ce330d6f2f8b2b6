// CONTRIBUTING's recipes, against examples that are there: an example's names stand in the files that its recipe names.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

interface Recipe {
  /** Behind "## A new ". */
  readonly title: string;
  /** The example's, in file names. */
  readonly name?: string;
  /** Names of the example. */
  readonly example: RegExp;
  /** Files and folders that are looked through. */
  readonly places: readonly string[];
  /** Files that it names and the example did not need. */
  readonly besides?: readonly RegExp[];
  readonly maxFiles?: number;
}

const CODE = ["src", "native/src", "native/include"];

const RECIPES: readonly Recipe[] = [
  {
    title: "sampling parameter",
    example: /\b(minP|min_p)\b/, // a plain number that no other API has
    places: [...CODE, "docs/api.md"],
    besides: [/^src\/sampling\/values\.ts$/],
    maxFiles: 8, // seven, and one of the second device
  },
  {
    title: "field of a request",
    example: /\b(streamInterval|stream_interval)\b/,
    places: ["src/openai", "src/protocol/chat.ts", "src/components/requests.ts", "docs/api.md"],
    besides: [/^src\/components\/dispatch\/content\.ts$/],
  },
  {
    title: "route",
    example: /\b(renderChat|completions\/render)\b/,
    places: [...CODE, "docs/api.md"],
    besides: [
      /^src\/door\/(backend|generation-route)\.ts$/,
      /^src\/components\/frontend\//,
      /fake-backend/,
    ],
  },
  {
    title: "format of tool calls",
    name: "llama3-json",
    example: /\bllama3(_json|Json|-json)\b/,
    places: [...CODE, "docs/tools.md", "docs/config.md"],
  },
  {
    title: "model family",
    name: "ernie4-5",
    example: /\b[eE]rnie4[-_]5|\bernie45\b/,
    places: CODE,
    besides: [
      /^test\/reference\//,
      /^test\/(engine\/local-layers\.test|model\/tiny-family)\.ts$/,
      /^src\/model\/(model-files|config-json|gguf-config|packed-model)\.ts$/,
    ],
    maxFiles: 3,
  },
  {
    title: "type of weights",
    example: /\b(DYN_)?IQ4_NL(Block)?\b/,
    places: CODE,
    besides: [/k_quants\.cc$/, /gemm\.h$/],
  },
];

describe("the recipe of a new", () => {
  for (const { title, name, example, places, besides = [], maxFiles = 99 } of RECIPES) {
    const paths = namedPaths(title)
      .map((path) => path.replace("NAME", name ?? "NAME"))
      .filter((path) => !besides.some((each) => each.test(path)));

    test(`${title} names the files that one stands in, and no others`, () => {
      const named = [...new Set(paths.filter((path) => !isTest(path)))];
      const found = places.flatMap(filesIn).filter((file) => hasExample(file, example));
      const wanted = named.filter((path) => places.some((place) => path.startsWith(place)));
      expect(found.filter((file) => !isHeaderOf(file, named)).toSorted()).toEqual(
        wanted.toSorted(),
      );
      expect(found.length).toBeLessThanOrEqual(maxFiles);
      expect(wanted.length).toBeGreaterThan(1);
    });

    test(`${title} names tests that know the example`, () => {
      for (const file of paths.filter(isTest)) {
        expect([file, exists(file) && hasExample(file, example)]).toEqual([file, true]);
      }
    });
  }

  test("thing each name files that exist", () => {
    const titles = [...textOf("CONTRIBUTING.md").matchAll(/^## A new (.*)$/gm)].map(
      ([, one = ""]) => one,
    );
    expect(titles.length).toBeGreaterThan(9);
    for (const title of titles) {
      const paths = namedPaths(title).filter((path) => !/NAME|GRAPH|ROOM|ISA|TOPIC|\*/.test(path));
      const missing = paths.filter((path) => !exists(path) && !exists(join("native/test", path)));
      expect([title, missing]).toEqual([title, []]);
    }
  });
});

/** The example in the file's name or its text. */
function hasExample(file: string, example: RegExp): boolean {
  return example.test(file) || example.test(textOf(file));
}

/** Of a pair, the recipe names the `.cc` file. */
function isHeaderOf(file: string, named: readonly string[]): boolean {
  return (
    file.endsWith(".h") && !named.includes(file) && named.includes(file.replace(/\.h$/, ".cc"))
  );
}

function isTest(path: string): boolean {
  return /^(native\/)?test\/.*\.(ts|cc|c)$/.test(path);
}

function namedPaths(title: string): readonly string[] {
  const [, recipe = ""] = textOf("CONTRIBUTING.md").split(`## A new ${title}\n`);
  const [section = ""] = recipe.split("\n## ");
  const spans = section.matchAll(/`([\w./{},*-]+\/[\w./{},*-]*\w\}?(?:\.\w+)?)`/g);
  return [...new Set([...spans].flatMap(([, path = ""]) => expand(path)))];
}

/** `a/{b,c}` is two paths. */
function expand(path: string): readonly string[] {
  const [, head = "", names, tail = ""] = /^(.*)\{(.*)\}(.*)$/.exec(path) ?? [];
  return names === undefined ? [path] : names.split(",").map((name) => head + name + tail);
}

function filesIn(place: string): readonly string[] {
  if (statSync(join(root, place)).isFile()) return [place];
  return readdirSync(join(root, place), { recursive: true, encoding: "utf8" })
    .filter((file) => /\.(ts|cc|h)$/.test(file))
    .map((file) => `${place}/${file}`);
}

function exists(path: string): boolean {
  return statSync(join(root, path), { throwIfNoEntry: false }) !== undefined;
}

function textOf(file: string): string {
  return readFileSync(join(root, file), "utf8");
}
