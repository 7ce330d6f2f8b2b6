// More whole questions about the facts that people ask for first: the API, the inside, the project.

export const PHRASINGS_CORE_2: Readonly<Record<string, readonly string[]>> = {
  "kv-routing": [
    "[How|Can] I [enable|use|turn on|get] [KV-aware|prefix-aware|cache-aware] routing?",
    "[What|How] [is|does] [KV-aware routing|prefix-aware routing|the kv router|cache-aware routing] [work|about|do|good for]?",
    "[Can|Does] the router [use|consider|know|exploit] [the KV cache|cached prefixes|what workers have cached|prefix overlap]?",
    "[Send|Route] requests to the worker that [already|] [has|holds|cached] [the prefix|their prefix|the prompt|the conversation].",
  ],
  disaggregated: [
    "[What|How] [is|does] [disaggregated serving|disaggregation|disaggregated prefill|P/D disaggregation] [work|about|for|mean|]?",
    "[Can|Does] [dynamo|it] [separate|split|run] prefill and decode [on different workers|into separate workers|apart]?",
    "[Why|When] would I [use|want|need] disaggregated [serving|prefill]?",
  ],
  routes: [
    "[What|Which] [HTTP|] [routes|endpoints|URLs|paths] [are there|does the server have|are served|does the API offer|can I call]?",
    "[List|Name|Show|Give me] [all|the|every] [HTTP|API|REST|] [routes|endpoints|paths].",
  ],
  "openai-compatible": [
    "[Is|Are] [it|dynamo|the API] [compatible with|like|the same as] [OpenAI|the OpenAI API|OpenAI's client]?",
    "[Can|How can] I use [the OpenAI client|the openai library|my OpenAI code|the OpenAI SDK|an OpenAI client] with [dynamo|it|this server]?",
    "[Which|What] [base URL|base_url|endpoint] do I [set|use|configure|need] [in|for] [my client|the OpenAI client|the SDK]?",
  ],
  health: [
    "[How|Where] [can|do] I [check|see|probe|test|monitor] [whether|if] [the server|dynamo|it] is [ready|healthy|able to serve]?",
    "[Which|What] [URL|route|endpoint] [is for|do I use for|gives] [readiness|health|health checks|the readiness probe]?",
    "[My|A] [load balancer|Kubernetes probe|monitor] needs a [health check|readiness] [URL|endpoint|route].",
  ],
  "metrics-route": [
    "[Where|How] [are|can I get|do I find|do I scrape|are exposed] [the|] [metrics|Prometheus metrics|statistics]?",
    "[Which|What] [URL|route|endpoint] [has|serves|exposes] [the metrics|Prometheus metrics]?",
    "[How|Can] I [monitor|connect Prometheus to|scrape] [dynamo|the server|it] [with Prometheus|]?",
  ],
  stream: [
    "[How|Can] I [stream|get streaming|receive] [the answer|tokens|responses|output] [as they come|token by token|piece by piece|live|]?",
    "[Enable|Turn on|I want|Activate] streaming [of the answer|of tokens|in my request|].",
    "[Which|What] [field|parameter] [turns on|enables|makes it] [streaming|stream]?",
  ],
  "max-tokens": [
    "[How|Where] do I [limit|cap|set|restrict|shorten] the [length|size|number of tokens] of [the answer|a response|the output|an answer]?",
    "[Which|What] [field|parameter] [limits|caps|bounds] [the answer's length|the output|how many tokens are generated]?",
    "[Answers|The replies|Its outputs] are too long. How do I [limit|shorten|cap] them?",
  ],
  temperature: [
    "[What|How] does temperature [do|mean|work|affect]?",
    "[How|Can] I make [answers|the output|the model] [more|less] [creative|random|varied|predictable]?",
    "[Explain|What is] the [temperature|temperature parameter].",
  ],
  seed: [
    "[How|Can] I [get|have|make] [reproducible|repeatable|the same] [answers|outputs|results|text] [each time|with sampling|]?",
    "[Which|What] [field|parameter] [makes|gives] [results reproducible|sampling repeatable|the same text again]?",
  ],
  "stop-param": [
    "[How|Can] I [make|let] [generation|the model|the answer] [stop|end] at [a certain word|a string|a newline|a marker]?",
    "[What|Which] [field|parameter] [gives|sets|is for] [stop strings|stop words|stop sequences]?",
  ],
  "error-503": [
    "[Why|When] [do I get|does it return|is there] [a|an|] [503|HTTP 503|status 503|Service Unavailable]?",
    "[What|] does [503|status 503|HTTP 503] mean [here|]?",
    "The server [answers|returns|replies with|says] 503. [What now?|What's wrong?|Why?|What should my client do?]",
  ],
  "error-404": [
    "[Why|When] [do I get|does it return] [a|an|] [404|HTTP 404|status 404|not found] [for my model|]?",
    "The [server|API] [answers|returns|replies with] 404 [for my request|]. [Why?|What is wrong?|What now?]",
    "[It says|I get] [model not found|the model does not exist|404]. [Why?|What do I check?]",
  ],
  "context-length-exceeded": [
    "[What|Why] [does|do I get|is] context_length_exceeded [mean|]?",
    "[My|The] [prompt|request] is [too long|refused as too long|over the limit]. What [do I do|can I do|error is that]?",
  ],
  "finish-reasons": [
    "[What|Which] [finish reasons|values of finish_reason] [are there|exist|does it return|can come]?",
    "[What|] does finish_reason [length|stop] mean?",
    "[Why|How] did my answer [end|stop|get cut off] with [length|finish_reason length]?",
  ],
  install: [
    "[How|Where] do I [install|set up|get|obtain] [dynamo|it|this] [on my machine|on Linux|on a server|]?",
    "[What are|Give me|Tell me] the [installation|install|setup] [steps|instructions].",
  ],
  requirements: [
    "[What|Which] [tools|software|compiler|versions|prerequisites|dependencies] [do I need|are required|must be installed|are needed] [to build|for building|to compile|before installing|] [it|dynamo|]?",
    "[Which|What] [Node|Node.js|compiler|CMake] [version|] [do I need|is required|does it need]?",
  ],
  build: [
    "[How|What command] do I [build|compile|create|produce|make] [the|an|] [executable|binary|release|dynamo]?",
    "[Build|Compile] [it|dynamo|the project] from source, how?",
  ],
  executable: [
    "[How|Can] I [deploy|copy|move|ship|install] [it|dynamo|the binary|the executable] [to|on] [another|a different|a production] [machine|server|host]?",
    "[What|Which files] do I [copy|need|ship] to run it [elsewhere|on another machine|on a server]?",
  ],
  "npm-test": [
    "[How|What command] do I [run|start|execute|launch] [the|all|] [tests|test suite|unit tests]?",
    "I [changed|patched|edited] the code. How do I [test|verify|check] it?",
  ],
  bench: [
    "[How|What command] do I [run|start] [the|] [benchmarks|benchmark suite|performance tests|measurements]?",
    "[How|Can] I [measure|benchmark|find out|test] [performance|speed|throughput|latency] [of dynamo|on my machine|]?",
  ],
  license: [
    "[What|Which|Under what] [licence|license] [is it|does it have|is dynamo under|applies|is used]?",
    "[Can|May] I [use|ship|sell|modify|fork] [it|dynamo] [commercially|in a product|at work|]?",
    "[Is|] [dynamo|it] [open source|free|free software|MIT or Apache]?",
  ],
  platform: [
    "[Does|Will] [it|dynamo] [run|work] on [Windows|macOS|Mac|a Mac|BSD|Linux|Windows 11|Ubuntu]?",
    "[Which|What] [operating system|OS|platform|platforms|systems] [does it|does dynamo|is] [run on|support|supported|need|required]?",
    "[Can I|How do I] [use|run|install] [it|dynamo] on [Windows|macOS|a Mac]?",
  ],
  docs: [
    "[Where|How] [is|can I find|do I find|can I read] [the|] [documentation|docs|manual]?",
    "[Which|What] [docs|documents|documentation] [exist|are there|is there|should I read]?",
  ],
  gguf: [
    "[Can|Does|Will] [it|dynamo|I] [load|read|serve|support|use|run] [GGUF|GGUF files|llama.cpp models|a .gguf|Q4_K_M files]?",
    "[Which|What] GGUF [types|formats|quantizations] [work|are supported|can it read]?",
  ],
  architectures: [
    "[Which|What] [models|model families|architectures|LLMs] [can I run|are supported|does it support|can it serve|work]?",
    "[Does|Can] [it|dynamo] [run|support|serve|load] [Qwen|Mistral|Gemma|Phi|DeepSeek|Llama|Falcon|GPT-2] [models|]?",
  ],
  "model-formats": [
    "[Which|What] [file formats|formats|model formats|weight formats|files] [does it|can it|can dynamo] [load|read|take|accept|support]?",
    "[In what|In which] format [must|should] [my model|the weights|a model] be?",
  ],
  "download-model": [
    "[Does|Will|Can] [it|dynamo] [download|fetch|pull|get] [models|weights|a model] [from Hugging Face|from the hub|automatically|for me|by itself]?",
    "[How|Where] do I [get|download|obtain|fetch] a [model|real model|Llama|bigger model] [for it|]?",
  ],
  offline: [
    "[Does|Will|Can] [it|dynamo] [work|run|start] [offline|without internet|in an air-gapped network|without a network|on an isolated machine]?",
    "[Does|Will] [it|dynamo] [need|send|require|use] [internet|anything over the internet|an internet connection|my data to anyone|telemetry]?",
  ],
  dynamo: [
    "[What|] is [dynamo|this project|this software|this thing] [exactly|in a nutshell|for|in short|about|]?",
    "[Explain|Describe|Summarize|Introduce] [dynamo|this project] [to me|in one sentence|briefly|].",
    "[What|Which problem] does dynamo [do|solve]?",
  ],
  "nvidia-dynamo": [
    "[How|In what way] [is|does] [it|this|dynamo] [related to|differ from|different from|compare with] NVIDIA Dynamo?",
    "[Is|] this [the|] NVIDIA['s|] Dynamo [or something else|itself|]?",
    "[What's|What is] the [difference|relation|relationship] [between this and|to|with] NVIDIA Dynamo?",
  ],
  prefill: [
    "[What|] [is|does] [prefill|the prefill phase|the prefill] [mean|about|do|for|exactly|]?",
    "[Explain|Describe|Define] prefill.",
  ],
  decode: [
    "[What|] [is|does] [decode|the decode phase|decoding] [mean|about|do|exactly|]?",
    "[Explain|Describe|Define] [decode|decoding].",
  ],
  "paged-attention": [
    "[What|How] [is|does] [paged attention|PagedAttention] [work|mean|good for|do|]?",
    "[Explain|Describe|Define] paged attention.",
  ],
  "prefix-caching": [
    "[What|How] [is|does] [prefix caching|the prefix cache|prompt caching] [work|mean|good for|do|]?",
    "[Why|How come] is [the second|a repeated|the same] prompt [faster|quicker] [the second time|]?",
  ],
  "kv-block": [
    "[What|] [is|are] [a KV block|KV blocks|a block in the KV cache]?",
    "[How|] is the KV cache [organized|divided|laid out|managed]?",
  ],
  "worker-fails": [
    "[What|] happens [if|when] [a worker|the worker|one worker|a service] [crashes|dies|fails|goes down|throws]?",
    "[Does|Will] dynamo [restart|recover|replace] [a crashed|a failed|a dead] worker [by itself|automatically|]?",
  ],
  supervisor: [
    "[What|] does the supervisor do?",
    "[Who|What] [restarts|starts|watches over|looks after] [failed services|the services|crashed services]?",
  ],
  registry: [
    "[What|] is the registry [for|]?",
    "[How|] do services [find|discover|locate] each other?",
  ],
  ttft: [
    "[What|] [is|does] [TTFT|time to first token] [mean|stand for|]?",
    "[How|] is the time [to|until] the first token called?",
  ],
  itl: [
    "[What|] [is|does] [ITL|inter-token latency] [mean|stand for|]?",
    "[How|] is the [time|delay] between tokens called?",
  ],
  contribute: [
    "[How|Where] [can|do] I [contribute|send a patch|submit a change|add a feature|help with the code]?",
    "[What|Which] [file|document|guide] [explains|describes|tells] how to contribute?",
  ],
  "vllm-worker": [
    "[What|] does [VllmWorker|the worker|a worker] do [in the graph|exactly|]?",
    "[Which|What] [service|component|part] [runs|executes|computes] the model?",
  ],
  frontend: [
    "[What|] does [Frontend|the frontend] do [in the graph|exactly|]?",
    "[Which|What] [service|component|part] [handles|serves|speaks|answers] HTTP?",
  ],
  processor: [
    "[What|] does [Processor|the processor] do [in the graph|exactly|]?",
    "[Which|What] [service|component|part] [applies the chat template|tokenizes|turns text into tokens|picks the worker]?",
  ],
  "define-graph": [
    "[How|] do I [write|define|create|build|compose|make] [a|my own|a custom|a new] graph?",
    "[What|How] does [the code of a graph|a graph definition|a graph file] look [like|]?",
  ],
  "write-service": [
    "[How|] do I [write|create|implement|add|program|code] [a|my own|a custom|a new] [service|component]?",
    "[What|Which class] [must|do|should] [a service|my service|I] [extend|subclass|inherit from]?",
  ],
  "agg-graph": [
    "[What|Which services] [is|are] [the agg graph|in the agg graph|in graphs.agg|the aggregated graph]?",
    "[What|] does [agg|aggregated] [mean|stand for] [in graphs.agg|]?",
  ],
  language: [
    "[What|Which|In what] [programming|] language [is it|is dynamo|was it] [written in|coded in|written|implemented in|made with]?",
    "[Is|] [it|dynamo] [written|coded|implemented|] in [Rust|Go|Python|Java|C++|TypeScript|JavaScript]?",
  ],
};
