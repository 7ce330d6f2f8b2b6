// The shared half of commands about models of the hub: its settings, a client, and Ctrl-C.

import { readFileSync } from "node:fs";
import { homedir } from "node:os";

import { systemClock } from "../base/clock.ts";
import { CancelledError } from "../base/error.ts";
import { createLogger } from "../base/log.ts";
import { HubCache } from "../hub/cache.ts";
import { type HubSettings, hubSettings } from "../hub/environment.ts";
import { HubClient } from "../hub/hub-client.ts";
import { type HubName, parseHubName } from "../hub/model-name.ts";
import type { CliContext } from "./context.ts";
import { UsageError } from "./usage-error.ts";

export interface HubSession {
  readonly settings: HubSettings;
  readonly cache: HubCache;
  readonly client: HubClient;
  readonly signal: AbortSignal;
  readonly clock: typeof systemClock;
  readonly onRetry: (reason: string, waitMs: number) => void;
}

/** Runs `work`; an interrupt aborts it. */
export async function withHub<T>(
  context: CliContext,
  work: (session: HubSession) => Promise<T>,
): Promise<T> {
  const settings = hubSettings(context.environment, homedir());
  const interrupt = new AbortController();
  const stop = () =>
    interrupt.abort(new CancelledError("interrupted; what came is kept: pull again to go on"));
  const done = context.onInterrupt(stop);
  const { signal } = interrupt;
  const log = createLogger("dynamo", "info", context.err);
  const { endpoint, hasProxy } = settings;
  const token = settings.token ?? readToken(settings.tokenPath);
  try {
    return await work({
      ...{ settings, signal, clock: systemClock },
      cache: new HubCache(settings.cacheDirectory),
      client: new HubClient({ endpoint, token, signal, hasProxy }),
      onRetry: (reason, waitMs) =>
        log.warn("a transfer broke off", { reason, "again-in-ms": waitMs }),
    });
  } finally {
    done();
  }
}

/** Throws `UsageError`. */
export function hubNameOf(text: string | undefined, command: string): HubName {
  if (text === undefined) throw new UsageError(`which model? dynamo ${command} ORG/REPO`);
  const name = parseHubName(text);
  if (name) return name;
  throw new UsageError(
    `${JSON.stringify(text)} is no name of the hub; write ORG/REPO, ORG/REPO:Q4_K_M or ORG/REPO@REVISION`,
  );
}

export function bytesText(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** A file that is not there, or not ours to read, has no token. */
function readToken(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8").trim() || undefined;
  } catch {
    return undefined;
  }
}
