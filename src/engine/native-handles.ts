// Open objects of the native library, and its failures as errors.

import { DynamoError } from "../base/error.ts";
import { type Address, type NativeLibrary, Status } from "./abi.ts";
import { ModelNotLoadableError } from "./native-model.ts";

/** Objects that one owner has open, to be closed in reverse. */
export class Handles {
  readonly native: NativeLibrary;
  readonly owner: number;
  isClosed = false;
  readonly #out = new BigUint64Array(1);
  readonly #closers: (() => number)[] = [];

  constructor(native: NativeLibrary, owner: number) {
    this.native = native;
    this.owner = owner;
  }

  open(
    what: string,
    opener: (out: BigUint64Array) => number,
    closer: (handle: Address) => number,
  ): Address {
    check(this.native, opener(this.#out), what);
    const handle = Number(this.#out[0]);
    this.#closers.push(() => closer(handle));
    return handle;
  }

  close(): void {
    this.isClosed = true;
    for (const closer of this.#closers.splice(0).reverse()) check(this.native, closer(), "close");
  }
}

/** Throws what the library says of a call that failed. */
export function check(native: NativeLibrary, status: number, what: string): void {
  if (status === Status.OK) return;
  const message = `${what}: ${native.lastError()}`;
  if (status === Status.MODEL_NOT_LOADABLE) throw new ModelNotLoadableError(message);
  if (status === Status.DEVICE_LOST) throw new DeviceLostError(message);
  if (status === Status.OUT_OF_MEMORY) throw new OutOfMemoryError(message);
  if (status === Status.NO_DEVICE) throw new NoDeviceError(message);
  throw new InvalidArgumentError(message);
}

/** The system has no room for what the limits ask for. Lower them. */
export class OutOfMemoryError extends DynamoError {
  override readonly code = "out_of_memory";
}

/** The device is gone, and what was on it: the worker ends, and its supervisor starts another. */
export class DeviceLostError extends DynamoError {
  override readonly code = "device_lost";
}

/** The machine, or this build, has no device of the kind that was asked for. */
export class NoDeviceError extends DynamoError {
  override readonly code = "no_device";
}

/** A rule of dynamo_engine.h was broken: a setting that cannot be, or a bug in the scheduler. */
export class InvalidArgumentError extends DynamoError {
  override readonly code = "invalid_argument";
}
