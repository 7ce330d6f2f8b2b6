// The end of an actor, as its supervisor, callers and monitors name it.

import { RemoteError } from "../base/error.ts";
import type { ActorExit } from "./actor-host.ts";
import type { ActorEnding } from "./error.ts";
import type { ActorEnd } from "./peer.ts";

/** For its callers and monitors. */
export function actorEnd(exit: ActorExit): ActorEnd {
  return { reason: describeExit(exit), ended: ENDINGS[exit.type] };
}

const ENDINGS: Readonly<Record<ActorExit["type"], ActorEnding>> = {
  error: "failed",
  timeout: "hung",
  killed: "ordered",
  normal: "ordered",
};

export function exitError(exit: ActorExit): Error {
  return exit.type === "error" ? new RemoteError(exit.error) : new Error(describeExit(exit));
}

function describeExit(exit: ActorExit): string {
  switch (exit.type) {
    case "normal":
      return "it stopped";
    case "killed":
      return "it was killed";
    case "error":
      return `it failed: ${exit.error.message}`;
    case "timeout":
      return `it hung: it answered nothing for ${exit.afterMs} ms and was killed`;
  }
}
