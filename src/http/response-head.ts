import { STATUS_CODES } from "node:http";

import type { Clock } from "../base/clock.ts";

/** How an answer's body is told from what follows it. */
export type AnswerFraming =
  | { readonly type: "length"; readonly numBytes: number }
  | { readonly type: "chunked" }
  | { readonly type: "until-close" }
  | { readonly type: "none" };

export interface HeadOptions {
  readonly response: Response;
  readonly framing: AnswerFraming;
  /** What the client is told of the connection, if it could think otherwise. */
  readonly connection: "close" | "keep-alive" | undefined;
  readonly date: string;
}

export function responseHead({ response, framing, connection, date }: HeadOptions): string {
  const { status } = response;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n`;
  response.headers.forEach((value, name) => {
    head += `${name}: ${value}\r\n`;
  });
  head += `date: ${date}\r\n`;
  if (connection !== undefined) head += `connection: ${connection}\r\n`;
  if (framing.type === "length") head += `content-length: ${framing.numBytes}\r\n`;
  if (framing.type === "chunked") head += "transfer-encoding: chunked\r\n";
  return `${head}\r\n`;
}

/** The Date header, made once a second. */
export class DateHeader {
  readonly #clock: Clock;
  #second = -1;
  #text = "";

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get text(): string {
    const second = Math.floor(this.#clock.wallTime() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#text = new Date(second * 1000).toUTCString();
    }
    return this.#text;
  }
}
