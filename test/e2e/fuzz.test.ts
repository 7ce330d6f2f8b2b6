// Mutated requests on the executable: each is answered, none with a 5xx, and the server lives.
//
//   npm test -- fuzz      20,000 damaged chats, and as many damaged bodies over all routes (default: 1,500 each);
//                         FUZZ_REQUESTS and FUZZ_SEED say how many, and which

import { expect, test } from "bun:test";

import { problemOf as problemOfBody } from "../api/answer-problem.ts";
import { FAKE_MODEL } from "../api/fake-backend.ts";
import { BODIES, mutatedBody } from "../api/mutated-bodies.ts";
import { answersIn, talk } from "../http/talk.ts";
import { hangLimit } from "../time-limits.ts";
import { mutatedChat } from "./mutated-chat.ts";
import { startServer } from "./server.ts";

const NUM_REQUESTS = Number(process.env["FUZZ_REQUESTS"] ?? 1500);
const SEED = Number(process.env["FUZZ_SEED"] ?? 1);
const AT_ONCE = 16;

test(
  `${NUM_REQUESTS} mutated chat requests: each is answered, none with a 5xx`,
  async () => {
    const server = await startServer({
      args: [
        ...["graphs.agg:Frontend", "-f", "configs/mock.yaml"],
        ...["--Common.max-model-len=512", "--VllmWorker.speedup-ratio=1000"],
      ],
      env: { DYNAMO_VERIFY: "1" },
    });
    try {
      const statuses = new Map<number, number>();
      const wrong: string[] = [];
      let number = 0;
      const client = async () => {
        while (number < NUM_REQUESTS && wrong.length < 10) {
          const mine = number++;
          const { answers, problem } = await send(Number(new URL(server.url).port), mine);
          for (const status of answers) statuses.set(status, (statuses.get(status) ?? 0) + 1);
          if (problem) wrong.push(`request ${mine} of seed ${SEED}: ${problem}`);
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      console.log(
        `  ${JSON.stringify(Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)))}`,
      );
      expect(wrong).toEqual([]);
      expect(statuses.get(200)).toBeGreaterThan(NUM_REQUESTS / 10); // not all of them are refused at the door
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      expect(server.stderr()).not.toMatch(/ (error|warn) /i);
    } finally {
      await server.stop();
    }
  },
  hangLimit(60_000 + 60 * NUM_REQUESTS),
);

test(
  `${NUM_REQUESTS} mutated bodies over all routes: 2xx, or 4xx that names the field`,
  async () => {
    const server = await startServer({
      args: [
        ...["graphs.agg:Frontend", "-f", "configs/scripted.yaml"],
        `--Frontend.served_model_name=${FAKE_MODEL}`,
      ],
      env: { DYNAMO_VERIFY: "1" },
    });
    const routes = Object.keys(BODIES);
    const statuses = new Map<string, number>();
    const wrong: string[] = [];
    let number = 0;
    const client = async () => {
      while (number < NUM_REQUESTS && wrong.length < 10) {
        const mine = number++;
        const route = routes[mine % routes.length] ?? "";
        const body = mutatedBody(route, SEED, mine);
        const response = await fetch(server.url + route, { method: "POST", body });
        const text = await response.text();
        const which = `${route} ${response.status}`;
        statuses.set(which, (statuses.get(which) ?? 0) + 1);
        const problem = problemOfBody(response.status, text);
        if (problem) wrong.push(`${route} ${mine} of seed ${SEED}: ${problem}\n${body}`);
      }
    };
    try {
      await Promise.all(Array.from({ length: AT_ONCE }, client));
      expect(wrong).toEqual([]);
      for (const route of routes) expect(statuses.get(`${route} 200`)).toBeGreaterThan(0);
      expect((await fetch(`${server.url}/health`)).status).toBe(200);
      expect(server.stderr()).not.toMatch(/ (error|warn) /i);
    } finally {
      await server.stop();
    }
  },
  hangLimit(60_000 + 60 * NUM_REQUESTS),
);

/** Sends a request and closes its half, so that one that promised more than it has is not waited for. */
async function send(port: number, number: number) {
  const client = await talk(port, mutatedChat(SEED, number));
  client.socket.end();
  await client.settled();
  const answers = answersIn(client.text, true).filter(({ status }) => status >= 200);
  const found = answers.map((answer) => problemOf(answer)).find((problem) => problem !== undefined);
  const problem = answers.length === 0 ? `no answer, but ${JSON.stringify(client.text)}` : found;
  client.close();
  return { answers: answers.map(({ status }) => status), problem };
}

function problemOf({ status, headers, body }: ReturnType<typeof answersIn>[number]) {
  const shown = `${status} ${body.slice(0, 500)}`;
  if (status >= 500 || body.includes('"server_error"')) return shown;
  if (!headers.has("x-request-id")) return `no request id: ${shown}`;
  if (status < 400 || body === "") return undefined;
  const { error, request_id } = JSON.parse(body);
  return error?.message && error.code && request_id
    ? undefined
    : `no error of OpenAI's shape: ${shown}`;
}
