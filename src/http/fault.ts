import { DynamoError } from "../base/error.ts";

export interface HttpFaultOptions {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that gets an error for its form, whatever it asks. The message is meant for the client. */
export class HttpFault extends DynamoError {
  override readonly code: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor({ status, code, message, headers = {} }: HttpFaultOptions) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** 400: bytes that are no HTTP/1.1 request, or one that two servers could read in two ways. */
export function malformed(message: string): HttpFault {
  return new HttpFault({ status: 400, code: "malformed_request", message });
}

export function timedOut(message: string): HttpFault {
  return new HttpFault({ status: 408, code: "request_timeout", message });
}

/** 503: the clients have taken all that there is of something, for a while. */
export function overloaded(message: string): HttpFault {
  return new HttpFault({
    status: 503,
    code: "overloaded",
    message: `${message} Try again in a moment.`,
    headers: { "retry-after": "1" },
  });
}

export function bodyTooLarge(maxBytes: number): HttpFault {
  return new HttpFault({
    status: 413,
    code: "request_too_large",
    message: `The body is larger than the ${maxBytes} bytes that this server takes.`,
  });
}
