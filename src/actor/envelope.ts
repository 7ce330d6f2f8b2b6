// Envelopes are all that crosses a link: one closed union. A transport decides how it lies in bytes.

import type { WireError } from "../base/error.ts";

export type Envelope =
  /** Caller to callee: begin. The body is `[endpoint, args]`. */
  | {
      readonly type: "call";
      readonly call: number;
      readonly endpoint: string;
      readonly args: readonly unknown[];
    }
  /** Callee to caller: the answer is this value. */
  | { readonly type: "reply"; readonly call: number; readonly value: unknown }
  /** Callee to caller: the answer is a stream, this far ahead of its reader at most. */
  | { readonly type: "stream"; readonly call: number; readonly window: number }
  | { readonly type: "item"; readonly call: number; readonly value: unknown }
  | { readonly type: "end"; readonly call: number }
  /** Callee to caller: the answer, or the stream, is this failure. */
  | { readonly type: "error"; readonly call: number; readonly error: WireError }
  /** Caller to callee: the answer is not wanted any more. */
  | { readonly type: "cancel"; readonly call: number }
  /** Caller to callee: so many more items may come. */
  | { readonly type: "credit"; readonly call: number; readonly count: number };
