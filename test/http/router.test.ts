import { describe, expect, test } from "bun:test";

import { pathOf, Router } from "../../src/http/router.ts";

const router = new Router([
  { method: "GET", path: "/", handler: "root" },
  { method: "GET", path: "/models", handler: "list" },
  { method: "POST", path: "/models", handler: "add" },
  { method: "GET", path: "/models/:id+", handler: "one" },
  { method: "PUT", path: "/config/:service/:key", handler: "set" },
  { method: "GET", path: "/a.b", handler: "dot" },
]);
const find = (method: string, path: string) => router.match(path)?.handlerOf(method);

describe("a router", () => {
  test("finds a route by method and path, HEAD as GET", () => {
    expect(find("GET", "/")).toBe("root");
    expect(find("GET", "/models")).toBe("list");
    expect(find("HEAD", "/models")).toBe("list");
    expect(find("POST", "/models")).toBe("add");
    expect(find("PUT", "/models")).toBeUndefined();
    expect(router.match("/models")?.allow).toBe("GET, HEAD, POST, OPTIONS");
  });

  test("takes one slash at the end, and no other spelling", () => {
    expect(find("GET", "/models/")).toBe("list");
    for (const path of [
      "/models//",
      "//models",
      "/Models",
      "/%6dodels",
      "/x/../models",
      "",
      "/axb",
    ]) {
      expect(router.match(path)).toBeUndefined();
    }
  });

  test("gives what parameters stand for, decoded", () => {
    expect(router.match("/models/org/m%2F1%20b")?.param("id")).toBe("org/m/1 b");
    expect(router.match("/models/%zz")?.param("id")).toBe("%zz");
    const match = router.match("/config/S/some-key");
    expect([match?.param("service"), match?.param("key")]).toEqual(["S", "some-key"]);
    for (const path of ["/config/S", "/config/S/", "/config/S/k/more"]) {
      expect(router.match(path)).toBeUndefined();
    }
  });
});

test("pathOf is the path of a URL or of a target", () => {
  for (const [url, path] of [
    ["/a?b=/c", "/a"],
    ["http://host:1/a/b?c#d", "/a/b"],
    ["http://host", "/"],
    ["http://host?x", "/"],
    ["*", "*"],
  ] as const) {
    expect(pathOf(url)).toBe(path);
  }
});
