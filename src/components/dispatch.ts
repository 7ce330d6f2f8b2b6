// Sends one sequence to a worker and hands its tokens on. A worker that is gone before the first token costs
// nothing but another choice; afterwards, its end is the request's. A request that workers die of is not given to
// one after the other.

import type { InstanceId } from "dynamo";

import { errorCode } from "../base/error.ts";
import type { PreprocessedRequest, TokenOutput } from "../protocol/llm.ts";
import type { RouteQuery } from "./routing.ts";
import type { WorkerChoice, WorkerChooser } from "./worker-choice.ts";
import { isGone } from "./worker-gone.ts";

/** Choices in all: workers may refuse because they are about to end. */
const MAX_ATTEMPTS = 4;
/** Workers that may die with it. */
const MAX_DEATHS = 2;

export async function* dispatch(
  chooser: WorkerChooser,
  query: RouteQuery,
  request: PreprocessedRequest,
): AsyncGenerator<TokenOutput> {
  const avoid: InstanceId[] = [];
  const failures: unknown[] = [];
  let hasBegun = false;
  for (;;) {
    try {
      const choice = await chooser.choose({ ...query, avoid });
      avoid.push(choice.instance);
      for await (const output of tokensOf(choice, request)) {
        hasBegun = true;
        yield output;
      }
      return;
    } catch (error) {
      failures.push(error);
      if (hasBegun || !mayRetry(failures)) throw error;
    }
  }
}

async function* tokensOf(
  choice: WorkerChoice,
  request: PreprocessedRequest,
): AsyncGenerator<TokenOutput> {
  let isFirst = true;
  try {
    for await (const output of choice.generate(request)) {
      if (isFirst) choice.firstToken();
      isFirst = false;
      yield output;
    }
  } finally {
    choice.release();
  }
}

function mayRetry(failures: readonly unknown[]): boolean {
  const numDeaths = failures.filter((error) => errorCode(error) === "actor_down").length;
  return isGone(failures.at(-1)) && failures.length < MAX_ATTEMPTS && numDeaths < MAX_DEATHS;
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
