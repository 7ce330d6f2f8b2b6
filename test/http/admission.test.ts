// Who may come in: every rule with every kind of client, without a socket.

import { describe, expect, test } from "bun:test";

import {
  type Access,
  type AdmissionPolicy,
  admit,
  isLocal,
  type RequestFacts,
} from "../../src/http/admission.ts";
import { findKey, tenantOf } from "../../src/http/api-key.ts";
import { parseKeyFile } from "../../src/http/key-file.ts";

const CLIENT = "client-key-0123456789";
const ADMIN = "admin-key-0123456789";
const list = parseKeyFile(`alice ${CLIENT}\nops ${ADMIN} admin`, "keys");
const KEYS = { find: (key: string) => findKey(list, key), settled: () => undefined };
const PAGE = "https://chat.example";

const OPEN: AdmissionPolicy = {
  hosts: { listensOn: "0.0.0.0", allowed: ["llm.example"] },
  origins: [PAGE],
  keys: undefined,
};
const KEYED: AdmissionPolicy = { ...OPEN, keys: KEYS };
const FAR = "203.0.113.9";

function head(
  headers: Record<string, string> = {},
  rest: Partial<RequestFacts> = {},
): RequestFacts {
  const host = "localhost:8000";
  return {
    method: "GET",
    peer: "127.0.0.1",
    headers: new Headers({ host, ...headers }),
    ...rest,
  };
}

/** `admitted`, `preflight`, or the code of the refusal. */
function outcome(request: RequestFacts, access: Access, policy: AdmissionPolicy): string {
  const verdict = admit(request, access, policy);
  return verdict.type === "refused" ? verdict.refusal.code : verdict.type;
}

const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

const KEYLESS = "invalid_api_key";
const NOT_IN = { open: "admitted", client: KEYLESS, operator: KEYLESS, local: KEYLESS };
const ALL_IN = { open: "admitted", client: "admitted", operator: "admitted", local: "admitted" };

describe("with keys", () => {
  const table: readonly [string, Record<string, string>, Record<Access, string>][] = [
    ["no key", {}, NOT_IN],
    ["a wrong key", bearer("client-key-0123456788"), NOT_IN],
    ["a key that begins right", bearer(CLIENT.slice(0, -1)), NOT_IN],
    ["a client's key", bearer(CLIENT), ALL_IN],
    ["an admin's key", bearer(ADMIN), ALL_IN],
  ];
  for (const [who, headers, expected] of table) {
    for (const access of ["open", "client", "operator", "local"] as const) {
      test(`from this machine, ${who}, ${access}: ${expected[access]}`, () => {
        expect(outcome(head(headers), access, KEYED)).toBe(expected[access]);
      });
    }
  }

  test("from another machine, the operator's routes take an admin key only", () => {
    const far = (headers: Record<string, string>) => head(headers, { peer: FAR });
    expect(outcome(far({}), "operator", KEYED)).toBe("invalid_api_key");
    expect(outcome(far(bearer(CLIENT)), "operator", KEYED)).toBe("admin_key_required");
    expect(outcome(far(bearer(ADMIN)), "operator", KEYED)).toBe("admitted");
    expect(outcome(far(bearer(CLIENT)), "client", KEYED)).toBe("admitted");
  });

  test("a key comes as any client library sends it", () => {
    for (const headers of [
      { authorization: `bearer ${CLIENT}` },
      { authorization: `BEARER   ${CLIENT}  ` },
      { "x-api-key": CLIENT },
      { authorization: "Basic dXNlcjpwYXNz", "x-api-key": CLIENT },
      { authorization: "Bearer none", "x-api-key": CLIENT },
      { authorization: `Bearer ${CLIENT}`, "x-api-key": "none" },
    ]) {
      expect([headers, outcome(head(headers), "client", KEYED)]).toEqual([headers, "admitted"]);
    }
    for (const headers of [
      { authorization: CLIENT },
      { authorization: `Basic ${CLIENT}` },
      { authorization: `Bearer ${CLIENT} ${CLIENT}` },
      { authorization: "Bearer" },
      { authorization: "Bearer " },
      { "x-api-key": "" },
      { "api-key": CLIENT },
      { cookie: CLIENT },
    ]) {
      expect([headers, outcome(head(headers), "client", KEYED)]).toEqual([
        headers,
        "invalid_api_key",
      ]);
    }
  });

  test("a refusal says how a key is sent, in the header too", () => {
    expect(admit(head(), "client", KEYED)).toMatchObject({
      refusal: { status: 401, headers: { "www-authenticate": "Bearer" } },
    });
  });

  test("a client's tenant is its key's; without keys it has none", () => {
    const tenants = [bearer(CLIENT), { "x-api-key": CLIENT }, bearer(ADMIN)].map((headers) => {
      const verdict = admit(head(headers), "client", KEYED);
      return verdict.type === "admitted" && verdict.key ? tenantOf(verdict.key) : undefined;
    });
    expect(tenants[0]).toBe(tenants[1] ?? -1);
    expect(tenants[2]).not.toBe(tenants[0]);
    expect(admit(head(bearer(CLIENT)), "client", OPEN)).toMatchObject({ key: undefined });
  });
});

describe("without keys", () => {
  test("the operator's routes are for this machine", () => {
    expect(outcome(head(), "operator", OPEN)).toBe("admitted");
    expect(outcome(head({}, { peer: "::1" }), "operator", OPEN)).toBe("admitted");
    expect(outcome(head({}, { peer: FAR }), "operator", OPEN)).toBe("local_only");
    expect(outcome(head(bearer(ADMIN), { peer: FAR }), "operator", OPEN)).toBe("local_only");
    expect(outcome(head({}, { peer: FAR }), "client", OPEN)).toBe("admitted");
  });

  test("what a proxy on this machine passes on is not from this machine", () => {
    for (const name of [
      "forwarded",
      "x-forwarded-for",
      "x-forwarded-host",
      "x-forwarded-proto",
      "x-forwarded",
      "x-real-ip",
      "via",
      "x-client-ip",
      "x-cluster-client-ip",
      "true-client-ip",
      "cf-connecting-ip",
      "fastly-client-ip",
      "x-azure-clientip",
      "x-envoy-external-address",
      "x-original-forwarded-for",
      "x-proxyuser-ip",
      "x-remote-addr",
    ]) {
      const request = head({ [name]: "127.0.0.1" });
      expect([name, isLocal(request)]).toEqual([name, false]);
      expect([name, outcome(request, "operator", OPEN)]).toEqual([name, "local_only"]);
    }
  });

  test("headers of plain clients do not make a request look forwarded", () => {
    const usual = {
      accept: "*/*",
      "user-agent": "curl",
      "content-type": "text/plain",
      connection: "keep-alive",
    };
    const stainless = { "x-stainless-os": "Linux", "x-request-id": "1", tip: "none", skip: "1" };
    expect(isLocal(head({ ...usual, ...stainless }))).toBe(true);
  });

  test("this machine is known by its addresses", () => {
    for (const peer of ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"]) {
      expect([peer, isLocal(head({}, { peer }))]).toEqual([peer, true]);
    }
    for (const peer of ["10.0.0.1", "::ffff:10.0.0.1", "fe80::1", "", "0.0.0.0"]) {
      expect([peer, isLocal(head({}, { peer }))]).toEqual([peer, false]);
    }
  });
});

describe("by host", () => {
  for (const policy of [OPEN, KEYED]) {
    test(`a name that the server does not have is refused${policy.keys ? ", key or not" : ""}`, () => {
      for (const access of ["open", "client", "operator"] as const) {
        const request = head({ host: "evil.example:8000", ...bearer(ADMIN) });
        expect(outcome(request, access, policy)).toBe("host_not_allowed");
      }
    });
  }

  test("an allowed name, an address, and none at all come in", () => {
    for (const host of ["llm.example", "192.168.1.5:8000"]) {
      expect(outcome(head({ host }), "client", OPEN)).toBe("admitted");
    }
    for (const headers of [new Headers(), new Headers({ host: "" })]) {
      expect(outcome({ ...head(), headers }, "open", OPEN)).toBe("admitted");
    }
  });

  test("the refusal names the cure, and repeats nothing harmful", () => {
    const request = head({ host: "evil.example:8000" });
    expect(admit(request, "client", OPEN)).toMatchObject({
      refusal: { status: 403, message: expect.stringContaining("--allow-host evil.example.") },
    });
    const odd = admit(head({ host: "<script>" }), "client", OPEN);
    expect(JSON.stringify(odd)).not.toContain("<");
  });
});

describe("by origin", () => {
  const FOREIGN = { origin: "http://evil.example" };

  test("what changes something is refused to foreign pages, with a key or without", () => {
    for (const policy of [OPEN, KEYED]) {
      for (const method of ["POST", "PUT", "DELETE", "PATCH"]) {
        for (const headers of [FOREIGN, { origin: "null" }, { "sec-fetch-site": "cross-site" }]) {
          const request = head({ ...headers, ...bearer(ADMIN) }, { method });
          expect(outcome(request, "client", policy)).toBe("origin_not_allowed");
          expect(outcome(request, "open", policy)).toBe("origin_not_allowed");
        }
      }
    }
  });

  test("what is only read stays open; the page gets no leave to see it", () => {
    const verdict = admit(head(FOREIGN), "client", OPEN);
    expect(verdict).toEqual({ type: "admitted", key: undefined, headers: { vary: "Origin" } });
  });

  test("the operator's routes are for no foreign page, not even to read", () => {
    for (const headers of [
      FOREIGN,
      { "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-site" },
    ]) {
      expect(outcome(head(headers), "operator", OPEN)).toBe("origin_not_allowed");
      expect(outcome(head({ ...headers, ...bearer(ADMIN) }), "operator", KEYED)).toBe(
        "origin_not_allowed",
      );
    }
  });

  test("an allowed page may use the API, and the operator's routes with a key only", () => {
    const page = { origin: PAGE };
    for (const method of ["GET", "POST", "PUT"]) {
      expect(outcome(head(page, { method }), "client", OPEN)).toBe("admitted");
      expect(outcome(head(page, { method }), "operator", OPEN)).toBe("local_only");
      const keyed = head({ ...page, ...bearer(ADMIN) }, { method });
      expect(outcome(keyed, "operator", KEYED)).toBe("admitted");
    }
  });

  test("the server's own page may do all that its user may", () => {
    const own = head({ origin: "http://localhost:8000" }, { method: "PUT" });
    expect(outcome(own, "operator", OPEN)).toBe("admitted");
  });

  test("a page that may come in can read its refusals", () => {
    expect(admit(head({ origin: PAGE }), "client", KEYED)).toMatchObject({
      type: "refused",
      headers: { "access-control-allow-origin": PAGE, vary: "Origin" },
    });
  });

  test("a preflight needs no key, and is answered to allowed pages only", () => {
    const ask = (origin: string) =>
      head({ origin, "access-control-request-method": "POST" }, { method: "OPTIONS" });
    for (const access of ["client", "operator"] as const) {
      expect(admit(ask(PAGE), access, KEYED)).toMatchObject({
        type: "preflight",
        headers: { "access-control-allow-origin": PAGE },
      });
      expect(outcome(ask("http://evil.example"), access, KEYED)).toBe("origin_not_allowed");
    }
    expect(outcome(head({}, { method: "OPTIONS" }), "client", KEYED)).toBe("invalid_api_key");
    expect(outcome(head({}, { method: "OPTIONS" }), "client", OPEN)).toBe("admitted");
  });
});
