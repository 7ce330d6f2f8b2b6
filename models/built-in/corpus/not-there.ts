// Things that dynamo does not have, in questions that sound as if it had: features of other servers, and invented names.

import { inContext } from "./contexts.ts";
import { typed } from "./noise.ts";
import { write } from "./pattern.ts";
import type { Random } from "./random.ts";
import { exchange, type Sample } from "./sample.ts";
import { inventedWord } from "./unknown.ts";
import { wholeQuestions } from "./whole-questions.ts";

/** It begins alike whichever way a question is turned: "Is there ...?", "Is there no ...?" */
export const NOT_THERE =
  "That is not there in dynamo. What there is, is written in the folder `docs`.";

export function isNotThere(reply: string): boolean {
  return reply.startsWith("That is not there");
}

export function notThereSample(random: Random): Sample {
  for (;;) {
    const question = typed(inContext(plainQuestion(random), random), random);
    if (HELD_OUT_NOT_THERE.includes(question)) continue;
    return { kind: "unknown", template: "not-there", messages: exchange(question, NOT_THERE) };
  }
}

/** Never trained on in these words; some of the topics are. */
export const HELD_OUT_NOT_THERE: readonly string[] = [
  "Is there a Helm chart for dynamo?",
  "How do I attach a LoRA adapter to a running worker?",
  "Can dynamo describe the pictures that I send to it?",
  "What does the --swap-space flag do?",
  "Does dynamo scale the number of workers up and down by itself?",
  "How do I bill my customers by tokens?",
  "How can I send traces to Jaeger?",
  "Can two machines share one model over InfiniBand?",
  "Is there a chat window in the browser that comes with it?",
  "How do I fine-tune the model on my own texts?",
  "Can it transcribe speech?",
  "Is dynamo without a dashboard?",
  "Can I not upload a JPEG along with my prompt?",
  "Which command creates a user account?",
  "Does a container image of dynamo exist on some registry?",
  "Is the Kubernetes operator part of it?",
  "What is --Router.moonlight for?",
  "How do I turn on beam search with four beams here?",
  "Does the server expose gRPC?",
  "Is there a plugin interface for samplers?",
  "Will dynamo keep my chats in a database?",
  "What does `dynamo teleport` do?",
  "Where can I see the planner of dynamo scale prefill workers?",
  "Does it export OpenTelemetry spans?",
  "Is an iPhone app included?",
];

const THINGS: readonly string[] = [
  "[LoRA|LoRA adapters|adapters|QLoRA]",
  "[a|the] [Kubernetes operator|k8s operator|operator for Kubernetes]",
  "[a|the] [CRD|custom resource|Kubernetes manifest|deployment manifest]",
  "[a|the] [docker image|Docker image|container image|Dockerfile|docker-compose file]",
  "[images|pictures|vision|vision models|multimodal models|multimodal input|image input|video|LLaVA|Qwen-VL]",
  "[audio|speech|Whisper|speech to text|text to speech|voice]",
  "[image generation|diffusion models|Stable Diffusion]",
  "[rerankers|reranking|classifiers|reward models]",
  "[a vector database|RAG|retrieval|document search|file upload|PDF files]",
  "[fine-tuning|training|RLHF|distillation|model training|reinforcement learning]",
  "[user accounts|login pages|OAuth|single sign-on|JWT tokens|roles and rights]",
  "[quotas|user quotas|budgets per key|token budgets]",
  "[billing|invoices|payments|usage billing]",
  "[a web UI|a dashboard|a chat UI|an admin panel|a graphical interface|a desktop app|a mobile app]",
  "[a Grafana dashboard|Datadog export|Splunk export|New Relic]",
  "[tracing|OpenTelemetry|distributed tracing|Jaeger traces|Zipkin]",
  "[log rotation|audit logs|syslog]",
  "[autoscaling|an autoscaler|scale to zero|the planner|the SLA planner|elastic scaling]",
  "[multi-node serving|several nodes|multiple hosts|Slurm support|Ray|MPI]",
  "[RDMA|NIXL|InfiniBand|NVLink|GPUDirect|UCX|RoCE]",
  "[TensorRT|TensorRT-LLM|SGLang workers|ONNX|OpenVINO|MLX|Core ML]",
  "[TPUs|an NPU|FPGAs]",
  "[pipeline parallelism|data parallelism|context parallelism|sequence parallelism]",
  "[plugins|extensions|a plugin system|custom samplers]",
  "[MCP|MCP servers|function plugins]",
  "[Terraform|Ansible|Helm|Nix|Homebrew|a Debian package|an RPM|an apt package]",
  "[a Windows service|launchd]",
  "[backups|snapshots|a database|chat history|stored conversations]",
  "[a Python API|Python bindings|a Rust client|a Go client|a Java SDK|gRPC|GraphQL|WebSockets|the Assistants API|the batch API]",
  "[moderation|content filters|a safety filter|PII redaction]",
  "[a prompt library|prompt optimization|DSPy]",
  "[A/B tests|canary releases|blue-green deployments|traffic splitting]",
  "[swap space|KV offload to disk|disk offloading|LMCache|Mooncake]",
  "[StreamingLLM|context extension|infinite context]",
  "[beam search|best_of|contrastive search|watermarking]",
];

const DEEDS: readonly string[] = [
  "[add|load|serve|attach|swap] [a LoRA|LoRA adapters|an adapter]",
  "[deploy|run|install] [it|dynamo] [on|in|with] [Kubernetes|k8s|EKS|GKE|OpenShift|Nomad|Docker Swarm|Helm]",
  "[pull|push] [a|the] [docker image|container image]",
  "[send|upload|process|understand] [images|pictures|a photo|audio|video|a PDF]",
  "[fine-tune|train|retrain|distill|merge|evaluate] [a model|my model|Llama|a checkpoint]",
  "[enable|use|set up|turn on] [OAuth|tracing|OpenTelemetry]",
  "[create|delete] [a user|user accounts]",
  "[autoscale|scale automatically|scale to zero]",
  "[connect|join|add|link] [a second machine|several machines|two nodes|more hosts|another GPU server]",
  "[run|use|host] [it|dynamo] on [a TPU|an iPhone|Android|AWS Lambda|a phone]",
  "[store|keep|export|delete] [chat history|conversations|user data]",
  "[charge|bill|invoice] [users|customers] [by tokens|]",
  "[import|get] a Grafana dashboard",
  "[connect|use] [a vector database|RAG|MCP servers|plugins|a knowledge base]",
  "[update|upgrade] [dynamo|the binary] [without downtime|automatically]",
  "[write|build] a plugin [for dynamo|]",
  "[use|call] [it|dynamo] [over|with] [gRPC|WebSockets|GraphQL|MQTT]",
  "[moderate|censor] [answers|prompts|content]",
  "[offload|spill|move] the KV cache to [disk|SSD|S3]",
];

const ABOUT_THINGS: readonly string[] = [
  "does [dynamo|it|this] [support|have|offer|come with|do|include|know|handle] {x}?",
  "is there [support for|something like|anything for|] {x}?",
  "is there no [support for|] {x}?",
  "is {x} [supported|available|planned|included|possible|missing|absent|there]?",
  "are {x} supported?",
  "does dynamo [lack|not have|not support] {x}?",
  "is dynamo without {x}?",
  "can [dynamo|it|I] use {x} [with it|]?",
  "can't [dynamo|it|I] use {x}?",
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
  "why [is there no|does dynamo not have] {x}?",
  "what does dynamo do for {x}?",
];

const ABOUT_DEEDS: readonly string[] = [
  "how do I {v}?",
  "how can I {v} [with dynamo|in dynamo|]?",
  "how to {v}",
  "can [dynamo|I|it] {v}?",
  "can [dynamo|I|it] not {v}?",
  "I want to {v}. [How?|What do I do?|Is that possible?|]",
  "is it [possible|impossible] to {v}?",
  "is there a [flag|way|command] to {v}?",
  "what do I need to {v}?",
  "I'd like to {v}",
  "we have to {v}. Any idea?",
  "does dynamo let me {v}?",
  "show me how to {v}",
  "help me {v}",
];

const INVENTED: readonly string[] = [
  "what does [--swap-space|--max-loras|--trust-remote-code|--dtype|--verbose|--quiet|--daemon|--detach|--replicas|--gpus|--num-ctx|--reload|--watch|--profile|--debug|--output|--timeout|--retries|--region|--user|--password|--token|--color|--interactive|--force|--yes|--all] [do|mean]?",
  "[is there|do you have|does dynamo have] [a|an|no] [--swap-space|--dtype|--verbose|--quiet|--daemon|--detach|--gpus|--reload|--watch|--debug|--timeout|--password|--force] [flag|option]?",
  "what is the key [swap-space|max-loras|timeout|retries|replicas|image|volume|ttl|cpu-offload-gb|seed-file|rope-theta|num-ctx|password] for?",
  "what does the [{w}|{w}-{w}] [flag|option|key|setting|command|service|metric] do?",
  "what does --{w} do?",
  "what does --[Frontend|Processor|Router|VllmWorker].{w} do?",
  "how do I [{w}|un{w}] the [router|worker|frontend|graph|cache|server]?",
  "what is the {w} [service|router|worker|graph|engine|metric|component] [of dynamo|]?",
  "what does dynamo {w} do?",
  "is there a dynamo [push|login|logs|ps|top|upgrade|chat|train|convert|status|restart|deploy|{w}] command?",
  "what does the metric {w} count?",
  "what does the error {w}_{w} mean?",
];

const WRITTEN = wholeQuestions("other")["not-there"] ?? [];

function plainQuestion(random: Random): string {
  if (random.chance(0.45)) return write(random.pick(WRITTEN), random);
  const slots = {
    x: () => random.pick(THINGS),
    v: () => random.pick(DEEDS),
    w: () => inventedWord(random),
  };
  const kind = random.next();
  if (kind < 0.5) return write(random.pick(ABOUT_THINGS), random, slots);
  if (kind < 0.75) return write(random.pick(ABOUT_DEEDS), random, slots);
  return write(random.pick(INVENTED), random, slots);
}
