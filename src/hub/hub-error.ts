// Errors between this machine and a hub of models, each with what to do about it.

import { DynamoError } from "../base/error.ts";

/** A model cannot be had from the hub, or not now. */
export class HubError extends DynamoError {
  override readonly code = "hub_error";
}

/** A transfer broke off. It goes on from where it was. */
export class TransferError extends DynamoError {
  override readonly code = "transfer_failed";
  /** Milliseconds that the server asks to wait. */
  readonly retryAfterMs: number | undefined;

  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Refusal {
  readonly status: number;
  /** The header `x-error-code`. */
  readonly code: string | undefined;
  readonly repo: string;
  readonly revision: string;
  readonly endpoint: string;
  readonly hasToken: boolean;
}

/** An answer that stays the same when it is asked for again. */
export function refusalError(refusal: Refusal): HubError {
  const { status, code, repo, revision, endpoint, hasToken } = refusal;
  const page = `${endpoint}/${repo}`;
  if (code === "GatedRepo") {
    const cure = hasToken
      ? `ask for access at ${page} with the account of your token`
      : `ask for access at ${page}, then set HF_TOKEN to a token of that account`;
    return new HubError(`${repo} is gated: ${cure}`);
  }
  if (code === "RevisionNotFound") {
    return new HubError(
      `${repo} has no revision ${revision}; see ${page}/tree/main for its branches`,
    );
  }
  if (code === "EntryNotFound") {
    return new HubError(
      `${repo} has lost a file while it was fetched (${page}); pull it once more`,
    );
  }
  if (hasToken && (status === 401 || status === 403) && code === undefined) {
    return new HubError(
      `the hub does not accept the token (HF_TOKEN, or the file of HF_TOKEN_PATH): it may have been revoked. Make a new one at ${endpoint}/settings/tokens, or unset it`,
    );
  }
  if (status === 401 || status === 403 || status === 404) {
    const cure = hasToken
      ? "check the name, and that the token's account may read it"
      : "check the name; a private one needs HF_TOKEN";
    return new HubError(`there is no model ${repo} on ${endpoint}, or it is private: ${cure}`);
  }
  return new HubError(`${endpoint} answered ${status} for ${repo}; try again later`);
}
