// Names of models on a hub, as people write them:
//
//   org/repo    org/repo:Q4_K_M    org/repo@revision    hf://org/repo    https://huggingface.co/org/repo/tree/main

export interface HubName {
  /** `org/name`. */
  readonly repo: string;
  /** A branch, a tag or a commit. Default: `main`. */
  readonly revision: string;
  /** Which of a repository's GGUF files, as `Q4_K_M`. */
  readonly tag: string | undefined;
}

const PART = "[A-Za-z0-9][A-Za-z0-9_.-]{0,95}";
const NAME = new RegExp(
  `^(?:hf://|https://(?:www\\.)?(?:huggingface\\.co|hf\\.co)/|hf\\.co/|huggingface\\.co/)?(${PART}/${PART})` +
    "(?:(?:@|/tree/)([A-Za-z0-9][A-Za-z0-9_./-]{0,127}))?(?::([A-Za-z0-9][A-Za-z0-9_.-]{0,63}))?/?$",
);

/** Undefined for what is no name of a hub. A path of that form may be one: the caller looks for a file first. */
export function parseHubName(name: string): HubName | undefined {
  const [, repo, revision = "main", tag] = NAME.exec(name) ?? [];
  if (repo === undefined || repo.includes("..") || repo.includes("--")) return undefined;
  if (revision.split("/").some((part) => part === "" || part === "." || part === "..")) {
    return undefined;
  }
  return { repo, revision, tag };
}

/** As it is written shortest. */
export function hubNameText({ repo, revision, tag }: HubName): string {
  const at = revision === "main" ? "" : `@${revision}`;
  return `${repo}${at}${tag === undefined ? "" : `:${tag}`}`;
}
