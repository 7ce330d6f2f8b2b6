import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { runLine } from "./run-cli.ts";

const SITE = join(import.meta.dir, "site");
const ROOT = join(import.meta.dir, "../..");

const run = (line: string, environment: Record<string, string> = {}) =>
  runLine(line, { workingDir: ROOT, environment });

const SERVE = `serve graphs.agg:Frontend --working-dir ${SITE}`;

/** The guide's own text; `DYNAMO_SERVICE_CONFIG` there is broken into lines by the width of a terminal. */
const GUIDE = `Service Configuration:
{
  "Frontend": {
    "served_model_name": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    "endpoint": "dynamo.Processor.chat/completions",
    "port": 8000
  },
  "Processor": {
    "model": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    "block-size": 64,
    "max-model-len": 16384,
    "router": "round-robin"
  },
  "VllmWorker": {
    "model": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
    "enforce-eager": true,
    "block-size": 64,
    "max-model-len": 16384,
    "max-num-batched-tokens": 16384,
    "enable-prefix-caching": true,
    "router": "random",
    "tensor-parallel-size": 1,
    "ServiceArgs": {
      "workers": 1
    }
  }
}

Environment Variable that would be set:
DYNAMO_SERVICE_CONFIG={"Frontend": {"served_model_name": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "endpoint": "dynamo.Processor.chat/completions", "port": 8000}, "Processor": {"model": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "block-size": 64, "max-model-len": 16384, "router": "round-robin"}, "VllmWorker": {"model": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "enforce-eager": true, "block-size": 64, "max-model-len": 16384, "max-num-batched-tokens": 16384, "enable-prefix-caching": true, "router": "random", "tensor-parallel-size": 1, "ServiceArgs": {"workers": 1}}}
`;

describe("the guide's dry run", () => {
  test("prints the guide's text on standard output, and one warning beside it", async () => {
    expect(await run(`${SERVE} -f ./configs/agg.yaml --dry-run`)).toEqual({
      exitCode: 0,
      out: GUIDE,
      err: "dynamo: warning: known to Dynamo, and without effect in this graph: VllmWorker.router, VllmWorker.tensor-parallel-size\n",
    });
  });

  test("prints the guide's override", async () => {
    const { out } = await run(`${SERVE} -f ./configs/agg.yaml --Processor.router=random --dry-run`);
    expect(out).toBe(GUIDE.replaceAll('"router": "round-robin"', '"router": "random"'));
  });

  test("prints the same for the graph and the files that are shipped", async () => {
    const guide = "serve graphs.agg:Frontend -f ./configs/agg.yaml --dry-run";
    expect(await run(guide)).toMatchObject({ exitCode: 0, out: GUIDE });
    const mock = await run(guide.replace("agg.yaml", "mock.yaml"));
    expect(mock).toMatchObject({ exitCode: 0, err: "" });
  });

  test("prints what DYNAMO_SERVICE_CONFIG reads back as itself", async () => {
    const { out } = await run(`${SERVE} -f ./configs/agg.yaml --dry-run`);
    const [, text = ""] = /DYNAMO_SERVICE_CONFIG=(.*)\n$/.exec(out) ?? [];
    const again = await run(`${SERVE} --dry-run`, { DYNAMO_SERVICE_CONFIG: text });
    expect(again.out).toBe(out);
  });

  test("checks before it prints", async () => {
    const { exitCode, out, err } = await run(
      `${SERVE} -f configs/agg.yaml --dry-run --Frontend.prot=1`,
    );
    expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
    expect(err).toContain('dynamo: Frontend has no key "prot". Did you mean "port"?');
  });
});

describe("serve's flags", () => {
  test("--port, --host and --model are settings like any other", async () => {
    const { exitCode, out } = await run(
      `${SERVE} --model ./models/tiny/ --port 9000 --host ::1 --dry-run`,
    );
    expect(exitCode).toBe(0);
    expect(out).toContain(
      'DYNAMO_SERVICE_CONFIG={"Frontend": {"host": "::1", "port": 9000, "served_model_name": "tiny"}, "Processor": {"model": "./models/tiny/"}, "VllmWorker": {"model": "./models/tiny/"}}\n',
    );
  });

  test("those of access are settings, too; lists are written with commas", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cli-keys-"));
    const keys = join(folder, "007");
    writeFileSync(keys, "alice a-key-of-24-characters-1\n");
    const agg = "serve graphs.agg:Frontend -f configs/mock.yaml --host 0.0.0.0 --dry-run";
    const flags = `--api-key-file ${keys} --allow-host=a,b --allow-origin https://c --insecure`;
    const { exitCode, out, err } = await run(`${agg} ${flags}`);
    rmSync(folder, { recursive: true });
    expect({ exitCode, err }).toEqual({ exitCode: 0, err: "" });
    expect(out).toContain(
      `"host": "0.0.0.0", "api-key-file": "${keys}", "allow-host": ["a", "b"], "allow-origin": ["https://c"], "insecure": true}`,
    );
  });

  test("a host that lets others in is refused without a key, at its place and with the cures", async () => {
    const agg = "serve graphs.agg:Frontend -f configs/mock.yaml --dry-run";
    for (const host of ["0.0.0.0", "::", "192.168.1.5", "llm.example"]) {
      const { exitCode, out, err } = await run(`${agg} --host ${host}`);
      expect({ exitCode, out }).toEqual({ exitCode: 2, out: "" });
      expect(err).toContain(`dynamo: Frontend.host: ${host} lets other machines in`);
      expect(err).toContain(`   --host=${host}\n          ^`);
      for (const cure of ["--api-key-file", "DYNAMO_API_KEY", "--insecure"]) {
        expect(err).toContain(cure);
      }
    }
    const open = `${agg} --host 0.0.0.0`;
    expect(await run(`${open} --insecure`)).toMatchObject({ exitCode: 0 });
    expect(await run(open, { DYNAMO_API_KEY: "k" })).toMatchObject({ exitCode: 0 });
    for (const host of ["127.0.0.1", "localhost", "::1"]) {
      expect(await run(`${agg} --host ${host}`)).toMatchObject({ exitCode: 0 });
    }
  });

  test("a key in the environment that no service asks for is warned about", async () => {
    const key = { DYNAMO_API_KEY: "environment-key-0123" };
    const open = await run("serve graphs.hello_world:Frontend --dry-run", key);
    expect(open.exitCode).toBe(0);
    expect(open.err).toContain("warning: DYNAMO_API_KEY is set, and no service here asks for API");
    const agg = await run("serve graphs.agg:Frontend -f configs/mock.yaml --dry-run", key);
    expect(agg).toMatchObject({ exitCode: 0, err: "" });
  });

  test("an empty key in the environment is blamed on nothing else", async () => {
    const agg = "serve graphs.agg:Frontend -f configs/mock.yaml --dry-run";
    const { exitCode, err } = await run(agg, { DYNAMO_API_KEY: "" });
    expect(exitCode).toBe(2);
    expect(err).toContain("Frontend: DYNAMO_API_KEY is empty; set a key, or unset it");
    expect(err).not.toContain("mock.yaml");
  });

  test("what is set by its own name beats them, and they beat the file", async () => {
    const { out } = await run(
      `${SERVE} -f configs/agg.yaml --model ./a/b --VllmWorker.model=c --dry-run`,
    );
    expect(out).toContain('"served_model_name": "b"');
    expect(out).toContain('"VllmWorker": {"model": "c"');
    expect(out).toContain('"Processor": {"model": "./a/b"');
  });

  test("a mistake in one of them points at it", async () => {
    const { exitCode, err } = await run(`${SERVE} -f configs/agg.yaml --port=eighty --dry-run`);
    expect(exitCode).toBe(2);
    expect(err).toContain(
      'Frontend.port must be a number, not "eighty"\n\n   --port=eighty\n          ^^^^^^\n',
    );
  });

  test("--service-name plans that one service, with nothing behind it", async () => {
    const { exitCode, out } = await run(
      `${SERVE} -f configs/agg.yaml --dry-run --explain --service-name Processor`,
    );
    expect(exitCode).toBe(0);
    expect(out).toContain("entry Processor\n  Processor:1  1 thread  mailbox 16384\n");
    const wrong = await run(`${SERVE} -f configs/agg.yaml --dry-run --service-name Procesor`);
    expect(wrong).toMatchObject({ exitCode: 2, out: "" });
    expect(wrong.err).toContain('Did you mean "Processor"?');
  });

  test("--explain tells where each value comes from, and what would run", async () => {
    const { out } = await run(
      `${SERVE} -f ./configs/agg.yaml --dry-run --explain --VllmWorker.ServiceArgs.workers=2 --port 9000`,
    );
    expect(out).toStartWith("Service Configuration:\n");
    const explanation = out.slice(out.indexOf("Where each value"));
    expect(explanation).toMatch(/^ {2}Frontend\.port +9000 +--port=9000$/m);
    expect(explanation).toMatch(/^ {2}Processor\.block-size +64 +configs\/agg\.yaml:13$/m);
    expect(explanation).toMatch(/^ {2}VllmWorker\.max-num-seqs +256 +default$/m);
    expect(explanation).toMatch(
      /^ {2}Frontend:1 +1 thread +mailbox 16384 +processor -> Processor$/m,
    );
    expect(explanation).toMatch(/^ {2}VllmWorker:1\.\.2 +2 threads/m);
    expect(explanation).toContain("total  4 actor threads beside the main thread");
  });

  test("--explain gives the flags of the service that would need too much memory, whichever it is", async () => {
    const blocks = "--VllmWorkerRouterLess.num-gpu-blocks-override=100000000";
    const { out } = await run(
      `serve graphs.routerless:Frontend -f configs/routerless.yaml --dry-run --explain ${blocks}`,
    );
    expect(out).toContain("saved by --VllmWorkerRouterLess.num-gpu-blocks-override=");
    expect(out).not.toContain("--VllmWorker.");
  });
});

describe("usage", () => {
  test("an unknown command has a suggestion", async () => {
    expect(await run("serv")).toEqual({
      exitCode: 2,
      out: "",
      err: 'dynamo: there is no command "serv". Did you mean "serve"? See dynamo --help.\n',
    });
  });

  test("help names every flag, without colours where nobody sees them", async () => {
    const { exitCode, out } = await run("serve --help");
    expect(exitCode).toBe(0);
    for (const flag of [
      "-f, --file",
      "--dry-run",
      "--explain",
      "--service-name",
      "--working-dir",
      "--model",
      "--host",
      "-p, --port",
      "--api-key-file",
      "--allow-host",
      "--allow-origin",
      "--insecure",
    ]) {
      expect(out).toContain(flag);
    }
    for (const variable of ["DYNAMO_SERVICE_CONFIG", "DYNAMO_API_KEY"]) {
      expect(out).toContain(variable);
    }
    expect(out).toBe(Bun.stripANSI(out));
    expect((await run("help serve")).out).toBe(out);
    expect((await run("--help")).out).toContain("serve");
    expect((await run("--version")).out).toMatch(/^dynamo \d+\.\d+\.\d+\n$/);
  });

  test("a missing file and a missing graph end with 2 and a cure", async () => {
    const file = await run(`${SERVE} -f configs/ag.yaml --dry-run`);
    expect(file.exitCode).toBe(2);
    expect(file.err).toContain('Did you mean "configs/agg.yaml"?');
    const graph = await run(`serve graphs.ag:Frontend --working-dir ${SITE} --dry-run`);
    expect(graph.exitCode).toBe(2);
    expect(graph.err).toContain('Did you mean "graphs.agg"?');
  });
});
