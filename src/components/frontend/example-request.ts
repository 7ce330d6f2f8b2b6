// The command that a start ends with: a request that works when it is pasted into a shell.

import { singleQuoted } from "../../base/shell-word.ts";

export interface ExampleOptions {
  /** Without a slash at its end. */
  readonly url: string;
  readonly model: string;
  /** Requests need a key. It is the reader's to know; the command takes it from the environment. */
  readonly needsKey: boolean;
}

export function exampleRequest({ url, model, needsKey }: ExampleOptions): string {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: "Hello!" }] });
  return [
    // The name or the authority of a certificate may be unknown here.
    `curl ${url.startsWith("https:") ? "-k " : ""}${quotedUrl(`${url}/v1/chat/completions`)}`,
    ...(needsKey ? ['-H "Authorization: Bearer $DYNAMO_API_KEY"'] : []),
    '-H "Content-Type: application/json"',
    `-d ${singleQuoted(body)}`,
  ].join(" ");
}

/** An address that a client on this machine can use: to listen everywhere is not to be called everywhere. */
export function clientUrl(listensOn: string): string {
  return listensOn
    .replace(/\/$/, "")
    .replace("//0.0.0.0:", "//127.0.0.1:")
    .replace("//[::]:", "//[::1]:");
}

/** Brackets of an IPv6 address are patterns to some shells. */
function quotedUrl(url: string): string {
  return url.includes("[") ? singleQuoted(url) : url;
}
