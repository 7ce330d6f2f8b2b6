import { expect, test } from "bun:test";

import { connectionsWithin, descriptorLimit } from "../../src/http/descriptor-limit.ts";

test("connections leave a quarter of the descriptors for files, and are some in any case", () => {
  expect(connectionsWithin(1024)).toBe(768);
  expect(connectionsWithin(8)).toBe(16);
  expect(connectionsWithin(Infinity)).toBe(Infinity);
});

test("the limit is the one of this process", () => {
  const script = `import { descriptorLimit } from "./src/http/descriptor-limit.ts"; console.log(descriptorLimit())`;
  const { stdout } = Bun.spawnSync([
    "sh",
    "-c",
    `ulimit -n 200 && exec "$0" -e '${script}'`,
    process.execPath,
  ]);
  expect(stdout.toString().trim()).toBe(process.platform === "linux" ? "200" : "undefined");
  if (process.platform === "linux") expect(descriptorLimit()).toBeGreaterThan(0);
});
