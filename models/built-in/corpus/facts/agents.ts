import type { Fact } from "../fact.ts";

/** Agents, the APIs that they speak, tools, and what a request may ask of the output. */
export const AGENTS: readonly Fact[] = [
  {
    id: "agents",
    answer:
      "Coding agents work over chats, `/v1/responses` or `/v1/messages`. The model needs a template with tools and 32,768 tokens of context: `docs/agents.md`.",
    must: ["docs/agents.md"],
    how: [
      "[use|connect|run|point] [a coding agent|an agent|agents] [with dynamo|at dynamo|]",
      "let an agent use my model",
    ],
    what: ["coding agents", "agents", "an agent"],
    key: ["agents", "coding agent", "agent support", "cline opencode aider"],
    heldOut: "I'd like my terminal coding assistant to use this server. Where is that described?",
  },
  {
    id: "codex",
    answer:
      'In `~/.codex/config.toml` add a provider with `base_url = "http://127.0.0.1:8000/v1"` and `wire_api = "responses"`; see `docs/agents.md`.',
    must: ["config.toml", "responses"],
    how: ["[use|connect|configure|run] [Codex|codex|the Codex CLI] [with dynamo|]"],
    what: ["Codex", "Codex CLI", "OpenAI Codex"],
    key: ["codex", "codex cli", "codex config.toml", "wire_api"],
    heldOut: "What goes into OpenAI's terminal agent's TOML file to use my server?",
  },
  {
    id: "claude-code",
    answer:
      "Set `ANTHROPIC_BASE_URL=http://127.0.0.1:8000`, `ANTHROPIC_API_KEY` and `ANTHROPIC_MODEL`, then run `claude`; see `docs/agents.md`.",
    must: ["ANTHROPIC_BASE_URL"],
    how: ["[use|connect|configure|run] [Claude Code|claude code|claude] [with dynamo|]"],
    what: ["Claude Code", "the claude command", "ANTHROPIC_BASE_URL"],
    key: ["claude code", "ANTHROPIC_BASE_URL", "claude cli", "anthropic agent"],
    heldOut: "Which variables make Anthropic's terminal agent talk to my own server?",
  },
  {
    id: "qwen-code",
    answer:
      "Set `OPENAI_BASE_URL=http://127.0.0.1:8000/v1`, `OPENAI_API_KEY` and `OPENAI_MODEL`, then run `qwen`; see `docs/agents.md`.",
    must: ["OPENAI_BASE_URL"],
    how: ["[use|connect|configure|run] [Qwen Code|qwen code] [with dynamo|]"],
    what: ["Qwen Code", "the qwen command", "OPENAI_BASE_URL"],
    key: ["qwen code", "OPENAI_BASE_URL", "OPENAI_MODEL", "qwen cli"],
    heldOut: "Alibaba's terminal agent should use my server. What do I export?",
  },
  {
    id: "responses-api",
    answer:
      "POST to `/v1/responses` with `model` and `input`: OpenAI's Responses API, whole or streamed; see `docs/responses.md`.",
    names: ["/v1/responses"],
    must: ["/v1/responses"],
    how: ["use the Responses API", "call /v1/responses", "continue a stored response"],
    what: ["the Responses API", "/v1/responses", "responses"],
    key: ["responses api", "/v1/responses", "previous_response_id"],
    heldOut: "OpenAI's newer API has input instead of messages. Is there a path for it?",
  },
  {
    id: "messages-api",
    answer:
      "POST to `/v1/messages`: Anthropic's Messages API, with tools and streams. The base URL is `http://127.0.0.1:8000`; see `docs/messages.md`.",
    names: ["/v1/messages"],
    must: ["/v1/messages"],
    how: [
      "use [the Messages API|Anthropic's API|Anthropic's client|the Anthropic SDK]",
      "call /v1/messages",
    ],
    what: ["the Messages API", "/v1/messages", "Anthropic's API"],
    key: ["messages api", "anthropic api", "/v1/messages", "anthropic sdk"],
    heldOut: "My program is written for Anthropic. Which path does it find here?",
  },
  {
    id: "ollama-api",
    answer:
      "ollama's routes are there: `/api/chat`, `/api/generate`, `/api/tags`, `/api/show` and `/api/ps`. Start with `--port 11434`; see `docs/ollama.md`.",
    must: ["/api/chat", "docs/ollama.md"],
    how: [
      "use a client of ollama",
      "[connect|use] [Open WebUI|Home Assistant]",
      "replace ollama",
      "use ollama's API",
    ],
    what: ["ollama's API", "the ollama API", "/api/chat", "/api/generate", "/api/tags"],
    key: ["ollama api", "/api/chat", "/api/generate", "open webui", "11434"],
    heldOut: "A tool that only knows ollama should talk to dynamo. Does it find its paths?",
  },
  {
    id: "embeddings",
    answer:
      "Embeddings are a route of the API as OpenAI has it; `docs/api.md` says which models serve them. I make none myself.",
    must: ["docs/api.md"],
    how: ["[get|make|compute|create] embeddings", "turn texts into vectors"],
    what: ["embeddings", "the embeddings route", "vectors of texts"],
    key: ["embeddings", "embedding model", "text vectors", "embed"],
    heldOut: "My search needs vectors of texts. Where do I read whether the server makes them?",
  },
  {
    id: "tokenize-route",
    answer:
      "POST to `/tokenize` or `/detokenize`: tokens of a text, and back. `/apply-template` shows the text that the model gets.",
    must: ["/tokenize", "/detokenize"],
    how: [
      "[count|see|get] the tokens of a [text|prompt|conversation]",
      "see the rendered prompt",
      "tokenize a text",
    ],
    what: ["/tokenize", "/detokenize", "/apply-template", "the tokenize route"],
    key: ["tokenize", "detokenize", "count tokens", "apply-template", "rendered prompt"],
    heldOut: "I want to know how many tokens my prompt has before I send it. Which path?",
  },
  {
    id: "openapi",
    answer:
      "GET `/openapi.json`: an OpenAPI document of all routes and the fields of their bodies. GET `/version` tells the server's version.",
    must: ["/openapi.json"],
    how: [
      "[get|read|fetch] the OpenAPI [document|schema|description]",
      "generate a client from a schema",
    ],
    what: ["/openapi.json", "the OpenAPI document", "Swagger"],
    key: ["openapi", "swagger", "api schema", "openapi.json"],
    heldOut: "I generate clients from a machine-readable description. Where is it?",
  },
  {
    id: "tool-parser",
    answer:
      "`--Processor.tool-call-parser=hermes` sets the format of calls, or `qwen3_coder`, `llama3_json`, `mistral`, `pythonic`, `none`. By default the template tells it.",
    must: ["tool-call-parser"],
    how: [
      "[set|choose|change] the tool [call|] parser",
      "[fix|read] tool calls that come as text",
      "turn the parsing of calls off",
    ],
    what: ["tool-call-parser", "the tool parser", "the format of tool calls"],
    key: ["tool-call-parser", "tool parser", "hermes parser", "tool call format"],
    heldOut: "Instead of structured calls I get raw tags in the content. Which key do I set?",
  },
  {
    id: "tool-choice",
    answer:
      "`tool_choice` says whether the model may call: `auto` lets it, `none` forbids it; `docs/tools.md` and `docs/api.md` have the rest.",
    must: ["tool_choice", "auto", "none"],
    how: [
      "[force|forbid] a [call|tool call]",
      "[set|use] tool_choice",
      "forbid tools in one request",
    ],
    what: ["tool_choice", "tool choice", "the field tool_choice", "parallel_tool_calls"],
    key: ["tool_choice", "tool choice required", "force tool call", "parallel_tool_calls"],
    heldOut: "For one request the model must not call any function. Which field?",
  },
  {
    id: "reasoning",
    answer:
      "Thoughts come in `reasoning`, apart from the answer. `reasoning-parser` sets their format; `reasoning_effort` is for the model's template.",
    must: ["reasoning"],
    how: [
      "[see|show|hide|separate] the [thoughts|reasoning|thinking]",
      "[turn off|turn on|switch off] thinking",
      "set the reasoning parser",
    ],
    what: ["reasoning", "thinking", "thoughts", "reasoning-parser", "reasoning_content"],
    key: ["reasoning", "thinking", "reasoning-parser", "reasoning_content", "enable_thinking"],
    heldOut: "A thinking model mixes its thoughts with the answer. How are they told apart?",
  },
  {
    id: "structured-output",
    answer:
      "Set `response_format` with a JSON schema: a grammar keeps the answer to it. `docs/structured-output.md` says which keywords it takes.",
    must: ["response_format", "docs/structured-output.md"],
    how: [
      "[get|force|have] [JSON|valid JSON|structured output] [from the model|]",
      "[use|set] a JSON schema",
      "make the answer match [a schema|a regex|a grammar]",
    ],
    what: [
      "structured output",
      "response_format",
      "JSON mode",
      "json_schema",
      "guided decoding",
      "a grammar",
    ],
    key: [
      "structured output",
      "response_format",
      "json_schema",
      "guided decoding",
      "json mode",
      "grammar",
    ],
    heldOut: "Every reply must parse against my schema. Which field guarantees it?",
  },
  {
    id: "logprobs",
    answer:
      "Set `logprobs: true` and `top_logprobs` in a chat for log-probabilities of its tokens; `prompt_logprobs` are those of the prompt.",
    must: ["logprobs", "top_logprobs"],
    how: ["[get|see|return] [logprobs|log probabilities|the probabilities of tokens]"],
    what: ["logprobs", "top_logprobs", "log probabilities", "prompt_logprobs"],
    key: ["logprobs", "top_logprobs", "log probabilities", "prompt_logprobs"],
    heldOut: "I'd like to see how sure the model was of each token. Which field?",
  },
  {
    id: "logit-bias",
    answer:
      "`logit_bias` adds to the logits of token ids; `allowed_token_ids` and `bad_words` allow and ban what may come.",
    must: ["logit_bias", "bad_words"],
    how: [
      "ban [a word|words|a token]",
      "[set|use] [logit bias|logit_bias]",
      "allow only certain tokens",
    ],
    what: ["logit_bias", "logit bias", "bad_words", "allowed_token_ids"],
    key: ["logit_bias", "bad_words", "ban words", "allowed_token_ids"],
    heldOut: "One word must never occur in the output. Which fields of a request are for that?",
  },
  {
    id: "clamp-max-tokens",
    answer:
      "`--Processor.clamp-max-tokens=true` lowers a `max_tokens` that the context has no room for, in place of an error. For the built-in model it is on.",
    must: ["clamp-max-tokens"],
    how: [
      "[lower|clamp] max_tokens by itself",
      "avoid context_length_exceeded [for agents|]",
      "cut max_tokens to the context",
    ],
    what: ["clamp-max-tokens", "the key clamp-max-tokens"],
    key: ["clamp-max-tokens", "clamp max_tokens", "max_tokens too large"],
    heldOut: "Clients ask for 32,000 tokens of answer and get a 400. Which key takes what fits?",
  },
];
