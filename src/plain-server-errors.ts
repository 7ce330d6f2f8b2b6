// A handler of Bun.serve that throws answers with a page of source lines and paths, unless NODE_ENV says "production".
// Bun reads that from the environment of the process only, when it starts (measured: 1.4.5; neither --define nor
// process.env nor a worker's env reaches it), so users' servers get the option instead, which they may set themselves.

export function withPlainServerErrors(): void {
  const { serve } = Bun;
  const plain = (options: Parameters<typeof serve>[0]) => serve({ development: false, ...options });
  Bun.serve = plain as typeof serve; // the same type, but for its overloads
}
