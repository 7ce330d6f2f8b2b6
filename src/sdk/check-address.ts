import { type ListenProblem, listenProblem } from "../base/listen-problem.ts";

/**
 * Tells what keeps a server from listening at an address, without a server: for a service's static `check`. Port 0 is
 * always free. The answer tells the fault; nothing is thrown.
 */
export async function checkAddress(host: string, port: number): Promise<readonly ListenProblem[]> {
  if (host === "") return [listenProblem(host, port, undefined)]; // to listen there is to listen everywhere
  const { createServer } = await import("node:net"); // 1.5 MB, and only the main thread asks
  const { promise, resolve } = Promise.withResolvers<readonly ListenProblem[]>();
  const server = createServer();
  server.once("error", (error) => {
    const code = "code" in error ? String(error.code) : undefined;
    resolve([listenProblem(host, port, code)]);
  });
  server.listen({ host: host.replace(/^\[(.*)\]$/, "$1"), port, exclusive: true }, () => {
    server.close(() => resolve([]));
  });
  return promise;
}
