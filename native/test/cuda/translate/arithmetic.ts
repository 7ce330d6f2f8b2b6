// Arithmetic and logic, lane by lane. arithmetic.h has the functions.

import {
  arg,
  type Call,
  each,
  swappable,
  type Translate,
  typed,
  value,
  withModes,
} from "./call.ts";
import { isFloat, wider } from "./opcode.ts";

const FLOAT_MODES = ["rn", "ftz", "sat"] as const;
const APPROXIMATE = ["approx", "full", "rn", "ftz"] as const;

export const ARITHMETIC: Readonly<Record<string, Translate>> = {
  add: sameType("add"),
  sub: ordered("subtract"),
  mul: product,
  mad: multiplyAdd,
  fma: (call) => {
    call.op.only(...FLOAT_MODES);
    const { type } = call.op;
    const [a, b, c] = [value(call, 1, type), ...swappable(call, 2, 3, type)];
    return each(call, withModes(call.op, typed("fused", type)), [a, b ?? "", c ?? ""]);
  },
  div: (call) => {
    call.op.only(...APPROXIMATE);
    return each(
      call,
      withModes(call.op, typed("divide", call.op.type)),
      swappable(call, 1, 2, call.op.type),
    );
  },
  rem: ordered("remainder"),
  min: extreme("least"),
  max: extreme("greatest"),
  and: logic("&"),
  or: logic("|"),
  xor: logic("^"),
  not: (call) => {
    if (call.op.type === "pred")
      return setPredicate(call, `~${call.operands.condition(arg(call, 1))}`);
    return unary("complement")(call);
  },
  cnot: unary("is_zero"),
  neg: unary("negate"),
  abs: unary("absolute"),
  copysign: sameType("copy_sign"),
  ex2: approximate("exp2_of"),
  lg2: approximate("log2_of"),
  rcp: approximate("reciprocal"),
  rsqrt: approximate("reciprocal_root"),
  sqrt: approximate("root"),
  sin: approximate("sine"),
  cos: approximate("cosine"),
  tanh: approximate("hyperbolic_tangent"),
  popc: unary("count_ones"),
  clz: unary("count_leading_zeros"),
  brev: unary("reverse_bits"),
  bfind: (call) => {
    call.op.only("shiftamt");
    const fn = call.op.has("shiftamt") ? "leading_distance" : "leading_position";
    return each(call, typed(fn, call.op.type), [value(call, 1, call.op.type)]);
  },
  shl: shift("shift_left"),
  shr: shift("shift_right"),
  shf: funnel,
  bfe: (call) => {
    call.op.only();
    const inputs = [value(call, 1, call.op.type), value(call, 2, "u32"), value(call, 3, "u32")];
    return each(call, typed("extract_bits", call.op.type), inputs);
  },
  bfi: (call) => {
    call.op.only();
    const bits = [value(call, 1, call.op.type), value(call, 2, call.op.type)];
    const place = [value(call, 3, "u32"), value(call, 4, "u32")];
    return each(call, typed("insert_bits", call.op.type), [...bits, ...place]);
  },
  prmt: (call) => {
    call.op.only();
    return each(
      call,
      "permute_bytes",
      [1, 2, 3].map((i) => value(call, i, "b32")),
    );
  },
  lop3: (call) => {
    call.op.only();
    return each(
      call,
      "logic_of_three",
      [1, 2, 3, 4].map((i) => value(call, i, "b32")),
    );
  },
  sad: (call) => {
    call.op.only();
    const inputs = [1, 2, 3].map((i) => value(call, i, call.op.type));
    return each(call, typed("add_difference", call.op.type), inputs);
  },
  dp4a: (call) => {
    const [a, b] = call.op.modifiers;
    if (call.op.modifiers.length !== 2 || a !== b) throw call.op.unknown();
    const fn = a === "s32" ? "dot_of_bytes<int8_t, int32_t>" : "dot_of_bytes<uint8_t, uint32_t>";
    return each(
      call,
      fn,
      [1, 2, 3].map((i) => value(call, i, "b32")),
    );
  },
  selp: (call) => {
    call.op.only();
    const condition = `Predicate{${call.operands.condition(arg(call, 3))}}`;
    const [a, b] = swappable(call, 1, 2, call.op.type);
    return each(call, typed("choose", call.op.type), [a ?? "", b ?? "", condition]);
  },
  setp: compare,
};

function sameType(fn: string): Translate {
  return (call) => {
    call.op.only(...FLOAT_MODES);
    const { type } = call.op;
    return each(call, withModes(call.op, typed(fn, type)), [
      value(call, 1, type),
      value(call, 2, type),
    ]);
  };
}

function ordered(fn: string): Translate {
  return (call) => {
    call.op.only(...FLOAT_MODES);
    const inputs = swappable(call, 1, 2, call.op.type);
    return each(call, withModes(call.op, typed(fn, call.op.type)), inputs);
  };
}

function unary(fn: string): Translate {
  return (call) => {
    call.op.only("ftz");
    return each(call, withModes(call.op, typed(fn, call.op.type)), [value(call, 1, call.op.type)]);
  };
}

function approximate(fn: string): Translate {
  return (call) => {
    call.op.only("approx", "rn", "ftz");
    return each(call, withModes(call.op, typed(fn, call.op.type)), [value(call, 1, call.op.type)]);
  };
}

function extreme(fn: string): Translate {
  return (call) => {
    call.op.only("ftz", "NaN");
    const { type } = call.op;
    const name = call.op.has("NaN") ? `${fn}_or_nan` : fn;
    return each(call, withModes(call.op, typed(name, type)), [
      value(call, 1, type),
      value(call, 2, type),
    ]);
  };
}

function shift(fn: string): Translate {
  return (call) => {
    call.op.only();
    const inputs = [value(call, 1, call.op.type), value(call, 2, "u32")];
    return each(call, typed(fn, call.op.type), inputs);
  };
}

function product(call: Call): string {
  const { op } = call;
  const inputs = [value(call, 1, op.type), value(call, 2, op.type)];
  if (isFloat(op.type)) {
    op.only(...FLOAT_MODES);
    return each(call, withModes(op, typed("multiply", op.type)), inputs);
  }
  op.only("lo", "hi", "wide");
  const fn = op.has("wide") ? "multiply_wide" : op.has("hi") ? "multiply_high" : "multiply";
  return each(call, typed(fn, op.type), inputs);
}

function multiplyAdd(call: Call): string {
  const { op } = call;
  if (isFloat(op.type)) throw op.unknown();
  op.only("lo", "hi", "wide");
  const sum = value(call, 3, op.has("wide") ? wider(op.type) : op.type);
  const inputs = [value(call, 1, op.type), value(call, 2, op.type), sum];
  const fn = op.has("wide")
    ? "multiply_wide_add"
    : op.has("hi")
      ? "multiply_high_add"
      : "multiply_add";
  return each(call, typed(fn, op.type), inputs);
}

function logic(sign: "&" | "|" | "^"): Translate {
  return (call) => {
    const { op, operands } = call;
    if (op.type === "pred") {
      const [a, b] = [operands.condition(arg(call, 1)), operands.condition(arg(call, 2))];
      return setPredicate(call, `${a} ${sign} ${b}`);
    }
    op.only();
    const fn = { "&": "bits_and", "|": "bits_or", "^": "bits_xor" }[sign];
    return each(call, typed(fn, op.type), [value(call, 1, op.type), value(call, 2, op.type)]);
  };
}

function funnel(call: Call): string {
  call.op.only("l", "r", "wrap", "clamp");
  const side = call.op.has("l") ? "left" : "right";
  const mode = call.op.has("wrap") ? "kWrap" : "kClamp";
  const inputs = [1, 2, 3].map((i) => value(call, i, "b32"));
  return each(call, `funnel_${side}<${mode}>`, inputs);
}

const RELATIONS: Readonly<Record<string, string>> = {
  eq: "equal",
  ne: "not_equal",
  lt: "less",
  le: "less_or_equal",
  gt: "greater",
  ge: "greater_or_equal",
  lo: "less",
  ls: "less_or_equal",
  hi: "greater",
  hs: "greater_or_equal",
  equ: "equal_or_nan",
  neu: "not_equal_or_nan",
  ltu: "less_or_nan",
  leu: "less_or_equal_or_nan",
  gtu: "greater_or_nan",
  geu: "greater_or_equal_or_nan",
  num: "are_numbers",
  nan: "has_nan",
};

function relationOf(name: string, { op }: Call): string {
  const relation = RELATIONS[name];
  if (relation === undefined) throw op.unknown();
  return typed(relation, op.type);
}

/** setp.CMP{.BOOL}.TYPE p{|q}, a, b{, {!}c} */
function compare(call: Call): string {
  const { op, operands, mask } = call;
  const [relation = "", ...rest] = op.modifiers.filter((part) => part !== "ftz");
  const boolean = rest.length === 2 ? rest[0] : undefined;
  if (rest.length > 2) throw op.unknown();
  const isSymmetric = /^(eq|ne|equ|neu|num|nan)$/.test(relation);
  const plain = [value(call, 1, op.type), value(call, 2, op.type)];
  const [a, b] = isSymmetric ? plain : swappable(call, 1, 2, op.type);
  const fn = op.has("ftz")
    ? `Flush<${relationOf(relation, call)}>::run`
    : relationOf(relation, call);
  const holds = `test<${fn}>(${a}, ${b})`;
  const [to = "", other] = arg(call, 0).split("|");
  const combine = (text: string) => {
    if (boolean === undefined) return text;
    const sign = { and: "&", or: "|", xor: "^" }[boolean];
    if (sign === undefined) throw op.unknown();
    return `(${text}) ${sign} ${operands.condition(arg(call, 3))}`;
  };
  const puts = [`put(${operands.predicate(to)}, ${mask}, ${combine("holds")});`];
  if (other !== undefined) puts.push(`put(${operands.predicate(other)}, ${mask}, not_held);`);
  // Both results are made from the third operand as it was before either is written.
  const opposite = other === undefined ? "" : `const Mask not_held = ${combine("~holds")}; `;
  return `{ const Mask holds = ${holds}; ${opposite}${puts.join(" ")} }`;
}

export function setPredicate(call: Call, mask: string): string {
  return `put(${call.operands.predicate(arg(call, 0))}, ${call.mask}, ${mask});`;
}
