// The main thread's side of settings that change while services run: checks a value as a file's would be checked,
// and puts it where the instances of its service watch.

import * as v from "valibot";
import { describeIssue } from "../base/describe-issue.ts";
import { DynamoError } from "../base/error.ts";
import { LOG_LEVELS, type Logger } from "../base/log.ts";
import { didYouMean } from "../base/nearest.ts";
import type { Registry } from "../registry/registry.ts";
import { describeService } from "../sdk/describe.ts";
import {
  InvalidSettingError,
  type LiveSetting,
  type LiveSettings,
  LOG_LEVEL,
  NoSuchSettingError,
  settingsPrefix,
} from "../sdk/live-settings.ts";
import type { Environment, GraphView } from "../sdk/service-class.ts";
import { viewOf } from "./graph-view.ts";
import { canonicalKey, kebabKey } from "./path.ts";
import type { DeploymentPlan, ServicePlan } from "./plan.ts";
import { withSize } from "./sizes.ts";

export class DeployedSettings implements LiveSettings {
  readonly #plan: DeploymentPlan;
  readonly #registry: Registry;
  readonly #environment: Environment;
  /** By service, as changed until now. */
  readonly #configs: Map<string, Record<string, unknown>>;
  readonly #levels = new Map<string, unknown>();
  readonly #level: string;

  /** `level`: of services that have none of their own. */
  constructor(plan: DeploymentPlan, registry: Registry, environment: Environment, level: string) {
    this.#level = level;
    this.#plan = plan;
    this.#registry = registry;
    this.#environment = environment;
    this.#configs = new Map(plan.services.map(({ name, config }) => [name, { ...config }]));
  }

  /**
   * Takes what an earlier process has set, before any instance starts. A setting that this deployment does not have, or would
   * refuse, is forgotten, and `warn` is told of it.
   */
  async restore({ info, warn }: Pick<Logger, "info" | "warn">): Promise<void> {
    for (const { name: service, namespace } of this.#plan.services) {
      const prefix = settingsPrefix({ namespace, service });
      const { keyValues } = await this.#registry.range(prefix);
      for (const { key, value: text } of keyValues) {
        const setting = `${service}.${kebabKey(key.slice(prefix.length))}`;
        try {
          await this.set({ service, key: key.slice(prefix.length), value: JSON.parse(text) });
          info(`${setting} is as it was set before`, { value: text });
        } catch (error) {
          if (!(error instanceof DynamoError)) throw error;
          warn(`a stored setting is forgotten: ${error.message}`, { value: text });
          await this.#registry.delete(key);
        }
      }
    }
  }

  async list(): Promise<readonly LiveSetting[]> {
    const plans = this.#plan.services.toReversed();
    const own = plans.flatMap(({ name, service }) =>
      service.live.map((key) => ({
        service: name,
        key: kebabKey(key),
        value: this.#configOf(name)[key],
      })),
    );
    const levels = plans
      .filter((plan) => !isOwnKey(plan, LOG_LEVEL))
      .map((plan) => ({
        service: plan.name,
        key: kebabKey(LOG_LEVEL),
        value: this.#levelOf(plan),
      }));
    return [...own, ...levels];
  }

  async set(setting: LiveSetting): Promise<void> {
    const service = this.#serviceNamed(setting.service);
    const key = liveKey(service, setting.key);
    const value = parseValue(service, key, setting.value);
    if (isOwnKey(service, key)) {
      const config = { ...this.#configOf(service.name), [key]: value };
      this.#checkTogether(service, key, config);
      this.#configs.set(service.name, config);
    } else this.#levels.set(service.name, value);
    const prefix = settingsPrefix({ namespace: service.namespace, service: service.name });
    const [stored, text] = [await this.#registry.get(prefix + key), JSON.stringify(value)];
    if (stored?.value !== text) await this.#registry.put(prefix + key, text);
  }

  #serviceNamed(name: string): ServicePlan {
    const { services } = this.#plan;
    const found = services.find((service) => service.name === name);
    if (found) return found;
    const names = services.map((service) => service.name);
    throw new NoSuchSettingError(
      `this graph has no service ${JSON.stringify(name)}; it has ${names.join(", ")}.${didYouMean(name, names)}`,
    );
  }

  #levelOf({ name, logLevel }: ServicePlan): unknown {
    return this.#levels.get(name) ?? logLevel ?? this.#level;
  }

  #configOf(service: string): Record<string, unknown> {
    return this.#configs.get(service) ?? {};
  }

  /** Throws if the service finds a value that does not fit those of others. */
  #checkTogether({ name, service }: ServicePlan, key: string, config: object): void {
    const view: GraphView = {
      service: name,
      entry: this.#plan.entry,
      services: this.#plan.services.map((other) =>
        viewOf({ ...other, config: this.#configOf(other.name) }),
      ),
      environment: this.#environment,
    };
    const problem = service.validate?.(config, view).find((one) => one.key === key);
    if (problem) throw new InvalidSettingError(`${name}.${kebabKey(key)}: ${problem.message}`);
  }
}

function liveKey(plan: ServicePlan, written: string): string {
  const known = keysOf(plan).map(kebabKey);
  const key = keysOf(plan)[known.indexOf(canonicalKey(written))];
  if (key !== undefined) return key;
  throw new NoSuchSettingError(
    `${plan.name} has no setting ${JSON.stringify(written)} that may change while it runs; it has: ${known.join(", ")}.${didYouMean(written, known)}`,
  );
}

/** Those of the service, then what every service has. */
function keysOf({ service }: ServicePlan): readonly string[] {
  return [...new Set([...service.live, LOG_LEVEL])];
}

function isOwnKey({ service }: ServicePlan, key: string): boolean {
  return service.live.includes(key);
}

const LogLevel = v.picklist(LOG_LEVELS);

function parseValue(plan: ServicePlan, key: string, value: unknown): unknown {
  const own = describeService(plan.service).schema?.entries[key] as v.GenericSchema; // describe.ts checks that it is there
  const schema = isOwnKey(plan, key) ? own : LogLevel;
  const result = v.safeParse(schema, withSize(schema, value));
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new InvalidSettingError(`${plan.name}.${kebabKey(key)} ${describeIssue(issue)}`);
}
