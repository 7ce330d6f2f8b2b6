// Where the frontend listens: on the port that its configuration names, or on a socket that the process was started
// with. A socket's address is under the same rules as a configured one.

import type { Environment } from "dynamo";

import { DynamoError } from "../../base/error.ts";
import { type InheritedSocket, inheritedSocket } from "../../http/inherited-socket.ts";
import { type AccessConfig, type PreparedAccess, prepareAccess, validateAccess } from "./access.ts";

/** Cloneable, for the frontend's thread. */
export interface PreparedPlace extends PreparedAccess {
  readonly socket: InheritedSocket | undefined;
}

/** Throws `cannot_listen` for a socket that is open to other machines where the configuration keeps them out. */
export function preparePlace(config: AccessConfig, environment: Environment): PreparedPlace {
  const socket = inheritedSocket(environment, process.pid);
  if (socket?.host !== undefined) {
    const problems = validateAccess({ ...config, host: socket.host }, environment);
    const problem = problems.find(({ key }) => key === "host");
    if (problem) {
      throw new OpenSocketError(
        `the socket in LISTEN_FDS is on ${socket.host}: ${problem.message}`,
      );
    }
  }
  return { ...prepareAccess(config, environment), socket };
}

/** Host and port as they are, whoever has opened the socket. A socket of the unix domain is as local as loopback. */
export function placeOf(
  config: { readonly host: string; readonly port: number },
  { socket }: PreparedPlace,
): { readonly host: string; readonly port: number; readonly inheritedFd: number | undefined } {
  const { host, port } = config;
  if (!socket) return { host, port, inheritedFd: undefined };
  return { host: socket.host ?? "127.0.0.1", port: socket.port ?? 0, inheritedFd: socket.fd };
}

class OpenSocketError extends DynamoError {
  override readonly code = "cannot_listen";
}
