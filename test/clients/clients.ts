// The clients that are driven, each by its program in `programs/`.

export interface Client {
  readonly program: string;
  /** On npm. */
  readonly packages: readonly string[];
}

export const CLIENTS: readonly Client[] = [
  { program: "openai", packages: ["openai", "zod"] },
  { program: "anthropic", packages: ["@anthropic-ai/sdk"] },
  {
    program: "ai-openai-compatible",
    packages: ["ai", "@ai-sdk/openai-compatible"],
  },
  {
    program: "ai-anthropic",
    packages: ["ai", "@ai-sdk/anthropic"],
  },
  {
    program: "ai-openai-responses",
    packages: ["ai", "@ai-sdk/openai"],
  },
  {
    program: "langchain",
    packages: ["@langchain/openai", "@langchain/core"],
  },
  {
    program: "openai-agents",
    packages: ["@openai/agents", "openai"],
  },
  { program: "ollama", packages: ["ollama"] },
];
