// Programs of others, as npm has them: installed into a folder of their own, and run there. They are no dependency of
// anything here.

import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const INSTALL_MS = 400_000;

/** Why they cannot be had, if they cannot. What `folder` has already is kept as it is. */
export async function install(
  folder: string,
  packages: readonly string[],
): Promise<string | undefined> {
  if (Bun.which("npm") === null) return "there is no npm";
  mkdirSync(folder, { recursive: true });
  const list = join(folder, "package.json");
  if (!existsSync(list)) writeFileSync(list, '{"private":true}\n');
  const missing = packages.filter((name) => !existsSync(join(folder, "node_modules", name)));
  if (missing.length === 0) return undefined;
  const npm = await ended(["npm", "install", "--no-audit", "--no-fund", ...missing], {
    ...{ cwd: folder, env: process.env, timeoutMs: INSTALL_MS },
  });
  return npm.status === 0 ? undefined : (/^npm error .*/m.exec(npm.stderr)?.[0] ?? "npm failed");
}

export interface Running {
  readonly cwd: string;
  /** All that it sees. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs: number;
}

/** Its status, and both streams. */
export async function ended(command: readonly string[], { cwd, env, timeoutMs }: Running) {
  const child = Bun.spawn([...command], {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
  });
  const [stdout, stderr] = await Promise.all([child.stdout.text(), child.stderr.text()]);
  return { status: await child.exited, stdout, stderr };
}
