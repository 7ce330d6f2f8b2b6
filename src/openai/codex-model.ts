// A model as OpenAI's Codex wants it described. Codex takes the description in place of its own, instructions included.

import type { ServedModel } from "../door/backend.ts";

const INSTRUCTIONS = `You are a coding agent that works in a terminal, in the user's folder.
Use the tools to read files, to run commands and to change files. Look before you change anything.
Change only what the task needs, and check the result with the project's own commands.
Go on until the task is done, then say in a few sentences what you did. If a command fails, read its output and try another way.`;

export function codexModel({ id, maxModelLen }: ServedModel, index: number): object {
  return {
    slug: id,
    display_name: id,
    description: null,
    supported_reasoning_levels: [],
    shell_type: "shell_command",
    visibility: "list",
    supported_in_api: true,
    priority: index,
    upgrade: null,
    base_instructions: INSTRUCTIONS,
    supports_reasoning_summaries: false,
    support_verbosity: false,
    default_verbosity: null,
    apply_patch_tool_type: null,
    truncation_policy: { mode: "tokens", limit: 10_000 },
    supports_parallel_tool_calls: true,
    context_window: maxModelLen,
    experimental_supported_tools: [],
    input_modalities: ["text"],
  };
}
