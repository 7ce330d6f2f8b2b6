import { expect, test } from "bun:test";

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
