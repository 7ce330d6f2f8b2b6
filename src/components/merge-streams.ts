/**
 * The items of several streams, each as it comes. Ends when all have ended; a failure of one is the failure of
 * all; leaving the loop leaves every stream. Costs O(streams) an item.
 */
export async function* mergeStreams<T>(
  streams: readonly AsyncIterableIterator<T>[],
): AsyncGenerator<T> {
  const pending = new Map(streams.map((stream, index) => [index, nextOf(stream, index)]));
  try {
    while (pending.size > 0) {
      const { index, result } = await Promise.race(pending.values());
      const stream = streams[index];
      if (result.done || !stream) pending.delete(index);
      else {
        pending.set(index, nextOf(stream, index));
        yield result.value;
      }
    }
  } finally {
    await Promise.allSettled([...pending.keys()].map((index) => streams[index]?.return?.()));
    await Promise.allSettled(pending.values());
  }
}

async function nextOf<T>(stream: AsyncIterableIterator<T>, index: number) {
  return { index, result: await stream.next() };
}
