// Whole questions that are only trained on, from questions/: `# id`, then a pattern a line.

import { readdirSync, readFileSync } from "node:fs";

const root = new URL("./questions/", import.meta.url);

/** Of all files of a folder, by the id that they stand under. */
export function wholeQuestions(folder: "facts" | "other"): Readonly<Record<string, string[]>> {
  return Object.fromEntries(
    readdirSync(new URL(folder, root))
      .sort()
      .flatMap((file) => sections(readFileSync(new URL(`${folder}/${file}`, root), "utf8"))),
  );
}

function sections(text: string): [string, string[]][] {
  return text
    .split(/^# /m)
    .slice(1)
    .map((section) => {
      const [id = "", ...lines] = section.trim().split("\n");
      return [id, lines];
    });
}
