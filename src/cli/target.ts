// The word after `dynamo serve`: a graph, or a model that is to be served by the usual graph.
//
//   dynamo serve                     the usual graph
//   dynamo serve agg                 a graph, by its short name
//   dynamo serve ./my/graph.ts:Door  a graph of the user's
//   dynamo serve ./SmolLM2-135M      a model: a directory, or a GGUF file; also without `serve`
//   dynamo serve org/repo:Q8_0       a model of the Hugging Face hub; also without `serve`

import { existsSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { parseHubName } from "../hub/model-name.ts";

export const USUAL_GRAPH = "agg";

export interface Target {
  readonly graph: string;
  /** As the user wrote it. */
  readonly model: string | undefined;
}

export function readTarget(word: string | undefined, workingDir: string): Target {
  if (word === undefined) return { graph: USUAL_GRAPH, model: undefined };
  return isModel(word, workingDir)
    ? { graph: USUAL_GRAPH, model: word }
    : { graph: word, model: undefined };
}

/** True if `word` in the place of a command can only be meant as the path of a model. */
export function isModelPath(word: string, workingDir: string): boolean {
  return isModel(word, workingDir) || (word.includes("/") && !SCRIPT.test(word));
}

const SCRIPT = /\.[cm]?[jt]sx?(:|$)|:[\w$]+$/;

function isModel(word: string, workingDir: string): boolean {
  return (
    word.toLowerCase().endsWith(".gguf") ||
    isHubName(word, workingDir) ||
    (!SCRIPT.test(word) && isDirectory(word, workingDir))
  );
}

/** `org/repo:Q4_K_M` looks like a module and a class of it; there is a file then, or its folder. */
function isHubName(word: string, workingDir: string): boolean {
  const name = parseHubName(word);
  if (!name || /\.[cm]?[jt]sx?(:|$)/.test(word)) return false;
  return !existsSync(resolve(workingDir, dirname(name.repo)));
}

function isDirectory(word: string, workingDir: string): boolean {
  return statSync(resolve(workingDir, word), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
