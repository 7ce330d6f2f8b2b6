// An engine through HTTP: streaming completions of token ids, from the same machine, for any server that speaks
// OpenAI's /v1/completions.

import { quantile } from "../median.ts";

const NUM_PROMPT = 128;
const NUM_OUTPUT = 48;
const READY_WITHIN_MS = 120_000;

export interface ServedServer {
  readonly url: string;
  readonly readyMs: number;
  stop(): Promise<void>;
}

export async function startServed(
  command: readonly string[],
  options: { readonly port: number; readonly cwd?: string },
): Promise<ServedServer> {
  const url = `http://127.0.0.1:${options.port}`;
  const begun = performance.now();
  const child = Bun.spawn([...command], {
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    stdio: ["ignore", "ignore", "ignore"],
  });
  const isReady = async () => (await fetch(`${url}/health`).catch(() => undefined))?.ok === true;
  while (!(await isReady())) {
    if (child.exitCode !== null || performance.now() - begun > READY_WITHIN_MS) {
      child.kill("SIGKILL");
      throw new Error(`not ready: ${command.join(" ")}`);
    }
    await Bun.sleep(2);
  }
  const readyMs = performance.now() - begun;
  return {
    url,
    readyMs,
    async stop() {
      child.kill("SIGINT");
      await child.exited;
    },
  };
}

export interface LoadResult {
  readonly outputRate: number; // tokens a second
  readonly ttftMs: readonly [p50: number, p99: number];
  readonly itlMs: readonly [p50: number, p99: number];
}

/** `numClients` clients, each asking again as soon as it is answered. */
export async function measureLoad(
  url: string,
  { numClients, rounds }: { numClients: number; rounds: number },
): Promise<LoadResult> {
  const model = await modelOf(url);
  const answers: Answer[] = [];
  const begun = performance.now();
  const client = async () => {
    for (let round = 0; round < rounds; round++) {
      answers.push(await complete(url, { model, prompt: randomPrompt(NUM_PROMPT) }));
    }
  };
  await Promise.all(Array.from({ length: numClients }, client));
  const seconds = (performance.now() - begun) / 1000;
  const ttft = answers.map(({ times }) => times[0] ?? Number.NaN);
  const itl = answers.flatMap(({ times }) =>
    times.slice(1).map((time, index) => time - (times[index] ?? Number.NaN)),
  );
  return {
    outputRate: answers.reduce((sum, { numTokens }) => sum + numTokens, 0) / seconds,
    ttftMs: [quantile(ttft, 0.5), quantile(ttft, 0.99)],
    itlMs: [quantile(itl, 0.5), quantile(itl, 0.99)],
  };
}

/** Milliseconds to the first token of prompts of 512 tokens, of which the first 496 are cached. */
export async function measureCachedTtft(url: string): Promise<readonly number[]> {
  const model = await modelOf(url);
  const shared = randomPrompt(496);
  const times: number[] = [];
  for (let round = -1; round < 5; round++) {
    const prompt = [...shared, ...randomPrompt(16)];
    const answer = await complete(url, { model, prompt, max_tokens: 2 });
    if (round >= 0) times.push(answer.times[0] ?? Number.NaN); // the first one fills the cache
  }
  return times;
}

interface Answer {
  /** When each piece of text came, in milliseconds from the request. */
  readonly times: readonly number[];
  /** Tokens that were computed: a piece may stand for several. */
  readonly numTokens: number;
}

async function complete(url: string, request: object): Promise<Answer> {
  const begun = performance.now();
  const response = await fetch(`${url}/v1/completions`, {
    method: "POST",
    keepalive: false, // A server may close an idle connection just as it is used again.
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      ...{ max_tokens: NUM_OUTPUT, temperature: 0, ignore_eos: true, stream: true },
      ...{ stream_options: { include_usage: true }, ...request },
    }),
  });
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`);
  const times: number[] = [];
  let numTokens = 0;
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of response.body ?? []) {
    const events = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = events.pop() ?? "";
    for (const event of events) {
      if (!event.startsWith("data: {")) continue;
      const { choices, usage } = JSON.parse(event.slice("data: ".length)) as StreamEvent;
      if ((choices?.[0]?.text ?? "") !== "") times.push(performance.now() - begun);
      numTokens = usage?.completion_tokens ?? numTokens;
    }
  }
  return { times, numTokens };
}

interface StreamEvent {
  readonly choices?: readonly { readonly text?: string }[];
  readonly usage?: { readonly completion_tokens: number } | null;
}

async function modelOf(url: string): Promise<string> {
  const list = (await (await fetch(`${url}/v1/models`)).json()) as {
    readonly data: readonly { readonly id: string }[];
  };
  return list.data[0]?.id ?? "";
}

function randomPrompt(length: number): number[] {
  return Array.from({ length }, () => 300 + Math.floor(Math.random() * 30_000));
}
