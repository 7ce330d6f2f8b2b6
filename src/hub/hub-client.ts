// A hub's API: the files of a repository, and their bytes from any place on. @huggingface/hub reads the lists; every
// request of it and of ours goes through one `fetch`, which gives the token to the hub's own host and to no other.

import { type HttpAnswer, httpGet } from "./http-get.ts";
import { HubError, refusalError, TransferError } from "./hub-error.ts";
import { type ModelFacts, modelFacts } from "./model-facts.ts";
import type { HubName } from "./model-name.ts";
import type { RepoFile } from "./selection.ts";

export interface HubClientOptions {
  readonly endpoint: string;
  readonly token: string | undefined;
  readonly signal: AbortSignal;
  /** Requests go through the proxies that the environment names. */
  readonly hasProxy: boolean;
}

const MAX_REDIRECTS = 5;
/** A server that sends nothing for so long is given up; the transfer goes on with another request. */
export const SILENCE_MS = 30_000;
const MAX_FILES = 20_000;

export class HubClient {
  readonly #options: HubClientOptions;

  constructor(options: HubClientOptions) {
    this.#options = options;
  }

  /** The commit that a revision stands for now. Throws `HubError`, and `TransferError` where it may help to ask again. */
  async commitOf({ repo, revision }: HubName): Promise<string> {
    const { modelInfo } = await import("@huggingface/hub");
    const info = await this.#asked({ repo, revision }, (fetch) =>
      modelInfo({
        ...{ name: repo, revision, hubUrl: this.#options.endpoint, fetch },
        additionalFields: ["sha"],
      }),
    );
    if (typeof info.sha === "string" && /^[0-9a-f]{40}$/.test(info.sha)) return info.sha;
    throw new HubError(`${this.#options.endpoint} does not tell the commit of ${repo}`);
  }

  /** Facts of a model beside its files. */
  async facts({ repo, revision }: HubName): Promise<ModelFacts> {
    const url = `${this.#options.endpoint}/api/models/${repo}/revision/${encodeURIComponent(revision)}`;
    // The library knows no field `gguf`.
    const told = await this.#asked({ repo, revision }, async (fetch) => (await fetch(url)).json());
    return modelFacts(told);
  }

  async files(repo: string, commit: string): Promise<readonly RepoFile[]> {
    const { listFiles } = await import("@huggingface/hub");
    return this.#asked({ repo, revision: commit }, async (fetch) => {
      const files: RepoFile[] = [];
      const hubUrl = this.#options.endpoint;
      for await (const entry of listFiles({
        repo,
        revision: commit,
        recursive: true,
        hubUrl,
        fetch,
      })) {
        if (entry.type !== "file") continue;
        const digest = entry.lfs?.oid ?? entry.oid ?? "";
        if (!/^([0-9a-f]{40}|[0-9a-f]{64})$/.test(digest)) continue;
        files.push({ path: entry.path, size: entry.lfs?.size ?? entry.size, digest });
        if (files.length > MAX_FILES)
          throw new HubError(`${repo} has more than ${MAX_FILES} files`);
      }
      return files;
    });
  }

  /**
   * The bytes of a file from `offset` on. `isWhole`: the server has sent all of it instead.
   * Throws `HubError`, and `TransferError` where it may help to ask again.
   */
  async open(
    {
      repo,
      commit,
      path,
    }: { readonly repo: string; readonly commit: string; readonly path: string },
    offset: number,
  ): Promise<HttpAnswer & { readonly isWhole: boolean }> {
    const name = path.split("/").map(encodeURIComponent).join("/");
    const url = `${this.#options.endpoint}/${repo}/resolve/${commit}/${name}`;
    const answer = await this.#get(new URL(url), offset);
    const { status, headers } = answer;
    if (status === 206) {
      const from = /^bytes (\d+)-/.exec(headers.get("content-range") ?? "")?.[1];
      if (Number(from) === offset) return { ...answer, isWhole: false };
      answer.drop();
      throw new TransferError(`the server sent bytes from ${from}, not from ${offset}`);
    }
    if (status === 200) return { ...answer, isWhole: true };
    answer.drop();
    throw this.#refusal(answer, { repo, revision: commit });
  }

  async #asked<T>(
    of: { readonly repo: string; readonly revision: string },
    ask: (fetch: typeof globalThis.fetch) => Promise<T>,
  ): Promise<T> {
    let refused: Response | undefined;
    const watched = async (input: Parameters<typeof fetch>[0], init?: RequestInit) => {
      const response = await this.#fetch(
        String(input instanceof Request ? input.url : input),
        init,
      );
      if (!response.ok) refused = response;
      return response;
    };
    try {
      return await ask(watched as typeof globalThis.fetch);
    } catch (error) {
      if (refused) throw this.#refusal(refused, of);
      if (error instanceof SyntaxError) {
        throw new HubError(`${this.#options.endpoint} is no hub: its answer is not JSON`);
      }
      throw error;
    }
  }

  #refusal(
    answer: Pick<HttpAnswer, "status" | "headers">,
    of: { readonly repo: string; readonly revision: string },
  ): Error {
    const { endpoint, token } = this.#options;
    const { status, headers } = answer;
    if (status === 429 || status >= 500) {
      return new TransferError(`the server answered ${status}`, retryAfterMs(headers));
    }
    const code = headers.get("x-error-code") ?? undefined;
    return refusalError({ ...of, status, code, endpoint, hasToken: token !== undefined });
  }

  /** For the lists. */
  async #fetch(url: string, init: RequestInit = {}): Promise<Response> {
    return this.#followed(new URL(url), async (target, headers) => {
      const { signal } = this.#options;
      const accept = new Headers(init.headers).get("accept");
      if (accept !== null) headers.set("accept", accept);
      const response = await fetch(target, { headers, redirect: "manual", signal });
      return Object.assign(response, { drop: () => void response.body?.cancel() });
    });
  }

  #get(url: URL, offset: number): Promise<HttpAnswer> {
    const { signal, hasProxy } = this.#options;
    return this.#followed(url, (target, headers) => {
      headers.set("accept-encoding", "identity");
      if (offset > 0) headers.set("range", `bytes=${offset}-`);
      return httpGet(target, { headers, signal, hasProxy });
    });
  }

  /** Follows redirects itself: the token goes to the endpoint's host alone. Throws `TransferError`. */
  async #followed<T extends Pick<HttpAnswer, "status" | "headers" | "drop">>(
    url: URL,
    send: (target: URL, headers: Headers) => Promise<T>,
  ): Promise<T> {
    const { endpoint, token } = this.#options;
    const hub = new URL(endpoint);
    let target = url;
    for (let hop = 0; hop <= MAX_REDIRECTS; hop++) {
      const headers = new Headers({ "user-agent": "dynamo" });
      if (target.origin === hub.origin && token !== undefined) {
        headers.set("authorization", `Bearer ${token}`);
      }
      const answer = await this.#reached(target, () => send(target, headers));
      const location = answer.headers.get("location");
      if (answer.status < 300 || answer.status >= 400 || location === null) return answer;
      answer.drop();
      target = new URL(location, target);
      if (target.protocol === "https:" || target.protocol === hub.protocol) continue;
      throw new HubError(`${endpoint} sends its clients to ${target.protocol}, which is not safe`);
    }
    throw new HubError(`${endpoint} sends its clients on and on`);
  }

  async #reached<T>(target: URL, send: () => Promise<T>): Promise<T> {
    try {
      return await send();
    } catch (error) {
      this.#options.signal.throwIfAborted();
      const reason = error instanceof Error ? error.message : String(error);
      throw new TransferError(`${target.host} cannot be reached: ${reason}`);
    }
  }
}

/** Seconds, or a date. */
function retryAfterMs(headers: Headers): number | undefined {
  const text = headers.get("retry-after");
  if (text === null) return undefined;
  const seconds = Number(text);
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1000 : undefined;
}
