// More whole questions about the facts that are asked for less often, by the id of the fact.

export const PHRASINGS_CORE_3: Readonly<Record<string, readonly string[]>> = {
  "chat-route": [
    "[Which|What] [URL|route|path|endpoint] [is for|takes|accepts] [chat|chats|conversations|messages]?",
    "[Where|How] do I [post|send] [a conversation|messages|chat messages|a chat completion]?",
  ],
  "completions-route": [
    "[Which|What] [URL|route|endpoint] [is for|takes] [plain text|a raw prompt|text completion|a bare prompt]?",
    "[How|Where] do I [complete|continue] [a text|plain text|a raw prompt] [without|with no] [a chat template|messages]?",
  ],
  "models-route": [
    "[How|Where] do I [list|see|get|find out] [the|all|which] [models|available models|served models] [that are served|]?",
    "[Which|What] [URL|route|endpoint] [lists|shows|returns] the models?",
  ],
  live: [
    "[Which|What] [URL|route|endpoint] [is for|serves as|is] [the|a] [liveness|liveness probe|alive check]?",
    "[How|Where] do I check [that|whether] the process is [alive|still running|not dead], [ready or not|]?",
  ],
  "metric-names": [
    "[What|Which] [prefixes|names] do the metrics [have|use|begin with]?",
    "[How|] are the metrics [named|called]?",
  ],
  "mailbox-metric": [
    "[Which|What] metric [shows|counts|tells] [waiting|pending|queued] calls [of an instance|in a mailbox|]?",
    "[How|Where] do I [see|monitor] how full a mailbox is?",
  ],
  "restarts-metric": [
    "[Which|What] metric [shows|counts|tells] [restarts|how often a service was restarted|crashes and restarts]?",
    "[How|Where] do I [see|monitor|count] restarts of services?",
  ],
  greedy: [
    "[How|] do I [get|make it give] [deterministic|always the same|greedy] [answers|output|decoding|results]?",
    "[Turn off|Disable|No] [sampling|randomness], [how|please]?",
  ],
  sampling: [
    "[Which|What] [sampling|generation] [parameters|options|settings|fields] [are supported|are there|does it take|can I use]?",
    "[List|Name] the sampling [parameters|options].",
  ],
  "top-p": [
    "[What|] does top_p [do|mean]?",
    "[Explain|Describe] [nucleus sampling|top_p|top-p].",
    "[What|] is nucleus sampling?",
  ],
  "top-k": [
    "[What|] does top_k [do|mean]?",
    "[Explain|Describe] [top_k|top-k].",
    "[How|Can] I restrict sampling to the k [best|likeliest|most probable] tokens?",
  ],
  "min-p": [
    "[What|] does min_p [do|mean]?",
    "[Explain|Describe] [min_p|min-p].",
    "[How|] do I drop very unlikely tokens?",
  ],
  penalties: [
    "[How|] do I [stop|keep|prevent] the model [from|] [repeating itself|repetition|saying the same thing]?",
    "[Which|What] penalties [are there|does it support|exist]?",
    "The answer [repeats itself|loops]. [What can I set?|How do I stop that?]",
  ],
  n: [
    "[How|Can] I [get|request] [several|multiple|three|more than one] [answers|choices|completions] [for one prompt|at once|in one request]?",
    "[Which|What] field [gives|makes] [several|multiple] [choices|answers]?",
  ],
  usage: [
    "[How|Where] do I [see|find|get] [how many tokens|token counts|the token usage|usage]?",
    "[Does|Can] [a stream|the stream|streaming] [report|include] [usage|token counts]?",
  ],
  "cached-tokens": [
    "[How|Where] do I see [how many|which] [prompt|] tokens [were cached|came from the cache|were reused]?",
    "[Which|What] field [has|shows|counts] cached tokens?",
  ],
  "ignore-eos": [
    "[What|] does ignore_eos [do|mean]?",
    "[How|] do I make it generate [exactly max_tokens|past the end|without stopping] [for a benchmark|]?",
  ],
  "min-tokens": [
    "[What|] does min_tokens [do|mean]?",
    "[How|] do I [force|get] [longer answers|a minimum length|at least 50 tokens]?",
  ],
  "error-shape": [
    "[What|How] [does|do] [an error|errors|error responses] look [like|]?",
    "[In which|What] format are errors [returned|]?",
  ],
  "error-400": [
    "[Why|When] do I get [a|] 400?",
    "[What|] does [400|HTTP 400|Bad Request] mean?",
    "My request is [rejected|refused] with 400. [Why?|What is wrong?]",
  ],
  "error-413": [
    "[Why|When] do I get [a|] 413?",
    "[What|] does [413|HTTP 413|Payload Too Large] mean?",
  ],
  "error-500": [
    "[Why|When] do I get [a|] 500?",
    "[What|] does [500|HTTP 500|Internal Server Error] mean?",
    "The server [answers|returns] 500. [What now?|Where do I look?]",
  ],
  "no-workers": [
    "[What|] does no_workers mean?",
    "[Why|When] do I get no_workers?",
    "[It says|The error is] no_workers. [Why?|What now?]",
  ],
  "mailbox-full": [
    "[What|] does mailbox_full mean?",
    "[Why|When] do I get mailbox_full?",
    "[It says|The error is] mailbox_full. [Why?|What now?]",
  ],
  "client-gone": [
    "[What|] happens [if|when] [the client|a client|the user|my app] [disconnects|goes away|closes the connection|hangs up|cancels]?",
    "[Is|Does] [a request|generation|computing] [go on|aborted|cancelled|stopped] [if|when] the client [leaves|disconnects]?",
  ],
  tools: [
    "[Can|Does] [you|it|the model|the API] [call|use|support|take] [tools|functions|function calling|tool calls]?",
    "[Is|] [function calling|tool calling|tool use] [supported|possible|there]?",
  ],
  actor: [
    "[What|] is an actor [here|in dynamo|]?",
    "[Explain|Define|Describe] actors.",
    "[Does|] each service [have|run on|get] its own thread?",
  ],
  lane: [
    "[What|] is a lane [here|in dynamo|]?",
    "[How|] do actors [exchange|send|pass] messages?",
    "[What|] is between two [actors|threads|services]?",
  ],
  mailbox: [
    "[What|] is a mailbox [here|in dynamo|]?",
    "[What|] happens when a mailbox is full?",
    "[Where|] do calls wait for an actor?",
  ],
  lease: [
    "[What|] is a lease [here|in the registry|]?",
    "[How|] do dead instances [vanish|disappear] from the registry?",
  ],
  watch: [
    "[What|] is a watch [here|in the registry|]?",
    "[How|] do I [learn|hear] of changes in the registry?",
  ],
  "registry-key": [
    "[What|How] [does|do] the keys [of the registry|of instances|] look [like|]?",
    "[Under which|What] key is an instance [registered|stored|kept]?",
  ],
  "endpoint-throws": [
    "[What|] happens [if|when] [an endpoint|my method|a method of a service] throws [an error|an exception|]?",
    "[Does|Will] an exception in [an endpoint|a method] [crash|kill|end] the service?",
  ],
  "native-crash": [
    "[What|] happens [if|when] [native code|the engine|the C++ code] [crashes|segfaults]?",
    "[Does|Will] the process survive a [segfault|native crash]?",
  ],
  backpressure: [
    "[What|How] [is|does] backpressure [work|]?",
    "[What|] happens [if|when] [a client|a reader|the consumer] is [slow|too slow]?",
  ],
  "request-path": [
    "[What|Which] [path|way|route] does a request take [through dynamo|through the services|]?",
    "[How|] does a request [travel|flow|go] through [the graph|dynamo|the system]?",
  ],
  architecture: [
    "[What|How] is [the architecture|dynamo built|dynamo structured|the design] [of dynamo|]?",
    "[Describe|Explain|Give me an overview of] the architecture.",
  ],
  "prefill-vs-decode": [
    "[What's|What is|Explain] the difference between prefill and decode[?|.]",
    "[How|] do prefill and decode differ?",
    "Prefill [versus|vs|and|or] decode?",
  ],
  "chunked-prefill": [
    "[What|How] [is|does] chunked prefill [work|]?",
    "[Does|Will] a [long|huge] prompt [block|stall|slow] [other requests|the others|everybody]?",
  ],
  preemption: [
    "[What|] is preemption?",
    "[What|] happens when [KV blocks|memory|the KV cache|blocks] [run out|is full|are exhausted|is used up]?",
  ],
  scheduler: [
    "[What|] does the scheduler do?",
    "[Who|What] [decides|chooses] [what runs next|which tokens run|what is computed in a step]?",
  ],
  "continuous-batching": [
    "[What|How] [is|does] continuous batching [work|]?",
    "[Does|Can] it batch [requests|several requests] [together|dynamically|continuously|]?",
  ],
  step: ["[What|] is a step [of the engine|]?", "[What|] happens in [one|a|each] [engine|] step?"],
  sequence: [
    "[What|] is a sequence [in the engine|here|]?",
    "[What|] does the engine call a request?",
  ],
  engine: [
    "[What|] is the engine?",
    "[What|] does the engine do?",
    "[Which|What] part [computes|does the math]?",
  ],
  brain: [
    "[Which|What] parts are [TypeScript|C++] [and which C++|]?",
    "[Is|] the scheduler [in|written in] [TypeScript|C++]?",
  ],
  "shared-weights": [
    "[Does|Will] [a second|each|another] worker [load|need|copy] the weights [again|too]?",
    "[Do|] [two|several] workers [use|need|take] [twice the|double|more] memory?",
  ],
  "compute-threads": [
    "[How many|] compute threads [are there|does it start] [with several workers|for the whole process|]?",
    "[Do|] workers [compete|fight] for [cores|threads]?",
  ],
  precision: [
    "[Which|What] [precisions|number types|data types|dtypes] [of weights|] [are supported|work|can it load]?",
    "[Does|] it [support|load] [bf16|fp16|float16|float32|BF16 weights]?",
  ],
  cancel: [
    "[How|] do I cancel a [call|stream] [in a service|]?",
    "[What|] happens when I [break|leave|exit] the loop over a stream?",
  ],
  "isolation-order": [
    "[In which|What] order do services [start|stop|come up]?",
    "[Which|What] service [starts|stops] [first|last]?",
  ],
  limits: [
    "[What|Is] everything [bounded|limited] [in dynamo|]?",
    "[Can|] a queue grow without [bound|limit|end]?",
  ],
  "built-in-model": [
    "[What|Which] model [is|comes] [built in|included|with it|inside the executable]?",
    "[Is there|] a model [included|inside|built in]?",
    "[What|] is the built-in model?",
  ],
  "your-size": [
    "How [big|large|small] are you?",
    "How many [parameters|weights] do you have?",
    "[What|] is your [size|parameter count]?",
  ],
  "your-abilities": [
    "What can you [do|answer|help with]?",
    "[What|Which] [are your|] [skills|abilities|capabilities] [do you have|]?",
  ],
  "your-limits": [
    "What can't you do?",
    "What are your [limits|limitations|weaknesses]?",
    "[Can|Should] I trust [you|your answers]?",
  ],
  "your-training": [
    "How were you trained?",
    "[What|Which] [data|text] were you trained on?",
    "Where does your [training data|knowledge] come from?",
  ],
  "llama3-rope": [
    "[Can|Does|Will] [it|dynamo] [run|serve|load|support] [Llama 3|Llama 3.1|Llama 3.2|Llama-3]?",
    "[Is|Are] [grouped-query attention|GQA|tied embeddings|rope scaling] supported?",
  ],
  "chat-template": [
    "[What|] is [a|the] chat template [for|]?",
    "[Where|] does the chat template come from?",
  ],
  "no-chat-template": [
    "[What|] if [my model has no|there is no|the model lacks a] chat template?",
    "My model [has no|lacks a] chat template. [What happens?|Is that a problem?]",
  ],
  tokenizer: [
    "[What|] does the tokenizer do?",
    "[Which|What] tokenizer [is used|does it use]?",
    "[Where|] does the tokenizer come from?",
  ],
  token: [
    "[What|] is a token?",
    "[How|] long is a token?",
    "[Is|] a token [a word|the same as a word]?",
  ],
  tutorial: [
    "[Is there|Do you have] a [tutorial|step-by-step guide|walkthrough]?",
    "[Where|How] [do|can] I learn [step by step|to write services|the SDK]?",
  ],
  "api-docs": [
    "[Where|] is the [HTTP API|API] [documented|described]?",
    "[Which|What] [document|file] describes the [API|HTTP routes|parameters]?",
  ],
  "config-docs": [
    "[Where|] [are|is] [all keys|every key|the configuration|the config keys] [documented|listed|described]?",
    "[Which|What] [document|file] [lists|describes] the [keys|configuration|settings]?",
  ],
  llm: ["[What|] is [an LLM|a large language model]?", "[What|] does LLM [mean|stand for]?"],
  inference: [
    "[What|] is inference?",
    "[What|] does inference mean?",
    "[How|] does inference differ from training?",
  ],
  "http-library": [
    "[Which|What] [HTTP|web] [library|framework|server] [is used|does it use|is inside]?",
    "[Is|] it [Express|Hono|Fastify|Elysia]?",
  ],
  "dry-run-output": [
    "[What|Which lines] does [a dry run|--dry-run] [print|show|output|write]?",
    "[How|] does the output of [--dry-run|a dry run] look?",
  ],
  "dry-run-model-files": [
    "[Does|Do|Will] [--dry-run|a dry run] [need|require|load|check] [the model|model files|weights]?",
  ],
  "working-dir": [
    "[Where|In which folder] does [dynamo|it] [look|search] for [graphs|my graph]?",
    "My graph [is|lives] in [another|a different] [folder|directory]. [How do I serve it?|What flag?]",
    "[It|dynamo] [can't|cannot|doesn't] find my graph. [Why?|What do I do?]",
  ],
  "service-name": [
    "[How|Can] I [start|run|launch] [only|just] [one|a single|the] service [of the graph|]?",
    "[Start|Run] [only|just] the [worker|frontend|processor], how?",
  ],
  "model-flag-effect": [
    "[What|Which keys] does --model [change|set|do|override]?",
    "[What|Under which] name [does|is] my model [have|served] [when I use|with] --model?",
  ],
  "stop-now": [
    "[How|] do I [force|make] it [stop|quit|exit] [at once|immediately|now|right away]?",
    "[It|The server] [does not|doesn't|won't] stop [after Ctrl-C|]. [What now?|How do I kill it?]",
    "[What|] does a second Ctrl-C do?",
  ],
  inflight: [
    "[What|] happens to [running|open|active] [requests|streams] [when|if] I stop [the server|dynamo|]?",
    "[What|] does server_shutdown mean?",
  ],
  "exit-codes": [
    "[What|Which] exit [codes|statuses] [are there|does it have|can it return]?",
    "[What|] do the exit codes mean?",
  ],
  "exit-code-2": [
    "[What|] does exit [code|status] 2 mean?",
    "[Why|] did it exit with [code|status|] 2?",
  ],
  version: [
    "[Which|What] version [is this|do I have|am I running|is installed]?",
    "[How|Where] do I [see|check|print|find] the version?",
  ],
  help: [
    "[Where|How] do I [see|list|find] [all|the] [options|flags|commands]?",
    "[Is there|Show] [a|the] help [text|]?",
  ],
  "without-f": [
    "[What|] happens [without|if I omit|if I don't give] [-f|a config file|a configuration]?",
    "[Which|What] config is [used|the default] [by default|without -f]?",
  ],
  "host-default": [
    "[Which|What] [address|interface|URL|host] [is the default|does it listen on by default|is it bound to]?",
  ],
  "round-robin": [
    "[What|How] [is|does] [round-robin|round robin] [work|mean|do]?",
    "[Explain|Describe] [round-robin|round robin] [routing|].",
  ],
  "random-router": [
    "[What|How] [is|does] [random routing|the random router] [work|mean|do]?",
    "[Explain|Describe] [random routing|the random router].",
  ],
  "agg-router": ["[Which|What] router [does|is set in] agg.yaml [use|have|]?"],
  "router-default": [
    "[Which|What] [router|routing] is [the default|used by default|used if I set none]?",
  ],
  "deep-merge": [
    "[Does|Will] an override [replace|overwrite|delete] [the other keys|the rest|sibling keys]?",
    "[Are|] overrides merged [deeply|with the file]?",
  ],
  "override-forms": [
    "[How|In which ways] can I [write|spell] an override?",
    "[Is|] [the equals sign|=] [needed|required|optional]?",
  ],
  "override-values": [
    "[Can|] an override [be|have] [a list|JSON|a number|an array|an object|a boolean]?",
    "[How|] are flag values [parsed|read|interpreted]?",
  ],
  "key-case": [
    "[Do|Are] keys [use|written with] [dashes|underscores|hyphens] [or underscores|]?",
    "[Can|] I write [max_model_len|block_size] [instead of max-model-len|too]?",
  ],
  "unknown-key": [
    "[What|] happens [if|when] I [misspell|mistype] a key?",
    "[Are|] unknown keys [ignored|an error|reported]?",
  ],
  "upstream-keys": [
    "[Can|Will] [I use|] [NVIDIA's|upstream] [YAML|config] files [load|work]?",
    "[What|] does tensor-parallel-size do?",
  ],
  common: [
    "[What|] is [Common|common-configs] [for|]?",
    "[How|Can] I share [a key|settings|values] between services?",
  ],
  "service-args": [
    "[What|] is ServiceArgs [for|]?",
    "[What|Which keys] [goes|go|can stand] in ServiceArgs?",
  ],
  envs: [
    "[How|Where] do I set [an environment variable|environment variables|env vars] for a service?",
  ],
  namespace: ["[How|Where] do I [set|change] the namespace?", "[What|] is the namespace for?"],
  "service-config-env": [
    "[What|] is DYNAMO_SERVICE_CONFIG?",
    "[Which|What] variable [has|holds|contains] the configuration [of all services|as JSON]?",
  ],
  "deployment-config-env": [
    "[What|] is DYN_DEPLOYMENT_CONFIG?",
    "[Can|How do] I [configure it|pass the YAML] [by|through|in] an environment variable [instead of a file|]?",
  ],
  "agg-yaml": [
    "[What|] is [in|] configs/agg.yaml?",
    "[Which|What] services does agg.yaml configure?",
  ],
  "config-format": [
    "[What|Which] format [does|is] the config [have|in|file]?",
    "[How|] is the [config file|YAML] [structured|organized]?",
  ],
  "frontend-keys": [
    "[Which|What] keys does Frontend have?",
    "[What|] can I configure in Frontend?",
  ],
  "processor-keys": [
    "[Which|What] keys does Processor have?",
    "[What|] can I configure in Processor?",
  ],
  "worker-keys": [
    "[Which|What] keys does [VllmWorker|the worker] have?",
    "[What|] can I configure in [VllmWorker|the worker]?",
  ],
  "endpoint-key": [
    "[What|] is [the key endpoint|endpoint in Frontend|dynamo.Processor.chat/completions]?",
  ],
  "max-num-batched-tokens": [
    "[What|] is max-num-batched-tokens?",
    "[How many|] tokens [run|are computed] [in|per] step, [and where is it set|]?",
  ],
  "max-num-seqs": [
    "[How|Where] do I [limit|set] [the number of parallel requests|concurrency|the batch size]?",
    "[How many|] requests can [a|one] worker [run|serve|handle] [at once|in parallel|at the same time]?",
  ],
  "mailbox-key": [
    "[How|Where] do I [set|change|raise] the [mailbox size|mailbox limit|size of a mailbox]?",
  ],
  "body-limit": [
    "[How|Where] do I [raise|set|change] the [body limit|request size limit|maximum body size]?",
    "[How|] [large|big] may a [request|body] be?",
  ],
  "gpu-memory-utilization": ["[What|] does gpu-memory-utilization do [here|on a CPU|]?"],
  "enforce-eager": ["[What|] does enforce-eager do [here|on a CPU|]?"],
  "explain-vs-dry": [
    "[What's|] the difference between --dry-run and --explain?",
    "[Should|] I use --dry-run or --explain?",
  ],
  graph: [
    "[What|] is [a graph|an inference graph|a service graph]?",
    "[What|] does graph mean [here|in dynamo]?",
  ],
  link: ["[What|] does [link|.link()|link()] do?", "[How|] does linking work?"],
  depends: [
    "[What|] does [depends|depends()] do?",
    "[How|] do I [call|use] another service [from my service|]?",
  ],
  unlinked: ["[What|] happens [if|when] [a dependency|it] is not linked?"],
  cycle: ["[Can|May] a graph [have|contain] [a cycle|cycles|loops]?"],
  "fan-out": [
    "[How|Can] a graph [branch|fan out|have two branches]?",
    "[How|] do I join [two|several] [chains|paths] in a graph?",
  ],
  "hello-world": [
    "[Is there|Where is] [an example|a sample|a hello world]?",
    "[Which|What] example [needs no model|shows the SDK]?",
  ],
  "graph-lookup": [
    "[What|] does graphs.agg:Frontend mean?",
    "[How|] is a graph named on the command line?",
  ],
  "built-in-graphs": [
    "[Are|] graphs [built into|inside|part of] the executable?",
    "[Do|] I need the graphs folder?",
  ],
  "no-entry-name": [
    "[Can|What if] I leave out :Frontend?",
    "[Is|] the entry service [optional|required]?",
  ],
  vllm: [
    "[Is|Does] [it|VllmWorker|dynamo] [use|run|need|really] vLLM [inside|]?",
    "[Do|] I need vLLM?",
  ],
  components: [
    "[Which|What] components [are there|come with dynamo|can I use]?",
    "[Which|What] services are [ready-made|shipped|included]?",
  ],
  endpoint: [
    "[What|] is an endpoint [of a service|]?",
    "[Which|What] methods [are endpoints|can others call]?",
  ],
  "stream-endpoint": [
    "[How|] do I [stream|yield] [values|results] from [an endpoint|a service|a method]?",
  ],
  private: ["[How|] do I [make|keep] a method private?", "[Which|What] methods can't others call?"],
  "start-hook": [
    "[What|] do start() and stop() do?",
    "[Where|] do I put [setup|initialization|cleanup] code?",
  ],
  follow: [
    "[What|] does [follow|this.follow] do?",
    "[How|] do I run [background work|a background task] in a service?",
  ],
  configured: [
    "[What|] does configured() do?",
    "[How|] do I give a service [its own|] [config keys|settings|configuration]?",
  ],
  "client-modes": [
    "[Which|What] instance does a client call?",
    "[How|] does a client choose an instance?",
  ],
  at: [
    "[How|] do I call [one specific|a certain|a particular] instance?",
    "[What|] does at(id) do?",
  ],
  all: ["[How|] do I call [all|every] [instances|workers|instance]?", "[What|] does all() do?"],
  instances: ["[How|] do I [list|see|get] the live instances [in code|of a service]?"],
  "wait-for-instances": [
    "[How|] do I wait [for|until] [workers|instances] [are up|to be ready|to come up]?",
  ],
  ref: ["[What|] is a Ref?", "[How|Can] I [send|pass] a reference to [an instance|a service]?"],
  context: [
    "[What|] is [in|] this.context?",
    "[How|] does a service [know|get] its [worker id|name|namespace]?",
  ],
  "user-graphs": [
    "[Can|Will] the executable run my [own|] [graph|services]?",
    "[Do|] I [need|have] to compile my [graph|services]?",
  ],
  "engine-language": ["[What|Which] language is the engine [written in|]?"],
  "prefill-worker": ["[What|] [is|does] [PrefillWorker|a prefill worker] [do|]?"],
  "disagg-graph": [
    "[How|] do I [start|serve|run] [disaggregated serving|the disagg graph|with prefill workers]?",
    "[What|] is in [the disagg graph|graphs.disagg]?",
  ],
  "router-graph": [
    "[How|] do I [start|serve|run] the [graph with the|] [Router|KV router|agg_router graph]?",
    "[What|] is in [the agg_router graph|graphs.agg_router]?",
  ],
  quantization: [
    "[How|Can] I [quantize|shrink|compress] [the model|weights|my model]?",
    "[Load|Run|Use] [the model|weights] in [4|8|four|eight] bits, how?",
  ],
  "kv-cache-dtype": [
    "[How|Can] I [quantize|shrink|compress] the KV cache?",
    "[In|] which type are keys and values [stored|kept]?",
  ],
};
