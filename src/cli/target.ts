// What the word after `dynamo serve` means: a graph, or a model that is to be served by the usual graph.
//
//   dynamo serve                     the usual graph
//   dynamo serve agg                 a graph, by its short name
//   dynamo serve ./my/graph.ts:Door  a graph of the user's
//   dynamo serve ./SmolLM2-135M      a model: a directory, or a GGUF file; also without `serve`

import { statSync } from "node:fs";
import { resolve } from "node:path";

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

/** Whether `word` in the place of a command can only be meant as the path of a model. */
export function isModelPath(word: string, workingDir: string): boolean {
  return isModel(word, workingDir) || (word.includes("/") && !SCRIPT.test(word));
}

const SCRIPT = /\.[cm]?[jt]sx?(:|$)|:[\w$]+$/;

function isModel(word: string, workingDir: string): boolean {
  return (
    word.toLowerCase().endsWith(".gguf") || (!SCRIPT.test(word) && isDirectory(word, workingDir))
  );
}

function isDirectory(word: string, workingDir: string): boolean {
  return statSync(resolve(workingDir, word), { throwIfNoEntry: false })?.isDirectory() ?? false;
}
