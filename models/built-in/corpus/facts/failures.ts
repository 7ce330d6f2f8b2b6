import type { Fact } from "../fact.ts";

/** Messages of a start that fails, and errors of requests. */
export const FAILURES: readonly Fact[] = [
  {
    id: "start-fails",
    answer:
      "Read the last line: it names the place and the cure. Exit code 2 is usage or configuration, 1 a failure while running. `--dry-run` checks without a start.",
    must: ["last line", "--dry-run"],
    how: ["find out why it does not start", "get the server to start"],
    what: ["a failed start", "a server that does not start"],
    key: ["does not start", "will not start", "start fails", "cannot start"],
    heldOut: "It quits right after I launch it. Where do I look for the reason?",
  },
  {
    id: "port-taken",
    answer:
      "Another program has that port. Choose another one, as `--port 9001` (0 is any free one), or end what holds it.",
    must: ["--port"],
    how: ["fix a taken port", "start although the port is taken"],
    what: ['the error "is taken by another program"', "EADDRINUSE", "address already in use"],
    key: ["port taken", "address already in use", "EADDRINUSE", "is taken by another program"],
    heldOut: "The start says 127.0.0.1:8000 is taken. And now?",
  },
  {
    id: "port-privileged",
    answer:
      "This user may not listen on ports below 1024. Choose one from 1024 on, as `--port 8000`; a systemd unit may have port 80.",
    must: ["1024"],
    how: ["listen on port 80", "serve on [port 80|port 443]"],
    what: ['the error "this user may not listen on port"', "ports below 1024"],
    key: [
      "port 80",
      "permission denied port",
      "privileged port",
      "this user may not listen on port",
    ],
    heldOut: "With --port 80 it says that my user may not. What's the lowest that works?",
  },
  {
    id: "bad-host",
    answer:
      "That host is no address of this machine. `127.0.0.1` is for clients here; `0.0.0.0`, with keys, is for other machines too.",
    must: ["127.0.0.1", "no address"],
    how: ["fix a wrong host"],
    what: ['the error "is no address of this machine"', "a wrong host"],
    key: ["is no address of this machine", "wrong host", "EADDRNOTAVAIL"],
    heldOut: "It tells me that my --host belongs to no interface here. What may I give?",
  },
  {
    id: "no-model-there",
    answer:
      "That path has no model. Give a directory with config.json and weights, a GGUF file, or a name `ORG/REPO`; check the spelling.",
    must: ["no model", "GGUF"],
    how: ["fix a wrong model path"],
    what: ['the error "no model at"', "a wrong model path"],
    key: ["no model at", "model not found at start", "has no config.json", "wrong model path"],
    heldOut:
      "The start complains that nothing like a model is in the folder I gave. What should be there?",
  },
  {
    id: "no-graph-there",
    answer:
      "There is no graph of that name. Write `graphs.agg:Frontend` or a short one as `agg`; files are looked up in `--working-dir`.",
    must: ["no graph", "--working-dir"],
    how: ["fix a wrong graph name"],
    what: ['the error "there is no graph"', "a wrong graph name"],
    key: ["there is no graph", "graph not found", "wrong graph", "names no graph"],
    heldOut: "The start says that it knows no graph of my spelling. What can I write?",
  },
  {
    id: "no-config-file",
    answer:
      "The file behind `-f` is not there: check its path, which begins in the current folder. The message names what is near.",
    must: ["-f", "not there"],
    how: ["fix a missing configuration file"],
    what: ['the error "there is no configuration file"', "a missing configuration file"],
    key: ["there is no configuration file", "config file not found", "missing yaml"],
    heldOut:
      "After -f I get that no such file exists, though it does elsewhere. Where does the path begin?",
  },
  {
    id: "bad-yaml",
    answer:
      "The YAML file has a mistake: the message has its line and column. Indent keys alike, with spaces, and give each section once.",
    must: ["line and column"],
    how: ["[fix|find] a mistake in [the|my] YAML"],
    what: ['the error "not YAML"', "a mistake in the YAML", "a section given twice"],
    key: ["not YAML", "yaml error", "given twice", "indentation", "yaml syntax"],
    heldOut: "It says not YAML and shows two numbers. What do they tell me?",
  },
  {
    id: "too-few-files",
    answer:
      "The process may open too few files. Raise the limit: `ulimit -n 1024`, in systemd `LimitNOFILE=1024`.",
    must: ["ulimit -n"],
    how: ["raise the limit of open files", "fix too many open files"],
    what: ['the error "may open 40 files at a time"', "EMFILE", "too many open files"],
    key: ["too many open files", "ulimit -n", "EMFILE", "file descriptors"],
    heldOut: "The start says that so few files can be open at once. What do I raise?",
  },
  {
    id: "library-not-loaded",
    answer:
      "The engine's library could not be loaded; the message says why: too little address space (`ulimit -v`), or a glibc older than 2.28.",
    must: ["library", "glibc"],
    how: ["fix a library that does not load"],
    what: ['the error "the engine\'s library cannot be loaded"', "the engine's library"],
    key: ["library cannot be loaded", "glibc", "GLIBC not found", "ulimit -v"],
    heldOut: "On an old distribution it dies with GLIBC missing. Which one does it need?",
  },
  {
    id: "broken-model-file",
    answer:
      "A file of the model is damaged or was cut short; the message has its place. Fetch it again, or mend it there.",
    must: ["Fetch it again"],
    how: ["fix a damaged model file"],
    what: [
      'the error "is not JSON: the text ends in the middle"',
      "a damaged model file",
      "a broken config.json",
    ],
    key: ["not JSON", "damaged model", "corrupt file", "cut short", "truncated safetensors"],
    heldOut: "It says the tokenizer file stops in the middle. Is the download broken?",
  },
  {
    id: "invalid-json",
    answer:
      "`invalid_json` is a 400: the body is no JSON. Check its quotes and commas, and how the shell quotes it.",
    must: ["invalid_json", "no JSON"],
    how: ["[fix|get rid of] invalid_json"],
    what: ["invalid_json", "the code invalid_json"],
    key: ["invalid_json", "body is no JSON", "400 json"],
    heldOut: "My curl body seems wrong to it: the code says JSON. What do I check?",
  },
  {
    id: "missing-parameter",
    answer:
      "`missing_required_parameter` is a 400: a field that the route needs is missing. The error's `param` names it.",
    must: ["missing", "param"],
    how: ["[fix|get rid of] missing_required_parameter"],
    what: ["missing_required_parameter", "the code missing_required_parameter", "a missing field"],
    key: ["missing_required_parameter", "missing field", "messages missing"],
    heldOut: "It says something I must send is not in the body. How do I learn what?",
  },
  {
    id: "route-not-found",
    answer:
      "`route_not_found` is a 404: there is no such path. Clients of OpenAI need the base URL with `/v1`; `docs/api.md` lists the routes.",
    must: ["route_not_found", "/v1"],
    how: ["[fix|get rid of] route_not_found"],
    what: ["route_not_found", "the code route_not_found", "an unknown path"],
    key: ["route_not_found", "404 path", "no such path", "unknown route"],
    heldOut: "All my calls are 404s and it isn't about the model. What's wrong with my URL?",
  },
  {
    id: "method-not-allowed",
    answer:
      "`method_not_allowed` is a 405: the path takes another method. The header `Allow` names it; chats take POST.",
    must: ["Allow", "POST"],
    how: ["[fix|get rid of] [a 405|method_not_allowed]"],
    what: ["method_not_allowed", "the code method_not_allowed", "a 405"],
    key: ["method_not_allowed", "405", "wrong method"],
    heldOut: "In the browser the chat path shows 405. Why?",
  },
  {
    id: "request-timeout",
    answer:
      "`request_timeout` is a 408: the request's head or body did not arrive in time. Send it faster, or look at the network between.",
    must: ["408", "in time"],
    how: ["[fix|get rid of] [a 408|request_timeout]"],
    what: ["request_timeout", "the code request_timeout", "a 408"],
    key: ["request_timeout", "408", "body too slow"],
    heldOut: "Uploads over my slow line end with 408. What does it say?",
  },
  {
    id: "error-429",
    answer:
      "429 means that too much is in flight, for this client or for all: send fewer at once, wait as `Retry-After` says, and try again.",
    must: ["fewer at once"],
    how: ["[avoid|fix|get rid of] [429|too_many_sequences]"],
    what: ["a 429", "too_many_sequences", "the code too_many_sequences", "the status 429"],
    key: ["429", "too_many_sequences", "too many requests", "rate limit"],
    heldOut: "My batch job fires a thousand calls and some come back 429. What do I change?",
  },
  {
    id: "fairness",
    answer:
      "Clients share a worker fairly: the one with the fewest computed tokens is next. A tenant is a key's name, else a connection.",
    must: ["fairly"],
    how: ["share the server fairly", "keep one client from starving others"],
    what: ["fairness", "fair shares", "a tenant", "sharing between clients"],
    key: ["fairness", "fair shares", "tenant", "starvation"],
    heldOut: "One team floods the server with requests. Do the others starve?",
  },
  {
    id: "kills-workers",
    answer:
      "`request_kills_workers`: a worker died of this prompt, so the prompt is in quarantine and refused for ten minutes. Others are served.",
    must: ["quarantine", "ten minutes"],
    how: ["[get out of|end|understand] the quarantine"],
    what: [
      "request_kills_workers",
      "quarantine",
      "the code request_kills_workers",
      "a quarantined request",
    ],
    key: ["request_kills_workers", "quarantine", "poison request", "prompt kills worker"],
    heldOut: "One certain prompt is turned away for minutes after a crash. Why?",
  },
  {
    id: "actor-down",
    answer:
      "`actor_down`: the worker ended while it worked on the request, and others too. Send it again; the log says why.",
    must: ["Send it again", "log"],
    how: ["[fix|understand|get rid of] actor_down"],
    what: ["actor_down", "the code actor_down"],
    key: ["actor_down", "worker ended", "503 actor_down"],
    heldOut: "In the middle of a stream I got the code actor_down. May I repeat the request?",
  },
  {
    id: "memory-short",
    answer:
      "`memory_short` is a 503: memory is very short around the server, so new requests wait. Free some, or see `docs/operations.md`.",
    must: ["memory is very short"],
    how: ["[fix|get rid of] memory_short"],
    what: ["memory_short", "the code memory_short", "memory pressure"],
    key: ["memory_short", "memory pressure", "503 memory"],
    heldOut: "New calls get a 503 about memory. What is going on?",
  },
  {
    id: "overloaded",
    answer:
      "`overloaded` is a 503: too many connections or bytes of bodies at once. Wait and try again; `--Frontend.max-connections` is the limit.",
    must: ["--Frontend.max-connections"],
    how: ["[change|raise|set] the limit of connections", "[fix|get rid of] overloaded"],
    what: ["overloaded", "the code overloaded", "max-connections"],
    key: ["overloaded", "max-connections", "too many connections"],
    heldOut: "Thousands of sockets are open and new ones get a 503. Which key holds the limit?",
  },
  {
    id: "template-error",
    answer:
      "`template_error`: the model's chat template cannot be parsed, or takes too long for these messages. `--Processor.chat-template=FILE` is another one.",
    must: ["chat-template"],
    how: [
      "[use|give] [another|my own|a different] chat template",
      "[fix|get rid of] template_error",
    ],
    what: [
      "template_error",
      "the code template_error",
      "--Processor.chat-template",
      "render-timeout-ms",
    ],
    key: ["template_error", "chat-template", "own template", "jinja file"],
    heldOut: "Chats fail with 500 over the Jinja text of my model. Can I give another?",
  },
  {
    id: "invalid-logits",
    answer:
      "`invalid_logits`: the model computed NaN or infinities, as damaged weights do. Only this request ends; check or fetch the weights again.",
    must: ["NaN"],
    how: ["[fix|get rid of] invalid_logits"],
    what: ["invalid_logits", "the code invalid_logits", "NaN logits"],
    key: ["invalid_logits", "NaN", "infinities", "damaged weights"],
    heldOut: "One answer broke off with a code about logits. Are my weights bad?",
  },
  {
    id: "slow-reader",
    answer:
      "`slow_reader` ends a stream whose client reads too slowly: while it does not read, its choice stalls. After 30 seconds it is cut.",
    must: ["30 seconds"],
    how: ["[fix|avoid|get rid of] slow_reader"],
    what: ["slow_reader", "the code slow_reader", "a stalled choice"],
    key: ["slow_reader", "stalled stream", "slow client cut"],
    heldOut: "My consumer pauses for a minute and the stream is gone. What's the rule?",
  },
];
