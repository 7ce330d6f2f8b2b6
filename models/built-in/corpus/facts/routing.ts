import type { Fact } from "../fact.ts";

/** The Router, prefill workers, and what they are configured with. */
export const ROUTING: readonly Fact[] = [
  {
    id: "router-service",
    answer:
      "Router is the service that picks a worker for each request, from KV events and the load of all workers. The graph `agg_router` has one: `-f configs/agg_router.yaml`.",
    must: ["picks a worker"],
    what: ["Router", "the Router service", "the Router component", "the router service"],
    ask: [
      "what does the [Router|router] service do",
      "which service picks the worker by cache",
      "is there a service called Router",
    ],
    key: ["Router service", "Router component"],
    heldOut: "What job has the service Router in a graph?",
  },
  {
    id: "kv-load-router",
    answer: "`kv-load` takes the worker with the smallest share of its KV blocks in use.",
    must: ["smallest share"],
    what: ["kv-load", "the kv-load router", "the router mode kv-load", "router kv-load"],
    ask: ["how does kv-load choose [a worker|]", "what does [router|] kv-load do"],
    key: ["kv-load", "router by load"],
    heldOut: "Which worker is taken if router is kv-load?",
  },
  {
    id: "approx-kv-router",
    answer:
      "`approx-kv` guesses from earlier routing which worker holds a prefix, without KV events from the workers.",
    must: ["guesses"],
    what: [
      "approx-kv",
      "the approx-kv router",
      "the router mode approx-kv",
      "approximate KV routing",
    ],
    ask: ["how does approx-kv choose [a worker|]", "what does [router|] approx-kv do"],
    key: ["approx-kv", "router without events"],
    heldOut: "How does the mode approx-kv know what a worker has?",
  },
  {
    id: "router-graph",
    answer:
      "`graphs.agg_router` is Frontend, Processor, Router and VllmWorker. Serve it with `-f configs/agg_router.yaml`.",
    names: ["configs/agg_router.yaml"],
    must: ["agg_router"],
    what: ["agg_router", "the agg_router graph", "graphs.agg_router", "the graph agg_router"],
    how: ["serve a graph with [the|a] [Router|KV router]", "start the KV-aware router"],
    ask: ["which graph has a Router", "what is in agg_router"],
    key: ["agg_router", "graph with router", "configs/agg_router.yaml"],
    heldOut: "Which of the graphs comes with the KV-aware Router?",
  },
  {
    id: "disagg-graph",
    answer:
      "The graph `disagg` splits prefill and decode: Frontend, Processor, VllmWorker and PrefillWorker. Serve it with `-f configs/disagg.yaml`.",
    names: ["configs/disagg.yaml"],
    must: ["PrefillWorker", "configs/disagg.yaml"],
    what: ["the disagg graph", "graphs.disagg", "disagg", "the disaggregated graph", "disagg.yaml"],
    how: [
      "serve [the disagg graph|with prefill workers|a disaggregated graph]",
      "[start|run|deploy|try] disaggregated [serving|prefill]",
    ],
    ask: ["which graph has prefill workers", "which services are in [disagg|the disagg graph]"],
    key: ["disagg", "disagg graph", "configs/disagg.yaml"],
    heldOut: "With which graph do I get prefill on workers of its own?",
  },
  {
    id: "routerless-graph",
    answer:
      "`graphs.routerless` is Frontend and workers that serve chats themselves: no Processor and no Router. Its file is `configs/routerless.yaml`.",
    names: ["configs/routerless.yaml"],
    must: ["no Processor"],
    what: ["routerless", "the routerless graph", "graphs.routerless", "VllmWorkerRouterLess"],
    ask: ["which graph has no [Processor|router]", "can I serve without a Processor"],
    key: ["routerless", "graph without processor"],
    heldOut: "Is there a graph in which the workers answer chats on their own?",
  },
  {
    id: "prefill-worker",
    answer:
      "PrefillWorker computes long prompts for the workers that decode, straight into their KV blocks. The graph `disagg` has one.",
    must: ["computes long prompts"],
    what: ["PrefillWorker", "the PrefillWorker", "a prefill worker", "the prefill worker"],
    ask: [
      "what does [a|the] [PrefillWorker|prefill worker] do",
      "which service computes prompts for other workers",
    ],
    key: ["PrefillWorker", "prefill worker"],
    heldOut: "What is the task of the service PrefillWorker?",
  },
  {
    id: "remote-prefill",
    answer:
      "Set `--VllmWorker.remote-prefill=true`: prefill workers may then compute prompts, in a graph that has some, such as `disagg`.",
    names: ["VllmWorker.remote-prefill"],
    must: ["remote-prefill"],
    how: [
      "[enable|turn on|allow|disable|use] remote prefill",
      "let [prefill workers|another worker] compute prompts",
    ],
    what: ["remote-prefill", "remote prefill", "the key remote-prefill"],
    ask: ["what does remote-prefill do", "which key [enables|turns on] remote prefill"],
    key: ["remote-prefill", "enable remote prefill"],
    heldOut: "Which key permits that prompts are computed elsewhere?",
  },
  {
    id: "conditional-disagg",
    answer:
      "With `conditional-disagg` only long prompts go to prefill workers: those past `max-local-prefill-length`, while the queue is short. Without it all go.",
    names: ["VllmWorker.conditional-disagg", "VllmWorker.max-local-prefill-length"],
    must: ["only long prompts"],
    how: ["send only long prompts to prefill workers", "[use|enable] conditional disaggregation"],
    what: ["conditional-disagg", "conditional disaggregation", "the key conditional-disagg"],
    ask: ["what does conditional-disagg do", "when is a prompt sent to a prefill worker"],
    key: ["conditional-disagg", "conditional disaggregation"],
    heldOut: "By what rule does a prompt go to the prefill workers or stay?",
  },
  {
    id: "max-local-prefill-length",
    answer:
      "A prompt with more tokens than `--VllmWorker.max-local-prefill-length` that are not cached goes to a prefill worker.",
    names: ["VllmWorker.max-local-prefill-length"],
    must: ["max-local-prefill-length", "not cached"],
    what: ["max-local-prefill-length", "the local prefill length", "max_local_prefill_length"],
    how: ["[set|change|raise] the longest prompt that is prefilled locally"],
    ask: [
      "what does max-local-prefill-length do",
      "how long must a prompt be to go to a prefill worker",
    ],
    key: ["max-local-prefill-length", "local prefill limit"],
    heldOut: "From which length on is a prompt given away by the worker?",
  },
  {
    id: "max-prefill-queue-size",
    answer:
      "When `--VllmWorker.max-prefill-queue-size` prompts wait for the prefill workers, a worker computes its prompt itself.",
    names: ["VllmWorker.max-prefill-queue-size"],
    must: ["max-prefill-queue-size", "itself"],
    what: ["max-prefill-queue-size", "the prefill queue size", "max_prefill_queue_size"],
    how: ["[limit|bound] the prefill queue", "[set|change] the size of the prefill queue"],
    ask: ["what does max-prefill-queue-size do", "what if the prefill queue is full"],
    key: ["max-prefill-queue-size", "prefill queue"],
    heldOut: "What bounds how many prompts wait for the prefill workers?",
  },
  {
    id: "overlap-score-weight",
    answer:
      "`--Router.overlap-score-weight` says how much reuse of cached prefixes counts: higher is more reuse and less balance.",
    names: ["Router.overlap-score-weight"],
    must: ["overlap-score-weight", "reuse"],
    what: ["overlap-score-weight", "the overlap score weight", "Router.overlap-score-weight"],
    how: [
      "make the router prefer [cached prefixes|reuse|balance|less load]",
      "weigh cache against load",
    ],
    ask: ["what does overlap-score-weight do", "which key weighs [cache|overlap] against load"],
    key: ["overlap-score-weight", "overlap weight"],
    heldOut: "With what key do I favour reuse over balance in the Router?",
  },
  {
    id: "router-temperature",
    answer:
      "`--Router.router-temperature=0` always takes the cheapest worker; the higher it is, the more evenly all are taken.",
    names: ["Router.router-temperature"],
    must: ["cheapest worker"],
    what: ["router-temperature", "the router temperature", "the temperature of the router"],
    how: ["[set|change|raise] the [router temperature|temperature of the router]"],
    ask: ["what does router-temperature do", "does the router choose by chance"],
    key: ["router-temperature", "router temperature"],
    heldOut: "How does temperature matter for the Router?",
  },
  {
    id: "min-workers",
    answer:
      "`--Router.min-workers=2` makes the Router wait until so many workers are live before it routes.",
    names: ["Router.min-workers"],
    must: ["min-workers"],
    what: ["min-workers", "the key min-workers", "Router.min-workers"],
    how: [
      "make the [router|Router] wait for workers",
      "start routing only when enough workers are up",
    ],
    ask: ["what does min-workers do", "how many workers must be live before routing"],
    key: ["min-workers", "router wait for workers"],
    heldOut: "The Router should hold back until three workers exist. Which key?",
  },
  {
    id: "quantization",
    answer:
      "Set `--VllmWorker.quantization=q8` or `q4`: F32, F16 and BF16 weights are then turned into 8 or 4 bits at load.",
    names: ["VllmWorker.quantization"],
    must: ["--VllmWorker.quantization"],
    how: [
      "quantize [a|the|my] model [at load|]",
      "[load|use|run] [a|the|my] model [in|with] [8|4] bits",
      "[use|make] the weights [smaller|take less memory]",
    ],
    what: ["quantization", "the key quantization", "VllmWorker.quantization", "q8", "q4"],
    ask: ["can dynamo quantize [weights|a model|at load]", "which key makes weights [8|4] bits"],
    key: ["quantization", "quantize weights", "q8 q4", "8 bit weights"],
    heldOut: "My weights are too big. Can dynamo shrink them when it loads them?",
  },
  {
    id: "kv-cache-dtype",
    answer:
      "Set `--VllmWorker.kv-cache-dtype`: keys and values are stored as F32, BF16 or int8. A smaller type holds more tokens.",
    names: ["VllmWorker.kv-cache-dtype"],
    must: ["kv-cache-dtype"],
    how: [
      "[quantize|compress|shrink] the KV cache",
      "store [keys and values|the KV cache] in [8 bits|int8|bf16|fewer bits]",
    ],
    what: ["kv-cache-dtype", "the type of the KV cache", "kv_cache_dtype"],
    ask: ["what does kv-cache-dtype do", "in which type are keys and values stored"],
    key: ["kv-cache-dtype", "int8 kv cache", "kv cache type"],
    heldOut: "Could keys and values be kept with fewer bits each?",
  },
  {
    id: "disagg-router-graph",
    answer:
      "`graphs.disagg_router` has both: the KV-aware Router and prefill workers. Serve it with `-f configs/disagg_router.yaml`.",
    names: ["configs/disagg_router.yaml"],
    must: ["disagg_router"],
    what: ["disagg_router", "the disagg_router graph", "graphs.disagg_router"],
    how: ["combine the Router and prefill workers", "use KV routing and disaggregation together"],
    ask: ["which graph has [a Router and prefill workers|both]", "what is in disagg_router"],
    key: ["disagg_router", "configs/disagg_router.yaml"],
    heldOut: "Can KV-aware routing and disaggregated prefill be had in one graph?",
  },
];
