import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { configNotice, readConfig } from "../../src/serve/config-source.ts";
import { formatJson } from "../../src/serve/python-json.ts";

const folder = mkdtempSync(join(tmpdir(), "dynamo-config-"));
afterAll(() => rmSync(folder, { recursive: true }));
mkdirSync(join(folder, "configs"));
writeFileSync(join(folder, "configs/mine.yaml"), "S: {from: file}\n");
writeFileSync(join(folder, "configs/latin1.yaml"), Buffer.from([0x53, 0x3a, 0x20, 0xe9]));

const builtIns = { "configs/agg.yaml": "S: {from: executable}\n" };

function read(file: string | undefined, environment: Record<string, string> = {}): string {
  return formatJson(readConfig({ file, environment, workingDir: folder, builtIns }).services);
}

const DEPLOYMENT = { DYN_DEPLOYMENT_CONFIG: "S: {from: deployment}" };
const SERVICES = { DYNAMO_SERVICE_CONFIG: '{"S": {"from": "environment"}}' };

test("a file is read from disk, and from the executable where there is none", () => {
  expect(read("./configs/mine.yaml")).toBe('{"S": {"from": "file"}}');
  expect(read("./configs/agg.yaml")).toBe('{"S": {"from": "executable"}}');
  expect(read(join(folder, "configs/mine.yaml"))).toBe('{"S": {"from": "file"}}');
});

test("the environment's configuration is used where no file is given", () => {
  expect(read(undefined, SERVICES)).toBe('{"S": {"from": "environment"}}');
  expect(read("configs/mine.yaml", SERVICES)).toBe('{"S": {"from": "file"}}');
  expect(read(undefined)).toBe("{}");
});

test("a deployment's configuration replaces the file, which need not exist", () => {
  expect(read("configs/mine.yaml", { ...DEPLOYMENT, ...SERVICES })).toBe(
    '{"S": {"from": "deployment"}}',
  );
  expect(read("no/such.yaml", DEPLOYMENT)).toBe('{"S": {"from": "deployment"}}');
});

test("a file that is replaced is worth a word", () => {
  const notice = (file: string | undefined, environment: Record<string, string>) =>
    configNotice({ file, environment, workingDir: folder, builtIns });
  expect(notice("./a.yaml", DEPLOYMENT)).toBe("DYN_DEPLOYMENT_CONFIG is set and replaces a.yaml");
  expect(notice(undefined, DEPLOYMENT)).toBeUndefined();
  expect(notice("a.yaml", SERVICES)).toBeUndefined();
});

test("a file that is not there: what is, and what was meant", () => {
  expect(() => read("configs/mime.yaml")).toThrow(
    [
      'there is no configuration file configs/mime.yaml. Did you mean "configs/mine.yaml"?',
      "  on disk:  configs/latin1.yaml, configs/mine.yaml",
      "  built in: configs/agg.yaml",
    ].join("\n"),
  );
});

test("a file that cannot be read says why", () => {
  expect(() => read("configs/latin1.yaml")).toThrow(
    "configs/latin1.yaml cannot be read: it is not UTF-8 text; save it as UTF-8",
  );
  expect(() => read("configs")).toThrow(
    "configs is a directory; -f takes a YAML file: configs/latin1.yaml, configs/mine.yaml",
  );
  expect(() => read(".")).toThrow(". is a directory; -f takes a YAML file, as configs/agg.yaml");
  symlinkSync("circle.yaml", join(folder, "circle.yaml"));
  expect(() => read("circle.yaml")).toThrow(
    "circle.yaml cannot be read: its symbolic links lead in a circle",
  );
});
