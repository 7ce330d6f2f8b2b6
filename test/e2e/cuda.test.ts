// The CUDA device through the compiled executable, on the stand-in for the driver: its PTX runs emulated.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";

import { hangLimit } from "../time-limits.ts";
import {
  hasTinyStories,
  root,
  runDynamo,
  type Server,
  startServer,
  tinyStories,
} from "./server.ts";

/** Folder of the stand-in's libcuda.so.1: `cmake --build native/build --target cuda_standin`, where there is an nvcc. */
const standIn = join(root, "native/build/cuda/standin");
const hasStandIn = existsSync(join(standIn, "libcuda.so.1"));

/** The driver's environment, with faults as native/test/cuda/standin/injected.h names them. */
function driver(faults = ""): Record<string, string> {
  return { LD_LIBRARY_PATH: standIn, DYNAMO_STANDIN_CUDA: faults, CUDA_VISIBLE_DEVICES: "0" };
}

const PROMPTS = ["Hi", "How do I change the router?", "What is a lane?"];
const NUM_TOKENS = 12;

/** Log-probabilities of the two devices part by the rounding of activations to BF16: this much is a near tie. */
const NEAR_TIE = 0.05;

interface Logged {
  readonly text: string;
  readonly logprobs: {
    readonly tokens: readonly string[];
    readonly top_logprobs: readonly Readonly<Record<string, number>>[];
  };
}

async function greedy(server: Server, prompt: string, extra: object = {}): Promise<Logged> {
  const body = { model: "dynamo", prompt, max_tokens: NUM_TOKENS, temperature: 0, logprobs: 2 };
  const { choices } = await server.complete({ ...body, ...extra });
  return choices[0] as unknown as Logged;
}

/** Texts are the same up to a token whose two likeliest are nearly as likely. */
function expectSameButNearTies(found: Logged, expected: Logged): void {
  const first = expected.logprobs.tokens.findIndex(
    (token, i) => token !== found.logprobs.tokens[i],
  );
  if (first < 0) return;
  const [likeliest = 0, next = 0] = Object.values(
    expected.logprobs.top_logprobs[first] ?? {},
  ).toSorted((a, b) => b - a);
  expect(likeliest - next).toBeLessThan(NEAR_TIE);
}

describe.skipIf(!hasStandIn)("a GPU (needs nvcc, and the stand-in for its driver)", () => {
  let gpu: Server;
  let cpu: Server;
  const base = ["graphs.agg:Frontend", "--model", "built-in"];

  beforeAll(async () => {
    [gpu, cpu] = await Promise.all([
      startServer({ args: [...base, "--VllmWorker.device=cuda"], env: driver() }),
      startServer({ args: [...base, "--VllmWorker.device=cpu"] }),
    ]);
  }, hangLimit(120_000));
  afterAll(() => Promise.all([gpu, cpu].map((server) => server?.stop())));

  test("the log names it", () => {
    expect(gpu.stderr()).toMatch(/weights loaded.*gpu=/);
    expect(cpu.stderr()).not.toMatch(/gpu=|GPU/);
  });

  test(
    "greedy text is the CPU's, but for near ties",
    async () => {
      for (const prompt of PROMPTS) {
        expectSameButNearTies(await greedy(gpu, prompt), await greedy(cpu, prompt));
      }
    },
    hangLimit(120_000),
  );

  test(
    "a text is the same alone, in a batch, and on cached blocks",
    async () => {
      const prompt = `${"Tell me about workers, blocks and lanes. ".repeat(4)}What is a lane?`;
      const alone = await greedy(gpu, prompt);
      const [again, other] = await Promise.all([greedy(gpu, prompt), greedy(gpu, "Hi")]);
      expect(again).toEqual(alone);
      expect(other).toEqual(await greedy(gpu, "Hi"));
      const { usage } = await gpu.complete({ model: "dynamo", prompt, max_tokens: 1 });
      expect(usage.prompt_tokens_details.cached_tokens).toBeGreaterThan(0);
    },
    hangLimit(120_000),
  );

  test(
    "seeds, penalties and filters give the same text again",
    async () => {
      const body = {
        ...{ model: "dynamo", prompt: "What is a lane?", max_tokens: NUM_TOKENS },
        ...{ temperature: 0.9, top_p: 0.9, top_k: 40, min_p: 0.01, seed: 7 },
        ...{ frequency_penalty: 0.5, presence_penalty: 0.2, repetition_penalty: 1.1 },
      };
      const [first, second] = await Promise.all([gpu.complete(body), gpu.complete(body)]);
      expect(first.choices[0]?.text).toBe(second.choices[0]?.text as string);
    },
    hangLimit(120_000),
  );

  test(
    "prompts that prefill workers compute give the same text",
    async () => {
      const disagg = await startServer({
        args: [
          ...["graphs.disagg:Frontend", "-f", "configs/disagg.yaml", "--model", "built-in"],
          ...["--VllmWorker.device=cuda", "--VllmWorker.max-local-prefill-length=4"],
          "--VllmWorker.num-gpu-blocks-override=512",
        ],
        env: driver(),
      });
      try {
        const prompt = "What is a lane, and how do messages get from one thread to another?";
        expect(await greedy(disagg, prompt)).toEqual(await greedy(gpu, prompt));
      } finally {
        await disagg.stop();
      }
    },
    hangLimit(120_000),
  );

  test(
    "an answer that its caller leaves makes room for the next",
    async () => {
      const leaving = new AbortController();
      const body = { model: "dynamo", prompt: "Hi", max_tokens: 200, stream: true };
      const response = await gpu.post("/v1/completions", body, leaving.signal);
      await response.body?.getReader().read();
      leaving.abort();
      expect((await greedy(gpu, "Hi")).text).not.toBe("");
    },
    hangLimit(120_000),
  );
});

describe.skipIf(!hasStandIn)(
  "faults of a GPU (needs nvcc, and the stand-in for its driver)",
  () => {
    const serve = (device: string, ...args: string[]) => [
      ...["graphs.agg:Frontend", "--model", "built-in", `--VllmWorker.device=${device}`],
      ...args,
    ];

    test(
      "auto takes the CPU with one line where the driver is too old",
      async () => {
        const server = await startServer({ args: serve("auto"), env: driver("driver=11040") });
        try {
          expect(server.stderr()).toMatch(
            /the CPU computes, since the GPU cannot: .*11\.4, at least 12\.0/,
          );
          expect((await greedy(server, "Hi")).text).not.toBe("");
        } finally {
          await server.stop();
        }
      },
      hangLimit(60_000),
    );

    for (const [what, faults, args, message] of [
      ["an old driver", "driver=11040", ["cuda"], /brings CUDA 11\.4, at least 12\.0 is needed/],
      ["no GPU", "no-device", ["cuda"], /there is no NVIDIA GPU/],
      ["a GPU that is not there", "", ["cuda:3"], /there is no GPU 3: this process sees 1 GPU/],
      ["too little memory", "memory=1000000", ["cuda"], /of memory, and .* are free/],
      ["quantised weights", "", ["cuda", "--VllmWorker.quantization=q8"], /products of BF16 alone/],
      [
        "K and V of another type",
        "",
        ["cuda", "--VllmWorker.kv-cache-dtype=int8"],
        /set kv-cache-dtype to bfloat16/,
      ],
    ] as const) {
      test(
        `cuda is an error with its reason: ${what}`,
        async () => {
          const [device, ...rest] = args;
          const { code, stderr } = await runDynamo(
            ["serve", ...serve(device, ...rest), "--port", "0"],
            {
              env: driver(faults),
            },
          );
          expect(stderr).toMatch(message);
          expect(code).toBe(2);
        },
        hangLimit(60_000),
      );
    }

    test(
      "fewer GPUs than workers ask for are an error that counts both",
      async () => {
        const asked = [
          "--VllmWorker.ServiceArgs.workers=2",
          "--VllmWorker.ServiceArgs.resources.gpu=1",
        ];
        const { code, stderr } = await runDynamo(
          ["serve", ...serve("auto", ...asked), "--port", "0"],
          {
            env: driver(),
          },
        );
        expect(stderr).toMatch(
          /2 \(ServiceArgs\.resources\.gpu 1 x 2 workers\).* 1 GPUs? (is|are) visible/,
        );
        expect(code).toBe(2);
      },
      hangLimit(60_000),
    );

    test.skipIf(!hasTinyStories)(
      "a model of F32 runs on the CPU with one line",
      async () => {
        const args = ["graphs.agg:Frontend", "--model", tinyStories];
        const server = await startServer({ args, env: driver() });
        try {
          expect(server.stderr()).toMatch(
            /the CPU computes, since the GPU cannot: .*products of BF16 alone/,
          );
        } finally {
          await server.stop();
        }
      },
      hangLimit(60_000),
    );

    test(
      "a worker whose GPU is lost ends, and another answers",
      async () => {
        const server = await startServer({
          args: serve("cuda", "--VllmWorker.enforce-eager=true"), // a replayed launch is not counted
          env: driver("lose=400,recovers"),
        });
        try {
          for (let n = 0; n < 8; n++) {
            await server.post("/v1/completions", { model: "dynamo", prompt: "Hi", max_tokens: 8 });
          }
          expect(server.stderr()).toMatch(/failed: step: .*CUDA_ERROR/);
          expect((await greedy(server, "Hi")).text).not.toBe("");
        } finally {
          await server.stop();
        }
      },
      hangLimit(120_000),
    );
  },
);

test(
  "without a driver, cuda is an error that says so",
  async () => {
    const args = [
      "serve",
      "graphs.agg:Frontend",
      "--model",
      "built-in",
      "--VllmWorker.device=cuda",
    ];
    const { code, stderr } = await runDynamo([...args, "--port", "0"], {
      env: { LD_LIBRARY_PATH: "/nowhere" },
    });
    expect(stderr).toMatch(/there is no NVIDIA (driver|GPU)|built without CUDA/);
    expect(code).toBe(2);
  },
  hangLimit(60_000),
);
