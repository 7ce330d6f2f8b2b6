/** The stream that `open` gives, once it has it. One that was left before is never begun: `unused` runs in its place. */
export function deferredStream<T>(
  open: () => Promise<AsyncIterableIterator<T>>,
  unused: () => void = () => undefined,
): AsyncIterableIterator<T> {
  let opening: Promise<AsyncIterableIterator<T>> | undefined;
  let stream: AsyncIterableIterator<T> | undefined;
  let isLeft = false;
  const end = { done: true, value: undefined } as const;
  const deferred: AsyncIterableIterator<T> = {
    async next() {
      if (isLeft) return end;
      opening ??= open();
      stream ??= await opening;
      if (!isLeft) return stream.next();
      unused();
      return end;
    },
    async return() {
      isLeft = true;
      await stream?.return?.();
      return end;
    },
    [Symbol.asyncIterator]: () => deferred,
  };
  return deferred;
}
