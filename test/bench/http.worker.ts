// The load of the HTTP benchmark, on a thread of its own: bare sockets that send one request each time
// and look at nothing but the first and last bytes of the answer, so that the server is what limits.

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

/** Every answer begins with it: a refusal would be measured, or waited on for ever. */
const BEGINNING = Buffer.from("HTTP/1.1 200");

async function drive(load: Load): Promise<void> {
  let left = load.numAnswers - load.numConnections;
  const ending = Buffer.from(load.ending);
  const connection = async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    let hasBegun = false;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port: load.port,
      socket: {
        data(socket, data) {
          if (!hasBegun && !data.subarray(0, BEGINNING.length).equals(BEGINNING)) {
            reject(new Error(`the answer to ${load.request} is ${data}`));
            return;
          }
          hasBegun = !data.subarray(-ending.length).equals(ending);
          if (hasBegun) return;
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
