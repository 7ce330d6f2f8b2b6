// llama.cpp's server as a peer in benchmarks: started from a folder that the user names, stopped at the end.

import { join } from "node:path";

import { freePort } from "../e2e/server.ts";

const READY_MS = 60_000;

export interface LlamaServer {
  readonly url: string;
  /** All events of a streamed answer. An error behind tokens that came is one of them. */
  stream(path: string, body: unknown): Promise<readonly unknown[]>;
  stop(): Promise<void>;
}

export async function startLlamaServer(
  directory: string,
  args: readonly string[],
): Promise<LlamaServer> {
  const port = await freePort();
  const command = [join(directory, "llama-server"), "--host", "127.0.0.1", "--port", String(port)];
  const child = Bun.spawn([...command, ...args], { stdio: ["ignore", "ignore", "ignore"] });
  const url = `http://127.0.0.1:${port}`;
  const deadline = performance.now() + READY_MS;
  while (!(await isReady(url))) {
    if (child.exitCode !== null) throw new Error(`llama-server ended with ${child.exitCode}`);
    if (performance.now() > deadline)
      throw new Error(`llama-server is not ready in ${READY_MS} ms`);
    await Bun.sleep(50);
  }
  return {
    url,
    async stream(path, body) {
      const response = await fetch(url + path, {
        method: "POST",
        // It drops a connection that is used again at once.
        headers: { "content-type": "application/json", connection: "close" },
        body: JSON.stringify(body),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(`llama-server: ${response.status} ${text}`);
      return [...text.matchAll(/^data: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json ?? ""));
    },
    async stop() {
      child.kill();
      await child.exited;
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/health`).catch(() => undefined);
  return response?.ok === true;
}
