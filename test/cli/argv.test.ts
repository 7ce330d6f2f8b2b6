import { describe, expect, test } from "bun:test";

import { readArgv } from "../../src/cli/argv.ts";
import { serveCommand } from "../../src/cli/serve.ts";
import { formatJson } from "../../src/serve/python-json.ts";

function read(line: string) {
  const { flags, positionals, overrides } = readArgv(line.split(" "), serveCommand);
  return {
    flags: Object.fromEntries(flags),
    positionals,
    overrides: overrides.map(({ path, value }) => `${path.join(".")}=${formatJson(value)}`),
  };
}

describe("overrides", () => {
  test("come in three forms", () => {
    for (const form of ["--S.k=5", "--S.k 5", "--S.k = 5"]) {
      expect(read(`g ${form} -f x`)).toEqual({
        flags: { file: "x" },
        positionals: ["g"],
        overrides: ["S.k=5"],
      });
    }
  });

  test("may be negative, empty, or hold an equals sign", () => {
    expect(read("--S.k -5").overrides).toEqual(["S.k=-5"]);
    expect(read("--S.k -.5").overrides).toEqual(["S.k=-0.5"]);
    expect(read("--S.k = -x").overrides).toEqual(['S.k="-x"']);
    expect(read("--S.k=--x").overrides).toEqual(['S.k="--x"']);
    expect(read("--S.k=").overrides).toEqual(['S.k=""']);
    expect(read("--S.k=a=b").overrides).toEqual(['S.k="a=b"']);
    expect(read("--S.k=-1e-3").overrides).toEqual(["S.k=-0.001"]);
  });

  test("without a value are named, whatever follows", () => {
    for (const line of [
      "g --S.k",
      "g --S.k --dry-run",
      "g --S.k --S.l=1",
      "--S.k -f x",
      "--S.k =",
    ]) {
      expect(() => read(line)).toThrow("--S.k needs a value; write --S.k=value");
    }
  });

  test("need a service and a key", () => {
    expect(() => read("--S.=1")).toThrow("--S.=1: a part of the name is empty");
    expect(() => read("--Frontend=1")).toThrow(
      "To set a key of a service, write --Frontend.key=value.",
    );
  });

  test("keep environment variables as text", () => {
    expect(read("--S.ServiceArgs.envs.A=007").overrides).toEqual(['S.ServiceArgs.envs.A="007"']);
    expect(read("--S.ServiceArgs.envs.A=true").overrides).toEqual(['S.ServiceArgs.envs.A="true"']);
  });
});

describe("flags", () => {
  test("are read in either form, under all their names", () => {
    expect(read("-f a").flags).toEqual({ file: "a" });
    expect(read("--file=a").flags).toEqual({ file: "a" });
    expect(read("--config-file a").flags).toEqual({ file: "a" });
    expect(read("--dry_run -p 1").flags).toEqual({ "dry-run": "", port: "1" });
    expect(read("--model -").flags).toEqual({ model: "-" });
  });

  test("that are not known are named with the nearest that is", () => {
    expect(() => read("--dryrun")).toThrow('unknown flag --dryrun. Did you mean "--dry-run"?');
    expect(() => read("--no-dry-run")).toThrow("unknown flag --no-dry-run");
    expect(() => read("-x")).toThrow("unknown flag -x");
  });

  test("that are incomplete, given twice or given too much are named", () => {
    expect(() => read("-f")).toThrow("-f needs a value; write -f=value");
    expect(() => read("--file --dry-run")).toThrow("--file needs a value");
    expect(() => read("--port=")).toThrow("--port needs a value");
    expect(() => read("--dry-run=1")).toThrow("--dry-run=1: --dry-run takes no value");
    expect(() => read("-f a --file b")).toThrow("--file is given twice");
  });
});

test("a stray argument with a dot ends in a message, not in a loop", () => {
  expect(() => read("graphs.agg S.k=1")).toThrow(
    'unexpected argument "S.k=1"; a setting is written --Service.key=value',
  );
});

test("after -- everything is a positional", () => {
  expect(read("-- --graph.ts").positionals).toEqual(["--graph.ts"]);
});
