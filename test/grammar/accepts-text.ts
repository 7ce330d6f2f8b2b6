import { Automaton, type State } from "../../src/grammar/automaton.ts";
import type { GrammarProgram } from "../../src/grammar/program.ts";

/** Tells if a program matches whole texts; its automaton is made once. */
export function textAcceptor(program: GrammarProgram): (text: string | Uint8Array) => boolean {
  const automaton = new Automaton(program);
  return (text) => {
    const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
    let state: State | null = automaton.start;
    for (const byte of bytes) {
      state = automaton.step(state, automaton.classes.classOf[byte] ?? 0);
      if (state === null) return false;
    }
    return state.mayEnd;
  };
}
