import { expect, test } from "bun:test";

import { shellPath } from "../../src/base/shell-word.ts";

test("a path is quoted where a shell would read more into it, and is no flag", () => {
  expect(shellPath("configs/chat.yaml")).toBe("configs/chat.yaml");
  expect(shellPath("my dir/it's")).toBe("'my dir/it'\\''s'");
  expect(shellPath("-x/$y")).toBe("'./-x/$y'");
});
