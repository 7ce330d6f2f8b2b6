// The registry as an actor sees it: over its control port, and under its lease. registry-server.ts answers.
// A watch asks for one response at a time, so an actor that is busy is never flooded.

import type { ControlPort } from "../actor/control-port.ts";
import { Mirror } from "./mirror.ts";
import type { KeyValue, Range, Revision, Watch, WatchOptions, WatchResponse } from "./registry.ts";
import type { RegistryView } from "./registry-view.ts";

export type RegistryRequest =
  | { readonly type: "get"; readonly key: string }
  | { readonly type: "range"; readonly prefix: string }
  | { readonly type: "put"; readonly key: string; readonly value: string }
  | { readonly type: "delete"; readonly key: string }
  | { readonly type: "next"; readonly watch: WatchId };

export type RegistryPush =
  | {
      readonly type: "open";
      readonly watch: WatchId;
      readonly prefix: string;
      readonly options: WatchOptions;
    }
  | { readonly type: "progress"; readonly watch: WatchId }
  | { readonly type: "close"; readonly watch: WatchId };

/** Chosen by the client, unique on its port. */
export type WatchId = number;

/** The kind of all these on the control port. */
export const REGISTRY = "registry";

export class RegistryClient implements RegistryView {
  readonly #control: ControlPort;
  #lastWatch: WatchId = 0;

  constructor(control: ControlPort) {
    this.#control = control;
  }

  get(key: string): Promise<KeyValue | undefined> {
    return ask(this.#control, { type: "get", key });
  }

  range(prefix: string): Promise<Range> {
    return ask(this.#control, { type: "range", prefix });
  }

  put(key: string, value: string): Promise<Revision> {
    return ask(this.#control, { type: "put", key, value });
  }

  delete(key: string): Promise<Revision> {
    return ask(this.#control, { type: "delete", key });
  }

  watch(prefix: string, options: WatchOptions = {}): Watch {
    const watch = ++this.#lastWatch;
    tell(this.#control, { type: "open", watch, prefix, options });
    return new RemoteWatch(this.#control, watch);
  }

  mirror(prefix: string): Mirror {
    return new Mirror(this, prefix);
  }
}

class RemoteWatch implements Watch {
  readonly #control: ControlPort;
  readonly #watch: WatchId;
  #ended = false;

  constructor(control: ControlPort, watch: WatchId) {
    this.#control = control;
    this.#watch = watch;
  }

  async next(): Promise<IteratorResult<WatchResponse>> {
    if (this.#ended) return END;
    try {
      const result: IteratorResult<WatchResponse> = await ask(this.#control, {
        type: "next",
        watch: this.#watch,
      });
      return this.#ended ? END : result;
    } catch (error) {
      this.#ended = true;
      throw error;
    }
  }

  async return(): Promise<IteratorResult<WatchResponse>> {
    if (!this.#ended) tell(this.#control, { type: "close", watch: this.#watch });
    this.#ended = true;
    return END;
  }

  requestProgress(): void {
    tell(this.#control, { type: "progress", watch: this.#watch });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

function ask<T>(control: ControlPort, request: RegistryRequest): Promise<T> {
  return control.request<T>(REGISTRY, request);
}

function tell(control: ControlPort, push: RegistryPush): void {
  control.push(REGISTRY, push);
}
