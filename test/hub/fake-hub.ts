// A hub on the loopback: repositories in memory, and the faults that a test asks for.

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeRepo {
  readonly files: Readonly<Record<string, Buffer>>;
  /** Requests for it are refused so. */
  readonly refusal?: { readonly status: number; readonly code?: string };
}

export interface Faults {
  /** Bytes after which an answer with contents is cut; undefined: it is whole. */
  cutAfter?: (() => number | undefined) | undefined;
  /** Bytes after which a content is sent no further, and `onStall` called. */
  stallAfter?: number | undefined;
  onStall?: () => void;
  /** Answers 429 so many times, and asks to wait for so many seconds. */
  tooMany?: { times: number; retryAfter: string } | undefined;
  /** Flips a bit of each content that is sent. */
  flip?: boolean;
  /** Contents are sent by another host, which must get no token. */
  redirect?: boolean;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const LARGE = 1000;

export class FakeHub implements AsyncDisposable {
  readonly repos = new Map<string, FakeRepo>();
  readonly faults: Faults = {};
  /** Bytes of contents that were sent. */
  numBytes = 0;
  /** Tokens that the other host was given. */
  readonly leaked: string[] = [];
  /** `authorization` of each request to the hub itself. */
  readonly tokens: (string | undefined)[] = [];
  readonly #hub = createServer((request, response) => this.#answer(request, response));
  readonly #store = createServer((request, response) => {
    if (request.headers.authorization) this.leaked.push(request.headers.authorization);
    const [, repo = "", path = ""] =
      /^\/store\/([^/]+\/[^/]+)\/(.*)$/.exec(request.url ?? "") ?? [];
    this.#send(this.repos.get(repo)?.files[decodeURIComponent(path)], request, response);
  });

  static async open(): Promise<FakeHub> {
    const hub = new FakeHub();
    await Promise.all(
      [hub.#hub, hub.#store].map(
        (server) => new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve)),
      ),
    );
    return hub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#hub.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#hub, this.#store]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.tokens.push(request.headers.authorization);
    const url = request.url ?? "";
    const [, ask, repoName = "", rest = ""] =
      /^\/(api\/models\/|)([^/]+\/[^/]+)\/(.*)$/.exec(url) ?? [];
    const repo = this.repos.get(repoName);
    if (this.#isTooMany(response)) return;
    if (!repo || repo.refusal) {
      const { status, code } = repo?.refusal ?? { status: 401, code: "RepoNotFound" };
      response.writeHead(status, code === undefined ? {} : { "x-error-code": code }).end("{}");
    } else if (ask === "") this.#resolve(repo, repoName, rest, { request, response });
    else if (rest.startsWith("tree/")) this.#tree(repo, url, response);
    else {
      response.setHeader("content-type", "application/json");
      const config = JSON.parse(repo.files["config.json"]?.toString() ?? "{}");
      response.end(JSON.stringify({ id: repoName, sha: COMMIT, config }));
    }
  }

  #isTooMany(response: ServerResponse): boolean {
    const { tooMany } = this.faults;
    if (!tooMany || tooMany.times === 0) return false;
    tooMany.times -= 1;
    response.writeHead(429, { "retry-after": tooMany.retryAfter }).end();
    return true;
  }

  #resolve(
    repo: FakeRepo,
    repoName: string,
    rest: string,
    { request, response }: { request: IncomingMessage; response: ServerResponse },
  ): void {
    const path = decodeURIComponent(/^resolve\/[0-9a-f]{40}\/(.*)$/.exec(rest)?.[1] ?? "");
    if (!this.faults.redirect) {
      this.#send(repo.files[path], request, response);
      return;
    }
    const { port } = this.#store.address() as AddressInfo;
    const location = `http://127.0.0.1:${port}/store/${repoName}/${encodeURIComponent(path)}`;
    response.writeHead(302, { location }).end();
  }

  /** Two files a page, as the hub cuts long lists. */
  #tree({ files }: FakeRepo, url: string, response: ServerResponse): void {
    const entries = Object.entries(files).map(([path, content]) => entryOf(path, content));
    const page = Number(/[?&]page=(\d+)/.exec(url)?.[1] ?? 0);
    const next = 2 * (page + 1);
    if (next < entries.length) {
      const bare = url.replace(/&page=\d+/, "");
      response.setHeader("link", `<${this.url}${bare}&page=${page + 1}>; rel="next"`);
    }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(entries.slice(2 * page, next)));
  }

  #send(content: Buffer | undefined, request: IncomingMessage, response: ServerResponse): void {
    if (!content) {
      response.writeHead(404, { "x-error-code": "EntryNotFound" }).end();
      return;
    }
    const from = Number(/^bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const body = Buffer.from(content.subarray(from));
    if (this.faults.flip && body.length > 0) body[body.length - 1] = (body.at(-1) ?? 0) ^ 1;
    const length = { "content-length": String(body.length) };
    const range = { "content-range": `bytes ${from}-${content.length - 1}/${content.length}` };
    response.writeHead(from > 0 ? 206 : 200, from > 0 ? { ...length, ...range } : length);
    const { stallAfter } = this.faults;
    const cut = stallAfter ?? this.faults.cutAfter?.();
    const sent = cut === undefined ? body : body.subarray(0, cut);
    this.numBytes += sent.length;
    if (sent.length === body.length) response.end(sent);
    else if (stallAfter !== undefined) response.write(sent, () => this.faults.onStall?.());
    else response.write(sent, () => response.socket?.end());
  }
}

function entryOf(path: string, content: Buffer) {
  const size = content.length;
  const git = createHash("sha1").update(`blob ${size}\0`).update(content).digest("hex");
  const entry = { type: "file", path, size, oid: git };
  if (size < LARGE) return entry;
  const oid = createHash("sha256").update(content).digest("hex");
  return { ...entry, lfs: { oid, size, pointerSize: 130 } };
}
