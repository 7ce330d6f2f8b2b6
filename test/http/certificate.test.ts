import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";

import { createLogger } from "../../src/base/log.ts";
import { readCertificate } from "../../src/http/certificate.ts";
import { LiveCertificate } from "../../src/http/live-certificate.ts";
import { COMPLETION } from "../api/harness.ts";
import { rawClient, until } from "../api/raw-client.ts";
import { ManualClock } from "../manual-clock.ts";
import { openDoor } from "./door.ts";

const here = join(import.meta.dir, "certificates");
const file = (name: string) => join(here, name);
const text = (name: string) => readFileSync(file(name), "utf8");

const scratch = mkdtempSync(join(tmpdir(), "dynamo-tls-"));
afterAll(() => rmSync(scratch, { recursive: true }));

let numFiles = 0;
function written(content: string): string {
  const path = join(scratch, `${numFiles++}.pem`);
  writeFileSync(path, content, { mode: 0o600 });
  return path;
}

describe("a certificate and its key", () => {
  test("are read as they are, with what leads to the authority behind", () => {
    const chain = written(text("a.crt") + text("b.crt"));
    const { cert, key, endsAt } = readCertificate({ cert: chain, key: file("a.key") });
    expect([cert, key]).toEqual([text("a.crt") + text("b.crt"), text("a.key")]);
    expect(endsAt).toBeGreaterThan(4e12);
  });

  const cases: readonly [what: string, cert: () => string, key: () => string, message: string][] = [
    ["is not there", () => "/nowhere/a.crt", () => file("a.key"), "cannot read the certificate in /nowhere/a.crt: there is no such file"],
    ["is a folder", () => scratch, () => file("a.key"), "is not a regular file"],
    ["has a key that is not there", () => file("a.crt"), () => "/nowhere/a.key", "cannot read the key of the certificate in /nowhere/a.key"],
    ["has the key of another", () => file("a.crt"), () => file("b.key"), "the key in "],
    ["comes second in its file", () => written(text("b.crt") + text("a.crt")), () => file("a.key"), "comes first in its file"],
    ["stands where the key should", () => file("a.key"), () => file("a.crt"), "are the two files swapped?"],
    ["is empty", () => written(""), () => file("a.key"), "no block that begins with -----BEGIN CERTIFICATE-----"],
    ["is cut", () => written(text("a.crt") + text("b.crt").slice(0, 300)), () => file("a.key"), "is cut"],
    ["is garbage between its marks", () => written("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), () => file("a.key"), "certificate 1 of 1"],
    ["has a key that is encrypted", () => file("a.crt"), () => written("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"), "is encrypted"],
    ["has a key that is garbage", () => file("a.crt"), () => written("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "cannot be read"],
  ]; // biome-ignore format: one case a line
  for (const [what, cert, key, message] of cases) {
    test(`are refused by name if it ${what}`, () => {
      expect(() => readCertificate({ cert: cert(), key: key() })).toThrow(message);
    });
  }
});

describe("files that change", () => {
  function live(options: { readonly mode?: number } = {}) {
    const files = { cert: written(text("a.crt")), key: written(text("a.key")) };
    if (options.mode !== undefined) chmodSync(files.key, options.mode);
    const clock = new ManualClock();
    const lines: string[] = [];
    const log = createLogger("test", "info", (line) => lines.push(line));
    const certificate = new LiveCertificate({ files, clock, log });
    certificate.watch();
    return { files, clock, lines, certificate };
  }

  const replace = (path: string, name: string) => {
    const next = written(text(name));
    renameSync(next, path);
  };

  test("are taken when both fit, and never one without the other", async () => {
    const { files, clock, lines, certificate } = live();
    replace(files.cert, "b.crt");
    await clock.advance(1000);
    expect(certificate.current.cert).toBe(text("a.crt"));
    expect(lines.join("")).toContain("the certificate stays as it was: the key in");
    replace(files.key, "b.key");
    await clock.advance(1000);
    expect(certificate.current).toMatchObject({ cert: text("b.crt"), key: text("b.key") });
    expect(lines.join("")).toContain("certificate read again");
  });

  test("are left alone while they are written", async () => {
    const { files, clock, lines, certificate } = live();
    for (let length = 50; length < 400; length += 50) {
      writeFileSync(files.cert, text("b.crt").slice(0, length));
      await clock.advance(200);
    }
    expect(lines).toEqual([]);
    rmSync(files.cert);
    await clock.advance(1000);
    expect(certificate.current.cert).toBe(text("a.crt"));
  });

  test("are told of where other users can read the key", () => {
    expect(live({ mode: 0o644 }).lines.join("")).toContain("chmod 600");
  });
});

describe("the door over TLS", () => {
  const certificate = { cert: text("a.crt"), key: text("a.key") };

  /** The certificate's name that a new connection is given. */
  function nameOf(port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connectTls({ port, host: "127.0.0.1", rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on("error", reject);
    });
  }

  test("gives new connections the newest certificate, and keeps the old ones open", async () => {
    let current = certificate;
    const { port, opened, server } = openDoor({}, { certificate: () => current });
    expect(server.url).toBe(`https://127.0.0.1:${port}/`);
    const answer = fetch(`${server.url}v1/completions`, {
      ...{ method: "POST", body: JSON.stringify({ ...COMPLETION, stream: true }) },
      tls: { ca: text("a.crt") },
    });
    const stream = await opened();
    stream.push({ text: "one" });
    expect(await nameOf(port)).toBe("dynamo test a");
    current = { cert: text("b.crt"), key: text("b.key") };
    expect(await nameOf(port)).toBe("dynamo test b");
    stream.push({ text: "two", finishReason: "stop" });
    stream.end();
    const said = await (await answer).text();
    expect(said).toContain("one");
    expect(said).toContain("[DONE]");
  });

  test("takes a client that closes its half, and one that reads slowly", async () => {
    const { port, opened } = openDoor({}, { certificate: () => certificate });
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      ca: text("a.crt"),
      allowHalfOpen: true,
    } as object);
    let got = "";
    socket.on("data", (bytes: Buffer) => {
      got += bytes.toString("latin1");
    });
    const body = JSON.stringify({ ...COMPLETION, stream: true });
    socket.end(
      `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const stream = await opened();
    socket.pause();
    for (let i = 0; i < 300; i++) stream.push({ text: "x".repeat(10_000) });
    stream.push({ text: "end", finishReason: "stop" });
    stream.end();
    await until(() => stream.numPulled > 1, "the server writes");
    socket.resume();
    await until(() => got.includes("[DONE]"), "the end of the stream");
    expect(got.length).toBeGreaterThan(3_000_000);
    socket.destroy();
  });

  test("notices a client that leaves", async () => {
    const { port, opened } = openDoor({}, { certificate: () => certificate });
    const socket = connectTls({ port, host: "127.0.0.1", ca: text("a.crt") });
    const body = JSON.stringify(COMPLETION);
    socket.write(
      `POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    const stream = await opened();
    socket.destroy();
    await stream.left;
  });

  test("closes what does not speak TLS, and goes on", async () => {
    const { port } = openDoor({}, { certificate: () => certificate });
    await expect(fetch(`http://127.0.0.1:${port}/live`)).rejects.toThrow();
    const alive = await fetch(`https://localhost:${port}/live`, { tls: { ca: text("a.crt") } });
    expect(alive.status).toBe(200);
  });

  test("a connection without a handshake is closed like one without a request", async () => {
    const clock = new ManualClock();
    const { port } = openDoor(
      {},
      { certificate: () => certificate, clock, limits: { silenceMs: 5000 } },
    );
    const silent = await rawClient(port, "");
    let isClosed = false;
    void silent.closed.then(() => {
      isClosed = true;
    });
    await nameOf(port); // by then the door knows the silent one, too
    await clock.advance(4999);
    await nameOf(port);
    expect(isClosed).toBe(false);
    while (!isClosed) await clock.advance(1000);
  });
});
