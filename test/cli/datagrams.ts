// The other end of a notify socket: a service manager's, for tests.

import { dlopen, FFIType, ptr } from "bun:ffi";

import { socketAddress } from "../../src/cli/notify-socket.ts";

const libc = dlopen("libc.so.6", {
  socket: { args: [FFIType.i32, FFIType.i32, FFIType.i32], returns: FFIType.i32 },
  bind: { args: [FFIType.i32, FFIType.ptr, FFIType.u32], returns: FFIType.i32 },
  recv: {
    args: [FFIType.i32, FFIType.ptr, FFIType.u64, FFIType.i32],
    returns: FFIType.i64_fast,
  },
  close: { args: [FFIType.i32], returns: FFIType.i32 },
});

const AF_UNIX = 1;
const SOCK_DGRAM_NONBLOCK = 2 | 0o4000;

export class Datagrams implements Disposable {
  readonly #fd: number;

  /** `address` as in NOTIFY_SOCKET. */
  constructor(address: string) {
    const name = socketAddress(address);
    if (name === undefined) throw new Error(`no address: ${address}`);
    this.#fd = libc.symbols.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK, 0);
    if (libc.symbols.bind(this.#fd, ptr(name), name.length) !== 0) {
      throw new Error(`cannot bind ${address}`);
    }
  }

  /** Those that have come since the last call. */
  received(): string[] {
    const texts: string[] = [];
    const buffer = Buffer.alloc(4096);
    for (;;) {
      const length = Number(libc.symbols.recv(this.#fd, ptr(buffer), buffer.length, 0));
      if (length < 0) return texts;
      texts.push(buffer.toString("utf8", 0, length));
    }
  }

  [Symbol.dispose](): void {
    libc.symbols.close(this.#fd);
  }
}
