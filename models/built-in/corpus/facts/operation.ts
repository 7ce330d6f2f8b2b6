import type { Fact } from "../fact.ts";

/** Tuning a deployment, looking into it, and measuring it. */
export const OPERATION: readonly Fact[] = [
  {
    id: "speculative",
    answer:
      "Set `--VllmWorker.speculative=ngram`: tokens are guessed by what the text has said before, and verified in one step. It never changes an output.",
    names: ["--VllmWorker.speculative=ngram"],
    how: [
      "[use|enable|turn on|set up] [speculative decoding|speculation|prompt lookup|ngram guesses]",
      "[guess|draft|predict] several tokens [at once|in one step]",
    ],
    what: [
      "speculative decoding",
      "speculation",
      "prompt lookup",
      "ngram speculation",
      "the key speculative",
      "num-speculative-tokens",
    ],
    ask: [
      "is speculative decoding [supported|available|there]",
      "which [flag|key] turns on speculat[ion|ive decoding]",
      "does dynamo have a draft model",
      "what does speculative: ngram do",
    ],
    key: ["speculative decoding", "speculative ngram", "prompt lookup", "draft tokens"],
    heldOut: "My outputs repeat the input a lot. Can decoding get ahead by guessing?",
  },
  {
    id: "kv-blocks-router",
    answer:
      "`kv-blocks` is NVIDIA Dynamo's cost in blocks: `overlap-score-weight` times the new and queued prompt blocks, plus the blocks in use.",
    names: ["overlap-score-weight"],
    must: ["kv-blocks", "blocks in use"],
    how: [
      "route [by|with] NVIDIA Dynamo's [cost|formula]",
      "use the [kv-blocks|kv blocks] [router|mode|policy]",
    ],
    what: ["kv-blocks", "the router kv-blocks", "the mode kv-blocks", "kv-blocks routing"],
    ask: [
      "how does kv-blocks choose a worker",
      "what is the [cost|formula] of kv-blocks",
      "how does kv-blocks differ from kv",
      "which mode has NVIDIA Dynamo's cost",
    ],
    key: ["kv-blocks", "router kv-blocks", "kv-blocks cost"],
    heldOut: "Which routing mode counts costs in blocks as NVIDIA does?",
  },
  {
    id: "least-loaded-router",
    answer:
      "`least-loaded` takes the worker with the fewest queued prompt tokens. It does not look at who holds which prefix.",
    must: ["least-loaded", "fewest queued"],
    how: [
      "route to the [least loaded|least busy|idlest] worker",
      "use the least-loaded [router|mode|policy]",
      "send requests to the shortest queue",
    ],
    what: [
      "least-loaded",
      "the router least-loaded",
      "the mode least-loaded",
      "least-loaded routing",
    ],
    ask: [
      "how does least-loaded choose a worker",
      "which router [looks at|goes by] the queue[s|d tokens]",
      "what does least-loaded compare",
      "does least-loaded look at the cache",
    ],
    key: ["least-loaded", "least loaded routing", "router least-loaded"],
    heldOut: "Which mode picks whoever has the shortest backlog of prompt tokens?",
  },
  {
    id: "explain-routing",
    answer:
      "Add `--explain-routing` to `dynamo serve`: the router logs each decision with all that was weighed.",
    names: ["--explain-routing", "dynamo serve"],
    must: ["--explain-routing"],
    how: [
      "[see|log|find out|understand] why a request went to [a|that|this] worker",
      "[log|print|explain|debug] [routing decisions|the router's decisions|each decision of the router]",
      "debug the router",
    ],
    what: [
      "--explain-routing",
      "explain-routing",
      "the key explain-routing",
      "the flag --explain-routing",
    ],
    ask: [
      "why did [my|a] request go to worker 3",
      "which flag logs [the router's|routing] decisions",
      "what does --explain-routing [do|print|log]",
    ],
    key: ["explain routing", "--explain-routing", "routing decisions log", "debug router"],
    heldOut: "I'd like the router to tell me its reasons. Which flag?",
  },
  {
    id: "live-config",
    answer:
      "GET `/config` lists what may change while the server runs. PUT `/config/SERVICE/KEY` sets it, for example `curl -X PUT localhost:8000/config/Processor/router -d round-robin`.",
    must: ["/config", "PUT"],
    how: [
      "change [a setting|settings|a key|the router] [while the server runs|without a restart|at run time|on the fly|live]",
      "[reconfigure|adjust] a running [server|deployment]",
      "[see|list] which settings can change [live|at run time]",
    ],
    what: [
      "/config",
      "GET /config",
      "PUT /config",
      "the route /config",
      "live settings",
      "live configuration",
    ],
    ask: [
      "can [the router|a setting|a key] be changed without a restart",
      "must I restart to change [a key|a setting|the router]",
      "which settings may change while it [serves|runs]",
      "what does PUT /config do",
    ],
    key: ["change config at runtime", "PUT /config", "live settings", "without restart"],
    heldOut: "Is a restart needed to switch the router of a server that is up?",
  },
  {
    id: "gptq-awq",
    answer:
      "GPTQ and AWQ directories with 4 bits are served, in groups of 32 to 1024. `desc_act` is refused but for groups of a whole row.",
    must: ["GPTQ and AWQ", "4 bits"],
    how: ["[serve|run|use|load] [a GPTQ model|an AWQ model|GPTQ|AWQ|GPTQ or AWQ weights]"],
    what: ["GPTQ", "AWQ", "GPTQ and AWQ", "desc_act"],
    ask: [
      "[is|are] [GPTQ|AWQ|GPTQ and AWQ|AWQ checkpoints|GPTQ models] supported",
      "does dynamo [load|serve|support] [GPTQ|AWQ]",
      "which group sizes of GPTQ work",
      "is desc_act supported",
    ],
    key: ["gptq", "awq", "gptq awq support", "gptq group size"],
    heldOut: "I have a checkpoint called Qwen2-7B-AWQ. Does it load?",
  },
  {
    id: "weight-cache",
    answer:
      "Packed weights are kept in `~/.cache/dynamo`, so that later starts are faster. `--VllmWorker.weight-cache=false` turns that off.",
    names: ["--VllmWorker.weight-cache"],
    must: ["~/.cache/dynamo", "weight-cache"],
    how: [
      "[turn off|disable|switch off] the weight cache",
      "[clear|delete|empty|move] the [weight cache|cache of weights|cache folder]",
      "make [a big model|the second start|loading] start faster",
    ],
    what: [
      "the weight cache",
      "weight-cache",
      "~/.cache/dynamo",
      "the folder ~/.cache/dynamo",
      "the cache of packed weights",
    ],
    ask: [
      "why is the second start [so much faster|faster]",
      "what [is|fills up] ~/.cache/dynamo",
      "may I delete ~/.cache/dynamo",
      "where are packed weights [kept|stored|cached]",
    ],
    key: ["weight cache", "weight-cache", "~/.cache/dynamo", "packed weights"],
    heldOut: "dynamo put gigabytes under .cache in my home. What for?",
  },
  {
    id: "memory-budget",
    answer:
      "Before it loads a model, dynamo compares what it needs with what is free. What cannot fit is refused, with the flags that save memory; `--explain` prints the same.",
    must: ["compares what it needs", "flags that save memory"],
    how: [
      "know how much memory a model needs",
      "[see|estimate] the memory [of|that] a model [needs|]",
      "find out if a model fits [into memory|]",
    ],
    what: ["the memory budget", "the memory check", "the memory plan"],
    ask: [
      "what happens if a model does not fit into memory",
      "will [a big model|my model] fit",
      "does dynamo run out of memory",
      "how much [memory|RAM] does a model need",
      "why was my model refused for memory",
    ],
    key: ["memory budget", "out of memory", "memory needed", "how much RAM"],
    heldOut: "What if the weights are larger than my RAM?",
  },
  {
    id: "busy-threshold",
    answer:
      "`--Router.busy-threshold=0.9`: workers with more than that share of their KV blocks in use get no requests. If all have, the answer is 503 `workers_busy`.",
    names: ["--Router.busy-threshold"],
    must: ["--Router.busy-threshold"],
    how: [
      "[spare|skip|leave out|protect] [busy|full|overloaded] workers",
      "set [the|a] busy threshold",
      "keep requests away from full workers",
    ],
    what: [
      "busy-threshold",
      "the busy threshold",
      "the key busy-threshold",
      "workers_busy",
      "the error workers_busy",
    ],
    ask: [
      "when does a worker count as busy",
      "what does [busy-threshold|workers_busy] mean",
      "what happens when all workers are busy",
      "which key takes full workers out of the choice",
    ],
    key: ["busy-threshold", "workers_busy", "busy workers", "full workers"],
    heldOut: "I get the code workers_busy. Where does the limit come from?",
  },
  {
    id: "kv-events",
    answer:
      "GET `/kv_events` streams what the workers' prefix caches store and remove, as events. It answers its own machine only.",
    must: ["/kv_events"],
    how: ["[watch|follow|see|stream] [KV events|the KV events|what the prefix caches store]"],
    what: ["/kv_events", "the route /kv_events", "KV events", "the stream of KV events"],
    ask: [
      "which route [streams|shows|has] KV events",
      "where do I see what the caches [hold|store|remove]",
      "can I watch the prefix caches",
      "how do I listen to KV events",
    ],
    key: ["kv events", "/kv_events", "prefix cache events"],
    heldOut: "My own router wants to follow the caches of all workers. What does it read?",
  },
  {
    id: "bench-engine",
    answer:
      "Run `npm run bench -- engine`: it measures decode, prefill and HTTP beside llama.cpp on the same GGUF file.",
    names: ["npm run bench -- engine"],
    must: ["bench -- engine"],
    how: [
      "[compare|measure|bench] [dynamo|the engine|it] [with|against|beside] llama.cpp",
      "[measure|benchmark] the [engine|speed of decode|speed of prefill|tokens per second]",
    ],
    what: ["the engine's benchmark", "npm run bench -- engine", "the comparison with llama.cpp"],
    ask: [
      "which bench [compares|measures] [llama.cpp|the engine]",
      "is there a benchmark against llama.cpp",
      "how do I measure decode and prefill",
    ],
    key: ["bench engine", "llama.cpp comparison", "engine benchmark", "decode speed"],
    heldOut: "I want numbers of prefill and decode next to llama.cpp's. What do I run?",
  },
  {
    id: "bench-routing",
    answer:
      "Run `npm run bench -- routing` with the file of a trace: it replays it over mocked workers in virtual time and compares the policies.",
    names: ["npm run bench -- routing"],
    must: ["bench -- routing"],
    how: [
      "[compare|measure|benchmark] [routers|routing policies|routing modes]",
      "replay a trace",
      "find the best router for my [traffic|trace]",
    ],
    what: ["the routing benchmark", "npm run bench -- routing", "replaying a trace"],
    ask: [
      "which bench compares [routers|routing modes|policies]",
      "can I replay [a|my] trace [of requests|]",
      "how do I know which router is best for [my traffic|me]",
    ],
    key: ["bench routing", "replay trace", "compare routers", "mooncake trace"],
    heldOut: "I recorded my traffic. How do I find which policy suits it?",
  },
  {
    id: "backend-instance",
    answer:
      "Set `nvext.backend_instance_id` in the request to choose the worker. With `query_instance_id` in `nvext.annotations` it only says which one would take it.",
    names: ["nvext.backend_instance_id", "query_instance_id"],
    must: ["backend_instance_id"],
    how: [
      "[pin|send|direct] a request to [one|a certain|a given|a particular] worker",
      "[choose|pick|select] the worker [in|of|for] a request",
      "ask where a request would go",
    ],
    what: ["backend_instance_id", "query_instance_id", "nvext.backend_instance_id", "nvext"],
    ask: [
      "can a request choose its worker",
      "which field [pins|sends] a request to a worker",
      "how do I find out which worker would take a request",
      "what is nvext for",
    ],
    key: ["backend_instance_id", "query_instance_id", "pin request to worker", "nvext"],
    heldOut: "A client wants to stay with the same worker. Which field does it send?",
  },
  {
    id: "unsupported-fields",
    answer:
      "A field that dynamo cannot do is refused with 400 `unsupported_parameter`. Unknown fields are ignored and named in the header `x-dynamo-ignored-params`.",
    must: ["unsupported_parameter", "x-dynamo-ignored-params"],
    how: ["find out which fields were ignored", "see if a field was ignored"],
    what: [
      "unsupported_parameter",
      "the code unsupported_parameter",
      "x-dynamo-ignored-params",
      "the header x-dynamo-ignored-params",
      "an unsupported field",
    ],
    ask: [
      "what happens to [unknown|unsupported|unneeded] fields of a request",
      "what if I send a field that dynamo does not know",
      "are unknown [fields|parameters] an error",
      "why was my parameter refused",
    ],
    key: ["unsupported_parameter", "unknown fields", "ignored params", "x-dynamo-ignored-params"],
    heldOut: "My client sends a field that you have never heard of. Does that hurt?",
  },
];
