// What stands in for a model while an agent mends a file: it looks at the file, then changes it, then answers. It
// tells by the tools' results in the conversation how far the task is.

import type { ChatCompletionRequest } from "../../src/protocol/chat.ts";
import { type PlayedAnswer, PlayedBackend } from "../api/played-backend.ts";

export const MODEL = "scripted";
export const WRONG = "hello wrold\n";
export const RIGHT = "hello world\n";
export const FILE = "greeting.txt";
export const LAST_WORDS = "The greeting is mended.";

const MAX_MODEL_LEN = 65_536;

/** By tool: the arguments that run a command in the shell. */
const SHELLS: Readonly<Record<string, (command: string) => object>> = {
  exec_command: (cmd) => ({ cmd }),
  shell: (command) => ({ command: ["bash", "-lc", command] }),
  shell_command: (command) => ({ command }),
  Bash: (command) => ({ command, description: "a step of the task" }),
  run_shell_command: (command) => ({ command, is_background: false, description: "a step" }),
};

const STEPS = [`cat ${FILE}`, `sed -i s/wrold/world/ ${FILE}`];

export class TaskBackend extends PlayedBackend {
  override readonly served = [{ id: MODEL, created: 1_700_000_000, maxModelLen: MAX_MODEL_LEN }];

  override chat(request: ChatCompletionRequest) {
    this.answers = [{ ...this.#answerTo(request), numPromptTokens: 1000, numCachedTokens: 500 }];
    return super.chat(request);
  }

  #answerTo({ tools, messages }: ChatCompletionRequest): PlayedAnswer {
    const shell = tools.find(({ name }) => name in SHELLS)?.name;
    const numDone = messages.filter(({ role }) => role === "tool").length;
    const step = STEPS[numDone];
    // Agents ask for titles and the like beside the conversation, without tools.
    if (shell === undefined) return { text: "A greeting" };
    if (step === undefined) return { reasoning: "It is done.", text: LAST_WORDS };
    const args = JSON.stringify(SHELLS[shell]?.(step));
    const call = { id: `call_${numDone + 1}`, name: shell, arguments: args };
    return { reasoning: "I do the next step.", text: "Working.", calls: [call] };
  }
}
