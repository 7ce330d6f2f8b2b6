// A fact that the built-in model knows, and the ways in which people ask for it.
//
// Phrasings are patterns: `[change|set|] the router` stands for three texts. `how` and `what` are put into
// the sentence frames of frames.ts, `ask` are whole questions, `key` are search words.

export interface Fact {
  readonly id: string;
  readonly answer: string;
  /** Flags, keys, routes, commands and variables in the answer. A test finds each of them in the code. */
  readonly names?: readonly string[];
  /** What a right answer contains. Without it: the names, or the whole answer if there are none. */
  readonly must?: readonly string[];
  /** "change the router", for "How do I change the router?" */
  readonly how?: readonly string[];
  /** "the router", for "What is the router?" */
  readonly what?: readonly string[];
  readonly ask?: readonly string[];
  readonly key?: readonly string[];
  /** Never trained on: what the evaluation asks. */
  readonly heldOut: string;
}

/** Whether `reply` gives the fact. */
export function isRight(fact: Fact, reply: string): boolean {
  const wanted = fact.must ?? fact.names ?? [fact.answer];
  return wanted.every((part) => reply.toLowerCase().includes(part.toLowerCase()));
}
