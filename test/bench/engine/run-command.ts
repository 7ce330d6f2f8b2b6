/** Runs a program to its end and returns what it printed; its messages are kept for the error. */
export async function runCommand(
  command: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<string> {
  const child = Bun.spawn([...command], { ...options, stdio: ["ignore", "pipe", "pipe"] });
  const [output, messages, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  if (status === 0) return output;
  throw new Error(`${command.join(" ")} ended with status ${status}:\n${messages.slice(-2000)}`);
}
