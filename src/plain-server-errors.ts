// Plain error answers for users' own servers (Bun.serve in a service).
//
// A handler that throws answers with a page of source lines and paths, unless NODE_ENV says "production". Bun reads
// that from the environment of the process only, when it starts (measured: 1.4.5; neither --define nor process.env nor
// a worker's env reaches it), so they get the option instead, which they may set themselves.

/** Addresses of the servers that this thread has opened since, without a slash at their end. */
export function withPlainServerErrors(): readonly string[] {
  const { serve } = Bun;
  const urls: string[] = [];
  const plain = (options: Parameters<typeof serve>[0]) => {
    const server = serve({ development: false, ...options });
    if (server.port !== undefined) urls.push(server.url.href.replace(/\/$/, ""));
    return server;
  };
  Bun.serve = plain as typeof serve; // the same type, but for its overloads
  return urls;
}
