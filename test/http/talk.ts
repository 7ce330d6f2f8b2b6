// A client on a bare socket that may close its half, and the answers in what it gets.

import { once } from "node:events";
import { connect, type Socket } from "node:net";

import { until } from "../api/raw-client.ts";

export interface RawAnswer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

export class Talk {
  readonly socket: Socket;
  /** All that has arrived, a character a byte. */
  text = "";
  isEnded = false;
  isClosed = false;
  error: string | undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("data", (bytes: Buffer) => {
      this.text += bytes.toString("latin1");
    });
    socket.on("end", () => {
      this.isEnded = true;
    });
    socket.on("close", () => {
      this.isClosed = true;
    });
    socket.on("error", (error) => {
      this.error = error.message;
    });
  }

  send(bytes: string | Buffer): this {
    this.socket.write(bytes);
    return this;
  }

  /** The whole answers so far, interim ones included. */
  get answers(): readonly RawAnswer[] {
    return answersIn(this.text, this.isEnded);
  }

  /** Waits for so many final answers. */
  async answered(count = 1): Promise<readonly RawAnswer[]> {
    const final = () => this.answers.filter(({ status }) => status >= 200);
    await until(() => final().length >= count || this.isEnded || this.isClosed, `${count} answers`);
    return final();
  }

  /** Waits until the server has ended its half. */
  async ended(): Promise<void> {
    await until(() => this.isEnded || this.isClosed, "the end of the connection");
  }

  /** Waits, without polling and for as long as it takes, until the server has ended its half. */
  settled(): Promise<void> {
    if (this.isEnded || this.isClosed) return Promise.resolve();
    const { promise, resolve } = Promise.withResolvers<void>();
    this.socket.once("end", resolve).once("close", () => resolve());
    return promise;
  }

  close(): void {
    this.socket.destroy();
  }
}

export async function talk(port: number, bytes: string | Buffer = ""): Promise<Talk> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  const client = new Talk(socket);
  await once(socket, "connect");
  if (bytes.length > 0) client.send(bytes);
  return client;
}

/** `isEnded`: an answer without a length is whole. */
export function answersIn(text: string, isEnded: boolean): readonly RawAnswer[] {
  const answers: RawAnswer[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf("\r\n\r\n");
    if (end < 0) return answers;
    const [first = "", ...lines] = rest.slice(0, end).split("\r\n");
    const headers = new Map(lines.map((line) => headerOf(line)));
    const status = Number(first.split(" ")[1]);
    const body = bodyAt(rest, { at: end + 4, status, headers, isEnded });
    if (!body) return answers;
    answers.push({ status, headers, body: body.text });
    rest = rest.slice(body.end);
  }
}

function headerOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

interface Place {
  readonly at: number;
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly isEnded: boolean;
}

function bodyAt(text: string, { at, status, headers, isEnded }: Place) {
  if (status < 200 || status === 204) return { text: "", end: at };
  if (headers.get("transfer-encoding") === "chunked") return chunksAt(text, at);
  const length = headers.get("content-length");
  if (length === undefined) return isEnded ? { text: text.slice(at), end: text.length } : undefined;
  const end = at + Number(length);
  return text.length < end ? undefined : { text: text.slice(at, end), end };
}

function chunksAt(text: string, start: number) {
  let body = "";
  for (let at = start; ; ) {
    const lineEnd = text.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    const end = lineEnd + 2 + size + 2;
    if (text.length < end) return undefined;
    if (size === 0) return { text: body, end };
    body += text.slice(lineEnd + 2, lineEnd + 2 + size);
    at = end;
  }
}

export function postBytes(path: string, body: string, headers = ""): string {
  const length = Buffer.byteLength(body);
  return `POST ${path} HTTP/1.1\r\nHost: test\r\n${headers}Content-Length: ${length}\r\n\r\n${body}`;
}

export function getBytes(path: string, headers = ""): string {
  return `GET ${path} HTTP/1.1\r\nHost: test\r\n${headers}\r\n`;
}
