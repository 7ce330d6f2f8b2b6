import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { withReference } from "../../scripts/config-reference.ts";

test("docs/config.md lists the keys that the schemas have", () => {
  const document = readFileSync(join(import.meta.dir, "../../docs/config.md"), "utf8");
  expect(document).toBe(withReference(document));
});
