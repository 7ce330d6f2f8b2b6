// The agents that are driven: their package, and how each is pointed at a server. docs/agents.md says the same to people.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { taskOf } from "./script.ts";

export interface Agent {
  readonly name: string;
  /** In its task, and in the file that it mends. */
  readonly id: string;
  /** On npm. */
  readonly package: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Its tool that runs a command. */
  readonly shell: {
    readonly tool: string;
    argumentsOf(command: string): object;
  };
}

export interface Place {
  /** Address of the server, without a path. */
  readonly url: string;
  readonly model: string;
  /** The agent's home, and nothing else's. */
  readonly home: string;
}

export function agentsAt(place: Place): readonly Agent[] {
  return [codex(place), claudeCode(place), qwenCode(place)];
}

function codex({ url, model, home }: Place): Agent {
  const id = "codex";
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
    id,
    name: "Codex",
    package: "@openai/codex",
    command: "codex",
    args: [
      "exec",
      "--skip-git-repo-check",
      "--dangerously-bypass-approvals-and-sandbox",
      taskOf(id),
    ],
    env: { CODEX_HOME: folder },
    shell: { tool: "exec_command", argumentsOf: (cmd) => ({ cmd }) },
  };
}

function claudeCode({ url, model }: Place): Agent {
  const id = "claude";
  return {
    id,
    name: "Claude Code",
    package: "@anthropic-ai/claude-code",
    command: "claude",
    args: ["-p", taskOf(id), "--permission-mode", "acceptEdits", "--allowedTools", "Bash"],
    env: {
      ANTHROPIC_BASE_URL: url,
      ANTHROPIC_API_KEY: "none",
      ANTHROPIC_MODEL: model,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: model,
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    },
    shell: { tool: "Bash", argumentsOf: (command) => ({ command, description: "a step" }) },
  };
}

function qwenCode({ url, model }: Place): Agent {
  const id = "qwen";
  return {
    id,
    name: "Qwen Code",
    package: "@qwen-code/qwen-code",
    command: "qwen",
    args: ["--yolo", "-p", taskOf(id)],
    env: { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: "none", OPENAI_MODEL: model },
    shell: {
      tool: "run_shell_command",
      argumentsOf: (command) => ({ command, is_background: false, description: "a step" }),
    },
  };
}
