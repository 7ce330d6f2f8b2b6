// Facts about a program that are worked out before it runs: which nodes can match any text at all (others must never be
// entered: a text that begins there could not end), which match the empty text, and which rule may begin with
// which other. A rule that begins with itself would be entered without end, so it is refused.

import { unreachable } from "../base/assert.ts";
import { GrammarError } from "./grammar-error.ts";
import type { Analysis, GrammarCode, GrammarNode } from "./program.ts";

export function analyse(program: GrammarCode): Analysis {
  const liveStates = new Map<number, Uint8Array>();
  const isProductive = fixpoint(program, (node, id, holds) =>
    matchesSome(node, holds, (states) => liveStates.set(id, states)),
  );
  const isNullable = fixpoint(program, (node, _, holds) => matchesEmpty(node, holds));
  const rankOfRule = rankRules(program, { isProductive, isNullable, liveStates });
  return { isProductive, isNullable, liveStates, rankOfRule };
}

type Holds = (node: number) => boolean;
type Judge = (node: GrammarNode, id: number, holds: Holds) => boolean;

/** The least set of nodes for which `judge` holds. Nodes mostly follow what they are made of, so few rounds do. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one loop
function fixpoint({ nodes, rules }: GrammarCode, judge: Judge): Uint8Array {
  const set = new Uint8Array(nodes.length);
  const holds = (id: number) => set[id] === 1;
  for (let hasChanged = true; hasChanged; ) {
    hasChanged = false;
    for (const [id, node] of nodes.entries()) {
      if (set[id] === 1) continue;
      const isSo =
        node.type === "rule" ? holds(rules[node.rule]?.node ?? -1) : judge(node, id, holds);
      if (!isSo) continue;
      set[id] = 1;
      hasChanged = true;
    }
  }
  // Graphs note their live states while they are judged; once more, now that all nodes are known.
  for (const [id, node] of nodes.entries()) if (node.type === "graph") judge(node, id, holds);
  return set;
}

function matchesSome(node: GrammarNode, holds: Holds, note: (states: Uint8Array) => void): boolean {
  switch (node.type) {
    case "bytes":
    case "literal":
      return true;
    case "sequence":
      return node.parts.every(holds);
    case "choice":
      return node.options.some(holds);
    case "repeat":
      return node.min === 0 || holds(node.body);
    case "graph": {
      const states = reachAccepting(node.edges, node.accepting, holds);
      note(states);
      return states[0] === 1;
    }
    case "rule":
      return false; // judged by its body
    default:
      return unreachable(node);
  }
}

function matchesEmpty(node: GrammarNode, holds: Holds): boolean {
  switch (node.type) {
    case "bytes":
    case "literal":
    case "rule":
      return false;
    case "sequence":
      return node.parts.every(holds);
    case "choice":
      return node.options.some(holds);
    case "repeat":
      return node.min === 0 || holds(node.body);
    case "graph":
      return reachAccepting(node.edges, node.accepting, holds)[0] === 1;
    default:
      return unreachable(node);
  }
}

function reachAccepting(
  edges: readonly (readonly number[])[],
  accepting: readonly boolean[],
  holds: Holds,
): Uint8Array {
  const sources: number[][] = edges.map(() => []);
  for (const [state, list] of edges.entries()) {
    for (let index = 0; index < list.length; index += 2) {
      if (holds(list[index] ?? -1)) sources[list[index + 1] ?? -1]?.push(state);
    }
  }
  const reached = new Uint8Array(edges.length);
  const open = accepting.flatMap((accepts, state) => (accepts ? [state] : []));
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (reached[state] === 1) continue;
    reached[state] = 1;
    open.push(...(sources[state] ?? []));
  }
  return reached;
}

function rankRules(program: GrammarCode, known: Omit<Analysis, "rankOfRule">): Int32Array {
  const numRules = program.rules.length;
  const callees = program.rules.map(({ node }) => firstCalls(program, known, node));
  const state = new Uint8Array(numRules); // 0 new, 1 on the path, 2 done
  const order: number[] = [];
  for (let start = 0; start < numRules; start++) {
    const path: { rule: number; next: number }[] =
      state[start] === 0 ? [{ rule: start, next: 0 }] : [];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      state[top.rule] = 1;
      const callee = callees[top.rule]?.[top.next++];
      if (callee === undefined) {
        state[top.rule] = 2;
        order.push(top.rule);
        path.pop();
      } else if (state[callee] === 1) throw leftRecursion(program, callee);
      else if (state[callee] === 0) path.push({ rule: callee, next: 0 });
    }
  }
  const rank = new Int32Array(numRules);
  for (const [index, rule] of order.entries()) rank[rule] = numRules - 1 - index;
  return rank;
}

function leftRecursion({ rules }: GrammarCode, rule: number): GrammarError {
  const name = rules[rule]?.name ?? "";
  return new GrammarError(
    "grammar_unsupported",
    name,
    "it begins with itself (left recursion); write the repetition with * or + instead",
  );
}

/** Rules that a text of `root` may begin with. */
// biome-ignore lint/complexity/noExcessiveCognitiveComplexity: one case a kind of node
function firstCalls(
  { nodes }: GrammarCode,
  { isProductive, isNullable, liveStates }: Omit<Analysis, "rankOfRule">,
  root: number,
): readonly number[] {
  const calls = new Set<number>();
  const seen = new Set<number>();
  const open = [root];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const node = nodes[id];
    if (node === undefined || seen.has(id) || isProductive[id] !== 1) continue;
    seen.add(id);
    if (node.type === "rule") calls.add(node.rule);
    else if (node.type === "choice") open.push(...node.options);
    else if (node.type === "repeat") open.push(node.body);
    else if (node.type === "sequence") {
      for (const part of node.parts) {
        open.push(part);
        if (isNullable[part] !== 1) break;
      }
    } else if (node.type === "graph")
      open.push(...firstEdges(node.edges, liveStates.get(id), isNullable));
  }
  return [...calls];
}

function firstEdges(
  edges: readonly (readonly number[])[],
  live: Uint8Array | undefined,
  isNullable: Uint8Array,
): readonly number[] {
  const found: number[] = [];
  const seen = new Set<number>();
  const open = [0];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    if (seen.has(state) || live?.[state] !== 1) continue;
    seen.add(state);
    const list = edges[state] ?? [];
    for (let index = 0; index < list.length; index += 2) {
      const [node = -1, target = -1] = list.slice(index, index + 2);
      if (live[target] !== 1) continue;
      found.push(node);
      if (isNullable[node] === 1) open.push(target);
    }
  }
  return found;
}
