// Settings that change while services run. The caller asks the main thread, which knows all schemas; what it
// has checked stands in the registry, where every instance of the service watches it:
//
//   context.settings.set --> main thread: schema, validate --> settings/{namespace}/{service}/{key} --> config fields
//
// The key is the schema's, the value JSON. It belongs to no lease: instances come and go, and it stays.

import type { ControlPort } from "../actor/control-port.ts";
import { DynamoError } from "../base/error.ts";
import type { LogLevel } from "../base/log.ts";
import type { Mirror, MirrorUpdate } from "../registry/mirror.ts";
import type { RegistryView } from "../registry/registry-view.ts";

export interface LiveSetting {
  readonly service: string;
  /** As people write it: in kebab case. */
  readonly key: string;
  /** `undefined` where it is not set and has no default. */
  readonly value: unknown;
}

export interface LiveSettings {
  /** All that may change, as they are now. */
  list(): Promise<readonly LiveSetting[]>;
  /**
   * Takes effect in the instances of the service a moment after it has resolved.
   *
   * @throws {NoSuchSettingError}, {InvalidSettingError}
   */
  set(setting: LiveSetting): Promise<void>;
}

/** Requests to the main thread. */
export const LIST_SETTINGS = "settings.list";
export const SET_SETTING = "settings.set";

export function liveSettings(control: ControlPort): LiveSettings {
  return {
    list: () => control.request(LIST_SETTINGS, undefined),
    set: (setting) => control.request(SET_SETTING, setting),
  };
}

export function settingsPrefix(of: {
  readonly namespace: string;
  readonly service: string;
}): string {
  return `settings/${of.namespace}/${of.service}/`;
}

/** Setting that every service may change while it runs, beside the keys that it names; its own key of that name wins. */
export const LOG_LEVEL = "logLevel";

type Config = Record<string, unknown>;

/** The configuration of one instance: as it was deployed, with what has changed since. */
export class LiveConfig {
  readonly #mirror: Mirror;
  readonly #prefix: string;
  readonly #config: Config;
  readonly #setLevel: ((level: LogLevel) => void) | undefined;

  constructor(
    registry: RegistryView,
    of: { readonly namespace: string; readonly service: string; readonly config: Readonly<Config> },
    setLevel: ((level: LogLevel) => void) | undefined,
  ) {
    this.#setLevel = setLevel;
    this.#prefix = settingsPrefix(of);
    this.#mirror = registry.mirror(this.#prefix);
    this.#config = { ...of.config };
  }

  /** Always the same object. */
  get config(): Readonly<Config> {
    return this.#config;
  }

  /** Reads what there is. From then on, `run()` follows. */
  async open(): Promise<void> {
    const { done, value } = await this.#mirror.next();
    if (!done) this.#apply(value);
  }

  /** Until `close()`, or until the registry closes. */
  async run(): Promise<void> {
    for await (const update of this.#mirror) this.#apply(update);
  }

  close(): void {
    void this.#mirror.return();
  }

  /** A setting is never taken back. */
  #apply({ events }: MirrorUpdate): void {
    for (const event of events) {
      if (event.type !== "put") continue;
      const { key, value } = event.keyValue;
      const name = key.slice(this.#prefix.length);
      if (name === LOG_LEVEL && this.#setLevel) this.#setLevel(JSON.parse(value));
      else this.#config[name] = JSON.parse(value);
    }
  }
}

/** The deployment has no such setting that may change while it runs; the message names those that there are. */
export class NoSuchSettingError extends DynamoError {
  override readonly code = "no_such_setting";
}

/** The value is none that the setting may have; the message says which it may. */
export class InvalidSettingError extends DynamoError {
  override readonly code = "invalid_setting";
}
