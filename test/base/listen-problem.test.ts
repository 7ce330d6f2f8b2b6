import { expect, test } from "bun:test";

import { listenProblem } from "../../src/base/listen-problem.ts";
import { describeSystemError } from "../../src/base/system-error.ts";
import { checkAddress } from "../../src/sdk/check-address.ts";

test("a taken port blames the port, and a host that this machine lacks the host", async () => {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  const port = server.port ?? 0;
  const next = port < 65_535 ? port + 1 : 8000;
  const taken = `127.0.0.1:${port} is taken by another program; choose another port (--port ${next}; 0 is any free one), or end what holds it`;
  expect(await checkAddress("127.0.0.1", port)).toEqual([{ key: "port", message: taken }]);
  await server.stop(true);
  expect(await checkAddress("127.0.0.1", port)).toEqual([]);
  for (const host of ["203.0.113.7", "no-such-host.invalid", "not a host", "999.1.1.1", ""]) {
    const message = `${JSON.stringify(host)} is no address of this machine; 127.0.0.1 is for clients on this machine, 0.0.0.0 for others, too`;
    expect(await checkAddress(host, 0)).toEqual([{ key: "host", message }]);
  }
});

test("a port that only root may have", () => {
  expect(listenProblem("::1", 80, "EACCES").message).toBe(
    "this user may not listen on port 80; choose one from 1024 on, as --port 8000",
  );
  expect(listenProblem("::1", 65_535, "EADDRINUSE").message).toBe(
    "[::1]:65535 is taken by another program; choose another port (--port 8000; 0 is any free one), or end what holds it",
  );
});

test("errors of the system have words and a cure", () => {
  const words = (code: string) => describeSystemError(Object.assign(new Error("raw"), { code }));
  expect(words("EACCES")).toBe(
    "permission denied; let this user read it (chmod a+r, and a+x for the folders above)",
  );
  expect(words("EISDIR")).toBe("it is a directory; give a file");
  expect(words("EXDEV")).toBe("the system says EXDEV");
  expect(describeSystemError(new Error("other"))).toBe("other");
});
