// The main thread's side of settings that change while services run: checks a value as a file's would be checked,
// and puts it where the instances of its service watch.

import * as v from "valibot";

import type { Registry } from "../registry/registry.ts";
import { describeService } from "../sdk/describe.ts";
import {
  InvalidSettingError,
  type LiveSetting,
  type LiveSettings,
  NoSuchSettingError,
  settingsPrefix,
} from "../sdk/live-settings.ts";
import type { Environment, GraphView } from "../sdk/service.ts";
import { describeIssue } from "./describe-issue.ts";
import { didYouMean } from "./nearest.ts";
import { canonicalKey, kebabKey } from "./path.ts";
import { type DeploymentPlan, type ServicePlan, viewOf } from "./plan.ts";

export class DeployedSettings implements LiveSettings {
  readonly #plan: DeploymentPlan;
  readonly #registry: Registry;
  readonly #environment: Environment;
  /** By service, as changed until now. */
  readonly #configs: Map<string, Record<string, unknown>>;

  constructor(plan: DeploymentPlan, registry: Registry, environment: Environment) {
    this.#plan = plan;
    this.#registry = registry;
    this.#environment = environment;
    this.#configs = new Map(plan.services.map(({ name, config }) => [name, { ...config }]));
  }

  async list(): Promise<readonly LiveSetting[]> {
    return this.#plan.services.toReversed().flatMap(({ name, service }) =>
      service.live.map((key) => ({
        service: name,
        key: kebabKey(key),
        value: this.#configOf(name)[key],
      })),
    );
  }

  async set(setting: LiveSetting): Promise<void> {
    const service = this.#serviceNamed(setting.service);
    const key = liveKey(service, setting.key);
    const value = parseValue(service, key, setting.value);
    const config = { ...this.#configOf(service.name), [key]: value };
    this.#checkTogether(service, key, config);
    this.#configs.set(service.name, config);
    const prefix = settingsPrefix({ namespace: service.namespace, service: service.name });
    await this.#registry.put(prefix + key, JSON.stringify(value));
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

  #configOf(service: string): Record<string, unknown> {
    return this.#configs.get(service) ?? {};
  }

  /** What the service says of values that must fit those of others. */
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

function liveKey({ name, service }: ServicePlan, written: string): string {
  const known = service.live.map(kebabKey);
  const index = known.indexOf(canonicalKey(written));
  const key = service.live[index];
  if (key !== undefined) return key;
  const has = known.length === 0 ? "none" : known.join(", ");
  throw new NoSuchSettingError(
    `${name} has no setting ${JSON.stringify(written)} that may change while it runs; it has: ${has}.${didYouMean(written, known)}`,
  );
}

function parseValue({ name, service }: ServicePlan, key: string, value: unknown): unknown {
  const schema = describeService(service).schema?.entries[key] as v.GenericSchema; // describe.ts checks that it is there
  const result = v.safeParse(schema, value);
  if (result.success) return result.output;
  const [issue] = result.issues;
  throw new InvalidSettingError(`${name}.${kebabKey(key)} ${describeIssue(issue)}`);
}
