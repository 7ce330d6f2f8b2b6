// Settings that may change while the server runs, and who may change them.

import { describe, expect, test } from "bun:test";

import { harness } from "../api/harness.ts";

const MODE = "/config/Router/mode";
const CONNECTION = { number: 1, isSpare: false, peer: "127.0.0.1" };

function put(body: string, path = MODE, headers: Record<string, string> = {}) {
  return new Request(`http://test${path}`, { method: "PUT", body, headers });
}

describe("PUT /config/SERVICE/KEY", () => {
  test("changes a setting; JSON or plain text, as in a flag", async () => {
    const { app } = harness();
    for (const body of ["kv", '"kv"', "kv\n"]) {
      const response = await app.fetch(put(body));
      expect(response.status).toBe(200);
      expect(await response.json()).toEqual({ service: "Router", key: "mode", value: "kv" });
    }
    const list = await app.fetch(new Request("http://test/config"));
    const data = [{ service: "Router", key: "mode", value: "kv" }];
    expect(await list.json()).toEqual({ object: "list", data });
  });

  test("refuses what there is not, and says what there is", async () => {
    const { app } = harness();
    for (const [path, body, status, code] of [
      ["/config/Router/speed", "1", 404, "no_such_setting"],
      [MODE, "fastest", 400, "invalid_setting"],
    ] as const) {
      const response = await app.fetch(put(body, path));
      expect(response.status).toBe(status);
      const message = expect.stringContaining("Router.mode");
      expect(await response.json()).toMatchObject({ error: { code, message } });
    }
  });

  test("is for this machine, and for no page in its browser", async () => {
    const { app } = harness();
    const far = await app.fetch(put("kv"), { ...CONNECTION, peer: "192.0.2.7" });
    const page = await app.fetch(put("kv", MODE, { origin: "http://evil.example" }));
    const read = new Request("http://test/config");
    const farRead = await app.fetch(read, { ...CONNECTION, peer: "192.0.2.7" });
    expect([far.status, page.status, farRead.status]).toEqual([403, 403, 403]);
  });

  test("takes no book for a setting", async () => {
    const { app } = harness();
    expect((await app.fetch(put("x".repeat(100_000)))).status).toBe(413);
  });
});
