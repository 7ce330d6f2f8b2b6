// POSTs over connections of its own: `fetch` opens 256 at most, and would measure its own queue.

import { Agent, request as httpRequest } from "node:http";

const agent = new Agent({ keepAlive: true, maxSockets: Number.POSITIVE_INFINITY });

export interface Posted {
  readonly status: number;
  /** Milliseconds until the first byte of the body, and until its end. */
  readonly firstMs: number;
  readonly endMs: number;
  readonly retryAfterS: number | undefined;
}

/** Status 0: the connection failed. */
export function request(url: string, path: string, body: object, key: string): Promise<Posted> {
  const begun = performance.now();
  const { promise, resolve } = Promise.withResolvers<Posted>();
  const headers = { "content-type": "application/json", authorization: `Bearer ${key}` };
  const failed = () => {
    const ms = performance.now() - begun;
    resolve({ status: 0, firstMs: ms, endMs: ms, retryAfterS: undefined });
  };
  const sent = httpRequest(url + path, { method: "POST", agent, headers }, (answer) => {
    let firstMs: number | undefined;
    const after = answer.headers["retry-after"];
    answer.on("data", () => {
      firstMs ??= performance.now() - begun;
    });
    answer.on("end", () => {
      const endMs = performance.now() - begun;
      resolve({
        ...{ status: answer.statusCode ?? 0, firstMs: firstMs ?? endMs, endMs },
        retryAfterS: after === undefined ? undefined : Number(after),
      });
    });
    answer.on("error", failed);
  });
  sent.on("error", failed);
  sent.end(JSON.stringify(body));
  return promise;
}
