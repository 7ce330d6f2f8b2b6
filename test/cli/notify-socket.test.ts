import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { openNotifySocket } from "../../src/cli/notify-socket.ts";
import { Datagrams } from "./datagrams.ts";

describe("a notify socket", () => {
  test("by its path carries each text as one datagram", () => {
    const folder = mkdtempSync(join(tmpdir(), "notify-"));
    try {
      using manager = new Datagrams(join(folder, "notify"));
      const socket = openNotifySocket(join(folder, "notify"));
      socket?.send("READY=1\nSTATUS=ready");
      socket?.send("STATUS=größer");
      expect(manager.received()).toEqual(["READY=1\nSTATUS=ready", "STATUS=größer"]);
      socket?.close();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test("in the abstract space likewise", () => {
    const address = `@dynamo-test-${process.pid}`;
    using manager = new Datagrams(address);
    const socket = openNotifySocket(address);
    socket?.send("WATCHDOG=1");
    expect(manager.received()).toEqual(["WATCHDOG=1"]);
    socket?.close();
  });

  test("that is gone, or full, holds nothing up", () => {
    const gone = openNotifySocket("@dynamo-test-no-one");
    gone?.send("READY=1");
    gone?.close();
    const address = `@dynamo-test-full-${process.pid}`;
    using manager = new Datagrams(address);
    const socket = openNotifySocket(address);
    for (let n = 0; n < 5000; n++) socket?.send(`STATUS=${n}`);
    socket?.close();
    expect(manager.received()[0]).toBe("STATUS=0");
  });

  test.each(["", "relative", "vsock:2:1", "@", `/${"x".repeat(108)}`])(
    "does not open at %p",
    (address) => {
      expect(openNotifySocket(address)).toBeUndefined();
    },
  );
});
