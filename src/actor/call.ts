/**
 * A call that was sent: a promise and an async iterable in one; the callee's reply decides which it is.
 * Leaving a loop over it (`return()`) and `cancel()` take effect at once, on both sides.
 */
export interface Call<T = unknown> extends Promise<T>, AsyncIterableIterator<T> {
  /** Ends the call with `CancelledError`, for its reader too. Does nothing once the call has ended. */
  cancel(): void;
  /** Resolves when it is known what the answer is. For a caller that hands the call on without reading it. */
  kind(): Promise<"value" | "stream">;
}
