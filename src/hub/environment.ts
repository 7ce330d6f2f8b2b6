// The variables that Hugging Face's tools read, with their defaults.

import { join } from "node:path";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface HubSettings {
  /** Without a slash at the end. */
  readonly endpoint: string;
  /** The folder of the cache that all of Hugging Face's tools share. */
  readonly cacheDirectory: string;
  /** File in which a token may stand. */
  readonly tokenPath: string;
  readonly token: string | undefined;
  readonly isOffline: boolean;
  readonly hasProxy: boolean;
  /** Folders where LM Studio keeps models. */
  readonly lmStudioFolders: readonly string[];
  /** Folder where ollama keeps models. */
  readonly ollamaFolder: string;
}

const HUB = "https://huggingface.co";

/** `home`: the folder of a user without `HOME`. */
export function hubSettings(environment: Environment, home: string): HubSettings {
  const of = (name: string) => environment[name] || undefined;
  const userHome = of("HOME") ?? home;
  const cache = of("XDG_CACHE_HOME") ?? join(userHome, ".cache");
  const hfHome = of("HF_HOME") ?? join(cache, "huggingface");
  return {
    endpoint: (of("HF_ENDPOINT") ?? HUB).replace(/\/+$/, ""),
    cacheDirectory: of("HF_HUB_CACHE") ?? of("HUGGINGFACE_HUB_CACHE") ?? join(hfHome, "hub"),
    tokenPath: of("HF_TOKEN_PATH") ?? join(hfHome, "token"),
    token: of("HF_TOKEN") ?? of("HUGGING_FACE_HUB_TOKEN"),
    isOffline: isTrue(of("HF_HUB_OFFLINE")),
    lmStudioFolders: [join(userHome, ".lmstudio/models"), join(cache, "lm-studio/models")],
    ollamaFolder: of("OLLAMA_MODELS") ?? join(userHome, ".ollama/models"),
    hasProxy: PROXIES.some((name) => of(name) !== undefined),
  };
}

const PROXIES = ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"];

function isTrue(value: string | undefined): boolean {
  return value !== undefined && ["1", "on", "yes", "true"].includes(value.toLowerCase());
}
