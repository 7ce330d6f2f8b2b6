// Admission of a request, decided from a request's head, before its body is read:
//
//   Host      a name of this server                              else 403 host_not_allowed
//   Origin    what changes or costs something: not from foreign web pages     403 origin_not_allowed
//   key       where there are keys: every route but the open ones             401 invalid_api_key
//   operator  where there are keys: an admin key, or any from this machine;   403 admin_key_required
//             where there are none: from this machine                         403 local_only
//   local     from this machine, with any key where there are keys            403 local_only

import type { ApiKey } from "./api-key.ts";
import { type HostPolicy, isHostAllowed, isLoopback } from "./host-policy.ts";
import type { RequestHeaders } from "./incoming-request.ts";
import {
  type AllowedOrigins,
  corsHeaders,
  isPreflight,
  preflightHeaders,
  type Sender,
  senderOf,
} from "./origin-policy.ts";

/** A route is for everyone (`open`), clients of the API, those who run the server, or those of them at its machine. */
export type Access = "open" | "client" | "operator" | "local";

/** Known of a request before its body is read. */
export interface RequestFacts {
  readonly method: string;
  readonly headers: RequestHeaders;
  /** The address at the other end of the connection. */
  readonly peer: string;
}

export interface AdmissionPolicy {
  readonly hosts: HostPolicy;
  readonly origins: AllowedOrigins;
  /** Without it, no request needs a key. */
  readonly keys: Keys | undefined;
}

export interface Keys {
  find(presented: string): ApiKey | undefined;
  /** A promise while the keys are about to change, and `find` does not know the new ones yet. */
  settled(): Promise<void> | undefined;
}

/** `headers` belong to the answer, whatever it will be. */
export type Verdict = { readonly headers: Readonly<Record<string, string>> } & (
  | { readonly type: "admitted"; readonly key: ApiKey | undefined }
  /** The whole answer is 204 with the headers. */
  | { readonly type: "preflight" }
  | { readonly type: "refused"; readonly refusal: Refusal }
);

export interface Refusal {
  readonly status: 401 | 403;
  readonly code: string;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function admit(facts: RequestFacts, access: Access, policy: AdmissionPolicy): Verdict {
  const { method, headers } = facts;
  const host = headers.get("host") ?? ""; // browsers always name one
  if (host !== "" && !isHostAllowed(host, policy.hosts)) return refused(wrongHost(host), {});

  const shared = corsHeaders(headers, policy.origins);
  const sender = senderOf(headers, policy.origins);
  if (isPreflight(method, headers)) {
    if (sender === "foreign") return refused(FOREIGN_PAGE, shared);
    return { type: "preflight", headers: { ...shared, ...preflightHeaders(headers) } };
  }
  const isHarmless = SAFE_METHODS.has(method) && access !== "operator"; // no page can read the answer
  if (sender === "foreign" && !isHarmless) return refused(FOREIGN_PAGE, shared);

  const { keys } = policy;
  const key = keys && presentedKey(headers, keys);
  const refusal = keys
    ? withKeys(facts, access, { key, sender })
    : withoutKeys(facts, access, sender);
  if (refusal) return refused(refusal, shared);
  return { type: "admitted", key, headers: shared };
}

const SAFE_METHODS = new Set(["GET", "HEAD", "OPTIONS"]);

function withKeys(
  facts: RequestFacts,
  access: Access,
  { key, sender }: { readonly key: ApiKey | undefined; readonly sender: Sender },
): Refusal | undefined {
  if (access === "open") return undefined;
  if (!key) return NO_KEY;
  if (access === "local") return isLocal(facts) && sender !== "allowed" ? undefined : NOT_HERE;
  return access === "client" || key.scope === "admin" || isLocal(facts) ? undefined : NO_ADMIN;
}

/** A page that may use the API may not do all that the person at this machine can. */
function withoutKeys(facts: RequestFacts, access: Access, sender: Sender): Refusal | undefined {
  if (access !== "operator" && access !== "local") return undefined;
  if (isLocal(facts) && sender !== "allowed") return undefined;
  return access === "local" ? NOT_HERE : NOT_LOCAL;
}

/** Tells if the client is on this machine. A request that a proxy here passes on comes from anywhere. */
export function isLocal({ headers, peer }: RequestFacts): boolean {
  if (!isLoopback(peer)) return false;
  for (const name of headers.keys()) if (FORWARDED.test(name)) return false;
  return true;
}

/** Headers that proxies add, each in the words of its maker. */
const FORWARDED = /^via$|forward|(^|-)ip$|clientip$|^x-(original|envoy|proxy|remote)|^cf-|^x-host$/;

/** The key of `Authorization: Bearer KEY`, or of Anthropic's `x-api-key: KEY`; one that is known, if either is. */
function presentedKey(headers: RequestHeaders, keys: Keys): ApiKey | undefined {
  const [, bearer] = /^bearer +([!-~]+)$/i.exec(headers.get("authorization") ?? "") ?? [];
  const plain = headers.get("x-api-key") ?? undefined;
  const byBearer = bearer === undefined ? undefined : keys.find(bearer);
  const byPlain = plain === undefined ? undefined : keys.find(plain);
  return byBearer ?? byPlain;
}

function refused(refusal: Refusal, headers: Record<string, string>): Verdict {
  return { type: "refused", refusal, headers };
}

function wrongHost(host: string): Refusal {
  const shown = host.slice(0, 100).replace(/[^\w.:[\]-]/g, "?");
  const name = shown.replace(/:\d+$/, "");
  return {
    status: 403,
    code: "host_not_allowed",
    message: `This server does not answer to the host '${shown}'. If it should, start it with --allow-host ${name}.`,
  };
}

const FOREIGN_PAGE: Refusal = {
  status: 403,
  code: "origin_not_allowed",
  message:
    "This web page may not use this server. If it should, start the server with --allow-origin and the page's origin.",
};

const NO_KEY: Refusal = {
  status: 401,
  code: "invalid_api_key",
  message: "An API key of this server is needed: Authorization: Bearer KEY, or x-api-key: KEY.",
  headers: { "www-authenticate": "Bearer" },
};

const NO_ADMIN: Refusal = {
  status: 403,
  code: "admin_key_required",
  message: "This is for admin keys, and for clients on the server's own machine.",
};

const NOT_HERE: Refusal = {
  status: 403,
  code: "local_only",
  message: "This is for clients on the server's own machine, and not for web pages.",
};

const NOT_LOCAL: Refusal = {
  status: 403,
  code: "local_only",
  message:
    "This is for clients on the server's own machine, and not for web pages. With --api-key-file it is also for admin keys.",
};
