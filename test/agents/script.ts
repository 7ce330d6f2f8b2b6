// Script of the engine for an agent that mends a file: it looks at the file, then changes it, then answers. The
// last words of the conversation decide, so each step prints what only the next one waits for.

import type { Agent } from "./agents.ts";

export const FILE = "greeting.txt";
export const LAST_WORDS = "The greeting is mended.";

const MENDED = "all is well now";

export function wrong({ id }: Agent): string {
  return `hello wrold from ${id}\n`;
}

export function right({ id }: Agent): string {
  return `hello world from ${id}\n`;
}

export function taskOf(id: string): string {
  return `Mend the spelling in ${FILE}. This is the task of ${id}.`;
}

/** JSON, as `VllmWorker.script` takes it. */
export function scriptOf(agents: readonly Agent[]): string {
  const edit = `sed -i s/wrold/world/ ${FILE} && echo ${MENDED}`;
  const answers = agents.flatMap((agent) => [
    { match: `the task of ${agent.id}`, text: calling(agent, `cat ${FILE}`) },
    { match: wrong(agent).trim(), text: calling(agent, edit) },
  ]);
  // Agents ask for titles and the like beside the conversation.
  const others = [{ match: MENDED, text: LAST_WORDS }, { text: "A greeting" }];
  return JSON.stringify([...answers, ...others]);
}

function calling({ shell }: Agent, command: string): string {
  const call = { name: shell.tool, arguments: shell.argumentsOf(command) };
  return `The next step.\n<tool_call>\n${JSON.stringify(call)}\n</tool_call>`;
}
