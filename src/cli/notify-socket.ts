// The socket on which a service manager hears of its service: datagrams of the unix domain, as sd_notify(3) sends them.
// Neither Bun nor node:dgram has those, so it is the C library's own.

import { dlopen, FFIType, ptr } from "bun:ffi";

export interface NotifySocket {
  /** True if it was sent. It is not where that would have to wait: a manager that is busy takes ten texts ahead. */
  send(text: string): boolean;
  close(): void;
}

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC = 2 | 0o2000000;
const MSG_DONTWAIT_NOSIGNAL = 0x40 | 0x4000;
const MAX_ADDRESS_BYTES = 108; // sun_path

/** `address` is a path, or a name in the abstract space after an `@`. Undefined where it is neither, or sockets are refused. */
export function openNotifySocket(address: string): NotifySocket | undefined {
  const name = socketAddress(address);
  if (name === undefined) return undefined;
  const libc = dlopen("libc.so.6", {
    socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
    sendto: {
      args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32, FFIType.ptr, FFIType.u32],
      returns: FFIType.i64_fast,
    },
    close: { args: [FFIType.i32], returns: FFIType.i32 },
  });
  const { socket, sendto, close } = libc.symbols;
  const fd = socket(AF_UNIX, SOCK_DGRAM_CLOEXEC, 0);
  if (fd < 0) return undefined;
  return {
    send(text) {
      const bytes = Buffer.from(text);
      const { length } = bytes;
      return sendto(fd, ptr(bytes), length, MSG_DONTWAIT_NOSIGNAL, ptr(name), name.length) >= 0;
    },
    close() {
      close(fd);
      libc.close();
    },
  };
}

/** struct sockaddr_un: the family, and a path that ends in a zero or a name that begins with one. */
export function socketAddress(address: string): Buffer | undefined {
  if (!/^[/@]./.test(address)) return undefined;
  const path = Buffer.from(address.startsWith("@") ? `\0${address.slice(1)}` : `${address}\0`);
  if (path.length > MAX_ADDRESS_BYTES) return undefined;
  const family = Buffer.alloc(2);
  new Uint16Array(family.buffer, family.byteOffset, 1)[0] = AF_UNIX;
  return Buffer.concat([family, path]);
}
