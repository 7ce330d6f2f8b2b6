/**
 * An expected failure. `code` is stable, in snake case, and travels between threads and to clients;
 * the message says what happened, where, and what to do about it.
 */
export class DynamoError extends Error {
  readonly code: string = "internal";
  /** Concerns of the error (a field, a key, counts), as plain values. */
  readonly details: ErrorDetails;

  constructor(message: string, details: ErrorDetails = {}) {
    super(message);
    this.details = details;
  }

  /** The class's name without the number that a bundler may append. */
  override get name(): string {
    return this.constructor.name.replace(/\d+$/, "");
  }
}

export type ErrorDetails = Readonly<Record<string, string | number | boolean | null>>;

/** An error as it crosses a thread: its class is lost, its code, message and stack are not. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly details: ErrorDetails;
}

/** A failure that happened on another thread, with the code and stack it had there. */
export class RemoteError extends DynamoError {
  override readonly code: string;

  constructor(wire: WireError) {
    super(wire.message, wire.details);
    this.code = wire.code;
    if (wire.stack !== undefined) this.stack = wire.stack;
  }
}

export function toWireError(error: unknown): WireError {
  if (error instanceof DynamoError) {
    return {
      code: error.code,
      message: error.message,
      stack: error.stack,
      details: error.details,
    };
  }
  if (error instanceof Error) {
    return { code: "internal", message: error.message, stack: error.stack, details: {} };
  }
  return { code: "internal", message: String(error), stack: undefined, details: {} };
}

/** The code of any thrown value; `internal` for what is no `DynamoError`. */
export function errorCode(error: unknown): string {
  return error instanceof DynamoError ? error.code : "internal";
}

/** Error that a caller gets for work that was cancelled: by its client, its caller, or a shutdown. */
export class CancelledError extends DynamoError {
  override readonly code = "cancelled";
}
