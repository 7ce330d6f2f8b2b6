// HTTPS by the executable itself: the official client, and certificates that are replaced while requests run.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import OpenAI from "openai";

import { hangLimit } from "../time-limits.ts";
import { executable, freePort, root, runDynamo } from "./server.ts";

const fixtures = join(root, "test", "http", "certificates");
const scratch = mkdtempSync(join(tmpdir(), "dynamo-tls-"));
const files = { cert: join(scratch, "cert.pem"), key: join(scratch, "key.pem") };
const authorities = ["a", "b"].map((name) => readFileSync(join(fixtures, `${name}.crt`), "utf8"));
afterAll(() => rmSync(scratch, { recursive: true }));

/** Puts a pair in the place of the one that is there, one file after the other. */
function put(name: "a" | "b"): void {
  for (const [from, to] of [
    [`${name}.crt`, files.cert],
    [`${name}.key`, files.key],
  ] as const) {
    cpSync(join(fixtures, from), `${to}.new`);
    renameSync(`${to}.new`, to);
  }
}

describe("the executable over TLS", () => {
  let port: number;
  let child: Bun.Subprocess<"ignore", "ignore", "pipe">;
  let stderr = "";

  beforeAll(async () => {
    put("a");
    port = await freePort();
    const args = ["--tls-cert", files.cert, "--tls-key", files.key, "--port", String(port)];
    const short = ["--Common.max-model-len=64"];
    child = Bun.spawn(
      [executable, "serve", "-f", "configs/mock.yaml", ...args, ...short, "--drain-timeout", "1"],
      {
        ...{ cwd: root, stdio: ["ignore", "ignore", "pipe"] },
      },
    );
    void (async () => {
      for await (const bytes of child.stderr) stderr += Buffer.from(bytes).toString();
    })();
    while (!stderr.includes("ready: ")) await Bun.sleep(20);
  }, hangLimit(30_000));
  afterAll(async () => {
    child.kill("SIGTERM");
    await child.exited;
  });

  test("says https in its ready line, with a command that works", async () => {
    expect(stderr).toContain(
      `ready: https://127.0.0.1:${port}  try: curl -k https://127.0.0.1:${port}/v1/chat/completions`,
    );
    const command = /try: (curl .*)/.exec(stderr)?.[1] ?? "";
    const { stdout } = Bun.spawnSync(["sh", "-c", `${command} -s`]);
    expect(stdout.toString()).toContain("chat.completion");
  });

  test("serves OpenAI's client, and no one who does not know its authority", async () => {
    const tls = { ca: authorities };
    const options = { baseURL: `https://localhost:${port}/v1`, apiKey: "none", maxRetries: 0 };
    const client = new OpenAI({ ...options, fetchOptions: { tls } as object });
    const chat = {
      model: "mock",
      messages: [{ role: "user" as const, content: "hi" }],
      max_tokens: 5,
    };
    const whole = await client.chat.completions.create(chat);
    expect(whole.usage?.completion_tokens).toBe(5);
    let numEvents = 0;
    for await (const _ of await client.chat.completions.create({ ...chat, stream: true }))
      numEvents++;
    expect(numEvents).toBeGreaterThan(1);
    const stranger = new OpenAI(options);
    const refusal = await stranger.models.list().then(String, (error: unknown) => String(error));
    expect(refusal).toContain("Connection error");
  });

  test(
    "takes certificates that are replaced under load, and no request fails",
    async () => {
      const seen = new Set<string>();
      let isOver = false;
      let numDone = 0;
      const client = async () => {
        while (!isOver) {
          const { status, name } = await completion(port);
          expect(status).toBe(200);
          seen.add(name);
          numDone++;
        }
      };
      const clients = Promise.all(Array.from({ length: 8 }, client));
      for (const name of ["b", "a", "b"] as const) {
        seen.clear();
        put(name);
        while (!seen.has(`dynamo test ${name}`)) await Promise.race([clients, Bun.sleep(20)]);
      }
      isOver = true;
      await clients;
      console.log(`  ${numDone} requests on connections of their own, 3 replacements, 0 failed`);
      expect(stderr.match(/certificate read again/g)?.length).toBeGreaterThanOrEqual(3);
    },
    hangLimit(30_000),
  );
});

/** One request on a connection of its own, and the name of the server's certificate. */
function completion(port: number): Promise<{ readonly status: number; readonly name: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; name: string }>();
  const agent = new Agent({ keepAlive: false, ca: authorities });
  const sent = request(
    { host: "localhost", port, path: "/v1/completions", method: "POST", agent },
    (answer) => {
      const { socket } = answer as unknown as { readonly socket: import("node:tls").TLSSocket };
      const name = String(socket.getPeerCertificate().subject.CN);
      answer.resume();
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, name }));
      answer.on("error", reject);
    },
  );
  sent.on("error", reject);
  sent.end(JSON.stringify({ model: "mock", prompt: "hi", max_tokens: 2 }));
  return promise;
}

test(
  "files that cannot be used are told before anything starts",
  async () => {
    const serve = ["serve", "-f", "configs/mock.yaml", "--port", "0"];
    const of = (name: string) => join(fixtures, name);
    for (const [args, message] of [
      [["--tls-cert", of("a.crt")], "a certificate needs its key; give --tls-key FILE too"],
      [["--tls-key", of("a.key")], "a key needs its certificate; give --tls-cert FILE too"],
      [["--tls-cert", of("a.crt"), "--tls-key", of("b.key")], "is not that of the certificate in"],
      [
        ["--tls-cert", "/nowhere.crt", "--tls-key", of("a.key")],
        "cannot read the certificate in /nowhere.crt",
      ],
      [["--tls-cert", of("a.key"), "--tls-key", of("a.crt")], "are the two files swapped?"],
    ] as const) {
      const { code, stderr } = await runDynamo([...serve, ...args]);
      expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
      expect(stderr).not.toContain("listening");
    }
  },
  hangLimit(30_000),
);
