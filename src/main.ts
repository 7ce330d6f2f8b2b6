// The executable's entry. It answers --version at once, imports the rest lazily, and is the only
// place that ends the process.

import { version } from "../package.json";

const [first, ...others] = process.argv.slice(2);

if ((first === "--version" || first === "-V") && others.length === 0) {
  const { processContext } = await import("./cli/context.ts");
  processContext().out(`dynamo ${version}\n`);
} else {
  const { runCli } = await import("./cli/cli.ts");
  process.exit(await runCli(process.argv.slice(2)));
}
