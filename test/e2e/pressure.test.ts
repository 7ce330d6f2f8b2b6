// Far more work than there are KV blocks, and clients that leave at any moment.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { hangLimit } from "../time-limits.ts";
import { hasTinyStories, type Server, startServer, tinyStories } from "./server.ts";

const MODEL = "tinystories-656k";
const NUM_REQUESTS = 200;
const BLOCK_SIZE = 16;
// The requests below need about 200 x 10 blocks at once.
const NUM_BLOCKS = 200;

describe.skipIf(!hasTinyStories)(
  "a KV pool a tenth of what is asked (needs ../shared/data)",
  () => {
    let server: Server;

    beforeAll(async () => {
      server = await startServer({
        args: [
          "graphs.agg:Frontend",
          ...["--model", tinyStories],
          `--VllmWorker.block-size=${BLOCK_SIZE}`,
          `--VllmWorker.num-gpu-blocks-override=${NUM_BLOCKS}`,
        ],
        env: { DYNAMO_VERIFY: "1" },
      });
    });
    afterAll(() => server?.stop());

    test(
      "200 mixed requests all finish, by preemption, with the text that each has alone",
      async () => {
        const requests = Array.from({ length: NUM_REQUESTS }, (_, index) => requestOf(index));
        const together = await Promise.all(requests.map((request) => complete(request)));
        expect(await server.metric("vllm:num_preemptions_total")).toBeGreaterThan(0);
        expect(await server.metric("dynamo_kv_blocks_used")).toBe(0);
        for (const [index, request] of requests.entries()) {
          expect(await complete(request)).toBe(together[index] ?? "");
        }
      },
      hangLimit(300_000),
    );

    async function complete(request: object): Promise<string | undefined> {
      return (await server.complete(request)).choices[0]?.text;
    }
  },
);

/** Prompts of 3 to 120 tokens, outputs of 10 to 120. */
function requestOf(index: number) {
  const words = ["Once", "the", "little", "dog", "saw", "a", "big", "red", "ball", "and", "ran"];
  const length = 3 + ((index * 37) % 90);
  const prompt = Array.from({ length }, (_, k) => words[(k * 7 + index) % words.length]).join(" ");
  return {
    model: MODEL,
    prompt,
    temperature: 0,
    max_tokens: 10 + ((index * 53) % 111),
    ignore_eos: true,
  };
}
