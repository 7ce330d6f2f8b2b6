// Texts for a user who has mistyped something, whole, for each mistake. Nothing is started.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import * as components from "../../src/components/index.ts";
import * as sdk from "../../src/sdk/index.ts";
import { runLine } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "dynamo-messages-"));
afterAll(() => rmSync(folder, { recursive: true }));

const FILES: Readonly<Record<string, string>> = {
  "partial.yaml": "Frontend: {port: 9000}\n",
  "twice.yaml": "Frontend:\n  port: 1\nFrontend:\n  host: x\n",
  "compact.yaml": "Frontend: port: 9000\n",
  "sizes.yaml": "VllmWorker: {maxNumBatchedTokens: 4k, max_model_len: 32Ki}\n",
  "graphs/package.ts":
    'import { Service } from "dynamoo";\nexport default class A extends Service {}\n',
  "graphs/left.ts": 'import { pad } from "left-pad";\nexport default pad;\n',
  "graphs/near.ts": 'import { x } from "./pakage.ts";\nexport default x;\n',
  "graphs/name.ts":
    'import {\n  Service,\n  configurd,\n} from "dynamo";\nexport default class A extends Service { c = configurd({}); }\n',
  "graphs/part.ts":
    'import { Frontend, Procesor } from "dynamo/components";\nexport default Frontend.link(Procesor);\n',
  "graphs/default.ts": 'import dynamo from "dynamo";\nexport default dynamo;\n',
  "graphs/reads.ts": 'import data from "./data.json";\nexport default data;\n',
  "graphs/data.json": '{"a": [1, 2\n',
  "models/tiny/config.json": "{}",
  "models/cut/config.json": '{"a": 1,\n "b": [1, 2',
  "models/empty/README.md": "",
};
for (const [name, text] of Object.entries(FILES)) {
  mkdirSync(dirname(join(folder, name)), { recursive: true });
  writeFileSync(join(folder, name), text);
}

const run = (line: string, environment: Record<string, string> = {}) =>
  runLine(line, { workingDir: folder, environment });

const GRAPHS =
  "agg, disagg, disagg_router, disagg_routerless, agg_router, hello_world, routerless, two_models";
const CONFIGS =
  "configs/agg.yaml, configs/agg_router.yaml, configs/built-in.yaml, configs/disagg.yaml, " +
  "configs/disagg_router.yaml, configs/disagg_routerless.yaml, configs/built-in-router.yaml, " +
  "configs/hello_world.yaml, configs/mock.yaml, configs/mock-router.yaml, configs/routerless.yaml, " +
  "configs/scripted.yaml, configs/two_models.yaml";

/** Names beside the classes; new ones are no reason to fail. */
const SDK_FUNCTIONS = Object.keys(sdk)
  .filter((name) => /^[a-z]/.test(name))
  .toSorted()
  .join(", ");
const COMPONENTS = Object.keys(components).toSorted().join(", ");

/** A command line, and all that it prints. */
const MISTAKES: readonly (readonly [line: string, err: string])[] = [
  ["serv", 'dynamo: there is no command "serv". Did you mean "serve"? See dynamo --help.\n'],
  ["agg", 'dynamo: there is no command "agg". To serve a graph, write dynamo serve agg.\n'],
  ["--port 9000", "dynamo: --port is for a command; write dynamo serve --port 9000\n"],
  ["--prot 9000", "dynamo: unknown flag --prot.\n"],
  [
    "serve ag --dry-run",
    `dynamo: there is no graph "ag": no ag.ts under ${folder}, and none is built in by that name. Did you mean "agg"?\n` +
      `  on disk:  default, left, name, near, package, part, reads\n  built in: ${GRAPHS}\n`,
  ],
  [
    "serve ag --dry-rum -f nope.yaml",
    'dynamo: unknown flag --dry-rum. Did you mean "--dry-run"?\n' +
      `dynamo: there is no graph "ag": no ag.ts under ${folder}, and none is built in by that name. Did you mean "agg"?\n` +
      `  on disk:  default, left, name, near, package, part, reads\n  built in: ${GRAPHS}\n` +
      "dynamo: there is no configuration file nope.yaml.\n" +
      "  on disk:  compact.yaml, partial.yaml, sizes.yaml, twice.yaml\n" +
      `  built in: ${CONFIGS}\n`,
  ],
  [
    "serve --prot 9000 --Frontend.prot=1",
    'dynamo: unknown flag --prot. Did you mean "--port"?\n' +
      'dynamo: Frontend has no key "prot". Did you mean "port"?\n\n   --Frontend.prot=1\n              ^^^^\n',
  ],
  [
    "serve --host 203.0.113.7",
    "dynamo: Frontend.host: 203.0.113.7 lets other machines in, and nothing asks them for a key. Give --api-key-file FILE (or the " +
      "variable DYNAMO_API_KEY), or --insecure to serve all that can reach it. This machine has no address 203.0.113.7, besides\n\n" +
      "   --host=203.0.113.7\n          ^^^^^^^^^^^\n",
  ],
  [
    "serve --log-level wran",
    'dynamo: --log-level must be debug or info or warn or error, not "wran". Did you mean "warn"?\n',
  ],
  [
    "serve models/tny",
    `dynamo: there is no graph and no model "models/tny": no models/tny under ${folder}. Did you mean "models/tiny"?\n` +
      "  on disk:  graphs.default, graphs.left, graphs.name, graphs.near, graphs.package, graphs.part, graphs.reads\n" +
      `  built in: graphs.${GRAPHS.replaceAll(", ", ", graphs.")}\n`,
  ],
  [
    "./models/tny",
    `dynamo: there is no graph and no model "./models/tny": no ./models/tny under ${folder}. Did you mean "./models/tiny"?\n` +
      "  on disk:  graphs.default, graphs.left, graphs.name, graphs.near, graphs.package, graphs.part, graphs.reads\n" +
      `  built in: graphs.${GRAPHS.replaceAll(", ", ", graphs.")}\n`,
  ],
  [
    "serve --working-dir nowhere",
    `dynamo: the working directory ${folder}/nowhere is not there, or no directory\n`,
  ],
  ["serve --port 1 -p 2", "dynamo: --port is given twice\n"],
  [
    "serve --VllmWorker.",
    "dynamo: --VllmWorker.: a part of the name is empty; write --Service.key=value\n",
  ],
  [
    "serve --model https://models.example/Qwen/Qwen3-0.6B",
    "dynamo: Processor.model: https://models.example/Qwen/Qwen3-0.6B is an address; give the name, Qwen/Qwen3-0.6B, which is fetched " +
      "at the start, or fetch it before: dynamo pull Qwen/Qwen3-0.6B\n\n" +
      "   --model=https://models.example/Qwen/Qwen3-0.6B\n" +
      "           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n",
  ],
  [
    "serve two_models --model built-in",
    'dynamo: Frontend.served-model-name: Chat and Code serve "built-in"; set served-model-name of each (--Chat.served-model-name=...)\n',
  ],
  [
    "init twice.yaml",
    `dynamo: ${folder}/twice.yaml/configs/chat.yaml cannot be written: a part of its path is a file, and no directory. Give another folder: dynamo init DIR\n`,
  ],
  [
    "systemd-unit --dry-run --port x",
    "dynamo: --dry-run ends at once, and a unit file is for a server\n" +
      "dynamo: --port must be from 1 to 65535 in a unit, not x\n",
  ],
  ["serve --log-format xml", 'dynamo: --log-format must be text or json, not "xml".\n'],
  [
    "serve --log-format xml --log-level loud",
    'dynamo: --log-level must be debug or info or warn or error, not "loud".\n' +
      'dynamo: --log-format must be text or json, not "xml".\n',
  ],
  ["serve -f models", "dynamo: models is a directory; -f takes a YAML file, as configs/agg.yaml\n"],
  [
    "serve -f .",
    "dynamo: . is a directory; -f takes a YAML file: compact.yaml, partial.yaml, sizes.yaml, twice.yaml\n",
  ],
  [
    "serve -f twice.yaml",
    "dynamo: twice.yaml:3:1: Frontend is given twice, in lines 1 and 3; put all its keys into one section\n\n" +
      "    3 | Frontend:\n      | ^^^^^^^^\n",
  ],
  [
    "serve -f compact.yaml",
    "dynamo: compact.yaml:1:11: not YAML: a value is followed by another key. Either the line is indented too far, " +
      "or two keys stand on one line: give each its own line\n\n    1 | Frontend: port: 9000\n      |           ^\n",
  ],
  [
    "serve --VllmWorker.maxNumSeq=4k",
    'dynamo: VllmWorker has no key "maxNumSeq". Did you mean "maxNumSeqs"?\n\n   --VllmWorker.maxNumSeq=4k\n                ^^^^^^^^^\n',
  ],
  [
    "serve --VllmWorker.max-num-seqs=4kk",
    'dynamo: VllmWorker.max-num-seqs must be a number, not "4kk". A size is written 32k, 2GB, 32Ki or 1.5GiB\n\n   --VllmWorker.max-num-seqs=4kk\n                             ^^^\n',
  ],
  [
    "serve graphs.package",
    'dynamo: graphs/package.ts:1:26: there is no package "dynamoo". Did you mean "dynamo"? The executable carries dynamo, dynamo/components, valibot; ' +
      "any other package is looked for in node_modules beside the file (npm install)\n\n" +
      '    1 | import { Service } from "dynamoo";\n      |                          ^^^^^^^\n',
  ],
  [
    "serve graphs.left",
    'dynamo: graphs/left.ts:1:22: there is no package "left-pad". The executable carries dynamo, dynamo/components, valibot; ' +
      "any other package is looked for in node_modules beside the file (npm install)\n\n" +
      '    1 | import { pad } from "left-pad";\n      |                      ^^^^^^^^\n',
  ],
  [
    "serve graphs.near",
    `dynamo: graphs/near.ts:1:20: there is no file ${folder}/graphs/pakage.ts. Did you mean "./package.ts"? ` +
      "Imports are relative to the file that they stand in\n\n" +
      '    1 | import { x } from "./pakage.ts";\n      |                    ^^^^^^^^^^^\n',
  ],
  [
    "serve graphs.name",
    'dynamo: graphs/name.ts:3:3: "dynamo" does not export "configurd". Did you mean "configured"? It exports AddressError, DynamoError, ' +
      `Graph, GraphError, NoWorkersError, RemoteError, Service, ServiceDefinitionError, UnboundFieldError, ${SDK_FUNCTIONS}\n\n` +
      "    3 |   configurd,\n      |   ^^^^^^^^^\n",
  ],
  [
    "serve graphs.part",
    'dynamo: graphs/part.ts:1:20: "dynamo/components" does not export "Procesor". Did you mean "Processor"? ' +
      `It exports ${COMPONENTS}\n\n` +
      '    1 | import { Frontend, Procesor } from "dynamo/components";\n      |                    ^^^^^^^^\n',
  ],
  [
    "serve graphs.default",
    'dynamo: graphs/default.ts:1:1: "dynamo" has no default export; import names of it, as in import { Service } from "dynamo"\n\n' +
      '    1 | import dynamo from "dynamo";\n      | ^^^^^^\n',
  ],
  [
    "serve graphs.reads",
    "dynamo: graphs/data.json:2:1: not JSON: the text ends in the middle: it was cut short\n\n    2 | \n      | ^\n",
  ],
  [
    "models/tiny --model other --dry-run",
    'dynamo: "models/tiny" is a model, and --model names one, too; give one of the two\n',
  ],
];

describe("a mistake is told, with all others that there are, and ends with 2", () => {
  for (const [line, err] of MISTAKES) {
    test(line, async () => expect(await run(line)).toEqual({ exitCode: 2, out: "", err }));
  }
});

/** Obstacles in the world: the end of a start, and a line beside a dry run. */
const OBSTACLES: readonly (readonly [line: string, key: string, message: string, flag: string])[] =
  [
    [
      "serve --insecure --host 203.0.113.7",
      "Frontend.host",
      '"203.0.113.7" is no address of this machine; 127.0.0.1 is for clients on this machine, 0.0.0.0 for others, too',
      "--host=203.0.113.7",
    ],
    [
      `serve --model ${folder}/models/empty`,
      "Processor.model",
      `${folder}/models/empty has no config.json and no GGUF file; give the path of a Hugging Face model directory, or of a GGUF file`,
      `--model=${folder}/models/empty`,
    ],
    [
      `serve --model ${folder}/models/tinny`,
      "Processor.model",
      `no model at ${folder}/models/tinny. Did you mean "${folder}/models/tiny"? Give the path of a Hugging Face model directory, or of a GGUF file`,
      `--model=${folder}/models/tinny`,
    ],
    [
      "serve --offline --model no-such-owner/model-7b",
      "Processor.model",
      `no model at ${process.cwd()}/no-such-owner/model-7b. "no-such-owner/model-7b" looks like a repository of the Hugging Face hub, ` +
        "and is not on this machine: fetch it (dynamo pull no-such-owner/model-7b), or give the path of a model",
      "--model=no-such-owner/model-7b",
    ],
    [
      `serve --model ${folder}/models/cut`,
      "Processor.model",
      `${folder}/models/cut/config.json:2:12 is not JSON: the text ends in the middle: it was cut short. Fetch the file again, or mend it there`,
      `--model=${folder}/models/cut`,
    ],
    [
      "serve --model mock",
      "VllmWorker.model",
      '"mock" has no weights to compute with; set VllmWorker.engine to mocker, or name a model',
      "--model=mock",
    ],
  ];

describe("an obstacle ends a start with 2 before it begins, and a dry run with 0", () => {
  for (const [line, key, message, flag] of OBSTACLES) {
    test(line, async () => {
      const name = flag.split("=")[0] ?? "";
      const excerpt = `\n\n   ${flag}\n   ${" ".repeat(name.length + 1)}${"^".repeat(flag.length - name.length - 1)}\n`;
      const start = await run(`${line} --Frontend.port=0`);
      expect(start).toEqual({ exitCode: 2, out: "", err: `dynamo: ${key}: ${message}${excerpt}` });
      const { exitCode, out, err } = await run(`${line} --Frontend.port=0 --dry-run`);
      expect(exitCode).toBe(0);
      expect(out).toStartWith("Service Configuration:\n");
      expect(err).toContain(`dynamo: warning: ${key}: ${message}\n`);
    });
  }

  test("a port that is taken, of our Frontend and of hello_world's", async () => {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
    const { port = 0 } = server;
    try {
      for (const graph of ["agg", "hello_world"]) {
        const { exitCode, err } = await run(`serve ${graph} --port ${port}`);
        expect(exitCode).toBe(2);
        expect(err).toStartWith(
          `dynamo: Frontend.port: 127.0.0.1:${port} is taken by another program; choose another port (--port `,
        );
      }
    } finally {
      await server.stop(true);
    }
  });

  test("memory that is not there", async () => {
    const { exitCode, err } = await run("serve --port 0 --VllmWorker.num-gpu-blocks-override=2G");
    expect(exitCode).toBe(2);
    expect(err).toMatch(
      /^dynamo: VllmWorker\.model: built-in needs \d+\.\d GB of memory, and [\d.]+ GB are free: weights 0\.01 GB, KV blocks \d+\.\d GB, workspace 0\.\d\d GB\. --VllmWorker[^\n]*\n$/,
    );
  });
});

test("a dry run prints what was typed, and what runs besides on standard error", async () => {
  const hello = await run("serve hello_world --dry-run");
  expect(hello.err).toBe(
    "dynamo: also in the graph, with no section of their own: Frontend, Middle, Backend\n",
  );
  const sizes = await run("serve -f sizes.yaml --dry-run --explain");
  expect(sizes.out).toContain(
    config('{"VllmWorker": {"maxNumBatchedTokens": "4k", "max_model_len": "32Ki"}}'),
  );
  expect(sizes.out).toMatch(/ VllmWorker\.maxNumBatchedTokens +4000 +sizes\.yaml:1\n/);
  expect(sizes.out).toMatch(/ VllmWorker\.max_model_len +32768 +sizes\.yaml:1\n/);
});

const config = (text: string) =>
  `Environment Variable that would be set:\nDYNAMO_SERVICE_CONFIG=${text}\n`;

describe("a model", () => {
  test("is served by the usual graph, whichever way it is named", async () => {
    const { out } = await run("serve --model models/tiny --dry-run");
    expect(out).toContain(
      config(
        '{"Frontend": {"served_model_name": "tiny"}, "Processor": {"model": "models/tiny"}, "VllmWorker": {"model": "models/tiny"}}',
      ),
    );
    for (const line of ["models/tiny", "serve models/tiny", "serve agg --model models/tiny"]) {
      expect(await run(`${line} --dry-run`)).toMatchObject({ exitCode: 0, out });
    }
    expect((await run("models/m.gguf --dry-run")).out).toContain('"model": "models/m.gguf"');
  });

  test("that nobody names is the built-in one, however partial the file", async () => {
    for (const [line, environment] of [
      ["serve agg -f partial.yaml", {}],
      ["serve", { DYN_DEPLOYMENT_CONFIG: "Frontend: {port: 9000}" }],
      ["serve", { DYNAMO_SERVICE_CONFIG: '{"Frontend": {"port": 9000}}' }],
      ["serve routerless -f partial.yaml", {}],
      ["serve disagg_router -f partial.yaml", {}],
    ] as const) {
      const { exitCode, out } = await run(`${line} --dry-run --explain`, environment);
      expect(exitCode).toBe(0);
      expect(out).toContain(config('{"Frontend": {"port": 9000}}'));
      expect(out).toMatch(/ VllmWorker(RouterLess)?\.model +"built-in" +default\n/);
    }
  });

  test("that several serve by default is called by each of their names", async () => {
    const { exitCode, out } = await run(
      "serve two_models --dry-run --explain --Frontend.port=9000",
    );
    expect(exitCode).toBe(0);
    expect(out).toContain(config('{"Frontend": {"port": 9000}}'));
    expect(out).toMatch(/ Chat\.served-model-name +"chat" +default\n/);
    expect(out).toMatch(/ Code\.served-model-name +"code" +default\n/);
    const named = await run("serve two_models --dry-run --explain --Code.served_model_name=c");
    expect(named.out).toMatch(/ Code\.served_model_name +"c" +--Code/);
  });

  test("that one service names is that of the others", async () => {
    const environment = { DYN_DEPLOYMENT_CONFIG: "VllmWorker: {model: mock, engine: mocker}" };
    const { exitCode, out } = await run("serve --dry-run --explain", environment);
    expect(exitCode).toBe(0);
    expect(out).toMatch(/ Processor\.model +"mock" +default\n/);
  });
});

test("without a word, help and the one command to type", async () => {
  const { exitCode, out } = await run("");
  expect(exitCode).toBe(0);
  expect(out).toEndWith(`TO BEGIN

  dynamo serve            Serve the built-in model on http://127.0.0.1:8000
  dynamo serve --model DIR, or dynamo DIR, or dynamo MODEL.gguf: a model of yours
`);
});
