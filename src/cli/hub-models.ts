// Models that are named as on the hub: where they are on this machine, or fetched first.

import { existsSync } from "node:fs";
import { dirname, resolve } from "node:path";

import { createLogger } from "../base/log.ts";
import { Progress } from "../base/progress.ts";
import { findInCache, findInLMStudio, findInOllama } from "../hub/find-model.ts";
import { hubNameText, parseHubName } from "../hub/model-name.ts";
import { pullModel } from "../hub/pull.ts";
import { describeService } from "../sdk/describe.ts";
import type { Graph } from "../sdk/graph.ts";
import type { ConfigTree } from "../serve/config-tree.ts";
import type { Override } from "../serve/override.ts";
import { keyText } from "../serve/python-value.ts";
import type { Setting } from "../serve/setting.ts";
import { COMMON } from "../serve/settings.ts";
import type { CliContext } from "./context.ts";
import { modelServices } from "./default-model.ts";
import { bytesText, type HubSession, withHub } from "./hub.ts";

export interface HubModelsOptions {
  readonly context: CliContext;
  /** A model that is not on this machine stays a name, and is told as missing. */
  readonly mayPull: boolean;
}

/** The served files of a named model. */
interface Place {
  readonly path: string;
  readonly servedName: string;
}

/** `tree`, with the paths of models that are named. Throws `HubError` for one that cannot be had. */
export async function withHubModels(
  tree: ConfigTree,
  graph: Graph,
  options: HubModelsOptions,
): Promise<ConfigTree> {
  const { workingDir } = options.context;
  const services = modelServices(graph);
  const usesCommon = services.some((name) => tree.settingOf(name, "model") === undefined);
  const written = [...(usesCommon ? [COMMON] : []), ...services].flatMap((service) => {
    const setting = tree.settingOf(service, "model");
    return isName(setting?.value, workingDir) ? [{ service, setting: setting as Setting }] : [];
  });
  if (written.length === 0) return tree;
  const places = await withHub(options.context, async (session) => {
    const found = new Map<string, Place | undefined>();
    for (const name of new Set(written.map(({ setting }) => String(setting.value)))) {
      found.set(name, await placeOf(name, session, options));
    }
    return found;
  });
  return tree.override(
    written.flatMap(({ service, setting }) => {
      const place = places.get(String(setting.value));
      if (!place) return [];
      const overrides = overridesOf(tree, service, setting, place);
      return takesName(graph, service) ? overrides : overrides.slice(0, 1);
    }),
  );
}

/** The name under which a model is served that is given as `text`; undefined for a path. */
export function servedHubName(text: string, workingDir: string): string | undefined {
  if (!isName(text, workingDir)) return undefined;
  const name = parseHubName(text);
  return name ? hubNameText(name) : text;
}

/** No path: nothing is there, and neither is the folder that it would be in. */
function isName(value: unknown, workingDir: string): value is string {
  if (typeof value !== "string" || existsSync(resolve(workingDir, value))) return false;
  if (OLLAMA.test(value)) return true;
  const name = parseHubName(value);
  if (!name) return false;
  return value !== hubNameText(name) || !existsSync(resolve(workingDir, dirname(value)));
}

const OLLAMA = /^[a-z0-9][\w.-]*:[\w][\w.-]*$/i;

async function placeOf(
  text: string,
  session: HubSession,
  { context, mayPull }: HubModelsOptions,
): Promise<Place | undefined> {
  const { cache, settings } = session;
  const name = parseHubName(text);
  if (!name) {
    const found = await findInOllama(settings.ollamaFolder, text);
    return found && { path: found.path, servedName: text };
  }
  const servedName = hubNameText(name);
  const found =
    (await findInCache(cache, name)) ?? (await findInLMStudio(settings.lmStudioFolders, name));
  if (found) return { path: found.path, servedName };
  if (!mayPull || settings.isOffline) return undefined;
  const log = createLogger("dynamo", "info", context.err);
  const progress = new Progress({ what: `pulling ${servedName}`, log, clock: session.clock });
  try {
    const { path, totalBytes } = await pullModel({
      ...{ ...session, name },
      onProgress: (done, total) => progress.report(done, total),
    });
    log.info("pulled", { model: servedName, size: bytesText(totalBytes) });
    return { path, servedName };
  } finally {
    progress.end();
  }
}

function overridesOf(
  tree: ConfigTree,
  service: string,
  setting: Setting,
  { path, servedName }: Place,
): readonly Override[] {
  const span = setting.valueSpan ?? setting.keySpan;
  if (!span) return [];
  const spans = { keySpans: [span, span], valueSpan: span };
  const model = { path: [service, keyText(setting.key)], value: path, ...spans };
  const isNamed = tree.settingOf(service, "served-model-name") !== undefined;
  if (isNamed) return [model];
  return [model, { path: [service, "served-model-name"], value: servedName, ...spans }];
}

function takesName(graph: Graph, service: string): boolean {
  const found = graph.services.find(({ name }) => name === service);
  const entries = found && describeService(found.service).schema?.entries;
  return entries !== undefined && "servedModelName" in entries;
}
