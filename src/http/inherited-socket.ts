// A listening socket that a service manager has opened and hands on (sd_listen_fds(3)): the first of LISTEN_FDS, as
// descriptor 3. It stays open as long as the process, so that each restart of a server gets a duplicate of it, and no
// client is refused meanwhile.

import { dlopen, FFIType, ptr } from "bun:ffi";

type Environment = Readonly<Record<string, string | undefined>>;

export interface InheritedSocket {
  readonly fd: number;
  /** The address that it listens on; undefined for one of the unix domain, as is the port. */
  readonly host: string | undefined;
  readonly port: number | undefined;
}

const FIRST = 3; // SD_LISTEN_FDS_START
const F_SETFL = 4;
const F_DUPFD_CLOEXEC = 1030;
const O_NONBLOCK = 0o4000;
const AF_INET = 2;
const AF_INET6 = 10;

/** The socket that was handed to this process. Undefined where none was, or where the descriptor is none. */
export function inheritedSocket(
  { LISTEN_FDS: count, LISTEN_PID: owner }: Environment,
  pid: number,
): InheritedSocket | undefined {
  if (owner !== String(pid) || !(Number(count) >= 1)) return undefined;
  const address = withLibc(({ getsockname }) => {
    const bytes = Buffer.alloc(128);
    const length = new Uint32Array([bytes.length]);
    return getsockname(FIRST, ptr(bytes), ptr(length)) === 0 ? bytes : undefined;
  });
  return address && { fd: FIRST, ...hostAndPort(address) };
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

/** Of a struct sockaddr. */
function hostAndPort(address: Buffer): Pick<InheritedSocket, "host" | "port"> {
  const family = new Uint16Array(address.buffer, address.byteOffset, 1)[0];
  const port = address.readUInt16BE(2);
  if (family === AF_INET) return { host: [...address.subarray(4, 8)].join("."), port };
  if (family === AF_INET6) return { host: ipv6(address.subarray(8, 24)), port };
  return { host: undefined, port: undefined };
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
    getsockname: { args: [FFIType.i32, FFIType.ptr, FFIType.ptr], returns: FFIType.i32 },
  });
}
