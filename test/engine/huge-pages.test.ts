import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hugePageBytes } from "../../src/engine/huge-pages.ts";

test("huge pages are those of the mapping that holds the address, of memory or of a file", () => {
  const directory = mkdtempSync(join(tmpdir(), "dynamo-smaps-"));
  const path = join(directory, "smaps");
  writeFileSync(
    path,
    `1000-2000 rw-p 00000000 00:00 0
AnonHugePages:      2048 kB
FilePmdMapped:         0 kB
2000-9000 r--s 00000000 fe:00 12 /a/file
AnonHugePages:         0 kB
FilePmdMapped:      4096 kB
`,
  );
  try {
    expect(hugePageBytes(0x1fff, path)).toBe(2 << 20);
    expect(hugePageBytes(0x2000, path)).toBe(4 << 20);
    expect(hugePageBytes(0x9000, path)).toBeUndefined();
    expect(hugePageBytes(0x1000, join(directory, "none"))).toBeUndefined();
  } finally {
    rmSync(directory, { recursive: true });
  }
});
