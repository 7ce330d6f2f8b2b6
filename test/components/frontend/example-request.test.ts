import { expect, test } from "bun:test";

import { clientUrl, exampleRequest } from "../../../src/components/frontend/example-request.ts";

const url = "http://127.0.0.1:8000";

test("the example is one line for a shell", () => {
  expect(exampleRequest({ url, model: "dynamo", needsKey: false })).toBe(
    `curl http://127.0.0.1:8000/v1/chat/completions -H "Content-Type: application/json" -d '{"model":"dynamo","messages":[{"role":"user","content":"Hello!"}]}'`,
  );
  expect(exampleRequest({ url, model: "dynamo", needsKey: true })).toContain(
    ' -H "Authorization: Bearer $DYNAMO_API_KEY" ',
  );
});

test("a shell gives the model's name back as it is, and an address with brackets", () => {
  for (const model of ["it's", 'a "b"', "$(touch x)", "a\nb", "`x`"]) {
    const words = exampleRequest({ url: "http://[::1]:1", model, needsKey: false });
    const script = `curl() { printf '%s\\n' "$1" "$5"; }; ${words}`;
    const [address, body = ""] = Bun.spawnSync(["sh", "-c", script]).stdout.toString().split("\n");
    expect(address).toBe("http://[::1]:1/v1/chat/completions");
    expect(JSON.parse(body)).toMatchObject({ model });
  }
});

test("a server that listens everywhere is called on this machine", () => {
  expect(clientUrl("http://0.0.0.0:8000/")).toBe("http://127.0.0.1:8000");
  expect(clientUrl("http://[::]:8000/")).toBe("http://[::1]:8000");
  expect(clientUrl("http://10.0.0.1:8000/")).toBe("http://10.0.0.1:8000");
});
