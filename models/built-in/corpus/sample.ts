// One conversation of the corpus.

export interface Message {
  readonly role: "system" | "user" | "assistant" | "tool";
  readonly content: string;
}

export interface Tool {
  readonly type: "function";
  readonly function: {
    readonly name: string;
    readonly description: string;
    readonly parameters: object;
  };
}

export type Kind = "fact" | "talk" | "unknown" | "story" | "tool" | "json" | "chat";

export interface Sample {
  readonly kind: Kind;
  readonly messages: readonly Message[];
  readonly tools?: readonly Tool[];
  /** Which fact or which template it is made from. */
  readonly template: string;
}

export function exchange(question: string, answer: string): Message[] {
  return [
    { role: "user", content: question },
    { role: "assistant", content: answer },
  ];
}
