// Prints how many calls of tools a served model gets right, in each form that clients send tools in.
//
//   bun models/built-in/evaluate-tools.ts [http://127.0.0.1:8000] [MODEL]

import OpenAI from "openai";

import { TOOL_FORMS } from "./tool-forms.ts";
import { scoreTools } from "./tool-score.ts";

const TASKS = 50;

const [, , url = "http://127.0.0.1:8000", wantedModel] = process.argv;
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
const model = wantedModel ?? (await client.models.list()).data[0]?.id ?? "";

const faults: string[] = [];
process.stdout.write(
  "| tools | right | of | garbled | streamed otherwise |\n|---|---:|---:|---:|---:|\n",
);
for (const form of TOOL_FORMS) {
  const { right, garbled, unlike, wrong } = await scoreTools(client, model, { form, tasks: TASKS });
  process.stdout.write(`| ${form.name} | ${right} | ${TASKS} | ${garbled} | ${unlike} |\n`);
  faults.push(...wrong.map((each) => `${form.name}: ${each}`));
}
process.stdout.write(`\n${faults.join("\n")}\n`);
