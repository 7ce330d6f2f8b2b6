import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { loadGraph } from "../../src/serve/load-graph.ts";

const folder = mkdtempSync(join(tmpdir(), "dynamo-graph-"));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "graphs"));

const SDK = JSON.stringify(join(import.meta.dir, "../../src/sdk/index.ts"));
const SERVICES = `import { Service, depends } from ${SDK};
export class Back extends Service { #n = 0; ping() { return this.#n; } }
export class Front extends Service { back = depends(Back); }
`;

function write(name: string, text: string): void {
  writeFileSync(join(folder, "graphs", name), text);
}

write("two.ts", `${SERVICES}export default Front.link(Back);\n`);
write("root.ts", SERVICES);
write("roots.ts", `${SERVICES}export class Other extends Service { #n = 0; }\n`);
write("nothing.ts", "export const x = 1;\n");
write("syntax.ts", "const a = 1;\nexport default {\n");
write(
  "throws.ts",
  "type A = number;\nfunction f(): A {\n  throw new Error('no luck');\n}\nexport default f();\n",
);
write("missing.ts", 'import { x } from "./not-there.ts";\nexport default x;\n');
write("unlinked.ts", `${SERVICES}\nexport default Back.link(Front);\n`);
write("export.ts", 'import { y } from "./nothing.ts";\nexport default y;\n');
write("import.ts", 'import { way } from "./export.ts";\nexport default way;\n');
write(
  "any.ts",
  'import { Any } from "./many.ts";\n\nimport { any } from "./nothing.ts";\nvoid Any, any;\n',
);
write("many.ts", "export const Any = 1;\n");
write("broken.json", '{\n  "a": 1,,\n}\n');
write("json.ts", 'import { a } from "./reads-json.ts";\nexport default a;\n');
write("reads-json.ts", 'import data from "./broken.json";\nexport const a = data.a;\n');
write(
  "field.ts",
  `${SERVICES}\nexport default class Bad extends Service {\n  x = this.context;\n}\n`,
);
write(
  "constructor.ts",
  `${SERVICES}export default class Bad extends Service {\n  constructor() {\n    super();\n    throw new Error("no");\n  }\n}\n`,
);
write(
  "depends.ts",
  `${SERVICES}export default class Bad extends Service {\n  x = depends(undefined);\n}\n`,
);
write(
  "cycle.ts",
  `${SERVICES}class A extends Service { b = depends(B); }\nclass B extends Service { a = depends(A); }\nexport default A;\n`,
);

const builtIns = { "graphs.agg": () => import("../cli/site/graphs/agg.ts") };

const load = (spec: string) => loadGraph(spec, { workingDir: folder, builtIns });

async function failure(spec: string): Promise<string> {
  const error: unknown = await load(spec).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof Error) return error.message;
  throw new Error("it was loaded");
}

describe("a graph is found", () => {
  test("as a module under the working directory", async () => {
    const { graph, source } = await load("graphs.two:Front");
    expect(graph.services.map(({ name }) => name)).toEqual(["Back", "Front"]);
    expect(source).toEqual({ type: "file", path: join(folder, "graphs/two.ts") });
  });

  test("as a path, with and without its extension", async () => {
    for (const spec of [
      "./graphs/two.ts:Front",
      "graphs/two:Front",
      join(folder, "graphs/two.ts"),
    ]) {
      expect((await load(spec)).source).toEqual({
        type: "file",
        path: join(folder, "graphs/two.ts"),
      });
    }
  });

  test("in the executable, where there is no such file", async () => {
    const { graph, source } = await load("graphs.agg:Frontend");
    expect(graph.entry.name).toBe("Frontend");
    expect(source).toEqual({ type: "built-in", name: "graphs.agg" });
  });

  test("without a name: the default export, else the single root", async () => {
    expect((await load("graphs.two")).graph.entry.name).toBe("Front");
    expect((await load("graphs.root")).graph.entry.name).toBe("Front");
    expect((await load("graphs.roots:Other")).graph.entry.name).toBe("Other");
  });
});

describe("a graph that is not there", () => {
  test("lists what is, and the nearest", async () => {
    expect(await failure("graphs.twoo:Front")).toStartWith(
      `there is no graph "graphs.twoo": no graphs/twoo.ts under ${folder}, and none is built in by that name. Did you mean "graphs.two"?`,
    );
    expect(await failure("graphs.twoo")).toContain(
      "graphs.throws, graphs.two, graphs.unlinked\n  built in: graphs.agg",
    );
  });

  test("a wrong entry names the right one", async () => {
    expect(await failure("graphs.two:Frot")).toBe(
      'graphs.two starts from Front, not from Frot; write graphs.two:Front. Did you mean "Front"?',
    );
    expect(await failure("graphs.two:Back")).toContain(
      "To run Back alone, add --service-name Back.",
    );
  });

  test("several roots want a name", async () => {
    expect(await failure("graphs.roots")).toBe(
      "graphs.roots has several roots: Front, Other; name one, as in graphs.roots:Front, or export one as default",
    );
  });

  test("a module without one says what to export", async () => {
    expect(await failure("graphs.nothing")).toContain(
      "graphs.nothing exports no graph; end it with",
    );
    expect(await failure(":")).toContain('":" names no graph');
  });
});

describe("a broken graph is shown at its own line and column", () => {
  test("a syntax error", async () => {
    expect(await failure("graphs.syntax")).toBe(
      [
        "graphs/syntax.ts:2:17: Expected identifier but found end of file",
        "",
        "    2 | export default {",
        "      |                 ^",
      ].join("\n"),
    );
  });

  test("a throw while it is loaded", async () => {
    expect(await failure("graphs.throws")).toStartWith(
      "graphs/throws.ts:3:13: no luck\n\n    3 |   throw new Error('no luck');",
    );
  });

  test("an import that is not there", async () => {
    const message = await failure("graphs.missing");
    expect(message).toStartWith(
      `graphs/missing.ts:1:20: there is no file ${join(folder, "graphs/not-there.ts")}.`,
    );
    expect(message).toContain("      |                    ^^^^^^^^^^^^^^");
  });

  test("a name that the imported module does not export", async () => {
    expect(await failure("graphs.export")).toStartWith(
      'graphs/export.ts:1:10: nothing.ts does not export "y"',
    );
  });

  test("a link that the service does not declare", async () => {
    const message = await failure("graphs.unlinked");
    expect(message).toStartWith("graphs/unlinked.ts:5:");
    expect(message).toContain("Back does not depend on Front");
  });

  test("a name that is missing two imports further on, in the file that wants it", async () => {
    expect(await failure("graphs.import")).toStartWith(
      'graphs/export.ts:1:10: nothing.ts does not export "y"',
    );
  });

  test("a missing name, where another name contains it", async () => {
    expect(await failure("graphs.any")).toStartWith(
      'graphs/any.ts:3:10: nothing.ts does not export "any"',
    );
  });

  test("broken JSON that it imports", async () => {
    expect(await failure("graphs.json")).toStartWith(
      "graphs/broken.json:2:10: not JSON: expected a key in double quotes",
    );
  });

  test("a service whose fields or constructor throw", async () => {
    expect(await failure("graphs.field")).toStartWith("graphs/field.ts:5:22: Bad cannot be built");
    expect(await failure("graphs.constructor")).toStartWith(
      "graphs/constructor.ts:7:15: Bad cannot be built: no.",
    );
  });

  test("a dependency that is no service", async () => {
    expect(await failure("graphs.depends")).toStartWith(
      'graphs/depends.ts:4:22: Bad.x: depends() takes a class that extends Service of "dynamo"; got undefined',
    );
  });

  test("a cycle", async () => {
    expect(await failure("graphs.cycle")).toStartWith(
      "graphs/cycle.ts:4:7: A -> B -> A is a cycle",
    );
  });
});
