import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { unitFile } from "../../src/cli/systemd-unit.ts";
import { runLine } from "./run-cli.ts";

const options = {
  executable: "/usr/local/bin/dynamo",
  argv: ["graphs.agg:Frontend"],
  workingDir: "/srv/100%",
  isPrivileged: false,
};

test("arguments are quoted as systemd reads them", () => {
  const argv = ["-f", "/etc/my graph.yaml", '--S.k={"a": "$x"}', "100%", ""];
  expect(unitFile({ ...options, argv })).toContain(
    'ExecStart=/usr/local/bin/dynamo serve -f "/etc/my graph.yaml" ' +
      '"--S.k={\\"a\\": \\"$$x\\"}" 100%% ""\n',
  );
});

test("a specifier in the folder's name is escaped", () => {
  expect(unitFile(options)).toContain("WorkingDirectory=/srv/100%%\n");
});

test("only a privileged port takes a capability", () => {
  expect(unitFile(options)).toContain("\nAmbientCapabilities=\n");
  expect(unitFile({ ...options, isPrivileged: true })).toContain(
    "\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n",
  );
});

test("the socket's address is written as systemd reads it", async () => {
  const listen = async (flags: string) => {
    const { out } = await runLine(`systemd-unit --socket ${flags}`, { workingDir: "/" });
    return /^ListenStream=(.*)$/m.exec(out)?.[1];
  };
  expect(await listen("--port 80")).toBe("127.0.0.1:80");
  expect(await listen("--host ::1 --port 9000")).toBe("[::1]:9000");
});

test("the socket has the port and host of the file, of the entry's own key, and of flags over both", async () => {
  const folder = mkdtempSync(join(tmpdir(), "unit-"));
  try {
    await Bun.write(join(folder, "a.yaml"), "Frontend:\n  port: 9001\n  host: 127.0.0.2\n");
    await Bun.write(join(folder, "zero.yaml"), "Frontend: {port: 0}\n");
    const run = (flags: string) =>
      runLine(`systemd-unit --socket ${flags}`, { workingDir: folder });
    expect((await run("-f a.yaml")).out).toContain("ListenStream=127.0.0.2:9001\n");
    expect((await run("-f a.yaml --port 9002")).out).toContain("ListenStream=127.0.0.2:9002\n");
    expect((await run("--Frontend.port=9003")).out).toContain("ListenStream=127.0.0.1:9003\n");
    expect((await run("-f zero.yaml")).err).toBe(
      "dynamo: the port must be from 1 to 65535 in a unit, and 0 is written\n",
    );
    expect((await run("-f none.yaml")).err).toContain("there is no configuration file none.yaml.");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a privileged port that a file gives takes the capability", async () => {
  const folder = mkdtempSync(join(tmpdir(), "unit-"));
  try {
    await Bun.write(join(folder, "a.yaml"), "Frontend:\n  port: 80\n");
    const { out } = await runLine("systemd-unit -f a.yaml", { workingDir: folder });
    expect(out).toContain("\nAmbientCapabilities=CAP_NET_BIND_SERVICE\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
