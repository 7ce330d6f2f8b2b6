// Runs in a thread of its own: parses large bodies, one after the other.

import { toWireError, type WireError } from "../base/error.ts";
import { ApiError, type ApiErrorOptions } from "./api-error.ts";
import { parsedBody } from "./json-body.ts";
import type { RawText } from "./raw-json.ts";

/** `refused`: the client is at fault. */
export type JsonAnswer =
  | { readonly type: "parsed"; readonly value: unknown; readonly raw: readonly RawText[] }
  | { readonly type: "refused"; readonly error: ApiErrorOptions }
  | { readonly type: "failed"; readonly error: WireError };

/** Never throws. */
export function answerJson({ buffer, byteOffset, byteLength }: Uint8Array): JsonAnswer {
  try {
    return { type: "parsed", ...parsedBody(Buffer.from(buffer, byteOffset, byteLength)) };
  } catch (error) {
    if (!(error instanceof ApiError)) return { type: "failed", error: toWireError(error) };
    const { status, code, message } = error;
    return { type: "refused", error: { status, code, message } };
  }
}
