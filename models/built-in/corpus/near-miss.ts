// Questions about dynamo's people and plans and about its neighbours: they sound like facts, and are none that the model has.

import { inContext } from "./contexts.ts";
import { typed } from "./noise.ts";
import { write } from "./pattern.ts";
import type { Random } from "./random.ts";
import { exchange, type Sample } from "./sample.ts";
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
  "Who is the lead maintainer of dynamo?",
  "When does the next release come out?",
  "How does Kubernetes schedule pods?",
  "How do I set num_ctx in ollama?",
  "What is the dynamo Slack channel?",
  "How many people are paid to work on dynamo?",
  "Is SGLang quicker than dynamo on an H100?",
  "What does a Triton licence cost?",
  "How do I uninstall Docker?",
  "Which graphics card would you buy?",
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
  "where can I [buy|order] dynamo?",
  "can I get [support|training|a certificate|a refund]?",
  "what does [kubectl apply|helm install|docker run|ollama pull|ollama run|pip install vllm|git rebase|systemctl] do?",
  "how do I [install|uninstall|update] [ollama|vLLM|Docker|CUDA|PyTorch|kubectl|the NVIDIA driver]?",
  "what is [Kubernetes|a pod|a container|Docker|Helm|Terraform|CUDA|PyTorch|TensorFlow|Ray|NCCL|a transformer encoder|backpropagation|gradient descent|RLHF|LoRA|a vector database|RAG|an embedding]?",
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

const DEEDS: readonly string[] = [
  "[contact|reach|pay|hire] [the author|the maintainers|support|the developers]",
  "[set|change] [num_ctx|OLLAMA_HOST|the Modelfile] in ollama",
  "[set|use] [--max-loras|--swap-space|--trust-remote-code|--dtype] in vLLM",
  "[install|use|configure] [kubectl|Helm|minikube|Ray Serve|KServe|Triton|LM Studio|ollama|llama.cpp|LangChain]",
];

const ABOUT_DEEDS: readonly string[] = [
  "how do I {v}?",
  "how can I {v}?",
  "how to {v}",
  "I want to {v}. [How?|What do I do?|]",
  "what do I need to {v}?",
  "show me how to {v}",
];

const WRITTEN = wholeQuestions("other")["near-miss"] ?? [];

function plainQuestion(random: Random): string {
  if (random.chance(0.55)) return write(random.pick(WRITTEN), random);
  if (random.chance(0.75)) return write(random.pick(WHOLE), random);
  return write(random.pick(ABOUT_DEEDS), random, { v: () => random.pick(DEEDS) });
}
