// Faults of a model that can be known before any thread starts: told then, and not after its weights were read.

import { type CheckScope, type ConfigProblem, DynamoError } from "dynamo";

import { loadLibrary } from "../../engine/abi.ts";
import { checkImage } from "../../engine/check-image.ts";
import { publishNativeLibrary } from "../../engine/native-library.ts";
import {
  chooseDevice,
  type DeviceDemand,
  DeviceUnavailableError,
} from "../../engine/open/choose-device.ts";
import { checkFits, planMemory } from "../../engine/open/memory-budget.ts";
import { withImage } from "../../engine/open/with-image.ts";
import { BUILT_IN_MODEL } from "../../model/built-in-model.ts";
import { MOCK_MODEL } from "../../model/mock-model.ts";
import { openModel, openModelConfig } from "../../model/open-model.ts";
import { openTokenizer } from "../../tokenizer/open-tokenizer.ts";
import { withTemplate } from "../../tokenizer/tokenizer-files.ts";
import { templateFault } from "../processor/check-template.ts";
import type { VllmWorkerConfig } from "./config.ts";

interface TextKeys {
  readonly model: string;
  /** A file with another one than the model's. */
  readonly chatTemplate?: string | undefined;
}

/** Configuration, tokenizer and chat template: what a processor needs. */
export function checkText(
  { model, chatTemplate: file }: TextKeys,
  scope: CheckScope,
): Promise<readonly ConfigProblem[]> {
  if (model === MOCK_MODEL || (model === BUILT_IN_MODEL && file === undefined)) return none();
  return problemsOf(file === undefined ? "model" : "chatTemplate", async () => {
    const { path } = await openModelConfig(model);
    const files = await withTemplate(await openTokenizer(path), file);
    const { chatTemplate, bosToken, eosToken } = files;
    if (chatTemplate === undefined) return;
    const fault = await templateFault({ ...chatTemplate, bosToken, eosToken }, scope);
    if (fault !== undefined) throw new UnusableTemplateError(chatTemplate.place, fault);
  });
}

/** The library, the weights' headers, and memory: what a worker needs. */
export async function checkEngine(
  config: VllmWorkerConfig,
  scale: Omit<DeviceDemand, "model" | "library">,
): Promise<readonly ConfigProblem[]> {
  const { model } = config;
  if (config.engine === "mocker") {
    return model === MOCK_MODEL ? none() : problemsOf("model", () => openModelConfig(model));
  }
  if (config.engine === "scripted") return checkScript(config);
  if (model === MOCK_MODEL) {
    const message = `${JSON.stringify(MOCK_MODEL)} has no weights to compute with; set ${scale.service}.engine to mocker, or name a model`;
    return [{ key: "model", message }];
  }
  const library = await problemsOf("engine", () => loadLibrary(publishNativeLibrary()));
  const fit = await problemsOf("model", async () => {
    const files = await openModel(model);
    if (library.length > 0) return; // it is the library that counts
    const demand = { ...scale, model: files, library: publishNativeLibrary() };
    checkImage(demand.library, demand.model);
    const packed = withImage(config, demand.model);
    const { gpu } = chooseDevice(packed, demand);
    const placed = { ...demand, gpu };
    checkFits(planMemory(packed, placed), packed, placed);
  });
  return [...library, ...fit];
}

/** A script says what a model's tokenizer can spell. */
async function checkScript({ model, script }: VllmWorkerConfig): Promise<readonly ConfigProblem[]> {
  if (model === MOCK_MODEL) {
    const message = `${JSON.stringify(MOCK_MODEL)} has no end of turn to play; name a model, as built-in`;
    return [{ key: "model", message }];
  }
  const problems = await problemsOf("model", () => openModelConfig(model));
  if (script === undefined) return problems;
  const { readScript } = await import("./script-file.ts");
  return [...problems, ...(await problemsOf("script", () => readScript(script)))];
}

/** A library that cannot be loaded, for those who need nothing else of their own. */
export function checkLibrary(engine: "native" | "mocker"): Promise<readonly ConfigProblem[]> {
  if (engine === "mocker") return none();
  return problemsOf("engine", () => loadLibrary(publishNativeLibrary()));
}

async function problemsOf(key: string, attempt: () => unknown): Promise<readonly ConfigProblem[]> {
  try {
    await attempt();
    return [];
  } catch (error) {
    if (error instanceof DeviceUnavailableError) return [{ key: "device", message: error.message }];
    if (error instanceof DynamoError) return [{ key, message: error.message }];
    throw error;
  }
}

async function none(): Promise<readonly ConfigProblem[]> {
  return [];
}

/** A template that cannot write even one message. */
class UnusableTemplateError extends DynamoError {
  override readonly code = "model_not_loadable";

  constructor(place: string, fault: string) {
    const told = fault.startsWith(place)
      ? fault
      : `${place} cannot write a plain message: ${fault}`;
    const sentence = told.replace(/\.+$/, "");
    super(`${sentence}. Mend it there, or remove it: messages are then joined by newlines`);
  }
}
