// ./dynamo as a file: alone, in odd places, beside graphs of the user's.

import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { version } from "../../package.json";
import {
  executable,
  freePort,
  hasTinyStories,
  root,
  runDynamo,
  startServer,
  tinyStories,
} from "./server.ts";

const folder = mkdtempSync(join(tmpdir(), "e2e-executable-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("the executable", () => {
  test("has at most 150 MB", () => {
    expect(statSync(executable).size).toBeLessThan(150e6);
  });

  test("tells its version", async () => {
    const { code, stdout } = await runDynamo(["--version"]);
    expect(stdout).toBe(`dynamo ${version}\n`);
    expect(code).toBe(0);
  });

  test("ignores a foreign bunfig.toml and .env in the current folder", async () => {
    const cwd = join(folder, "foreign");
    mkdirSync(cwd);
    writeFileSync(join(cwd, "bunfig.toml"), 'preload = ["./intruder.ts"]\n');
    writeFileSync(join(cwd, "intruder.ts"), 'console.log("intruder"); process.exit(9);\n');
    writeFileSync(join(cwd, ".env"), "DYN_DEPLOYMENT_CONFIG=nonsense: [\n");
    const args = [
      "serve",
      "graphs.agg:Frontend",
      "-f",
      join(root, "configs/agg.yaml"),
      "--dry-run",
    ];
    const { code, stdout } = await runDynamo(args, { cwd });
    expect(stdout).toStartWith("Service Configuration:\n");
    expect(code).toBe(0);
  });

  test.skipIf(!hasTinyStories)(
    "computes with no TMPDIR and nothing else on the machine (needs ../shared/data)",
    async () => {
      const server = await startServer({
        args: ["graphs.agg:Frontend", "--model", tinyStories],
        cwd: folder,
        env: { TMPDIR: "/nonexistent", PATH: "/nonexistent", HOME: "/nonexistent" },
      });
      try {
        const request = { model: "tinystories-656k", prompt: "Once", max_tokens: 5 };
        expect((await server.complete(request)).usage.completion_tokens).toBe(5);
      } finally {
        expect(await server.stop()).toBe(0);
      }
    },
  );
});

test("a port that another process has is an error that names it and the cure", async () => {
  const first = await startServer({ args: ["graphs.agg:Frontend", "-f", "configs/mock.yaml"] });
  try {
    const { port } = new URL(first.url);
    const args = ["serve", "graphs.agg:Frontend", "-f", "configs/mock.yaml", "--port", port];
    const { code, stderr } = await runDynamo(args);
    expect(code).toBe(2);
    expect(stderr).toContain(port);
    expect(stderr).toContain("--port");
  } finally {
    await first.stop();
  }
});

describe("beside the bare executable, a user's graph", () => {
  test("hello_world serves from its own files", async () => {
    const cwd = join(folder, "hello");
    mkdirSync(join(cwd, "graphs"), { recursive: true });
    cpSync(join(root, "graphs/hello_world.ts"), join(cwd, "graphs/hello.ts"));
    const config = join(root, "configs/hello_world.yaml");
    const server = await startServer({
      args: ["graphs.hello:Frontend", "-f", config],
      cwd,
      readyWhen: "listening",
    });
    try {
      const response = await server.post("/generate", { text: "one two" });
      expect(response.status).toBe(200);
      expect(await response.text()).toContain("two");
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });

  test("uses the npm packages beside it, but none in the place of dynamo and valibot", async () => {
    const cwd = join(folder, "with packages");
    const write = (path: string, text: string) => {
      mkdirSync(dirname(join(cwd, path)), { recursive: true });
      writeFileSync(join(cwd, path), text);
    };
    write("package.json", '{ "name": "dynamo", "type": "commonjs", "exports": "./none.js" }');
    write("node_modules/by-main/package.json", '{ "name": "by-main", "main": "lib/it.js" }');
    write("node_modules/by-main/lib/it.js", 'module.exports = { main: "main" };');
    write("node_modules/by-exports/package.json", '{ "exports": { "./x": "./y.mjs" } }');
    write("node_modules/by-exports/y.mjs", 'export const exported = "exports";');
    for (const name of ["dynamo", "valibot"]) {
      write(`node_modules/${name}/package.json`, '{ "main": "index.js" }');
      write(`node_modules/${name}/index.js`, "throw new Error('foreign');");
    }
    const lines = [
      'import { main } from "by-main";',
      'import { exported } from "by-exports/x";',
      'import { Service } from "dynamo";',
      'import * as v from "valibot";',
      "throw new Error([main, exported, typeof Service, typeof v.object].join());",
    ];
    write("graphs/uses.ts", lines.join("\n"));
    const { stderr } = await runDynamo(["serve", "graphs.uses:A"], { cwd });
    expect(stderr).toContain("graphs/uses.ts:5:");
    expect(stderr).toContain("main,exports,function,function");
  });

  test("whose own server throws answers without source or paths", async () => {
    const cwd = join(folder, "throwing");
    mkdirSync(join(cwd, "graphs"), { recursive: true });
    const lines = [
      'import { Service } from "dynamo";',
      "class Thrower extends Service {",
      "  override async start() {",
      "    const port = Number(process.env.THROWER_PORT);",
      '    Bun.serve({ port, fetch() { throw new Error("secret"); } });',
      "  }",
      "}",
      "export default Thrower;",
    ];
    writeFileSync(join(cwd, "graphs/thrower.ts"), lines.join("\n"));
    const port = String(await freePort());
    const child = Bun.spawn([executable, "serve", "graphs.thrower:Thrower"], {
      cwd,
      env: { ...process.env, THROWER_PORT: port },
      stdio: ["ignore", "ignore", "ignore"],
    });
    try {
      let answer: Response | undefined;
      while (answer === undefined && child.exitCode === null) {
        answer = await fetch(`http://127.0.0.1:${port}`).catch(() => undefined);
      }
      expect(answer?.status).toBe(500);
      const text = await answer?.text();
      expect(text).not.toContain("secret");
      expect(text).not.toContain("thrower");
    } finally {
      child.kill("SIGINT");
      await child.exited;
    }
  });

  test("that is broken gives its own file, line and column", async () => {
    const cwd = join(folder, "broken");
    mkdirSync(join(cwd, "graphs"), { recursive: true });
    const lines = [
      'import { Service } from "dynamo";',
      "",
      "class A extends Service {",
      "  x = = 1;",
    ];
    writeFileSync(join(cwd, "graphs/syntax.ts"), lines.join("\n"));
    writeFileSync(
      join(cwd, "graphs/throws.ts"),
      ['import { Service } from "dynamo";', "", "const a: any = undefined;", "a.b.c;"].join("\n"),
    );
    const syntax = await runDynamo(["serve", "graphs.syntax:A"], { cwd });
    expect(syntax.code).toBe(2);
    expect(syntax.stderr).toContain("graphs/syntax.ts:4:7");
    const throws = await runDynamo(["serve", "graphs.throws:A"], { cwd });
    expect(throws.code).toBe(2);
    expect(throws.stderr).toContain("graphs/throws.ts:4:");
  });

  test("that is not there is answered with those that are", async () => {
    const { code, stderr } = await runDynamo(["serve", "graphs.ag:Frontend"], { cwd: folder });
    expect(code).toBe(2);
    expect(stderr).toContain("graphs.agg");
  });
});
