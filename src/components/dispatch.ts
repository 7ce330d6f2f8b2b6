// Sends one sequence to a worker and hands its tokens on. A worker that is gone before the first token costs
// nothing but another choice; afterwards, its end is the request's.

import type { PreprocessedRequest, TokenOutput } from "../protocol/llm.ts";
import type { RouteQuery } from "./router.ts";
import type { WorkerChooser } from "./worker-choice.ts";
import { isGone } from "./worker-gone.ts";

const MAX_ATTEMPTS = 4;

export async function* dispatch(
  chooser: WorkerChooser,
  query: RouteQuery,
  request: PreprocessedRequest,
): AsyncGenerator<TokenOutput> {
  const avoid: number[] = [];
  for (let attempt = 1; ; attempt++) {
    let hasBegun = false;
    try {
      const choice = await chooser.choose({ ...query, avoid });
      avoid.push(choice.instance);
      try {
        for await (const output of choice.generate(request)) {
          if (!hasBegun) choice.firstToken();
          hasBegun = true;
          yield output;
        }
        return;
      } finally {
        choice.release();
      }
    } catch (error) {
      if (hasBegun || attempt === MAX_ATTEMPTS || !isGone(error)) throw error;
    }
  }
}

/** Where the sequence would go; it is not sent. */
export async function* queryInstance(
  chooser: WorkerChooser,
  query: RouteQuery,
): AsyncGenerator<TokenOutput> {
  const choice = await chooser.choose(query);
  choice.release();
  const annotations = { worker_instance_id: String(choice.instance) };
  yield { tokenIds: [], numCachedTokens: 0, finishReason: "stop", annotations };
}
