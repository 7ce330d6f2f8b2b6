// The load of the HTTP benchmark, on a thread of its own: bare sockets that send one request each time
// and look at nothing but the end of the answer, so that the server is what limits.

import { parentPort } from "node:worker_threads";

export interface Load {
  readonly port: number;
  readonly request: string;
  readonly numConnections: number;
  /** Answers to wait for, over all connections. */
  readonly numAnswers: number;
  /** End of an answer. */
  readonly ending: string;
}

parentPort?.on("message", async (load: Load) => {
  const startedAt = performance.now();
  await drive(load);
  parentPort?.postMessage(performance.now() - startedAt);
});

async function drive(load: Load): Promise<void> {
  let left = load.numAnswers - load.numConnections;
  const ending = Buffer.from(load.ending);
  const connection = async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: load.port,
      socket: {
        data(socket, data) {
          if (!data.subarray(-ending.length).equals(ending)) return;
          if (left-- > 0) socket.write(load.request);
          else socket.end();
        },
        close: () => resolve(),
        error: (_, error) => reject(error),
      },
    });
    socket.write(load.request);
    await promise;
  };
  await Promise.all(Array.from({ length: load.numConnections }, connection));
}
