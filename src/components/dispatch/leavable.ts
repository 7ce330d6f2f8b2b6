/**
 * A stream whose reader can leave it also while it waits for something other than a call, such as its turn. `return()`
 * resolves `left` at once; that of an async generator would come after the pending `next()`.
 */
export function leavable<T>(
  open: (left: Promise<void>) => AsyncIterator<T, unknown>,
): AsyncIterableIterator<T> {
  const { promise: left, resolve: leave } = Promise.withResolvers<void>();
  const items = open(left);
  const stream: AsyncIterableIterator<T> = {
    next: () => items.next(),
    async return() {
      leave();
      await items.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
