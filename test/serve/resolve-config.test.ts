import { describe, expect, test } from "bun:test";

import { configured, graph, Service } from "dynamo";
import * as v from "valibot";

import { type ConfigTree, emptyConfig, readYamlConfig } from "../../src/serve/config-tree.ts";
import { type Override, parseOverride } from "../../src/serve/override.ts";
import { resolveConfig } from "../../src/serve/resolve-config.ts";
import agg from "../cli/site/graphs/agg.ts";

const MINIMAL = `Frontend:
  served_model_name: m
Processor:
  model: m
VllmWorker:
  model: m
`;

function tree(text: string, ...flags: readonly string[]): ConfigTree {
  return readYamlConfig({ name: "test.yaml", text }).override(flags.map(override));
}

function override(flag: string): Override {
  const [name = "", ...value] = flag.slice(2).split("=");
  const parsed = parseOverride(name, value.join("="));
  if (!parsed) throw new Error(`not an override: ${flag}`);
  return parsed;
}

function resolve(text: string, ...flags: readonly string[]) {
  return resolveConfig(tree(text, ...flags), agg);
}

function failure(text: string, ...flags: readonly string[]): string {
  try {
    resolve(text, ...flags);
  } catch (error) {
    if (error instanceof Error) return error.message;
  }
  throw new Error("it was accepted");
}

describe("values", () => {
  test("reach the service in camel case, defaults applied", () => {
    const { services } = resolve(`${MINIMAL}  max-num-seqs: 8\n  max_model_len: 16\n`);
    expect(services.get("VllmWorker")?.config).toMatchObject({
      model: "m",
      maxNumSeqs: 8,
      maxModelLen: 16,
      engine: "native",
    });
  });

  test("reach a schema whose keys are not in camel case under its own names", () => {
    const number = v.optional(v.number(), 0);
    class Snake extends Service {
      config = configured(v.strictObject({ max_len: number, "min-len": number }));
    }
    const text = "Snake:\n  max-len: 1\n  min_len: 2\n";
    const { services } = resolveConfig(tree(text, "--Snake.max_len=3"), graph(Snake));
    expect(services.get("Snake")?.config).toEqual({ max_len: 3, "min-len": 2 });
  });

  test("a flag beats the file, and null brings the default back", () => {
    const worker = resolve(
      `${MINIMAL}  max-num-seqs: 8\n  block-size: 16\n`,
      "--VllmWorker.max_num_seqs=9",
      "--VllmWorker.block-size=null",
    ).services.get("VllmWorker");
    expect(worker?.config).toMatchObject({ maxNumSeqs: 9, blockSize: 64 });
  });

  test("Common gives what a service lists and does not set", () => {
    const { services } = resolve(`Common:
  model: shared
  block-size: 32
  max-model-len: 100
Frontend: {served_model_name: m}
Processor: {common-configs: [model, block_size]}
VllmWorker:
  block_size: 8
  common-configs: [model, block-size, kv-transfer-config]
`);
    expect(services.get("Processor")?.config).toMatchObject({
      model: "shared",
      blockSize: 32,
      maxModelLen: 4096,
    });
    expect(services.get("VllmWorker")?.config).toMatchObject({ model: "shared", blockSize: 8 });
  });

  test("an integer that a number cannot hold is not rounded but refused", () => {
    expect(failure(MINIMAL, "--VllmWorker.max-num-seqs=12345678901234567890")).toContain(
      "VllmWorker.max-num-seqs must be a number, not 12345678901234567890",
    );
  });

  test("every value knows where it comes from", () => {
    const settings = resolve(MINIMAL, "--VllmWorker.max-num-seqs=9").services.get(
      "VllmWorker",
    )?.settings;
    const originOf = (key: string) => settings?.find((one) => one.key === key)?.origin;
    expect(originOf("model")?.source.name).toBe("test.yaml");
    expect(originOf("max-num-seqs")?.source.text).toBe("--VllmWorker.max-num-seqs=9");
    expect(originOf("block-size")).toBeUndefined();
  });
});

describe("ServiceArgs", () => {
  test("have defaults", () => {
    const worker = resolve(MINIMAL).services.get("VllmWorker");
    expect(worker?.args).toMatchObject({ workers: 1, mailbox: 16384, envs: {} });
    expect(worker?.namespace).toBe("dynamo");
  });

  test("envs are strings whatever they look like", () => {
    const { services } = resolve(
      `${MINIMAL}  ServiceArgs:\n    envs: {A: 1, B: yes, C: x}\n`,
      "--VllmWorker.ServiceArgs.envs.D=007",
    );
    expect(services.get("VllmWorker")?.args.envs).toEqual({ A: "1", B: "true", C: "x", D: "007" });
  });

  test("a flag for one of them keeps the others", () => {
    const { services } = resolve(
      `${MINIMAL}  ServiceArgs: {workers: 1, mailbox: 7, resources: {gpu: '8'}}\n`,
      "--VllmWorker.ServiceArgs.workers=2",
    );
    expect(services.get("VllmWorker")?.args).toMatchObject({
      workers: 2,
      mailbox: 7,
      resources: { gpu: "8" },
    });
  });

  test("unknown ones are named, Dynamo's others are ignored", () => {
    expect(failure(`${MINIMAL}  ServiceArgs: {wrokers: 2}\n`)).toContain(
      `VllmWorker.ServiceArgs.wrokers is no key of ServiceArgs. Did you mean "workers"?`,
    );
    expect(
      resolve(`${MINIMAL}  ServiceArgs: {image: x, dynamo: {enabled: true}}\n`).ignored,
    ).toEqual(["VllmWorker.ServiceArgs.image", "VllmWorker.ServiceArgs.dynamo.enabled"]);
  });

  test("keys of the supervisor have defaults, two spellings, and bounds", () => {
    const argsOf = (text: string, ...flags: string[]) =>
      resolve(`${MINIMAL}${text}`, ...flags).services.get("VllmWorker")?.args;
    expect(argsOf("")).toMatchObject({
      "max-restarts": 10,
      "restart-period-ms": 60_000,
      "heartbeat-timeout-ms": 10_000,
    });
    expect(argsOf("  ServiceArgs: {max_restarts: 0, heartbeat-timeout-ms: null}\n")).toMatchObject({
      "max-restarts": 0,
      "heartbeat-timeout-ms": null,
    });
    const flag = "--VllmWorker.ServiceArgs.heartbeat-timeout-ms=500";
    expect(argsOf("  ServiceArgs: {heartbeat_timeout_ms: 0}\n", flag)).toMatchObject({
      "heartbeat-timeout-ms": 500,
    });
    expect(failure(MINIMAL, "--VllmWorker.ServiceArgs.heartbeat_timeout_ms=99")).toContain(
      "VllmWorker.ServiceArgs.heartbeat_timeout_ms is not right: it must be at least 100, or 0 or null for none",
    );
    expect(failure(`${MINIMAL}  ServiceArgs: {max-restarts: 1, max_restarts: 2}\n`)).toContain(
      "VllmWorker.ServiceArgs.max_restarts is the same key as VllmWorker.ServiceArgs.max-restarts; keep one of the two",
    );
  });

  test("workers are counted in ones", () => {
    expect(failure(MINIMAL, "--VllmWorker.ServiceArgs.workers=0")).toContain(
      "must be at least 1, not 0",
    );
    expect(failure(MINIMAL, "--VllmWorker.ServiceArgs.workers=1.5")).toContain(
      "must be an integer, not 1.5",
    );
    expect(failure(MINIMAL, "--VllmWorker.ServiceArgs=3")).toContain(
      "VllmWorker.ServiceArgs must be a map",
    );
  });

  test("a namespace is a name that addresses can hold", () => {
    for (const namespace of ['""', "a.b", "a/b"]) {
      expect(failure(`${MINIMAL}  ServiceArgs: {dynamo: {namespace: ${namespace}}}\n`)).toContain(
        "must be a name without dots",
      );
    }
  });

  test("services of one graph share a namespace", () => {
    expect(failure(`${MINIMAL}  ServiceArgs: {dynamo: {namespace: other}}\n`)).toContain(
      `is in the namespace "dynamo" and VllmWorker in "other"`,
    );
  });
});

describe("a mistake is shown where it was made", () => {
  test("an unknown key in a file: line, column, caret and the nearest name", () => {
    expect(failure(`${MINIMAL}  max-num-sqes: 4\n`)).toBe(
      [
        `test.yaml:7:3: VllmWorker has no key "max-num-sqes". Did you mean "max-num-seqs"?`,
        "",
        "    7 |   max-num-sqes: 4",
        "      |   ^^^^^^^^^^^^",
      ].join("\n"),
    );
  });

  test("the suggestion has the separators of what was typed", () => {
    expect(failure(MINIMAL, "--VllmWorker.max_num_sqes=4")).toContain(
      `Did you mean "max_num_seqs"?`,
    );
  });

  test("an unknown key in a flag: the flag and a caret", () => {
    expect(failure(MINIMAL, "--Processor.ruter=random")).toBe(
      [
        `Processor has no key "ruter". Did you mean "router"?`,
        "",
        "   --Processor.ruter=random",
        "               ^^^^^",
      ].join("\n"),
    );
  });

  test("a long line is shown around the mistake", () => {
    const long = "x".repeat(200);
    const message = failure(`Frontend: {served_model_name: ${long}, prot: 1, host: ${long}}\n`);
    const before = "x".repeat(28);
    expect(message).toStartWith(
      [
        `test.yaml:1:233: Frontend has no key "prot". Did you mean "port"?`,
        "",
        `    1 | ...${before}, prot: 1, host: ${"x".repeat(55)}...`,
        `      | ${" ".repeat(33)}^^^^`,
      ].join("\n"),
    );
  });

  test("an unknown service", () => {
    expect(failure(`${MINIMAL}VlmWorker: {}\n`)).toContain(
      `test.yaml:7:1: this graph has no service "VlmWorker"; it has VllmWorker, Processor, Frontend. Did you mean "VllmWorker"?`,
    );
  });

  test("a wrong type points at the value", () => {
    expect(
      failure(
        "Frontend:\n  served_model_name: m\n  port: '8000'\nProcessor: {model: m}\nVllmWorker: {model: m}\n",
      ),
    ).toBe(
      [
        `test.yaml:3:9: Frontend.port must be a number, not "8000"`,
        "",
        "    3 |   port: '8000'",
        "      |         ^^^^^^",
      ].join("\n"),
    );
    expect(failure(MINIMAL, "--VllmWorker.enforce-eager=maybe")).toContain(
      "   --VllmWorker.enforce-eager=maybe\n                              ^^^^^",
    );
  });

  test("a wrong choice lists the choices and the nearest", () => {
    expect(failure(MINIMAL, "--Processor.router=rond-robin")).toContain(
      `Processor.router must be "random" or "round-robin", not "rond-robin". Did you mean "round-robin"?`,
    );
  });

  test("a missing key says how to give it", () => {
    expect(failure("Frontend: {served_model_name: m}\nVllmWorker: {model: m}\n")).toBe(
      "Processor.model is not set; set it in the file, or give --Processor.model=DIR, or --model DIR for all services",
    );
    expect(() => resolveConfig(emptyConfig, agg)).toThrow("Frontend.served-model-name is not set");
  });

  test("a key spelled in both ways is not decided in silence", () => {
    expect(failure(`${MINIMAL}  max-num-seqs: 4\n  max_num_seqs: 5\n`)).toContain(
      "test.yaml:8:3: VllmWorker.max_num_seqs is the same key as VllmWorker.max-num-seqs in line 7; keep one of the two",
    );
  });

  test("what a service's own check finds points at the value", () => {
    expect(failure(MINIMAL, "--Frontend.endpoint=dynamo.Processor.chat")).toContain(
      "Frontend.endpoint: there is no endpoint dynamo.Processor.chat\n\n   --Frontend.endpoint=dynamo.Processor.chat\n                       ^^^^^",
    );
  });

  test("all mistakes are told at once", () => {
    const message = failure(MINIMAL, "--Frontend.prot=1", "--VllmWorker.engine=nativ");
    expect(message).toContain(`Did you mean "port"?`);
    expect(message).toContain(`Did you mean "native"?`);
  });

  test("Common's keys and lists are checked too", () => {
    expect(failure(`${MINIMAL}Common: {modle: x}\n`)).toContain(`Did you mean "model"?`);
    expect(failure(`${MINIMAL}  common-configs: [modle]\n`)).toContain(
      `VllmWorker.common-configs lists "modle", which is no key of any service. Did you mean "model"?`,
    );
    expect(failure(`${MINIMAL}  common-configs: model\n`)).toContain(
      "must be a list of keys of Common",
    );
  });

  test("a file that is no map of maps", () => {
    expect(failure("- a\n")).toContain(
      "must be a map of services, each with a map of its keys; it is a list",
    );
    expect(failure("Frontend: 5\n")).toContain(
      "test.yaml:1:11: Frontend must be a map of its keys; it is an integer",
    );
    expect(failure("on: {}\n")).toContain("YAML reads this one as a boolean. Quote it");
    expect(failure("Frontend: {a: 1\n")).toContain("test.yaml:2:1: not YAML:");
  });
});

describe("what is known upstream", () => {
  test("is accepted and listed: services and keys", () => {
    const { ignored } = resolve(
      `${MINIMAL}  router: random\n  tensor-parallel-size: 8\nPlanner: {environment: local}\nRouter: {min-workers: 1}\n`,
    );
    expect(ignored).toEqual([
      "Planner",
      "Router",
      "VllmWorker.router",
      "VllmWorker.tensor-parallel-size",
    ]);
  });

  test("is not known of a service that upstream does not have", () => {
    class Other extends Service {
      #private = 0;
      ping() {
        return this.#private;
      }
    }
    const config = tree("Other: {tensor-parallel-size: 1}\n");
    expect(() => resolveConfig(config, graph(Other))).toThrow(
      `Other has no key "tensor-parallel-size"`,
    );
  });
});
