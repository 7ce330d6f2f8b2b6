// The KV events of all workers as server-sent events, for those who watch the caches from outside.

import { eventStream } from "../door/event-stream.ts";
import type { Exchange } from "../door/exchange.ts";
import type { AppContext } from "../door/generate.ts";
import { RouterEvents } from "./kv-event-json.ts";

export async function kvEvents(context: AppContext, exchange: Exchange): Promise<Response> {
  const { backend, clock, stallMs } = context;
  const { request } = exchange;
  if (request.method === "HEAD") return exchange.events(async () => {});
  const events = new RouterEvents();
  const reports = backend.kvEvents()[Symbol.asyncIterator]();
  const leave = () => void reports.return?.();
  request.signal.addEventListener("abort", leave, { once: true });
  const listener = { isEndless: true, shutDown: leave } as const;
  context.open.add(listener);
  const end = () => context.open.delete(listener);
  let next: Awaited<ReturnType<typeof reports.next>>;
  try {
    next = await reports.next(); // A failure before it is still an HTTP status.
  } catch (error) {
    end();
    throw error;
  }
  return exchange.events(
    eventStream({
      async pump(sink) {
        try {
          for (; !next.done; next = await reports.next()) {
            const { instance, value } = next.value;
            const lines = events.of(instance, value).map((json) => `data: ${json}\n\n`);
            const behind = sink.write(lines.join(""));
            if (behind) await behind;
          }
        } finally {
          leave();
          end();
        }
      },
      clock,
      stallMs,
    }),
  );
}
