import type { Clock } from "../base/clock.ts";

/** Framing tells an answer's body from what follows it. */
export type AnswerFraming =
  | { readonly type: "length"; readonly numBytes: number }
  | { readonly type: "chunked" }
  | { readonly type: "until-close" }
  | { readonly type: "none" };

export interface HeadOptions {
  readonly response: Response;
  readonly framing: AnswerFraming;
  /** The Connection header, if the client could think otherwise. */
  readonly connection: "close" | "keep-alive" | undefined;
  readonly date: string;
}

/** For people: programs read the number. Not Node's table, which costs 25 ms at start. */
const REASONS: Readonly<Record<number, string | undefined>> = {
  200: "OK",
  204: "No Content",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  413: "Content Too Large",
  415: "Unsupported Media Type",
  417: "Expectation Failed",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

export function responseHead({ response, framing, connection, date }: HeadOptions): string {
  const { status } = response;
  let head = `HTTP/1.1 ${status} ${REASONS[status] ?? ""}\r\n`;
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
