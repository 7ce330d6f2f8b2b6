// Runs in a side thread of a worker: compiles grammars, and makes the trie of the model's vocabulary.

import { parentPort, workerData } from "node:worker_threads";

import { assert } from "./base/assert.ts";
import { toWireError } from "./base/error.ts";
import { yieldToOthers } from "./base/thread-priority.ts";
import { compileGrammar } from "./grammar/compile.ts";
import type { GrammarAnswer, GrammarJob, GrammarThreadInit } from "./grammar/grammar-thread.ts";
import { trieData } from "./grammar/token-trie.ts";
import { openTokenizer } from "./tokenizer/open-tokenizer.ts";
import { mockTextVocabulary, textVocabularyOf } from "./tokenizer/text-vocabulary.ts";
import { hello } from "./transport/thread/side-thread.ts";

const port = parentPort;
assert(port !== null, "a grammar thread is a worker thread");
const init = workerData as GrammarThreadInit; // grammar-compiler.ts gives nothing else
yieldToOthers();
port.on("message", (message: unknown) => {
  answer(message as GrammarJob).then(
    (value) => port.postMessage(value),
    (error: unknown) => port.postMessage({ type: "refusal", error: toWireError(error) }),
  );
});
port.postMessage(hello());

async function answer(job: GrammarJob): Promise<GrammarAnswer> {
  if (job.type === "compile") return { type: "program", program: compileGrammar(job.source) };
  const { model, vocabSize } = init;
  const { tokenBytes, specials } =
    model === undefined ? mockTextVocabulary() : textVocabularyOf(await openTokenizer(model));
  const specialTokenIds = specials.keys();
  const trie = trieData({ tokenBytes, specialTokenIds, eosTokenIds: [], vocabSize });
  return { type: "vocabulary", trie, specials };
}
