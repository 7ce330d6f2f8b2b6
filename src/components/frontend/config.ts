// The frontend's keys, and what its schema cannot see.

import { type ConfigProblem, type GraphView, parseAddress } from "dynamo";
import * as v from "valibot";

import { DynamoError } from "../../base/error.ts";
import { frontendModelName, key, names, port } from "../fields.ts";
import { validateAccess } from "./access.ts";
import { servedNameProblems } from "./served-names.ts";
import { validateTls } from "./tls.ts";

export const FrontendConfig = v.strictObject({
  servedModelName: frontendModelName,
  endpoint: key(
    "The endpoint that chats go to: namespace.Service.endpoint, as `dynamo.Processor.chat/completions`. Default: what is linked.",
    v.optional(v.string()),
  ),
  host: key(
    "0.0.0.0 lets other machines in: with API keys, or where `insecure` says that none are wanted.",
    v.optional(v.string(), "127.0.0.1"),
  ),
  port: key("0 is any free port.", v.optional(port, 8000)),
  maxBodyMib: key(
    "Larger bodies are refused with 413.",
    v.optional(v.pipe(v.number(), v.minValue(0.001), v.maxValue(1024)), 16),
  ),
  maxConnections: key(
    "More clients than these get 503 `overloaded` or are cut; lower where `ulimit -n` is. `/live`, `/health` and the operator's routes have 32 places more.",
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(1_000_000)), 4096),
  ),
  apiKeyFile: key(
    "A file of lines `NAME KEY` or `NAME KEY admin`. Requests then need a key; see security.md.",
    v.optional(v.pipe(v.string(), v.minLength(1))),
  ),
  tlsCert: key(
    "A file of certificates in PEM, the server's own first. With `tls-key`, the server speaks HTTPS, and takes replaced files without a restart; see security.md.",
    v.optional(v.pipe(v.string(), v.minLength(1))),
  ),
  tlsKey: key(
    "A file with the private key of `tls-cert`, in PEM.",
    v.optional(v.pipe(v.string(), v.minLength(1))),
  ),
  allowHost: key(
    "Names, beside localhost and `host`, by which clients may call this server; `*` is any.",
    v.optional(names, []),
  ),
  allowOrigin: key(
    "Origins of web pages that may use this server from a browser, as `https://chat.example`; `*` is any.",
    v.optional(names, []),
  ),
  sharePrefixCache: key(
    "Clients of all API keys find each other's prompts in the prefix cache. Default: those of one key's name only, so that neither `cached_tokens` nor the time to a first token tells what others have asked.",
    v.optional(v.boolean(), false),
  ),
  overloadStatus: key(
    "Status of an answer to a request that is refused because the queue is too long (`max-queue-ms` of the workers): OpenAI's 429, or 529, which Dynamo's clients know, or 503.",
    v.optional(v.picklist([429, 503, 529]), 429),
  ),
  requestTimeoutMs: key(
    "Milliseconds that an answer may take, from its request's last byte on; then it ends with 504 `answer_timeout`, a stream with that as its error event. 0: no limit.",
    v.optional(v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(86_400_000)), 0),
  ),
  insecure: key("Serves other machines without API keys.", v.optional(v.boolean(), false)),
});

export type FrontendConfig = v.InferOutput<typeof FrontendConfig>;

export function validateFrontend(
  config: FrontendConfig,
  graph: GraphView,
): readonly ConfigProblem[] {
  return [
    ...validateEndpoint(config.endpoint, graph),
    ...servedNameProblems(config.servedModelName, graph),
    ...validateAccess(config, graph.environment),
    ...validateTls(config),
  ];
}

function validateEndpoint(
  endpoint: string | undefined,
  graph: GraphView,
): readonly ConfigProblem[] {
  if (endpoint === undefined) return [];
  const problem = (message: string) => [{ key: "endpoint", message }];
  const self = graph.services.find(({ name }) => name === graph.service);
  let address: ReturnType<typeof parseAddress>;
  try {
    address = parseAddress(endpoint, self?.namespace ?? "");
  } catch (error) {
    if (error instanceof DynamoError) return problem(error.message);
    throw error;
  }
  const linked = self?.edges.get("backends") ?? [];
  const target = graph.services.find(({ name }) => name === address.component);
  if (!target || !linked.includes(target.name)) {
    const all = linked.join(", ") || "nothing";
    return problem(`${address.component} is not what ${graph.service} is linked to: ${all}`);
  }
  if (linked.length > 1) {
    const message = `${graph.service} is linked to ${linked.join(" and ")}, and a request's model chooses between them; leave this out`;
    return problem(message);
  }
  if (target.namespace !== address.namespace) {
    return problem(
      `${target.name} is in the namespace ${target.namespace}, not ${address.namespace}`,
    );
  }
  if (!target.endpoints.includes(address.endpoint)) {
    const known = target.endpoints.join(", ");
    return problem(`${target.name} has no endpoint ${address.endpoint}; it has: ${known}`);
  }
  return [];
}
