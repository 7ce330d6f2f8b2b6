// The head of an HTTP/1.1 request (RFC 9112). Strict: what two servers could read in two ways is refused, so nothing
// can be smuggled past a proxy in front of this one. No obsolete folding, no bare CR or LF, one framing.

import { HttpFault, malformed } from "./fault.ts";
import { membersOf, withoutBlanks } from "./field-value.ts";

export type BodyFraming =
  | { readonly type: "none" }
  | { readonly type: "length"; readonly numBytes: number }
  | { readonly type: "chunked" };

export interface RequestHead {
  readonly method: string;
  /** The path with its query, as it was sent; `*` for `OPTIONS *`. */
  readonly url: string;
  /** HTTP/1.0 or HTTP/1.1. */
  readonly minorVersion: 0 | 1;
  /** By lower-case name. The value of a repeated header is joined with ", ". */
  readonly headers: ReadonlyMap<string, string>;
  readonly framing: BodyFraming;
  readonly isPersistent: boolean;
  readonly expectsContinue: boolean;
}

/** `text`: from the request line to before the empty line. Throws `HttpFault`. */
export function parseHead(text: string, maxHeaders: number): RequestHead {
  if (STRAY_CONTROL.test(text))
    throw malformed("The head has a control character or a bare line end.");
  const lines = text.split("\r\n");
  const [, method = "", target = "", minor] = REQUEST_LINE.exec(lines[0] ?? "") ?? [];
  if (minor === undefined) throw badRequestLine(lines[0] ?? "");
  const headers = parseHeaders(lines, maxHeaders);
  const minorVersion = minor === "0" ? 0 : 1;
  if (method === "CONNECT") throw noProxy();
  const { url, authority } = parseTarget(method, target);
  if (authority !== undefined) headers.set("host", authority); // RFC 9112, 3.2.2
  checkHost(headers.get("host"), minorVersion);
  return {
    method,
    url,
    minorVersion,
    headers,
    framing: framingOf(headers, minorVersion),
    isPersistent: isPersistent(headers.get("connection"), minorVersion),
    expectsContinue: minorVersion === 1 && expectsContinue(headers.get("expect")),
  };
}

/** `first`: the first character of a head. Throws `HttpFault` if no method begins with it. */
export function checkMethodStart(first: string): void {
  if (!TOKEN.test(first)) throw badRequestLine(first);
}

/** `line`: the first line of a head. Throws `HttpFault`. */
export function checkRequestLine(line: string): void {
  if (!REQUEST_LINE.test(line)) throw badRequestLine(line);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding them is what it is for
const STRAY_CONTROL = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n/;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
const REQUEST_LINE = /^([\w!#$%&'*+.^`|~-]{1,32}) ([!-~]+) HTTP\/1\.([01])$/;
const ABSOLUTE = /^https?:\/\/([^/?#]+)(.*)$/i;
const HOST = /^[\w.~!$&'()*+,;=%-]*(:\d{0,5})?$|^\[[\da-f:.]+\](:\d{0,5})?$/i;
/** Repeated with another value, they would mean two things. */
const SINGLE = new Set(["host", "content-length", "transfer-encoding", "authorization", "origin"]);

function parseHeaders(lines: readonly string[], maxHeaders: number): Map<string, string> {
  if (lines.length - 1 > maxHeaders) throw headTooLarge(`more than ${maxHeaders} headers`);
  const headers = new Map<string, string>();
  for (let i = 1; i < lines.length; i++) {
    const line = lines[i] ?? "";
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    if (!TOKEN.test(name)) throw malformed(`Header ${i} has no name that is one.`);
    const value = withoutBlanks(line.slice(colon + 1));
    const before = headers.get(name);
    if (before !== undefined && SINGLE.has(name)) throw malformed(`There are two ${name} headers.`);
    headers.set(name, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}

/** Origin form, absolute form as proxies use it, or `*`. */
function parseTarget(method: string, target: string): { url: string; authority?: string } {
  if (target.startsWith("/") || (target === "*" && method === "OPTIONS")) return { url: target };
  const [, authority, rest = ""] = ABSOLUTE.exec(target) ?? [];
  if (authority === undefined) throw malformed("The request's target is neither a path nor a URL.");
  return { url: rest.startsWith("/") ? rest : `/${rest}`, authority };
}

function checkHost(host: string | undefined, minorVersion: 0 | 1): void {
  if (host === undefined && minorVersion === 1)
    throw malformed("An HTTP/1.1 request has one Host header.");
  if (host !== undefined && !HOST.test(host)) throw malformed("The Host header is no host.");
}

function framingOf(headers: ReadonlyMap<string, string>, minorVersion: 0 | 1): BodyFraming {
  const coding = headers.get("transfer-encoding");
  const length = headers.get("content-length");
  if (coding !== undefined) {
    if (length !== undefined)
      throw malformed("Content-Length and Transfer-Encoding exclude each other.");
    if (minorVersion === 0) throw malformed("HTTP/1.0 has no Transfer-Encoding.");
    if (coding.toLowerCase() !== "chunked") throw unknownCoding();
    return { type: "chunked" };
  }
  if (length === undefined) return { type: "none" };
  if (!/^\d{1,15}$/.test(length)) throw malformed("Content-Length is not a number of bytes.");
  const numBytes = Number(length);
  return numBytes === 0 ? { type: "none" } : { type: "length", numBytes };
}

function isPersistent(connection: string | undefined, minorVersion: 0 | 1): boolean {
  if (connection === undefined) return minorVersion === 1;
  const options = membersOf(connection);
  if (options.includes("close")) return false;
  return minorVersion === 1 || options.includes("keep-alive");
}

function expectsContinue(expect: string | undefined): boolean {
  if (expect === undefined) return false;
  if (expect.toLowerCase() === "100-continue") return true;
  const message = "This server meets no expectation but 100-continue.";
  throw new HttpFault({ status: 417, code: "expectation_failed", message });
}

export function headTooLarge(what: string): HttpFault {
  const message = `The head of the request is too large: ${what}.`;
  return new HttpFault({ status: 431, code: "head_too_large", message });
}

function badRequestLine(line: string): HttpFault {
  if (!/ HTTP\/\d\.\d$/.test(line) || / HTTP\/1\.[01]$/.test(line)) {
    return malformed("The first line is no request line of HTTP/1.1.");
  }
  const message = "This server speaks HTTP/1.1 and HTTP/1.0.";
  return new HttpFault({ status: 400, code: "version_not_supported", message });
}

function noProxy(): HttpFault {
  const headers = { allow: "GET, HEAD, POST, PUT, DELETE, OPTIONS" };
  const message = "This server is no proxy: it takes no CONNECT.";
  return new HttpFault({ status: 405, code: "method_not_allowed", message, headers });
}

function unknownCoding(): HttpFault {
  const message = "This server knows no Transfer-Encoding but chunked.";
  return new HttpFault({ status: 400, code: "unknown_transfer_encoding", message });
}
