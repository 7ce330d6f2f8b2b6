// A listening socket that a service manager has opened and hands on (sd_listen_fds(3)): the first of LISTEN_FDS, as
// descriptor 3. It stays open as long as the process, so that each restart of a server gets a duplicate of it, and no
// client is refused meanwhile.

import { dlopen, FFIType, ptr } from "bun:ffi";

import { DynamoError } from "../base/error.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface InheritedSocket {
  readonly fd: number;
  /** The address that it listens on. */
  readonly host: string;
  readonly port: number;
}

const FIRST = 3; // SD_LISTEN_FDS_START
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const O_NONBLOCK = 0o4000;
const AF_INET = 2;
const AF_INET6 = 10;
const SOL_SOCKET = 1;
const SO_TYPE = 3;
const SOCK_STREAM = 1;

/**
 * The socket that was handed to this process; undefined where none was.
 *
 * @throws {InheritedSocketError} for what is no socket of TCP
 */
export function inheritedSocket(
  { LISTEN_FDS: count, LISTEN_PID: owner }: Environment,
  pid: number,
): InheritedSocket | undefined {
  if (owner !== String(pid) || !(Number(count) >= 1)) return undefined;
  const place = withLibc(({ getsockname, getsockopt }) => {
    const bytes = Buffer.alloc(128);
    const length = new Uint32Array([bytes.length]);
    if (getsockname(FIRST, ptr(bytes), ptr(length)) !== 0) return undefined;
    const type = new Int32Array(1);
    const typeLength = new Uint32Array([type.byteLength]);
    getsockopt(FIRST, SOL_SOCKET, SO_TYPE, ptr(type), ptr(typeLength));
    return type[0] === SOCK_STREAM ? hostAndPort(bytes) : undefined;
  });
  if (place === undefined) throw new InheritedSocketError();
  return { fd: FIRST, ...place };
}

/** Another descriptor of the socket, which does not wait for clients; undefined where there is none. */
export function duplicateSocket(fd: number): number | undefined {
  return withLibc(({ fcntl }) => {
    const own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0) return undefined;
    fcntl(own, F_SETFL, O_NONBLOCK);
    return own;
  });
}

/** Address in a struct sockaddr; undefined for another family than IP's. */
function hostAndPort(address: Buffer): Omit<InheritedSocket, "fd"> | undefined {
  const family = new Uint16Array(address.buffer, address.byteOffset, 1)[0];
  const port = address.readUInt16BE(2);
  if (family === AF_INET) return { host: [...address.subarray(4, 8)].join("."), port };
  if (family === AF_INET6) return { host: ipv6(address.subarray(8, 24)), port };
  return undefined;
}

function ipv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(2 * i).toString(16));
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1); // shortened
}

function withLibc<T>(use: (calls: ReturnType<typeof open>["symbols"]) => T): T {
  const libc = open();
  try {
    return use(libc.symbols);
  } finally {
    libc.close();
  }
}

function open() {
  return dlopen("libc.so.6", {
    fcntl: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    getsockopt: {
      args: [FFIType.i32, FFIType.i32, FFIType.i32, FFIType.ptr, FFIType.ptr],
      returns: FFIType.i32,
    },
    getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  });
}

/** The service manager has handed on something else. */
class InheritedSocketError extends DynamoError {
  override readonly code = "cannot_listen";

  constructor() {
    super(
      `LISTEN_FDS: descriptor ${FIRST} is no socket of TCP; give it one (ListenStream=127.0.0.1:8000), or start the server without LISTEN_FDS`,
    );
  }
}
