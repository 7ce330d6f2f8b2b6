// GET of a file's bytes. Bun's fetch drops what had come when a connection breaks (of a cut after 15 KB all 15), and a
// transfer that goes on behind it would fetch it twice; node:http gives every byte, but knows no proxy.

import { type IncomingMessage, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Throws where the connection breaks, behind the last byte that came. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends it without reading the rest. */
  drop(): void;
}

export interface HttpGetOptions {
  readonly headers: Headers;
  readonly signal: AbortSignal;
  /** All requests go through the proxies that the environment names. */
  readonly hasProxy: boolean;
}

export async function httpGet(url: URL, options: HttpGetOptions): Promise<HttpAnswer> {
  return options.hasProxy ? getByFetch(url, options) : getDirectly(url, options);
}

async function getByFetch(url: URL, { headers, signal }: HttpGetOptions): Promise<HttpAnswer> {
  const response = await fetch(url, { headers, signal, redirect: "manual" });
  const { status, body } = response;
  return {
    status,
    headers: response.headers,
    body: (async function* () {
      if (body) yield* body;
    })(),
    drop: () => void body?.cancel().catch(() => undefined), // it may have ended already
  };
}

async function getDirectly(url: URL, { headers, signal }: HttpGetOptions): Promise<HttpAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const send = url.protocol === "https:" ? requestHttps : requestHttp;
  const request = send(url, { headers: Object.fromEntries(headers), signal }, resolve);
  request.on("error", reject);
  request.end();
  const message = await promise;
  const answer = new Headers();
  for (const [name, value] of Object.entries(message.headers)) answer.set(name, String(value));
  return {
    status: message.statusCode ?? 0,
    headers: answer,
    body: bytesOf(message),
    drop: () => request.destroy(),
  };
}

/** Bytes that may wait for the disk. */
const MAX_WAITING = 4 * 2 ** 20;

async function* bytesOf(message: IncomingMessage): AsyncGenerator<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let waiting = 0;
  let ending: { readonly error: Error | undefined } | undefined;
  let wake = () => {};
  message.on("data", (chunk: Uint8Array) => {
    chunks.push(chunk);
    waiting += chunk.length;
    if (waiting > MAX_WAITING) message.pause();
    wake();
  });
  const end = (error: Error | undefined) => {
    ending ??= { error };
    wake();
  };
  message.on("end", () => end(undefined));
  message.on("error", end);
  message.on("close", () => end(undefined));
  try {
    for (;;) {
      const chunk = chunks.shift();
      if (chunk) {
        waiting -= chunk.length;
        if (message.isPaused() && waiting < MAX_WAITING) message.resume();
        yield chunk;
      } else if (ending?.error) throw ending.error;
      else if (ending) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    message.destroy();
  }
}
