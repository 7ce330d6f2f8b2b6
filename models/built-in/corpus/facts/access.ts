import type { Fact } from "../fact.ts";

/** Who may use the server: keys, other machines, web pages. */
export const ACCESS: readonly Fact[] = [
  {
    id: "api-keys",
    answer:
      "Start with `--api-key-file FILE`, a line `NAME KEY` for each client; or set `DYNAMO_API_KEY`. Then requests need a key: `docs/security.md`.",
    must: ["--api-key-file"],
    how: [
      "[use|set up|create|add|require|enable|turn on] API keys",
      "[protect|secure] the server [with a key|with a password|]",
      "give [a client|my colleagues] a key",
      "[turn on|enable|set up] authentication",
      "keep strangers out",
    ],
    what: [
      "API keys",
      "the key file",
      "--api-key-file",
      "authentication",
      "DYNAMO_API_KEY",
      "api-key-file",
    ],
    key: [
      "api keys",
      "authentication",
      "--api-key-file",
      "password protect",
      "api key file",
      "access control",
    ],
    heldOut: "Only people I know should be able to send requests. What do I start it with?",
  },
  {
    id: "host-needs-key",
    answer:
      "`--host 0.0.0.0` alone is refused, since nothing would ask other machines for a key. Add `--api-key-file FILE`, set `DYNAMO_API_KEY`, or add `--insecure`.",
    must: ["--api-key-file", "--insecure"],
    how: ["fix the error about other machines and no key"],
    what: ['the error "lets other machines in, and nothing asks them for a key"'],
    key: [
      "lets other machines in nothing asks them for a key",
      "host refused key",
      "Frontend.host lets other machines in",
    ],
    heldOut: "With 0.0.0.0 as the host it exits with 2 and speaks of a key. How come?",
  },
  {
    id: "insecure",
    answer:
      "`--insecure` serves every machine that can reach the port, without a key. Use it only in a network that you trust.",
    must: ["--insecure", "without a key"],
    how: [
      "[serve|let] [all machines|everybody|the network] [in|] without [a key|keys]",
      "switch the check of keys off",
    ],
    what: ["--insecure", "the flag --insecure", "the key insecure", "insecure mode"],
    key: ["--insecure", "insecure", "no keys for other machines"],
    heldOut: "Everyone in our lab may use it, and I want no passwords. Which flag?",
  },
  {
    id: "allow-host",
    answer:
      "`host_not_allowed` is a 403: the header `Host` names what this server does not answer to. Start with `--allow-host NAME`.",
    must: ["--allow-host"],
    how: [
      "[let|allow] clients call the server by [another name|a domain name|its DNS name]",
      "[fix|get rid of] host_not_allowed",
    ],
    what: ["host_not_allowed", "the code host_not_allowed", "--allow-host", "allow-host"],
    key: ["host_not_allowed", "--allow-host", "403 host", "allow-host"],
    heldOut: "Behind my domain name every call answers 403 about the Host header. What do I add?",
  },
  {
    id: "allow-origin",
    answer:
      "`origin_not_allowed` is a 403 for a web page from elsewhere. `--allow-origin https://PAGE` lets the page in and turns CORS on.",
    must: ["--allow-origin"],
    how: [
      "[enable|allow|turn on|set up] CORS",
      "[call|use] the server from a web page",
      "[let|allow] a browser [app|page] [in|call it]",
    ],
    what: ["origin_not_allowed", "--allow-origin", "CORS", "allow-origin"],
    key: ["CORS", "origin_not_allowed", "--allow-origin", "browser access"],
    heldOut: "My JavaScript page gets 403 from the API although curl works. Which flag?",
  },
  {
    id: "invalid-api-key",
    answer:
      "`invalid_api_key` is a 401: the server has keys, and the request has none of them. Send `Authorization: Bearer KEY` or `x-api-key: KEY`.",
    must: ["Authorization: Bearer KEY"],
    how: ["[fix|get rid of] [the 401|invalid_api_key]", "send [my|the|an] API key"],
    what: ["invalid_api_key", "the code invalid_api_key", "a 401", "the status 401"],
    key: ["invalid_api_key", "401", "unauthorized", "Authorization header"],
    heldOut: "curl says that an API key of this server is needed. Where do I put mine?",
  },
  {
    id: "admin-key",
    answer:
      "`/metrics`, `/config` and `/kv_events` are for the same machine or for an admin key: a line `NAME KEY admin` in the key file.",
    must: ["admin", "key"],
    how: [
      "make an admin key",
      "scrape metrics from another machine",
      "[fix|get rid of] [local_only|admin_key_required]",
    ],
    what: ["an admin key", "admin_key_required", "local_only", "the code local_only"],
    key: ["admin_key_required", "admin key", "local_only", "metrics from another machine"],
    heldOut: "Prometheus on another host gets 403 for the metrics. What does it need?",
  },
  {
    id: "tls",
    answer:
      "For HTTPS read `docs/security.md`: it says how a certificate is given, and how a proxy in front ends TLS.",
    must: ["docs/security.md"],
    how: [
      "[use|set up|enable|get|turn on] [HTTPS|TLS|SSL|a certificate]",
      "encrypt the connection",
      "serve over https",
    ],
    what: ["TLS", "HTTPS", "a certificate", "SSL", "encryption"],
    key: ["https", "tls", "ssl certificate", "certificate", "encryption"],
    heldOut: "I don't want prompts to cross the network in plain text. Where do I read about that?",
  },
  {
    id: "proxy",
    answer:
      "Let the proxy pass to `http://127.0.0.1:8000` and add `X-Forwarded-For`; start with `--allow-host NAME`. `docs/security.md` has nginx as an example.",
    must: ["--allow-host", "docs/security.md"],
    how: [
      "[put|run|use] [nginx|a proxy|a reverse proxy|Caddy|Traefik|a load balancer] in front of [it|dynamo]",
      "configure nginx [for dynamo|]",
    ],
    what: ["a reverse proxy", "nginx in front", "a proxy in front"],
    key: ["nginx", "reverse proxy", "proxy in front", "caddy traefik"],
    heldOut: "Our gateway is nginx. What does it have to pass on to dynamo?",
  },
];
