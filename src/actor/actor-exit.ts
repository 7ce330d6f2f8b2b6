// The end of an actor, as its supervisor, callers and monitors name it.

import { RemoteError } from "../base/error.ts";
import type { ActorExit } from "./actor-host.ts";
import type { ActorEnd } from "./peer.ts";

/** For its callers and monitors. */
export function actorEnd(exit: ActorExit): ActorEnd {
  const ended = exit.type === "failed" || exit.type === "hung" ? exit.type : "ordered";
  return { reason: describeExit(exit), ended };
}

export function exitError(exit: ActorExit): Error {
  return exit.type === "failed" ? new RemoteError(exit.error) : new Error(describeExit(exit));
}

function describeExit(exit: ActorExit): string {
  switch (exit.type) {
    case "bye":
      return "it stopped";
    case "killed":
      return "it was killed";
    case "failed":
      return `it failed: ${exit.error.message}`;
    case "hung":
      return `it hung: it answered nothing for ${exit.forMs} ms and was killed`;
  }
}
