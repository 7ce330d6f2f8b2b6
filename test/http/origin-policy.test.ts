import { describe, expect, test } from "bun:test";

import {
  corsHeaders,
  isOrigin,
  isPreflight,
  preflightHeaders,
  senderOf,
} from "../../src/http/origin-policy.ts";

const HOST = "localhost:8000";
const CHAT = "https://chat.example";

function sender(origin: string, host = HOST, allowed: readonly string[] = [CHAT]) {
  return senderOf(new Headers({ origin, host }), allowed);
}

describe("the sender of a request is", () => {
  test("none where no page says that it is", () => {
    expect(senderOf(new Headers({ host: HOST }), [])).toBe("none");
    for (const site of ["none", "same-origin"]) {
      expect(senderOf(new Headers({ host: HOST, "sec-fetch-site": site }), [])).toBe("none");
    }
  });

  test("the same where the page came from this server, also through a proxy that ends TLS", () => {
    expect(sender("http://localhost:8000")).toBe("same");
    expect(sender("http://LOCALHOST:8000")).toBe("same");
    expect(sender("http://[::1]:8000", "[0:0::1]:8000")).toBe("same");
    expect(sender("http://llm.example", "llm.example:80")).toBe("same");
    expect(sender("https://llm.example", "llm.example")).toBe("same");
    expect(sender("https://llm.example", "llm.example:443")).toBe("same");
  });

  test("allowed where the list has it, however it is spelled there", () => {
    expect(sender(CHAT)).toBe("allowed");
    expect(sender(CHAT, HOST, ["HTTPS://Chat.Example:443"])).toBe("allowed");
    expect(sender("tauri://localhost", HOST, ["tauri://localhost"])).toBe("allowed");
    expect(sender("http://evil.example", HOST, ["*"])).toBe("allowed");
    expect(sender("null", HOST, ["*"])).toBe("allowed");
  });

  test("foreign for all others", () => {
    for (const origin of [
      "http://evil.example",
      "http://localhost:3000",
      "https://localhost:8001",
      "http://localhost",
      "http://chat.example",
      "https://chat.example:8443",
      "https://chat.example.evil.example",
      "https://chat.example, http://localhost:8000",
      "null",
      "",
      "localhost:8000",
      "file://",
    ]) {
      expect([origin, sender(origin)]).toEqual([origin, "foreign"]);
    }
    expect(senderOf(new Headers({ origin: "http://localhost:8000" }), [])).toBe("foreign");
    for (const site of ["cross-site", "same-site"]) {
      expect(senderOf(new Headers({ host: HOST, "sec-fetch-site": site }), [])).toBe("foreign");
    }
  });
});

describe("CORS", () => {
  test("is closed without a list", () => {
    expect(corsHeaders(new Headers({ origin: CHAT }), [])).toEqual({});
  });

  test("names the page, and that answers differ by it", () => {
    expect(corsHeaders(new Headers({ origin: CHAT }), [CHAT])).toEqual({
      vary: "Origin",
      "access-control-allow-origin": CHAT,
      "access-control-expose-headers":
        "x-request-id, x-dynamo-ignored-params, retry-after, x-should-retry",
    });
    for (const headers of [{}, { origin: "http://evil.example" }]) {
      expect(corsHeaders(new Headers(headers), [CHAT])).toEqual({ vary: "Origin" });
    }
  });

  test("for all pages names none, and allows no cookies", () => {
    const headers = corsHeaders(new Headers({ origin: "null" }), ["*"]);
    expect(headers).toMatchObject({ "access-control-allow-origin": "*" });
    expect(Object.keys(headers)).not.toContain("access-control-allow-credentials");
  });

  test("a preflight is an OPTIONS request of a page that asks for a method", () => {
    const asks = { origin: CHAT, "access-control-request-method": "POST" };
    expect(isPreflight("OPTIONS", new Headers(asks))).toBe(true);
    expect(isPreflight("POST", new Headers(asks))).toBe(false);
    expect(isPreflight("OPTIONS", new Headers({ origin: CHAT }))).toBe(false);
    const bare = new Headers({ "access-control-request-method": "POST" });
    expect(isPreflight("OPTIONS", bare)).toBe(false);
  });

  test("a preflight's answer allows what OpenAI's client sends", () => {
    const asked = ["authorization", "content-type", "x-stainless-arch", "x-stainless-retry-count"];
    const answer = preflightHeaders(
      new Headers({ "access-control-request-headers": asked.join(",") }),
    );
    const allowed = answer["access-control-allow-headers"]?.split(", ") ?? [];
    for (const name of asked) expect(allowed).toContain(name);
    expect(new Set(allowed).size).toBe(allowed.length);
    expect(answer["access-control-allow-methods"]).toContain("PUT");
    expect(Number(answer["access-control-max-age"])).toBeGreaterThan(0);
    expect(answer).not.toHaveProperty("access-control-allow-private-network");
  });

  test("a preflight's answer repeats names of headers and nothing else", () => {
    const headers = new Headers({ "access-control-request-headers": "ok, a b, x:y, , (z)" });
    const allowed = preflightHeaders(headers)["access-control-allow-headers"]?.split(", ");
    expect(allowed?.at(-1)).toBe("ok");
  });

  test("a public page may reach into a private network when it is allowed", () => {
    const headers = new Headers({ "access-control-request-private-network": "true" });
    expect(preflightHeaders(headers)).toMatchObject({
      "access-control-allow-private-network": "true",
    });
  });
});

test("a list of origins holds scheme, host and port", () => {
  for (const origin of [CHAT, "http://localhost:3000", "tauri://localhost", "*"]) {
    expect([origin, isOrigin(origin)]).toEqual([origin, true]);
  }
  for (const origin of ["chat.example", `${CHAT}/`, `${CHAT}/path`, "null", "", "http://", "a b"]) {
    expect([origin, isOrigin(origin)]).toEqual([origin, false]);
  }
});
