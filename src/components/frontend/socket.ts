// Place where the frontend listens: the port that its configuration names, or a socket that the process was started
// with. A socket's address is under the same rules as a configured one.

import { type ConfigProblem, checkAddress, type Environment } from "dynamo";

import { DynamoError } from "../../base/error.ts";
import { type InheritedSocket, inheritedSocket } from "../../http/inherited-socket.ts";
import { type AccessConfig, type PreparedAccess, prepareAccess, validateAccess } from "./access.ts";

/** Cloneable, for the frontend's thread. */
export interface PreparedPlace extends PreparedAccess {
  readonly socket: InheritedSocket | undefined;
}

/** Checks that the server can listen there. A socket that was handed on is open already. */
export async function checkPlace(
  { host, port }: { readonly host: string; readonly port: number },
  environment: Environment,
): Promise<readonly ConfigProblem[]> {
  try {
    const socket = inheritedSocket(environment, process.pid);
    return socket ? [] : await checkAddress(host, port);
  } catch (error) {
    if (error instanceof DynamoError) return [{ key: undefined, message: error.message }];
    throw error;
  }
}

/** Throws `cannot_listen` for a socket that is open to other machines where the configuration keeps them out. */
export function preparePlace(config: AccessConfig, environment: Environment): PreparedPlace {
  const socket = inheritedSocket(environment, process.pid);
  if (socket !== undefined) {
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

/** Host and port as they are, for a socket of either kind. */
export function placeOf(
  config: { readonly host: string; readonly port: number },
  { socket }: PreparedPlace,
): { readonly host: string; readonly port: number; readonly inheritedFd: number | undefined } {
  const { host, port } = socket ?? config;
  return { host, port, inheritedFd: socket?.fd };
}

class OpenSocketError extends DynamoError {
  override readonly code = "cannot_listen";
}
