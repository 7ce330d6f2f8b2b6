// The guide's dry runs, word for word. The model that they name is not on this machine.

import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { root, runDynamo } from "./server.ts";

const guide = (router: string) => `Service Configuration:
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
    "router": "${router}"
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
DYNAMO_SERVICE_CONFIG={"Frontend": {"served_model_name": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "endpoint": "dynamo.Processor.chat/completions", "port": 8000}, "Processor": {"model": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "block-size": 64, "max-model-len": 16384, "router": "${router}"}, "VllmWorker": {"model": "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "enforce-eager": true, "block-size": 64, "max-model-len": 16384, "max-num-batched-tokens": 16384, "enable-prefix-caching": true, "router": "random", "tensor-parallel-size": 1, "ServiceArgs": {"workers": 1}}}
`;

const disagg = (...args: string[]) => [
  "serve",
  "graphs.disagg:Frontend",
  "-f",
  "./configs/disagg.yaml",
  ...args,
];

const command = ["serve", "graphs.agg:Frontend", "-f", "./configs/agg.yaml"];

describe("the guide's dry run", () => {
  test("prints the guide's text and nothing else on stdout", async () => {
    const { code, stdout } = await runDynamo([...command, "--dry-run"]);
    expect(stdout).toBe(guide("round-robin"));
    expect(code).toBe(0);
  });

  test("with an override changes that one value", async () => {
    const { code, stdout } = await runDynamo([
      ...command,
      "--Processor.router=random",
      "--dry-run",
    ]);
    expect(stdout).toBe(guide("random"));
    expect(code).toBe(0);
  });

  test("beside a bare executable uses the graph that is built in", async () => {
    const config = join(root, "configs/agg.yaml");
    const args = ["serve", "graphs.agg:Frontend", "-f", config, "--dry-run"];
    const { code, stdout } = await runDynamo(args, { cwd: tmpdir() });
    expect(stdout).toBe(guide("round-robin"));
    expect(code).toBe(0);
  });

  test("refuses prefill workers that would fill other blocks than the workers'", async () => {
    const { code, stderr } = await runDynamo(disagg("--PrefillWorker.block-size=16", "--dry-run"));
    expect(code).toBe(2);
    expect(stderr).toContain("PrefillWorker.block-size: it is 16 here and 64 in VllmWorker");
  });

  test("names the graph that has prefill workers, where there are none", async () => {
    const args = [...command, "--VllmWorker.remote-prefill=true", "--dry-run"];
    const { code, stderr } = await runDynamo(args);
    expect(code).toBe(2);
    expect(stderr).toContain("graphs.disagg");
    const routerless = ["serve", "graphs.routerless:Frontend", "-f", "configs/routerless.yaml"];
    const remote = "--VllmWorkerRouterLess.remote-prefill=true";
    const other = await runDynamo([...routerless, remote, "--dry-run"]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("graphs.disagg_routerless");
  });

  test("names an unknown key with its place and the nearest that there is, and exits with 2", async () => {
    const { code, stdout, stderr } = await runDynamo([
      ...command,
      "--VllmWorker.max-num-seq=8",
      "--dry-run",
    ]);
    expect(code).toBe(2);
    expect(stdout).toBe("");
    expect(stderr).toContain("max-num-seq");
    expect(stderr).toContain("max-num-seqs");
  });
});

describe("the dry run of each graph with its configurations", () => {
  for (const [graph, config] of [
    ["agg_router", "agg_router"],
    ["agg_router", "built-in-router"],
    ["agg_router", "mock-router"],
    ["disagg", "disagg"],
    ["disagg_router", "disagg_router"],
    ["disagg_routerless", "disagg_routerless"],
    ["routerless", "routerless"],
    ["two_models", "two_models"],
  ]) {
    test(`graphs.${graph} with ${config}.yaml`, async () => {
      const args = [
        "serve",
        `graphs.${graph}:Frontend`,
        "-f",
        `configs/${config}.yaml`,
        "--dry-run",
      ];
      const { code, stdout } = await runDynamo(args);
      expect(code).toBe(0);
      expect(stdout).toMatchSnapshot();
    });
  }
});
