// Which web pages may use this server from inside a browser, and what the browser has to be told (CORS).

import { membersOf } from "./field-value.ts";
import type { RequestHeaders } from "./incoming-request.ts";

/** Origins of pages, as `https://chat.example`; `*` is every page, also those without an origin. */
export type AllowedOrigins = readonly string[];

/**
 * Whose page sent a request:
 *   none      no page, or not one that says so (curl, a client library, a link that was followed)
 *   same      a page of this server
 *   allowed   a page that may use this server
 *   foreign   any other
 */
export type Sender = "none" | "same" | "allowed" | "foreign";

export function senderOf(headers: RequestHeaders, allowed: AllowedOrigins): Sender {
  const origin = headers.get("origin");
  if (origin === null) {
    // Browsers leave `Origin` out of what loads images, frames and scripts, but say this of it.
    const site = headers.get("sec-fetch-site");
    return site === "cross-site" || site === "same-site" ? "foreign" : "none";
  }
  if (isSameOrigin(origin, headers.get("host"))) return "same";
  return isAllowed(origin, allowed) ? "allowed" : "foreign";
}

/** Decides if `text` can stand in the list of allowed origins. */
export function isOrigin(text: string): boolean {
  return text === "*" || /^[a-z][a-z0-9+.-]*:\/\/[^\s/?#@,]+$/i.test(text);
}

/** For every answer, errors too. */
export function corsHeaders(
  headers: RequestHeaders,
  allowed: AllowedOrigins,
): Record<string, string> {
  if (allowed.length === 0) return {};
  const isPublic = allowed.includes("*");
  const vary: Record<string, string> = isPublic ? {} : { vary: "Origin" };
  const origin = headers.get("origin");
  if (origin === null || !isAllowed(origin, allowed)) return vary;
  return {
    ...vary,
    "access-control-allow-origin": isPublic ? "*" : origin,
    "access-control-expose-headers":
      "x-request-id, x-dynamo-ignored-params, retry-after, x-should-retry",
  };
}

/** A browser that asks whether a page may send what it is about to send. */
export function isPreflight(method: string, headers: RequestHeaders): boolean {
  return (
    method === "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method")
  );
}

/** Lets an allowed page send any method, and all headers that its client asks for. */
export function preflightHeaders(headers: RequestHeaders): Record<string, string> {
  const list = headers.get("access-control-request-headers") ?? "";
  const asked = membersOf(list).filter((name) => /^[\w!#$%&'*+.^`|~-]+$/.test(name));
  const reachesIn = headers.get("access-control-request-private-network") === "true";
  return {
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS",
    "access-control-allow-headers": [...new Set([...USUAL_HEADERS, ...asked])].join(", "),
    "access-control-max-age": "7200",
    ...(reachesIn && { "access-control-allow-private-network": "true" }),
  };
}

/** OpenAI's and Anthropic's clients send these; the x-stainless-* of both are known by being asked for. */
const USUAL_HEADERS = ["authorization", "content-type", "x-api-key", "x-request-id"];

function isAllowed(origin: string, allowed: AllowedOrigins): boolean {
  return allowed.some((one) => one === "*" || normalized(one) === normalized(origin));
}

/** Browsers write origins so; people may not. */
function normalized(origin: string): string {
  const url = /^https?:/i.test(origin) ? URL.parse(origin) : null;
  return url ? url.origin : origin.toLowerCase();
}

/** By name and port. A proxy that ends TLS gives its pages the scheme https and passes their host on. */
function isSameOrigin(origin: string, host: string | null): boolean {
  const page = /^https?:\/\//i.test(origin) ? URL.parse(origin) : null;
  if (!page || host === null) return false;
  return URL.parse(`${page.protocol}//${host}`)?.host === page.host;
}
