import type { Fact } from "../fact.ts";

/** How it works inside: runtime, registry, engine. */
export const INSIDE: readonly Fact[] = [
  {
    id: "actor",
    answer:
      "An actor is one instance of a service on its own thread. Actors share nothing and send messages.",
    must: ["own thread"],
    what: ["an actor", "actors", "the actor model", "the actor runtime"],
    ask: [
      "what does actor mean [here|in dynamo|]",
      "on which thread does a service run",
      "does each service have its own thread",
    ],
    key: ["actor", "actors", "actor model"],
    heldOut: "Services are said to be actors. Meaning what?",
  },
  {
    id: "lane",
    answer:
      "A lane is the direct connection of two actors: a ring in shared memory per direction, and a doorbell. It stands in for NATS.",
    must: ["shared memory"],
    what: ["a lane", "lanes", "the lanes", "shared-memory lanes"],
    ask: [
      "what does lane mean [here|in dynamo|]",
      "how do [actors|services|threads] [talk|communicate|exchange messages] [to each other|with each other|]",
      "how do messages travel [between services|]",
    ],
    key: ["lane", "lanes", "shared memory ring", "communication between services"],
    heldOut: "By what means do two services exchange their messages?",
  },
  {
    id: "mailbox",
    answer:
      "A mailbox holds the calls of an actor. It is bounded (`--Processor.ServiceArgs.mailbox=256`): when it is full, the caller gets an error at once.",
    must: ["bounded"],
    what: ["a mailbox", "the mailbox", "mailboxes"],
    ask: [
      "what does mailbox mean [here|in dynamo|]",
      "is [a|the] mailbox bounded",
      "is there a limit of [calls|waiting calls]",
    ],
    key: ["mailbox", "mailboxes", "bounded mailbox"],
    heldOut: "Where do calls to an actor wait, and is that place limited?",
  },
  {
    id: "registry",
    answer:
      "The registry is an embedded store with revisions, leases and watches, in etcd's words. Instances are found through it.",
    must: ["embedded store"],
    what: ["the registry", "a registry", "the embedded registry", "service discovery"],
    ask: [
      "what does the registry do",
      "how do services find each other",
      "what is the registry for",
      "how does service discovery work",
    ],
    key: ["registry", "embedded registry", "service discovery", "find services"],
    heldOut: "Without etcd, how does one service discover another?",
  },
  {
    id: "lease",
    answer:
      "A lease keeps registry keys alive. When it ends, its keys vanish, so dead instances are not found any more.",
    must: ["vanish"],
    what: ["a lease", "leases", "a registry lease"],
    ask: ["what does lease mean", "what is a lease for", "what happens when a lease ends"],
    key: ["lease", "leases", "registry lease"],
    heldOut: "Which mechanism removes the entries of instances that died?",
  },
  {
    id: "watch",
    answer:
      "A watch reports each change under a prefix of the registry, in order and exactly once.",
    must: ["change"],
    what: ["a watch", "watches", "a registry watch"],
    ask: [
      "what does watch mean [in the registry|]",
      "what is a watch for",
      "how are registry changes noticed",
    ],
    key: ["watch", "registry watch", "watches"],
    heldOut: "How does a client of the registry hear that something under a prefix changed?",
  },
  {
    id: "registry-key",
    answer:
      "`instances/{namespace}/{component}/{endpoint}:{instance id in hex}`, as in NVIDIA Dynamo.",
    must: ["instances/"],
    what: ["the registry key of an instance", "an instance key", "the key of an instance"],
    ask: [
      "under which key is an instance registered",
      "how does an instance key look [like|]",
      "what do registry keys look like",
    ],
    key: ["instance key", "registry key"],
    heldOut: "What is the pattern of the keys under which instances are stored?",
  },
  {
    id: "supervisor",
    answer:
      "The supervisor starts the services, restarts one that fails, and stops them in reverse order. `dynamo_runtime_restarts_total` counts the restarts.",
    must: ["restarts"],
    what: ["the supervisor", "a supervisor", "supervision"],
    ask: [
      "what does the supervisor do",
      "who restarts [a service|workers|failed services]",
      "what is supervision",
    ],
    key: ["supervisor", "supervision"],
    heldOut: "Which part of dynamo looks after failed services?",
  },
  {
    id: "worker-fails",
    answer:
      "The supervisor restarts it in milliseconds. Its sequences go on in another worker, those of other workers are not touched.",
    must: ["restarts it"],
    ask: [
      "what happens [if|when] [a worker|a service|an actor|the worker] [fails|crashes|dies|throws|ends]",
      "what if [a worker|a service|an actor] [fails|crashes|dies]",
      "is a [crashed|dead|failed] [worker|service] restarted",
    ],
    what: ["a worker crash"],
    key: ["worker crash", "worker fails", "restart", "service dies"],
    heldOut: "One of my workers threw an exception and ended. What will dynamo do?",
  },
  {
    id: "endpoint-throws",
    answer: "The caller gets the error as its answer, and the service lives on.",
    must: ["caller"],
    ask: [
      "what happens [if|when] an endpoint throws [an error|]",
      "does [a throw|an error|an exception] in an endpoint [end|kill|stop|restart] the service",
      "where do errors of an endpoint go",
    ],
    what: ["an error in an endpoint"],
    key: ["endpoint throws", "exception in endpoint"],
    heldOut: "My service method raised an exception. Is the whole service gone?",
  },
  {
    id: "native-crash",
    answer: "A crash in native code ends the whole process, since the engine lives in it.",
    must: ["whole process"],
    ask: [
      "what happens [if|when] [the engine|native code|the C++ code] crashes",
      "does a native crash [end|kill] [everything|the process|all services]",
      "what does a [segfault|native crash] do",
    ],
    what: ["a native crash"],
    key: ["native crash", "segfault", "engine crash"],
    heldOut: "Suppose the C++ part segfaults. How much goes down?",
  },
  {
    id: "backpressure",
    answer:
      "Streams have a window of credit: a slow reader stops its producer, so nothing is buffered without bound.",
    must: ["credit"],
    ask: [
      "what happens [with|to] a slow [reader|client|consumer]",
      "is there [backpressure|back pressure|flow control]",
      "how does [backpressure|flow control] work",
      "what if a client reads slowly",
    ],
    what: ["backpressure", "flow control", "a credit window", "the window of credit", "credit"],
    key: ["backpressure", "flow control", "slow reader", "slow client", "credit window"],
    heldOut: "A consumer cannot keep up with the tokens. Does memory grow?",
  },
  {
    id: "request-path",
    answer:
      "HTTP to Frontend, then Processor, then VllmWorker with its engine. Tokens come back along the same stream.",
    must: ["Frontend", "Processor", "VllmWorker"],
    ask: [
      "[how|which way] does a request [go|travel|flow|take] [through dynamo|through the system|]",
      "what is the [path|way|route|journey] of a request",
      "what happens to a request",
      "through which services does a request go",
    ],
    what: ["the way of a request", "the request path", "the request flow"],
    key: ["request path", "request flow", "way of a request"],
    heldOut: "Walk me through the stations of one HTTP request.",
  },
  {
    id: "architecture",
    answer:
      "Two halves: an actor runtime without LLM words, and an LLM library without actor words. They meet in the components.",
    must: ["Two halves"],
    what: [
      "the architecture",
      "the design",
      "the architecture of dynamo",
      "the structure of dynamo",
      "dynamo's architecture",
    ],
    ask: [
      "how is dynamo [built|structured|designed|organized]",
      "what does the architecture look like",
      "which file [describes|explains] the architecture",
    ],
    key: ["architecture", "design", "structure of dynamo"],
    heldOut: "Sketch how the code base of dynamo is divided.",
  },
  {
    id: "kv-block",
    answer:
      "A KV block holds the keys and values of a fixed number of tokens (`--VllmWorker.block-size`). Sequences use blocks instead of one long buffer.",
    must: ["keys and values"],
    what: ["a KV block", "KV blocks", "a kv block", "the KV cache", "kv cache", "a block"],
    ask: [
      "what does KV [mean|stand for]",
      "what is in a KV block",
      "how is the KV cache [organized|stored]",
    ],
    key: ["KV block", "KV cache", "kv blocks"],
    heldOut: "The engine's memory is cut in blocks. What does one contain?",
  },
  {
    id: "paged-attention",
    answer:
      "Paged attention reads keys and values from blocks anywhere in memory, so no sequence needs one long piece.",
    must: ["blocks"],
    what: ["paged attention", "PagedAttention"],
    ask: [
      "how does paged attention work",
      "what does paged attention do",
      "does dynamo [use|have] paged attention",
    ],
    key: ["paged attention", "PagedAttention"],
    heldOut: "Which form of attention lets the cache be scattered, and how?",
  },
  {
    id: "prefix-caching",
    answer:
      "Prefix caching keeps the KV blocks of earlier prompts, so that a prompt with the same beginning skips that work. It is on; `--VllmWorker.enable-prefix-caching=false` turns it off.",
    must: ["same beginning"],
    what: [
      "prefix caching",
      "the prefix cache",
      "prefix cache",
      "prompt caching",
      "automatic prefix caching",
    ],
    ask: [
      "how does prefix caching work",
      "what does [prefix caching|the prefix cache] do",
      "why is prefix caching [good|useful]",
      "does dynamo cache prompts",
    ],
    key: ["prefix caching", "prefix cache", "prompt cache"],
    heldOut: "Why is my second question with the same long introduction faster?",
  },
  {
    id: "prefill",
    answer:
      "Prefill is the first phase of a request: the whole prompt is computed and its keys and values are stored. Then comes decode, token by token.",
    must: ["prompt"],
    what: ["prefill", "the prefill", "the prefill phase"],
    ask: [
      "what does prefill mean",
      "what happens [during|in] prefill",
      "what is done in the prefill phase",
    ],
    key: ["prefill", "prefill phase"],
    heldOut: "What name has the phase that computes the prompt, and what does it do?",
  },
  {
    id: "decode",
    answer:
      "Decode is the second phase of a request, after prefill: the answer is made token by token.",
    must: ["token by token"],
    what: ["decode", "decoding", "the decode phase"],
    ask: [
      "what does decode mean",
      "what happens [during|in] decode",
      "what is done in the decode phase",
    ],
    key: ["decode", "decode phase"],
    heldOut: "After the prompt is computed, which phase follows?",
  },
  {
    id: "prefill-vs-decode",
    answer:
      "Prefill computes the whole prompt at once; decode then makes the answer token by token.",
    must: ["Prefill", "decode"],
    ask: [
      "what is the difference between [prefill and decode|decode and prefill]",
      "how do prefill and decode differ",
      "what are [prefill and decode|the two phases of a request|the phases of a request]",
      "which phases does a request have",
    ],
    what: ["prefill and decode", "the two phases"],
    key: ["prefill and decode", "prefill vs decode", "phases"],
    heldOut: "Compare prefill with decode, please.",
  },
  {
    id: "chunked-prefill",
    answer:
      "Chunked prefill computes a long prompt in pieces, so that other requests go on decoding meanwhile. A step has `max-num-batched-tokens`.",
    must: ["pieces"],
    what: ["chunked prefill", "a prefill chunk"],
    ask: [
      "how does chunked prefill work",
      "what does chunked prefill do",
      "does a long prompt block the others",
      "why is a prompt computed in chunks",
    ],
    key: ["chunked prefill", "prefill chunks", "long prompt"],
    heldOut: "How does dynamo keep one huge prompt from delaying everybody else?",
  },
  {
    id: "preemption",
    answer:
      "When KV blocks run out, a sequence is preempted: its blocks are freed and it is recomputed later. Nothing is lost.",
    must: ["recomputed"],
    what: ["preemption", "a preemption", "recompute"],
    ask: [
      "what happens [if|when] [the KV cache is full|KV blocks run out|there are no free blocks|the cache is full|memory for KV blocks runs out]",
      "what does preempt[ion|ed|] mean",
      "how does preemption work",
    ],
    key: ["preemption", "KV cache full", "out of blocks", "preempted"],
    heldOut: "All blocks are taken and more are needed. How does the engine cope?",
  },
  {
    id: "scheduler",
    answer:
      "The scheduler decides which tokens run in the next step: decodes first, then prefill chunks, within a token budget.",
    must: ["next step"],
    what: ["the scheduler", "scheduling", "the engine's scheduler"],
    ask: [
      "what does the scheduler do",
      "how does the scheduler work",
      "who decides which request runs [next|]",
      "how are requests scheduled",
    ],
    key: ["scheduler", "scheduling"],
    heldOut: "Which part chooses what is computed in each step, and how?",
  },
  {
    id: "continuous-batching",
    answer:
      "Continuous batching lets requests join and leave the batch at every step, so none waits for the slowest.",
    must: ["every step"],
    what: ["continuous batching", "batching", "dynamic batching", "in-flight batching"],
    ask: [
      "does dynamo [batch|do batching|support batching|have continuous batching]",
      "how are requests batched",
      "how does [continuous|] batching work",
    ],
    key: ["continuous batching", "batching"],
    heldOut: "Can a new request join while a batch is already being decoded?",
  },
  {
    id: "step",
    answer:
      "A step is one pass of the engine: it computes the tokens that the scheduler chose and samples the next ones.",
    must: ["one pass"],
    what: ["a step", "an engine step"],
    ask: ["what happens in [a|one] step", "what does step mean [in the engine|]"],
    key: ["engine step", "step"],
    heldOut: "In the engine one speaks of steps. What is one?",
  },
  {
    id: "sequence",
    answer: "A sequence is a request inside the engine: its tokens, its state and its block table.",
    must: ["inside the engine"],
    what: ["a sequence"],
    ask: [
      "what does sequence mean [in the engine|]",
      "what is the difference between a sequence and a request",
    ],
    key: ["sequence", "sequence vs request"],
    heldOut: "Once in the engine, requests are called sequences. What belongs to one?",
  },
  {
    id: "engine",
    answer:
      "The engine is dynamo's own, in C++ with paged attention: it turns a batch of tokens into next tokens. No PyTorch, no vLLM.",
    must: ["C++"],
    what: ["the engine", "the inference engine", "the C++ engine", "the compute engine"],
    ask: [
      "what does the engine do",
      "which engine does dynamo [use|have]",
      "how does the engine work",
      "[which|what] backend does dynamo use",
    ],
    key: ["engine", "inference engine", "backend"],
    heldOut: "What is it that computes the tokens in dynamo?",
  },
  {
    id: "brain",
    answer:
      "Scheduling, blocks and prefix caching are TypeScript; only the number crunching is C++.",
    must: ["TypeScript"],
    ask: [
      "[which|what] language is the scheduler written in",
      "which part [of the engine|] is [typescript|TypeScript]",
      "what is [in|done in|done by] [TypeScript|typescript] and what [in|by] C++",
    ],
    what: ["the brain [of the engine|]"],
    key: ["scheduler language", "typescript and C++ parts"],
    heldOut: "How is work divided between TypeScript and C++?",
  },
  {
    id: "shared-weights",
    answer:
      "All workers of one model in the process share the weights, the KV pool and the compute threads: a second worker loads nothing again.",
    must: ["share"],
    ask: [
      "does each worker load [its own copy of the|its own|the] [weights|model]",
      "do [two|more|several] workers need [twice the|more|double the] memory",
      "are [the|] weights loaded [twice|for each worker|several times]",
      "do workers have [their own|separate] [weights|copies of the weights]",
    ],
    key: ["shared weights", "memory of workers", "weights per worker"],
    heldOut: "With three workers, are the weights in memory three times?",
  },
  {
    id: "compute-threads",
    answer:
      "One pool of compute threads serves the whole process, so workers never use more threads than there are cores. Its size is `--VllmWorker.threads`.",
    must: ["One pool"],
    ask: [
      "how many [compute threads|thread pools] [are there|exist]",
      "do workers have their own [compute threads|threads]",
      "how are [CPU cores|cores|threads] shared [by workers|between workers|]",
    ],
    what: ["the compute threads", "the thread pool", "the pool of compute threads"],
    key: ["compute threads", "thread pool", "compute thread pool"],
    heldOut: "Two workers on four cores: do they fight over the CPU?",
  },
  {
    id: "precision",
    answer:
      "Weights may be F32, F16 or BF16, or of 8 or 4 bits: stored so, or made at load with `--VllmWorker.quantization=q8`.",
    must: ["F16"],
    ask: [
      "[which|what] [precisions|precision|data types|dtypes|number formats|weight formats] [are supported|does dynamo support|can weights have|may weights have]",
      "does [it|dynamo] [support|load|read] [bf16|BF16|fp16|F16|half precision|F32|float32] [weights|]",
    ],
    what: ["the supported precisions", "the data types [of weights|]"],
    key: ["precision", "dtype", "bf16", "fp16", "data types"],
    heldOut: "In which floating-point types may the weights be stored?",
  },
  {
    id: "cancel",
    answer:
      "Leaving the loop over a stream cancels the call. Every `finally` on its way runs at once.",
    must: ["finally"],
    ask: [
      "how does [cancelling|cancellation|cancel] work",
      "what happens when a call is cancelled",
      "what happens when I leave [the loop|a stream]",
    ],
    how: ["cancel a call [to a service|]", "[cancel|stop|end] a stream [of a service|early|]"],
    what: ["cancellation", "cancelling"],
    key: ["cancel", "cancellation", "cancel a call"],
    heldOut: "A service breaks out of a for-await over a worker's stream. What follows?",
  },
  {
    id: "isolation-order",
    answer: "Workers start first and Frontend last. Stopping goes in reverse order.",
    must: ["Frontend last"],
    ask: [
      "in [which|what] order are services [started|stopped|started and stopped]",
      "which service [starts|is started] [first|last]",
      "what is the [start|startup|stop] order",
    ],
    what: ["the start order", "the order of start", "the startup order"],
    key: ["start order", "startup order", "stop order"],
    heldOut: "Does the HTTP server come up before or after the workers?",
  },
  {
    id: "limits",
    answer:
      "Everything has a limit that is fixed at start: mailboxes, lanes, streams, batches, blocks, restarts and bodies.",
    must: ["limit"],
    ask: [
      "[which|what] limits [are there|exist|does dynamo have]",
      "is anything unbounded",
      "is everything bounded",
    ],
    what: ["the limits"],
    key: ["limits", "bounded"],
    heldOut: "Can any queue or buffer in dynamo grow forever?",
  },
];
