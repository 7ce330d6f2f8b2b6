// The models, as ollama lists them. A model here is no file that a client could pull or delete, so its size is 0.

import type { OpenAIBackend, ServedModel } from "../door/backend.ts";
import { checkServed } from "../door/served-model.ts";

export function tags(backend: OpenAIBackend): object {
  return { models: backend.models().map(listed) };
}

/** All of them are in memory, for as long as the server runs. */
export function running(backend: OpenAIBackend): object {
  const models = backend.models().map((model) => ({
    ...listed(model),
    ...{ expires_at: FOREVER, size_vram: 0, context_length: model.maxModelLen },
  }));
  return { models };
}

export function show(backend: OpenAIBackend, name: string): object {
  const id = modelOf(backend, name);
  checkServed(id, backend);
  const model = backend.models().find((served) => served.id === id);
  const maxModelLen = model?.maxModelLen ?? 0;
  return {
    ...{ modelfile: "", parameters: "", template: "", license: "" },
    details: DETAILS,
    model_info: {
      "general.architecture": ARCHITECTURE,
      "general.basename": id,
      [`${ARCHITECTURE}.context_length`]: maxModelLen,
    },
    capabilities: ["completion", "tools", "thinking"],
    modified_at: dateOf(model?.created ?? 0),
  };
}

/** ollama adds a tag to a name that has none: `NAME:latest` is NAME, where there is none of that name. */
export function modelOf(backend: OpenAIBackend, name: string): string {
  const served = backend.models().map(({ id }) => id);
  const bare = name.replace(/:latest$/, "");
  return !served.includes(name) && served.includes(bare) ? bare : name;
}

const ARCHITECTURE = "dynamo";
const FOREVER = "2318-01-01T00:00:00Z";
const DETAILS = {
  ...{ parent_model: "", format: "", family: ARCHITECTURE, families: [ARCHITECTURE] },
  ...{ parameter_size: "", quantization_level: "" },
};

function listed({ id, created }: ServedModel): object {
  const digest = new Bun.CryptoHasher("sha256").update(id).digest("hex");
  const modified_at = dateOf(created);
  return { name: id, model: id, modified_at, size: 0, digest, details: DETAILS };
}

function dateOf(seconds: number): string {
  return new Date(seconds * 1000).toISOString();
}
