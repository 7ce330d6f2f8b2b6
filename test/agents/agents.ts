// The agents that are driven: their package, and how each is pointed at a server. docs/agents.md says the same to people.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Agent {
  readonly name: string;
  /** On npm. */
  readonly package: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Place {
  /** Of the server, without a path. */
  readonly url: string;
  readonly model: string;
  /** The agent's home, and nothing else's. */
  readonly home: string;
}

export function agentsAt({ url, model, home }: Place, task: string): readonly Agent[] {
  const place = { url, model, home };
  return [codex(place, task), claudeCode(place, task), qwenCode(place, task)];
}

function codex({ url, model, home }: Place, task: string): Agent {
  const folder = join(home, ".codex");
  mkdirSync(folder, { recursive: true });
  const config = [
    `model = "${model}"`,
    'model_provider = "dynamo"',
    "[model_providers.dynamo]",
    'name = "dynamo"',
    `base_url = "${url}/v1"`,
    'wire_api = "responses"',
  ];
  writeFileSync(join(folder, "config.toml"), `${config.join("\n")}\n`);
  return {
    name: "Codex",
    package: "@openai/codex",
    command: "codex",
    args: ["exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", task],
    env: { CODEX_HOME: folder },
  };
}

function claudeCode({ url, model }: Place, task: string): Agent {
  return {
    name: "Claude Code",
    package: "@anthropic-ai/claude-code",
    command: "claude",
    args: ["-p", task, "--permission-mode", "acceptEdits", "--allowedTools", "Bash"],
    env: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: "none",
      ANTHROPIC_MODEL: model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    },
  };
}

function qwenCode({ url, model }: Place, task: string): Agent {
  return {
    name: "Qwen Code",
    package: "@qwen-code/qwen-code",
    command: "qwen",
    args: ["--auth-type", "anthropic", "--yolo", "-p", task],
    env: { ANTHROPIC_BASE_URL: url, ANTHROPIC_API_KEY: "none", ANTHROPIC_MODEL: model },
  };
}
