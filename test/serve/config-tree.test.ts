import { describe, expect, test } from "bun:test";
import fc from "fast-check";

import { renderPlace } from "../../src/serve/config-error.ts";
import { type ConfigTree, readJsonConfig, readYamlConfig } from "../../src/serve/config-tree.ts";
import { impliedOverride, looksLikeOverride, parseOverride } from "../../src/serve/override.ts";
import { formatJson } from "../../src/serve/python-json.ts";
import { type Setting, valueSpanIn } from "../../src/serve/setting.ts";

const FILE = `Frontend:
  port: 8000
VllmWorker:
  max-num-seqs: 4
  block_size: 64
  ServiceArgs:
    workers: 1
    resources: {gpu: 1}
`;

function tree(
  text: string,
  ...flags: readonly (readonly [name: string, text: string])[]
): ConfigTree {
  const overrides = flags
    .map(([name, value]) => parseOverride(name, value))
    .filter((one) => one !== undefined);
  expect(overrides).toHaveLength(flags.length);
  return readYamlConfig({ name: "test.yaml", text }).override(overrides);
}

function printed(text: string, ...flags: readonly (readonly [string, string])[]): string {
  return formatJson(tree(text, ...flags).services);
}

describe("flags are merged into the file", () => {
  test("deeply: what lies beside stays", () => {
    expect(printed(FILE, ["VllmWorker.ServiceArgs.workers", "2"])).toBe(
      '{"Frontend": {"port": 8000}, "VllmWorker": {"max-num-seqs": 4, "block_size": 64, "ServiceArgs": {"workers": 2, "resources": {"gpu": 1}}}}',
    );
    expect(printed("S: {a: {x: 1, y: {z: 2}}}", ["S.a", '{"y": {"w": 3}}'])).toBe(
      '{"S": {"a": {"x": 1, "y": {"z": 2, "w": 3}}}}',
    );
  });

  test("in the file's spelling and at its place", () => {
    expect(printed("S: {max-num-seqs: 4, b_c: 1}", ["S.max_num_seqs", "5"], ["S.b-c", "2"])).toBe(
      '{"S": {"max-num-seqs": 5, "b_c": 2}}',
    );
  });

  test("keys inside maps are themselves", () => {
    expect(printed("S: {map: {a-b: 1}}", ["S.map.a_b", "2"])).toBe(
      '{"S": {"map": {"a-b": 1, "a_b": 2}}}',
    );
  });

  test("new keys and services come last, in the order of the flags", () => {
    expect(printed("A: {x: 1}", ["B.y", "2"], ["A.z", "3"], ["A.x", "4"])).toBe(
      '{"A": {"x": 4, "z": 3}, "B": {"y": 2}}',
    );
  });

  test("a map replaces a scalar, and a scalar a map", () => {
    expect(printed("S: {a: 1}", ["S.a.b", "2"])).toBe('{"S": {"a": {"b": 2}}}');
    expect(printed("S: {a: {b: 1}}", ["S.a", "2"])).toBe('{"S": {"a": 2}}');
  });

  test("the later of two flags wins", () => {
    expect(printed("", ["S.a", "1"], ["S.a", "-2.50"], ["S.b.c", "1"], ["S.b.d", "x=y"])).toBe(
      '{"S": {"a": -2.5, "b": {"c": 1, "d": "x=y"}}}',
    );
  });

  test("an empty service is an empty map", () => {
    expect(printed("Frontend:\n", ["Frontend.port", "1"])).toBe('{"Frontend": {"port": 1}}');
  });

  test("and the file they came from is not changed", () => {
    const file = readYamlConfig({ name: "test.yaml", text: FILE });
    const before = formatJson(file.services);
    const flag = parseOverride("VllmWorker.ServiceArgs.resources.gpu", "2");
    if (flag) file.override([flag]);
    expect(formatJson(file.services)).toBe(before);
  });

  test("what is printed is read back as the same configuration", () => {
    const name = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
    fc.assert(
      fc.property(fc.dictionary(name, fc.dictionary(name, fc.jsonValue())), (config) => {
        const text = JSON.stringify(config);
        const once = readJsonConfig({ name: "env", text });
        const twice = readJsonConfig({ name: "env", text: formatJson(once.services) });
        expect(formatJson(twice.services)).toBe(formatJson(once.services));
      }),
    );
  });
});

describe("every value has a place", () => {
  const placeOf = (config: ConfigTree, service: string, ...path: readonly string[]) => {
    const span = valueSpanIn(config.sections.get(service), path);
    return span && renderPlace(span);
  };

  test("the line of the file, or the flag", () => {
    const config = tree(FILE, ["VllmWorker.ServiceArgs.workers", "2"]);
    expect(placeOf(config, "VllmWorker", "block_size")).toBe("test.yaml:5");
    expect(placeOf(config, "VllmWorker", "ServiceArgs", "workers")).toBe(
      "--VllmWorker.ServiceArgs.workers=2",
    );
    expect(placeOf(config, "VllmWorker", "ServiceArgs", "resources")).toBe("test.yaml:8");
  });

  test("inside what a flag sets, the flag, and the file's beside it", () => {
    const config = tree("S: {a: {x: 1, y: [1, 2]}}", ["S.a", '{"y": [3], "z": {"w": 4}}']);
    expect(placeOf(config, "S", "a", "x")).toBe("test.yaml:1");
    expect(placeOf(config, "S", "a", "z", "w")).toBe('--S.a={"y": [3], "z": {"w": 4}}');
    // No item of the list that it replaces.
    expect(placeOf(config, "S", "a", "y", "1")).toBe('--S.a={"y": [3], "z": {"w": 4}}');
  });

  test("in JSON as in YAML, of which it is a part", () => {
    const source = {
      name: "c",
      text: '{"S": {"a": [1, {"b": "x"}],\n "c": 1.5e3, "d": null}, "T": {}}',
    };
    const [json, yaml] = [readJsonConfig(source), readYamlConfig(source)];
    const spansOf = ({ items, keySpan, valueSpan }: Setting): unknown => [
      ...[keySpan, valueSpan].map((span) => [span?.start, span?.end]),
      items.map(spansOf),
    ];
    const inJson = [...json.sections.values()].map(spansOf);
    expect(inJson).toEqual([...yaml.sections.values()].map(spansOf));
  });

  test("that of what is around it, if it has none", () => {
    const config = tree(FILE);
    expect(placeOf(config, "VllmWorker", "ServiceArgs", "nothing")).toBe("test.yaml:7");
    expect(placeOf(config, "Nobody")).toBeUndefined();
  });

  test("a short flag is shown as it was given", () => {
    const implied = impliedOverride(["Frontend", "port"], { name: "port", text: "9000" });
    const config = readYamlConfig({ name: "test.yaml", text: FILE }).override([implied]);
    expect(placeOf(config, "Frontend", "port")).toBe("--port=9000");
    expect(formatJson(config.services)).toContain('"port": 9000');
  });
});

describe("the name of an override", () => {
  test("has a service and a key", () => {
    for (const argument of ["--S.k=1", "--S.k", "--S.k.d=x", "--S.k=a.b"]) {
      expect(looksLikeOverride(argument)).toBe(true);
    }
    for (const argument of [
      "--port=1.5",
      "--port",
      "S.k=1",
      "-S.k",
      "--",
      "graphs.agg",
      "--=.",
      "--.k",
    ]) {
      expect(looksLikeOverride(argument)).toBe(false);
    }
  });

  test("has no empty part", () => {
    for (const name of ["S.", ".k", "S..k", "S", ""])
      expect(parseOverride(name, "1")).toBeUndefined();
  });
});

test("JSON of the environment keeps what YAML would read otherwise", () => {
  const config = readJsonConfig({
    name: "DYNAMO_SERVICE_CONFIG",
    text: '{"S": {"a": 1e3, "b": 1.0}}',
  });
  expect(formatJson(config.services)).toBe('{"S": {"a": 1000.0, "b": 1.0}}');
  expect(() => readJsonConfig({ name: "DYNAMO_SERVICE_CONFIG", text: "{'S': 1}" })).toThrow(
    "DYNAMO_SERVICE_CONFIG:1:2: not JSON: expected a key in double quotes",
  );
});
