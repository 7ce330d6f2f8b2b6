import type { Fact } from "../fact.ts";

/** The HTTP API: routes, parameters, errors and metrics. */
export const API: readonly Fact[] = [
  {
    id: "routes",
    answer:
      "`/v1/chat/completions`, `/v1/completions`, `/v1/responses`, `/v1/messages`, `/v1/models`, `/api/chat`, `/health`, `/live` and `/metrics`; `docs/api.md` has all.",
    must: ["/v1/chat/completions", "/v1/completions", "/v1/models", "/health", "/metrics"],
    what: [
      "the routes",
      "the HTTP routes",
      "the API routes",
      "the endpoints of the API",
      "the http endpoints",
      "the API",
    ],
    ask: [
      "[which|what] [routes|HTTP routes|API endpoints|http endpoints|urls|paths|API routes] [are there|exist|does dynamo have|does the server have|does it offer|can I call|are available]",
      "[list|name] [the|all] [routes|API endpoints|http endpoints|API routes]",
      "what does the API offer",
    ],
    key: ["routes", "api routes", "http endpoints", "list endpoints", "API"],
    heldOut: "Under which paths does the HTTP server answer?",
  },
  {
    id: "openai-compatible",
    answer:
      "dynamo speaks OpenAI's API: set the base URL of your client to `http://localhost:8000/v1`. Any key will do, unless the server has keys.",
    must: ["localhost:8000/v1"],
    ask: [
      "is [it|dynamo|the API|the api] [compatible with openai|OpenAI compatible|openai-compatible|compatible with OpenAI]",
      "can I use [the openai client|the OpenAI client|an OpenAI client|the openai library|openai's sdk|the openai python package|any OpenAI client|langchain]",
      "does [the openai client|an openai client|the OpenAI sdk] work [with dynamo|]",
      "which base url do I [set|give|use] [in the openai client|for openai|]",
    ],
    how: [
      "[use|connect] [the openai|an openai|the OpenAI|an OpenAI] [client|library|sdk]",
      "connect a client",
      "use dynamo from [python|javascript|my app|my program|my code]",
    ],
    key: ["openai compatible", "openai client", "base_url", "openai sdk", "connect client"],
    heldOut: "My program talks to OpenAI today. Can I point it at dynamo?",
  },
  {
    id: "chat-route",
    answer: "POST to `/v1/chat/completions` with `model` and `messages`.",
    names: ["/v1/chat/completions"],
    how: [
      "[chat|have a chat] [over http|with the api|by http]",
      "send [chat messages|a conversation|messages] [to the server|to the model|]",
    ],
    what: ["/v1/chat/completions", "the chat route", "the chat endpoint", "chat completions"],
    ask: [
      "which route is [for chat|for chats|the chat route]",
      "what does /v1/chat/completions [do|need|take]",
      "which url do I post [chat|] messages to",
      "which endpoint [is for|does] chat",
    ],
    key: ["/v1/chat/completions", "chat route", "chat endpoint", "chat completions"],
    heldOut: "To which path do I POST a list of messages?",
  },
  {
    id: "completions-route",
    answer: "POST to `/v1/completions` with `model` and `prompt`. No chat template is applied.",
    names: ["/v1/completions"],
    how: [
      "[complete|continue] [a text|text|a prompt|plain text]",
      "send a [raw|plain] prompt [without a chat template|]",
    ],
    what: [
      "/v1/completions",
      "the completions route",
      "the completion endpoint",
      "text completion",
    ],
    ask: [
      "which route [completes|continues] [text|a prompt|plain text]",
      "what does /v1/completions [do|need|take]",
      "what is the difference between completions and chat completions",
    ],
    key: ["/v1/completions", "completion route", "raw prompt", "text completion"],
    heldOut: "I have a bare text, no messages, to be continued. Which path is that?",
  },
  {
    id: "models-route",
    answer: "GET `/v1/models`. A model is listed only when it can be routed to.",
    names: ["/v1/models"],
    how: [
      "[list|see|get|show] [the|all|the available|the served|] models",
      "find out which models are [served|available|loaded]",
    ],
    what: ["/v1/models", "the models route", "the list of models"],
    ask: [
      "[which|what] models are [served|available|there|loaded]",
      "which route lists [the|] models",
      "what does /v1/models [do|return|show]",
      "why is [my|the|a] model not [listed|in the list|in /v1/models]",
      "what is the name of the [served|] model",
    ],
    key: ["/v1/models", "list models", "available models", "model not listed"],
    heldOut: "How can a client learn what models it may ask for?",
  },
  {
    id: "health",
    answer:
      "GET `/health`. It tells whether a request can be served now: 200, else 503. `/live` only says that the process runs.",
    names: ["/health"],
    how: [
      "[check|see|find out|know|test] [if|whether] [the server|dynamo|it] is [ready|healthy|ok|up and ready]",
      "[do|make] a [health|readiness] check",
      "check [the|] [health|readiness]",
    ],
    what: [
      "/health",
      "the health route",
      "the health check",
      "the readiness check",
      "a health check",
    ],
    ask: [
      "what does /health [do|return|say|tell]",
      "which route is for [health|readiness] [checks|]",
      "is there a [health|readiness] [check|route|endpoint|probe]",
      "is the server ready",
    ],
    key: ["/health", "health check", "readiness", "readiness probe", "is it ready"],
    heldOut: "Which URL should my load balancer poll to see if dynamo can take requests?",
  },
  {
    id: "live",
    answer:
      "GET `/live`. It answers as long as the process runs, also when no worker is ready; `/health` says whether one is.",
    names: ["/live"],
    how: [
      "[check|see|find out] [if|whether] the process [is alive|runs|lives]",
      "[do|make] a liveness check",
    ],
    what: ["/live", "the live route", "the liveness check", "a liveness probe"],
    ask: [
      "what does /live [do|return|say]",
      "which route is for liveness",
      "is there a liveness [check|probe|route]",
      "what is the difference between /live and /health",
    ],
    key: ["/live", "liveness", "liveness probe", "process alive"],
    heldOut: "What path serves as a liveness probe?",
  },
  {
    id: "metrics-route",
    answer: "GET `/metrics`. It returns the metrics of all services in Prometheus' text format.",
    names: ["/metrics"],
    how: [
      "[see|get|read|scrape|collect|find|show|view|check] [the|] [metrics|statistics|stats]",
      "monitor [dynamo|the server|it|my deployment]",
      "[use|connect|set up] [prometheus|Prometheus|grafana]",
    ],
    what: ["/metrics", "the metrics route", "the metrics endpoint"],
    ask: [
      "where are [the|] metrics",
      "does [it|dynamo] have [metrics|Prometheus metrics|prometheus]",
      "which route [has|shows|returns] [the|] metrics",
      "what does /metrics [return|do|show]",
      "is there [monitoring|prometheus|Prometheus]",
    ],
    key: ["/metrics", "metrics", "prometheus", "monitoring", "statistics"],
    heldOut: "I want to watch dynamo on a dashboard. Where does it publish numbers?",
  },
  {
    id: "metric-names",
    answer:
      "`/metrics` has `dynamo_frontend_` for HTTP requests, `vllm:` for the engine, and `dynamo_runtime_` for actors and lanes.",
    must: ["dynamo_frontend_", "vllm:"],
    what: [
      "the metric names",
      "the names of the metrics",
      "the metric prefixes",
      "dynamo_frontend_",
      "the prefixes of the metrics",
    ],
    ask: [
      "[which|what] metrics [are there|exist|does dynamo have|are exported]",
      "[how|what] are [the|] metrics [named|called]",
      "with which prefix do [the|] metrics begin",
    ],
    key: ["metric names", "metrics list", "metric prefix", "vllm metrics"],
    heldOut: "How do the names of the exported metrics begin?",
  },
  {
    id: "mailbox-metric",
    answer:
      "`dynamo_runtime_mailbox_depth`: the calls that an instance has accepted and not yet ended.",
    names: ["dynamo_runtime_mailbox_depth"],
    how: [
      "see how [full|deep] [a mailbox|the mailboxes] [is|are]",
      "[measure|see|monitor] the mailbox depth",
    ],
    what: ["dynamo_runtime_mailbox_depth", "the mailbox depth", "the mailbox metric"],
    ask: ["which metric [shows|has|is] the mailbox depth", "which metric counts waiting calls"],
    key: ["mailbox depth", "dynamo_runtime_mailbox_depth", "mailbox metric"],
    heldOut: "Is there a gauge for the calls pending at each actor?",
  },
  {
    id: "restarts-metric",
    answer: "`dynamo_runtime_restarts_total`: how often the supervisor has restarted a service.",
    names: ["dynamo_runtime_restarts_total"],
    how: ["see how often [a service|a worker] was restarted", "count restarts"],
    what: ["dynamo_runtime_restarts_total", "the restarts metric"],
    ask: [
      "which metric [counts|shows|has] [the|] restarts",
      "how many times was [a worker|a service] restarted",
    ],
    key: ["restarts metric", "dynamo_runtime_restarts_total", "count restarts"],
    heldOut: "By which number in /metrics do I notice that a worker keeps being restarted?",
  },
  {
    id: "stream",
    answer:
      'Set `"stream": true` in the request. The answer comes as server-sent events, a piece at a time.',
    must: ['"stream": true'],
    how: [
      "[stream|get a stream of] [the answer|the response|tokens|an answer|responses|output|the output]",
      "[get|receive] [tokens|the answer|words] [one by one|as they come|piece by piece|immediately|live]",
      "[enable|turn on|use] streaming",
    ],
    what: ["the stream parameter", "streaming", "stream"],
    ask: [
      "does [it|dynamo|the API] [support|have|do] streaming",
      "is streaming [supported|possible]",
      "what does stream do",
      "can I [stream|get streamed answers]",
    ],
    key: ["stream", "streaming", "SSE", "server-sent events", "stream true"],
    heldOut: "I'd like to see words appear while they are generated. What goes in the request?",
  },
  {
    id: "max-tokens",
    answer:
      "Set `max_tokens` (or `max_completion_tokens`) in the request: the longest answer. `min_tokens` is the shortest.",
    must: ["max_tokens"],
    how: [
      "[limit|restrict|cap|set|shorten] the [length|size] of [the answer|an answer|the output|the response]",
      "[get|have] [shorter|longer] [answers|answer|output|responses]",
      "limit [the|] [output|generated] tokens",
    ],
    what: ["max_tokens", "max_completion_tokens", "the max_tokens parameter"],
    ask: [
      "which parameter limits the [answer|output|length|tokens]",
      "what does max_tokens do",
      "the answer is [too long|cut off], what [can I do|do I change]",
      "why is the answer cut off",
    ],
    key: ["max_tokens", "limit answer length", "max tokens", "output length", "answer too long"],
    heldOut: "Replies are too long for my screen. Which request field bounds them?",
  },
  {
    id: "temperature",
    answer:
      "`temperature` says how free the choice of tokens is: 0 always takes the likeliest, higher is more varied.",
    must: ["temperature", "likeliest"],
    how: [
      "[set|change|use|raise|lower] the temperature",
      "[get|make] [more varied|more creative|more random|less random] [answers|output|text]",
    ],
    what: ["temperature", "the temperature", "the temperature parameter", "sampling temperature"],
    ask: [
      "what does [the|] temperature do",
      "which parameter makes [answers|output] more [random|creative|varied]",
    ],
    key: ["temperature", "creativity", "randomness of answers"],
    heldOut: "The text feels dull and repetitive. Which sampling knob adds variety?",
  },
  {
    id: "greedy",
    answer:
      "Set `temperature` to 0: always the likeliest token. Then the same prompt always gives the same answer.",
    must: ["temperature", "0"],
    how: [
      "[get|have|make] [deterministic|reproducible|the same|identical] [answers|output|results|answer] [every time|always|each time|]",
      "[use|do|turn on] greedy [decoding|sampling]",
    ],
    what: ["greedy decoding", "greedy sampling", "deterministic output"],
    ask: [
      "are [answers|results] [deterministic|reproducible]",
      "why do I get different answers [each time|every time|to the same question]",
      "is the output deterministic",
    ],
    key: ["greedy", "deterministic", "reproducible answers", "same answer"],
    heldOut: "Each time I ask, the reply differs. How do I make it stay the same?",
  },
  {
    id: "seed",
    answer:
      "Set `seed` in the request: the same seed gives the same text, another seed another text.",
    must: ["seed"],
    how: [
      "[set|use|give|fix] [a|the] [seed|random seed]",
      "repeat [a sampled answer|the same sampling]",
    ],
    what: ["the seed", "seed", "the seed parameter", "a random seed"],
    ask: ["what does [the|] seed do", "is there a seed [parameter|]"],
    key: ["seed", "random seed", "seed parameter"],
    heldOut: "With sampling switched on, can I still reproduce a text? Which field?",
  },
  {
    id: "sampling",
    answer:
      "`temperature`, `top_p`, `top_k`, `min_p`, `seed`, and the presence, frequency and repetition penalties.",
    must: ["temperature", "top_p", "top_k", "min_p"],
    what: ["the sampling parameters", "the sampling options"],
    ask: [
      "[which|what] [sampling|] parameters [are there|exist|are supported|does the API have|can I set|does a request take|can a request have]",
      "[which|what] sampling [parameters|options|methods|settings] [are there|are supported|exist|does dynamo have]",
    ],
    how: ["[change|control|configure] [the|] sampling"],
    key: ["sampling parameters", "sampling", "request parameters"],
    heldOut: "Name the knobs of a request that steer how tokens are picked.",
  },
  {
    id: "top-p",
    answer:
      "`top_p` keeps only the likeliest tokens that together reach that probability; 1 turns it off.",
    must: ["probability", "1"],
    what: ["top_p", "top p", "top-p", "nucleus sampling", "the top_p parameter"],
    ask: ["what does [top_p|top p|top-p] [do|mean]"],
    key: ["top_p", "top p", "nucleus sampling"],
    heldOut: "Explain the effect of the field top_p.",
  },
  {
    id: "top-k",
    answer: "`top_k` keeps only the k likeliest tokens at each step.",
    must: ["k likeliest"],
    what: ["top_k", "top k", "top-k", "the top_k parameter"],
    ask: ["what does [top_k|top k|top-k] [do|mean]"],
    key: ["top_k", "top k"],
    heldOut: "Explain the effect of the field top_k.",
  },
  {
    id: "min-p",
    answer:
      "`min_p` drops tokens that are less likely than this share of the likeliest one; 0 turns it off.",
    must: ["share of the likeliest"],
    what: ["min_p", "min p", "min-p", "the min_p parameter"],
    ask: ["what does [min_p|min p|min-p] [do|mean]"],
    key: ["min_p", "min p"],
    heldOut: "Explain the effect of the field min_p.",
  },
  {
    id: "penalties",
    answer:
      "`presence_penalty`, `frequency_penalty` and `repetition_penalty` make repeated tokens less likely.",
    must: ["repetition_penalty", "less likely"],
    what: [
      "the penalties",
      "repetition_penalty",
      "frequency_penalty",
      "presence_penalty",
      "the repetition penalty",
      "the frequency penalty",
      "the presence penalty",
    ],
    how: [
      "[avoid|stop|prevent|reduce] [repetition|repetitions|repeated words]",
      "make [the model|it] repeat [itself|] less",
    ],
    ask: [
      "the [answer|text|model|output] repeats [itself|], what can I do",
      "what does [repetition_penalty|frequency_penalty|presence_penalty|the repetition penalty] do",
      "which penalties [are there|exist|are supported]",
    ],
    key: [
      "repetition_penalty",
      "frequency_penalty",
      "presence_penalty",
      "penalties",
      "avoid repetition",
    ],
    heldOut: "It says the same words again and again. Which parameters counter that?",
  },
  {
    id: "stop-param",
    answer:
      "Set `stop` to a string or a list of strings. The answer ends before the first of them; it is never shown.",
    must: ["string"],
    how: [
      "[end|stop|cut] [the answer|generation|the output|generating] at [a|a certain|some] [word|string|text|phrase]",
      "[set|use|give] [a stop string|stop strings|a stop word|stop words|stop sequences|a stop sequence]",
    ],
    what: ["a stop string", "the stop parameter", "stop strings", "stop sequences", "stop words"],
    ask: [
      "what does [the stop parameter|stop|the field stop] do [in a request|]",
      "are stop [strings|words|sequences] supported",
      "is the stop string part of the answer",
    ],
    key: ["stop string", "stop strings", "stop sequence", "stop parameter", "stop word"],
    heldOut: "Generation should halt as soon as END appears. How?",
  },
  {
    id: "n",
    answer: 'Set `n` in the request, for example `"n": 3` for three answers.',
    must: ["n"],
    how: [
      "[get|have|generate|request] [several|three|3|two|multiple|more than one|many] [answers|choices|answer|completions|alternatives] [to one question|for one prompt|at once|]",
    ],
    what: ["n", "the n parameter", "the parameter n"],
    ask: [
      "what does [n|the parameter n|the field n] do [in a request|]",
      "can I get several [answers|choices]",
    ],
    key: ["n choices", "several answers", "multiple choices", "n parameter"],
    heldOut: "I'd like to pick from three alternatives per prompt. Which field?",
  },
  {
    id: "usage",
    answer:
      "The answer has `usage` with prompt and completion tokens. In a stream, set `stream_options.include_usage`.",
    must: ["usage", "include_usage"],
    how: [
      "[see|get|count|know] how many tokens [a request|an answer] [used|took|has]",
      "[get|see|count] [the|] token [usage|count|counts] [in a stream|]",
    ],
    what: ["usage", "include_usage", "the usage field", "stream_options"],
    ask: [
      "does the answer [say|tell] how many tokens were used",
      "where is the token count",
      "how many tokens did [it|my request] use",
      "what does include_usage do",
    ],
    key: ["usage", "token count", "include_usage", "token usage", "stream_options"],
    heldOut: "How do I find the number of tokens that a streamed reply cost?",
  },
  {
    id: "cached-tokens",
    answer:
      "`usage.prompt_tokens_details.cached_tokens`: how many prompt tokens came from the prefix cache.",
    must: ["cached_tokens"],
    what: ["cached_tokens", "the field cached_tokens", "prompt_tokens_details"],
    how: [
      "[see|find out|know|check] [whether|if] the prefix cache [was used|helped|was hit]",
      "see how many tokens were cached",
    ],
    ask: ["what does cached_tokens mean", "where do I see [cache hits|cached tokens]"],
    key: ["cached_tokens", "cache hits", "cached tokens"],
    heldOut: "Which part of the reply tells me that my prompt was found in the cache?",
  },
  {
    id: "ignore-eos",
    answer:
      "`ignore_eos` makes the model go on until `max_tokens`, past its own end mark. It is for benchmarks.",
    must: ["ignore_eos"],
    what: ["ignore_eos", "the ignore_eos parameter"],
    how: ["[make|force] the model [to|] [continue|go on|generate] until [max_tokens|the limit]"],
    ask: ["what does ignore_eos [do|mean]"],
    key: ["ignore_eos"],
    heldOut: "For a benchmark each answer must have full length. Which field?",
  },
  {
    id: "min-tokens",
    answer:
      "Set `min_tokens` in the request: the answer does not end before that many tokens. `max_tokens` is the most.",
    must: ["min_tokens"],
    what: ["min_tokens", "the min_tokens parameter"],
    how: ["[force|set|get] a minimum [length|number of tokens]"],
    ask: ["what does min_tokens [do|mean]", "which parameter sets a minimum length"],
    key: ["min_tokens", "minimum length"],
    heldOut: "An answer may not be shorter than 50 tokens. Which field?",
  },
  {
    id: "error-shape",
    answer:
      "Errors have OpenAI's shape: an `error` object with message, type, param and code, and a request id.",
    must: ["OpenAI's shape"],
    what: [
      "the error format",
      "the shape of an error",
      "the format of errors",
      "an error response",
    ],
    ask: [
      "how does an error look [like|]",
      "which fields does an error have",
      "how are errors [returned|reported|sent]",
      "what do errors look like",
    ],
    key: ["error format", "error object", "error shape", "error response"],
    heldOut: "My client must parse failures. What do they look like on the wire?",
  },
  {
    id: "error-404",
    answer:
      "404 means that the model name is not served here. Look at `/v1/models` for the right one.",
    names: ["/v1/models"],
    must: ["model", "/v1/models"],
    what: ["a 404", "error 404", "the 404 error", "status 404", "model not found"],
    ask: [
      "why do I get [a 404|404|model not found|an unknown model error|a 404 error]",
      "what does [404|a 404|status 404] mean",
      "the server says [404|model not found], why",
      "what happens with an unknown model [name|]",
    ],
    how: ["[fix|solve] [a 404|model not found]"],
    key: ["404", "model not found", "error 404", "unknown model"],
    heldOut: "The reply to my chat request has status 404. What is wrong?",
  },
  {
    id: "error-400",
    answer: "400 means that a field of the request is wrong. The error's `param` names it.",
    must: ["param"],
    what: ["a 400", "error 400", "the 400 error", "status 400", "a bad request"],
    ask: [
      "why do I get [a 400|400|a bad request|a 400 error]",
      "what does [400|a 400|status 400] mean",
      "the server says [400|bad request], why",
      "which field of my request is wrong",
    ],
    how: ["[fix|solve] [a 400|a bad request]"],
    key: ["400", "bad request", "error 400", "invalid request"],
    heldOut: "My POST is turned down with status 400. Where do I look?",
  },
  {
    id: "error-413",
    answer:
      "413 means that the request's body is too large. Raise the limit with `--Frontend.max-body-mib=64`; it is 16 MiB.",
    must: ["too large"],
    what: ["a 413", "error 413", "the 413 error", "status 413"],
    ask: [
      "why do I get [a 413|413|a 413 error]",
      "what does [413|a 413|status 413] mean",
      "what happens [if|when] [the body|my request] is too [large|big]",
    ],
    key: ["413", "error 413", "body too large"],
    heldOut: "What's the reason for status code 413?",
  },
  {
    id: "error-503",
    answer:
      "503 means that the server is full or has no worker ready. Wait as long as `Retry-After` says, then try again.",
    must: ["Retry-After"],
    what: ["a 503", "error 503", "the 503 error", "status 503", "Retry-After"],
    ask: [
      "why do I get [a 503|503|a 503 error|service unavailable]",
      "what does [503|a 503|status 503|Retry-After] mean",
      "the server says [503|service unavailable], [why|what now|what should I do]",
      "what happens when the server is [full|overloaded|busy]",
    ],
    how: ["[handle|fix|treat] a 503"],
    key: ["503", "error 503", "service unavailable", "Retry-After", "server full", "overload"],
    heldOut: "Under heavy load I see status 503. How should my client react?",
  },
  {
    id: "error-500",
    answer:
      "500 is a fault inside the server. The answer has the request id; the log has the details.",
    must: ["request id"],
    what: ["a 500", "error 500", "the 500 error", "status 500", "an internal error"],
    ask: [
      "why do I get [a 500|500|an internal error|a 500 error|internal server error]",
      "what does [500|a 500|status 500] mean",
    ],
    how: ["find [out|] the [reason|cause] of a 500"],
    key: ["500", "error 500", "internal error"],
    heldOut: "What am I to do about an answer with status 500?",
  },
  {
    id: "context-length-exceeded",
    answer:
      "`context_length_exceeded` is a 400: prompt plus `max_tokens` do not fit the context. Shorten the prompt or lower `max_tokens`.",
    must: ["Shorten"],
    what: ["context_length_exceeded", "the error context_length_exceeded", "a context overflow"],
    ask: [
      "what does context_length_exceeded mean",
      "why do I get context_length_exceeded",
      "what happens [if|when] [my|the] prompt is too long",
      "[my|the] prompt is too long, what [happens|can I do|now]",
    ],
    how: ["[fix|solve|avoid] [context_length_exceeded|a context overflow]"],
    key: ["context_length_exceeded", "prompt too long", "context overflow"],
    heldOut: "The server complains about context length. What should I change?",
  },
  {
    id: "no-workers",
    answer:
      "`no_workers` means that no worker is live at the moment. The status is 503 with `Retry-After`, so try again soon.",
    must: ["no worker is live"],
    what: ["no_workers", "the error no_workers", "the code no_workers"],
    ask: [
      "what does [no_workers|the error no_workers] mean",
      "why do I get no_workers",
      "what happens [if|when] [there is no worker|all workers are down|no worker is there]",
    ],
    key: ["no_workers", "no worker live"],
    heldOut: "The error code reads no_workers. What is that supposed to tell me?",
  },
  {
    id: "mailbox-full",
    answer:
      "`mailbox_full` means that an instance has as many calls as it accepts. The client gets 503 with Retry-After. The bound is `mailbox` in `ServiceArgs`.",
    must: ["503"],
    what: ["mailbox_full", "the error mailbox_full", "a full mailbox", "MailboxFullError"],
    ask: [
      "what does [mailbox_full|MailboxFullError] mean",
      "why do I get mailbox_full",
      "what happens [if|when] [a mailbox|the mailbox] is full",
      "when is a mailbox full",
    ],
    key: ["mailbox_full", "full mailbox", "MailboxFullError"],
    heldOut: "An actor has received more calls than it can hold. What happens then?",
  },
  {
    id: "client-gone",
    answer:
      "When the client leaves, its request is aborted and its KV blocks are free again within two steps.",
    must: ["aborted"],
    ask: [
      "what happens [if|when] [a client|the client] [disconnects|hangs up|goes away|closes the connection|leaves|aborts]",
      "what if [a client|the client] [disconnects|hangs up|closes the connection]",
      "does [dynamo|it] [stop|go on] [generating|computing] when [a|the] client [is gone|disconnects|leaves]",
    ],
    how: ["[cancel|abort] a [running|] request"],
    what: ["a client disconnect"],
    key: ["client disconnect", "cancel request", "abort request", "client gone"],
    heldOut: "A user closes the browser in the middle of an answer. Is compute wasted?",
  },
  {
    id: "finish-reasons",
    answer:
      "`stop` means that the answer is complete, `length` that it hit `max_tokens`, `tool_calls` that the model called tools.",
    must: ["complete", "max_tokens"],
    what: [
      "the finish reasons",
      "finish_reason",
      "the finish reason",
      "a finish reason",
      "the finish reason length",
      "the finish reason stop",
    ],
    ask: [
      "what does [finish_reason|the finish reason] [mean|length mean|stop mean]",
      "[which|what] finish reasons [are there|exist]",
      "why is the finish reason [length|stop]",
    ],
    key: ["finish_reason", "finish reasons", "finish reason length"],
    heldOut: 'finish_reason was "length". What does that tell me?',
  },
  {
    id: "tools",
    answer:
      "Send `tools` with a chat: the answer has `tool_calls`. The model's template must show tools; see `docs/tools.md`.",
    must: ["tools", "docs/tools.md"],
    ask: [
      "can you [call|use] [tools|functions|a tool|a function]",
      "does the [built-in|] model [support|know|do] [tools|tool calls|function calling|tool calling]",
      "is [function calling|tool calling] [supported|possible]",
    ],
    how: ["[use|give you|define] [tools|functions]"],
    what: ["tool calling", "function calling", "a tool call"],
    key: ["tools", "tool calls", "function calling"],
    heldOut: "Are you able to work with functions that I describe?",
  },
];
