// The one way from a request to its route's answer: through src/http/admission.ts.

import { unreachable } from "../base/assert.ts";
import { type Access, type AdmissionPolicy, admit } from "../http/admission.ts";
import { ApiError } from "./api-error.ts";
import type { Exchange } from "./exchange.ts";

export interface Guarded {
  readonly access: Access;
  readonly admission: AdmissionPolicy;
  /** The methods that the path takes, for a preflight's answer. */
  readonly allow?: string | undefined;
  answer(): Response | Promise<Response>;
}

/** Reads nothing of a request but its head, and does nothing for it, before it is let in. */
export function whenAdmitted(exchange: Exchange, guarded: Guarded): Response | Promise<Response> {
  const { access, admission } = guarded;
  const settled = access === "open" ? undefined : admission.keys?.settled();
  return settled ? settled.then(() => decide(exchange, guarded)) : decide(exchange, guarded);
}

function decide(exchange: Exchange, { access, admission, allow, answer }: Guarded) {
  const { method, headers } = exchange.request;
  const { peer } = exchange.connection;
  const verdict = admit({ method, headers, peer }, access, admission);
  exchange.addHeaders(verdict.headers);
  switch (verdict.type) {
    case "admitted":
      if (verdict.key) exchange.admit(verdict.key);
      return answer();
    case "preflight":
      return exchange.nothing(allow === undefined ? {} : { allow });
    case "refused":
      return exchange.error(new ApiError(verdict.refusal));
    default:
      return unreachable(verdict);
  }
}
