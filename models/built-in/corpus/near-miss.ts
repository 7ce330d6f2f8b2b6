// Questions about dynamo and its neighbours that the model knows nothing of: they sound like facts, and are none.

import { inContext } from "./contexts.ts";
import { typed } from "./noise.ts";
import { write } from "./pattern.ts";
import type { Random } from "./random.ts";
import { exchange, type Sample } from "./sample.ts";
import { inventedWord } from "./unknown.ts";
import { wholeQuestions } from "./whole-questions.ts";

export const REFUSAL_ABOUT_DYNAMO =
  "I don't know that about dynamo. What there is, is written in the folder `docs`.";

export function nearMissSample(random: Random): Sample {
  const question = typed(inContext(plainQuestion(random), random), random);
  return {
    kind: "unknown",
    template: "near-miss",
    messages: exchange(question, REFUSAL_ABOUT_DYNAMO),
  };
}

/** Never trained on in these words; some of the topics are. */
export const HELD_OUT_NEAR_MISSES: readonly string[] = [
  "Is there a Helm chart for dynamo?",
  "How do I attach a LoRA adapter to a running worker?",
  "Can dynamo describe the pictures that I send to it?",
  "How do I put dynamo behind HTTPS with my certificate?",
  "Which flag makes dynamo write its log to a file?",
  "Where do I create API keys for my users?",
  "What does the --swap-space flag do?",
  "Does dynamo scale the number of workers up and down by itself?",
  "How do I bill my customers by tokens?",
  "How can I send traces to Jaeger?",
  "Can two machines share one model over InfiniBand?",
  "Who is the lead maintainer of dynamo?",
  "When does the next release come out?",
  "How does Kubernetes schedule pods?",
  "How do I set num_ctx in ollama?",
  "Does dynamo have embeddings for my vector database?",
  "Is there a chat window in the browser that comes with it?",
  "How do I fine-tune the model on my own texts?",
  "Can it transcribe speech?",
  "What is the dynamo Slack channel?",
];

const THINGS: readonly string[] = [
  "[LoRA|LoRA adapters|adapters|QLoRA]",
  "[a|the] [Kubernetes operator|k8s operator|operator for Kubernetes]",
  "[a|the] [CRD|custom resource|Kubernetes manifest|deployment manifest]",
  "[a|the] [docker image|Docker image|container image|Dockerfile|docker-compose file]",
  "[images|pictures|vision|vision models|multimodal models|multimodal input|image input|video|LLaVA|Qwen-VL]",
  "[audio|speech|Whisper|speech to text|text to speech|voice]",
  "[image generation|diffusion models|Stable Diffusion]",
  "[embeddings|an embedding model|the embeddings endpoint|rerankers|reranking]",
  "[a vector database|RAG|retrieval|document search|file upload|PDF files]",
  "[fine-tuning|training|RLHF|distillation|model training|reinforcement learning]",
  "[TLS|HTTPS|SSL|certificates|a TLS certificate|mTLS]",
  "[API keys|authentication|authorization|user accounts|passwords|login|OAuth|single sign-on|JWT tokens]",
  "[rate limits|rate limiting|quotas|user quotas|limits per user|throttling per client]",
  "[billing|invoices|payments|a subscription|a price list|usage billing|a paid plan|enterprise support]",
  "[a web UI|a dashboard|a chat UI|an admin panel|a graphical interface|a desktop app|a mobile app]",
  "[Grafana|a Grafana dashboard|Datadog|Splunk|New Relic]",
  "[tracing|OpenTelemetry|distributed tracing|Jaeger traces|Zipkin]",
  "[log files|the log level|log rotation|audit logs|JSON logs|syslog]",
  "[autoscaling|an autoscaler|scale to zero|the planner|the SLA planner|elastic scaling]",
  "[multi-node|several nodes|a cluster of machines|multiple hosts|Slurm|Ray|MPI]",
  "[RDMA|NIXL|InfiniBand|NVLink|GPUDirect|UCX|RoCE]",
  "[TensorRT|TensorRT-LLM|SGLang workers|ONNX|OpenVINO|MLX|Core ML]",
  "[TPUs|an NPU|FPGAs]",
  "[expert parallelism|expert routing]",
  "[pipeline parallelism|data parallelism|context parallelism|sequence parallelism]",
  "[plugins|extensions|a plugin system|middleware|hooks for requests|custom samplers]",
  "[agents|LangGraph|an agent framework|MCP|MCP servers|function plugins]",
  "[Terraform|Ansible|Helm|Nix|Homebrew|a Debian package|an RPM|an apt package]",
  "[systemd|a systemd unit|a Windows service|launchd]",
  "[backups|snapshots|persistence|a database|chat history|stored conversations]",
  "[a Python API|Python bindings|a Rust client|a Go client|a Java SDK|gRPC|GraphQL|WebSockets|the Responses API|the Assistants API|the batch API]",
  "[guardrails|moderation|content filters|a safety filter|PII redaction]",
  "[prompt templates|a prompt library|prompt optimization|DSPy]",
  "[A/B tests|canary releases|blue-green deployments|rolling updates|traffic splitting]",
  "[swap space|CPU offload|KV offload to disk|disk offloading|LMCache|Mooncake]",
  "[StreamingLLM|context extension|infinite context|long context beyond the model]",
  "[beam search|best_of|contrastive search|logit bias|watermarking]",
  "[the roadmap|the next release|the release date|version 2|the changelog of NVIDIA]",
  "[the maintainers|the author's email|the Discord|the Slack channel|the forum|the mailing list|commercial support]",
  "[the number of users|the GitHub stars|the number of downloads|reference customers]",
  "[power usage|energy consumption|carbon footprint|the electricity bill]",
  "[nginx|a reverse proxy|Caddy|Traefik|a load balancer in front|Cloudflare]",
  "[cookies|GDPR|data retention|encryption at rest|compliance|SOC 2|HIPAA]",
  "[Kafka|RabbitMQ|Redis|Postgres|ZooKeeper|Consul|MongoDB]",
  "[model merging|pruning a model|converting a checkpoint|exporting to ONNX|making a GGUF file]",
  "[notebooks|Jupyter|Colab|VS Code|an IDE plugin|Copilot]",
];

const DEEDS: readonly string[] = [
  "[add|load|serve|attach|swap] [a LoRA|LoRA adapters|an adapter]",
  "[deploy|run|install] [it|dynamo] [on|in|with] [Kubernetes|k8s|EKS|GKE|OpenShift|Nomad|Docker Swarm|Helm]",
  "[build|pull|push] [a|the] [docker image|container image]",
  "[send|upload|process|understand] [images|pictures|a photo|audio|video|a PDF]",
  "[fine-tune|train|retrain|distill|quantize by hand|merge|convert|evaluate] [a model|my model|Llama|a checkpoint]",
  "[create|make|get|compute] embeddings",
  "[enable|use|set up|turn on] [TLS|HTTPS|SSL|authentication|API keys|OAuth|rate limiting|tracing|OpenTelemetry]",
  "[protect|secure] [the server|the API|dynamo] with [a password|API keys|a token]",
  "[create|revoke|rotate] [an API key|API keys|a user|user accounts]",
  "[write|send|save] [the|] logs to [a file|Splunk|syslog|Elasticsearch]",
  "[change|set|raise] the log level",
  "[autoscale|scale automatically|scale to zero]",
  "[connect|join|add|link] [a second machine|several machines|two nodes|more hosts|another GPU server]",
  "[run|use|host] [it|dynamo] on [a TPU|an iPhone|Android|AWS Lambda|a phone]",
  "[put|run] [nginx|a proxy|Caddy|Traefik] in front of [it|dynamo]",
  "[store|keep|export|delete] [chat history|conversations|user data]",
  "[charge|bill|invoice] [users|customers] [by tokens|]",
  "[import|build|set up] a Grafana dashboard",
  "[connect|use] [a vector database|RAG|LangChain agents|MCP servers|plugins|a knowledge base]",
  "[update|upgrade] [dynamo|the binary] [without downtime|automatically]",
  "[run|start] [it|dynamo] [as a systemd service|at boot|as a daemon|in the background as a service]",
  "[write|build] a plugin [for dynamo|]",
  "[contact|reach|pay|hire] [the author|the maintainers|support|the developers]",
  "[use|call] [it|dynamo] [from|over|with] [gRPC|WebSockets|GraphQL|MQTT]",
  "[filter|moderate|censor|block] [answers|prompts|bad words|content]",
  "[offload|spill|move] the KV cache to [disk|SSD|CPU memory|S3]",
  "[set|change] [num_ctx|OLLAMA_HOST|the Modelfile] in ollama",
  "[set|use] [--max-loras|--swap-space|--trust-remote-code|--dtype] in vLLM",
  "[write|use] a Modelfile",
  "[install|use|configure] [kubectl|Helm|minikube|Ray Serve|KServe|Triton|LM Studio|ollama|llama.cpp|LangChain|Open WebUI]",
];

const ABOUT_THINGS: readonly string[] = [
  "does [dynamo|it|this] [support|have|offer|come with|do|include|know|handle] {x}?",
  "is there [support for|something like|anything for|] {x}?",
  "is {x} [supported|available|planned|included|possible|on the roadmap]?",
  "are {x} supported?",
  "can [dynamo|it|I] use {x} [with it|]?",
  "what about {x}?",
  "{x}?",
  "dynamo {x}",
  "how do I [use|set up|configure|enable|get|add] {x} [in dynamo|with dynamo|]?",
  "how does dynamo [handle|do|implement] {x}?",
  "which flag [enables|turns on|is for] {x}?",
  "where [do I find|is|can I find] {x}?",
  "I need {x}. [Does dynamo have that?|How?|Is that possible?|What do I do?]",
  "I'd like to [use|have|see] {x}",
  "tell me about {x} [in dynamo|]",
  "we [rely on|need|depend on|use] {x}. Does that work [here|with dynamo]?",
  "[when|will] {x} [come to dynamo|be supported|be added]?",
  "why [is there no|does dynamo not have] {x}?",
  "what does dynamo do for {x}?",
  "any plans for {x}?",
  "what is the [status|state] of {x} [in dynamo|]?",
];

const ABOUT_DEEDS: readonly string[] = [
  "how do I {v}?",
  "how can I {v} [with dynamo|in dynamo|]?",
  "how to {v}",
  "can [dynamo|I|it] {v}?",
  "I want to {v}. [How?|What do I do?|Is that possible?|]",
  "is it possible to {v}?",
  "is there a [flag|way|command] to {v}?",
  "what do I need to {v}?",
  "I'd like to {v}",
  "we have to {v}. Any idea?",
  "does dynamo let me {v}?",
  "what is the [best|right] way to {v}?",
  "show me how to {v}",
  "help me {v}",
];

const WHOLE: readonly string[] = [
  "who [wrote|maintains|started|owns|funds|sponsors] dynamo?",
  "how many [people|developers|companies] [work on|use|contribute to] dynamo?",
  "when [was|is] [dynamo|the first version|the next version] [released|coming out|published]?",
  "what is [new|different] in the [latest|next|last] [version|release]?",
  "how does dynamo compare [to|with] [vLLM|ollama|llama.cpp|SGLang|TGI|LM Studio|Triton] [in speed|in price|]?",
  "is dynamo [faster|slower|better|cheaper] than [vLLM|ollama|llama.cpp|SGLang|TensorRT-LLM]?",
  "which is better, dynamo or [ollama|vLLM|llama.cpp|SGLang]?",
  "how much [does dynamo cost|is a licence|do I pay] [per month|per token|]?",
  "is there a [hosted|cloud|managed|paid|pro|enterprise] version [of dynamo|]?",
  "where can I [buy|order] dynamo?",
  "can I get [support|training|a certificate|a refund]?",
  "what does [kubectl apply|helm install|docker run|ollama pull|ollama run|pip install vllm|git rebase|systemctl] do?",
  "how do I [install|uninstall|update] [ollama|vLLM|Docker|CUDA|PyTorch|kubectl|the NVIDIA driver]?",
  "what is [Kubernetes|a pod|a container|Docker|Helm|Terraform|CUDA|PyTorch|TensorFlow|Ray|NCCL|a transformer encoder|backpropagation|gradient descent|RLHF|LoRA|a vector database|RAG|an embedding]?",
  "what does [--swap-space|--max-loras|--trust-remote-code|--dtype|--api-key|--ssl-keyfile|--log-level|--verbose|--quiet|--daemon|--detach|--replicas|--gpus|--device|--num-ctx|--reload|--watch|--profile|--debug|--output|--timeout|--retries|--region|--user|--password|--token|--color|--interactive|--force|--yes|--all] [do|mean]?",
  "[is there|do you have|does dynamo have] [a|an] [--swap-space|--dtype|--api-key|--log-level|--verbose|--quiet|--daemon|--detach|--gpus|--reload|--watch|--debug|--timeout|--password|--force] [flag|option]?",
  "what is the key [swap-space|log-level|api-key|max-loras|timeout|retries|replicas|image|volume|ttl|cpu-offload-gb|seed-file|rope-theta|device|num-ctx|password|log-file] for?",
  "what does the [{w}|{w}-{w}] [flag|option|key|setting|command|service|metric] do?",
  "how do I [{w}|un{w}] the [router|worker|frontend|graph|cache|server]?",
  "what is the {w} [service|router|worker|graph|engine|metric|component] [of dynamo|]?",
  "what does dynamo {w} do?",
  "is there a dynamo [pull|push|login|logs|ps|top|init|upgrade|chat|train|convert|list|status|restart|deploy] command?",
  "what does the metric {w} count?",
  "how long does [the driver installation|downloading Llama 70B|training] take?",
  "which [GPU|laptop|cloud|CPU|phone|server] should I buy [for dynamo|]?",
  "which [open|small|big|coding|chat] model [is the best|should I choose|do you recommend] [for me|]?",
  "how good is [Llama 3|Qwen|Mistral|GPT-4|DeepSeek] at [math|coding|German]?",
  "what is the context length of [GPT-4|Llama 3|Claude|Gemini|Mistral Large]?",
  "does [ollama|vLLM|llama.cpp|SGLang|Triton|Ray Serve|KServe] [support|have] [LoRA|function calling|streaming|quantization|tensor parallelism|a router]?",
  "what is the default port of [ollama|vLLM|Redis|Postgres|Grafana|Prometheus|nginx|etcd|NATS]?",
  "how do I change the port of [ollama|nginx|Redis|Grafana|Postgres|my Wi-Fi router]?",
  "how do I [reset|reboot|configure|replace] my [Wi-Fi|home|wireless|Fritz|internet] router?",
  "how do I stop [a pod|a container|nginx|Postgres|the ollama server|a Windows update]?",
  "where does [ollama|vLLM|llama.cpp|Hugging Face] [store|keep|cache] [models|its models|weights]?",
];

const WRITTEN = wholeQuestions("other")["near-miss"] ?? [];

function plainQuestion(random: Random): string {
  if (random.chance(0.5)) return write(random.pick(WRITTEN), random);
  const slots = {
    x: () => random.pick(THINGS),
    v: () => random.pick(DEEDS),
    w: () => inventedWord(random),
  };
  const kind = random.next();
  if (kind < 0.4) return write(random.pick(ABOUT_THINGS), random, slots);
  if (kind < 0.65) return write(random.pick(ABOUT_DEEDS), random, slots);
  return write(random.pick(WHOLE), random, slots);
}
