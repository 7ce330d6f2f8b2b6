// Writes PTX with one kernel an instruction: `bun instructions.ts OUT.ptx`. Each takes {to, a, b, c}, arrays of one
// element a thread, and does `to = opcode(a, b, c)`; instruction_test.cc has what must come out. ptxas reads the file too,
// so that what is tested is PTX.

interface Row {
  readonly name: string;
  readonly opcode: string;
  /** Types of the result and of the inputs. */
  readonly to: string;
  readonly from: readonly string[];
  /** Constants behind the inputs. */
  readonly tail?: string;
}

const row = (opcode: string, to: string, from: readonly string[], tail?: string): Row => {
  const name = `${opcode}${tail ?? ""}`.replace(/[^a-z0-9]+/gi, "_").replace(/_$/, "");
  return { name, opcode, to, from, ...(tail !== undefined && { tail }) };
};
const same = (opcode: string, count: number): Row => {
  const type = opcode.split(".").at(-1) ?? "";
  return row(opcode, type, Array<string>(count).fill(type));
};

const INTEGERS = ["u32", "s32", "u64", "s64"];
const ROWS: readonly Row[] = [
  ...[...INTEGERS, "u16", "s16"].flatMap((type) => [
    same(`add.${type}`, 2),
    same(`sub.${type}`, 2),
    same(`mul.lo.${type}`, 2),
    same(`mul.hi.${type}`, 2),
    same(`div.${type}`, 2),
    same(`rem.${type}`, 2),
    same(`min.${type}`, 2),
    same(`max.${type}`, 2),
    same(`mad.lo.${type}`, 3),
    row(`shr.${type}`, type, [type, "u32"]),
  ]),
  ...["s16", "s32", "s64"].flatMap((type) => [same(`neg.${type}`, 1), same(`abs.${type}`, 1)]),
  ...["b16", "b32", "b64"].flatMap((type) => [
    same(`and.${type}`, 2),
    same(`or.${type}`, 2),
    same(`xor.${type}`, 2),
    same(`not.${type}`, 1),
    same(`cnot.${type}`, 1),
    row(`shl.${type}`, type, [type, "u32"]),
  ]),
  ...["b32", "b64"].flatMap((type) => [
    row(`popc.${type}`, "u32", [type]),
    row(`clz.${type}`, "u32", [type]),
    same(`brev.${type}`, 1),
    row(`bfi.${type}`, type, [type, type, "u32"], "7"),
  ]),
  ...INTEGERS.flatMap((type) => [
    row(`bfe.${type}`, type, [type, "u32", "u32"]),
    row(`bfind.${type}`, "u32", [type]),
  ]),
  row("mul.wide.u32", "u64", ["u32", "u32"]),
  row("mul.wide.s32", "s64", ["s32", "s32"]),
  row("mul.wide.u16", "u32", ["u16", "u16"]),
  row("mul.wide.s16", "s32", ["s16", "s16"]),
  row("mad.wide.u32", "u64", ["u32", "u32", "u64"]),
  row("mad.wide.s32", "s64", ["s32", "s32", "s64"]),
  row("mad.hi.s32", "s32", ["s32", "s32", "s32"]),
  row("prmt.b32", "b32", ["b32", "b32", "b32"]),
  row("lop3.b32", "b32", ["b32", "b32", "b32"], "0x96"),
  row("lop3.b32", "b32", ["b32", "b32", "b32"], "0xca"),
  ...["l.wrap", "l.clamp", "r.wrap", "r.clamp"].map((mode) =>
    row(`shf.${mode}.b32`, "b32", ["b32", "b32", "u32"]),
  ),
  same("sad.s32", 3),
  same("sad.u32", 3),
  row("dp4a.s32.s32", "s32", ["s32", "s32", "s32"]),
  row("dp4a.u32.u32", "u32", ["u32", "u32", "u32"]),
  ...["f32", "f64"].flatMap((type) => [
    same(`add.rn.${type}`, 2),
    same(`sub.rn.${type}`, 2),
    same(`mul.rn.${type}`, 2),
    same(`fma.rn.${type}`, 3),
    same(`div.rn.${type}`, 2),
    same(`min.${type}`, 2),
    same(`max.${type}`, 2),
    same(`neg.${type}`, 1),
    same(`abs.${type}`, 1),
    same(`sqrt.rn.${type}`, 1),
    same(`rcp.rn.${type}`, 1),
    same(`copysign.${type}`, 2),
  ]),
  same("add.rn.ftz.f32", 2),
  same("mul.rn.ftz.f32", 2),
  same("fma.rn.ftz.f32", 3),
  same("add.rn.sat.f32", 2),
  same("fma.rn.sat.f32", 3),
  same("min.NaN.f32", 2),
  same("max.NaN.f32", 2),
  same("ex2.approx.ftz.f32", 1),
  same("lg2.approx.ftz.f32", 1),
  same("rcp.approx.ftz.f32", 1),
  same("rsqrt.approx.ftz.f32", 1),
  same("sqrt.approx.ftz.f32", 1),
  same("sin.approx.ftz.f32", 1),
  same("cos.approx.ftz.f32", 1),
  same("tanh.approx.f32", 1),
  same("div.approx.f32", 2),
  same("div.full.f32", 2),
  row("cvt.rn.f32.s32", "f32", ["s32"]),
  row("cvt.rn.f32.u32", "f32", ["u32"]),
  row("cvt.rn.f32.u64", "f32", ["u64"]),
  row("cvt.rn.f64.s64", "f64", ["s64"]),
  row("cvt.rn.f64.u64", "f64", ["u64"]),
  row("cvt.rzi.s32.f32", "s32", ["f32"]),
  row("cvt.rni.s32.f32", "s32", ["f32"]),
  row("cvt.rmi.s32.f32", "s32", ["f32"]),
  row("cvt.rpi.s32.f32", "s32", ["f32"]),
  row("cvt.rzi.u32.f32", "u32", ["f32"]),
  row("cvt.rzi.u64.f32", "u64", ["f32"]),
  row("cvt.rzi.s64.f64", "s64", ["f64"]),
  row("cvt.rni.f32.f32", "f32", ["f32"]),
  row("cvt.rmi.f32.f32", "f32", ["f32"]),
  row("cvt.rzi.f32.f32", "f32", ["f32"]),
  row("cvt.sat.f32.f32", "f32", ["f32"]),
  row("cvt.f64.f32", "f64", ["f32"]),
  row("cvt.rn.f32.f64", "f32", ["f64"]),
  row("cvt.s64.s32", "s64", ["s32"]),
  row("cvt.u64.u32", "u64", ["u32"]),
  row("cvt.u32.u64", "u32", ["u64"]),
  row("cvt.s32.s16", "s32", ["s16"]),
  row("cvt.u32.u16", "u32", ["u16"]),
  row("cvt.s32.s8", "s32", ["s32"]),
  row("cvt.u32.u8", "u32", ["u32"]),
  row("cvt.sat.s8.s32", "s32", ["s32"]),
  row("cvt.sat.u8.s32", "u32", ["s32"]),
  row("cvt.rn.bf16.f32", "b16", ["f32"]),
  row("cvt.rz.bf16.f32", "b16", ["f32"]),
  row("cvt.rn.bf16x2.f32", "b32", ["f32", "f32"]),
  row("cvt.rn.relu.bf16x2.f32", "b32", ["f32", "f32"]),
  row("cvt.rn.f16.f32", "b16", ["f32"]),
  row("cvt.rn.f16x2.f32", "b32", ["f32", "f32"]),
  row("cvt.f32.f16", "f32", ["b16"]),
  ...[
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "equ",
    "neu",
    "ltu",
    "leu",
    "gtu",
    "geu",
    "num",
    "nan",
  ].map((relation) => row(`setp.${relation}.f32`, "pred", ["f32", "f32"])),
  ...["eq", "ne", "lt", "le", "gt", "ge"].flatMap((relation) => [
    row(`setp.${relation}.s32`, "pred", ["s32", "s32"]),
    row(`setp.${relation}.u64`, "pred", ["u64", "u64"]),
  ]),
  ...["lo", "ls", "hi", "hs"].map((relation) =>
    row(`setp.${relation}.u32`, "pred", ["u32", "u32"]),
  ),
];

const REGISTER: Readonly<Record<string, string>> = {
  u16: "b16",
  s16: "b16",
  b16: "b16",
  u32: "b32",
  s32: "b32",
  b32: "b32",
  u64: "b64",
  s64: "b64",
  b64: "b64",
  f32: "f32",
  f64: "f64",
};

const bytes = (type: string) => Number(type.replace(/^[a-z]+/, "")) / 8;

function kernel({ name, opcode, to, from, tail }: Row): string {
  const letters = ["a", "b", "c"].slice(0, from.length);
  const loads = from.flatMap((type, i) => [
    `  ld.param.u64 %p_${letters[i]}, [${name}_${i + 1}];`,
    `  mad.wide.u32 %p_${letters[i]}, %t, ${bytes(type)}, %p_${letters[i]};`,
    `  ld.global.${type} %${letters[i]}, [%p_${letters[i]}];`,
  ]);
  const inputs = [...letters.map((letter) => `%${letter}`), ...(tail === undefined ? [] : [tail])];
  const stored = to === "pred" ? "u32" : to;
  const compute =
    to === "pred"
      ? [`  ${opcode} %holds, ${inputs.join(", ")};`, "  selp.u32 %d, 1, 0, %holds;"]
      : [`  ${opcode} %d, ${inputs.join(", ")};`];
  return [
    `.visible .entry ${name}(${[0, 1, 2, 3].map((i) => `.param .u64 ${name}_${i}`).join(", ")})`,
    "{",
    "  .reg .pred %holds;",
    "  .reg .b32 %t;",
    "  .reg .b64 %p_d, %p_a, %p_b, %p_c;",
    `  .reg .${REGISTER[stored]} %d;`,
    ...from.map((type, i) => `  .reg .${REGISTER[type]} %${letters[i]};`),
    "  mov.u32 %t, %tid.x;",
    ...loads,
    ...compute,
    `  ld.param.u64 %p_d, [${name}_0];`,
    `  mad.wide.u32 %p_d, %t, ${bytes(stored)}, %p_d;`,
    `  st.global.${stored} [%p_d], %d;`,
    "  ret;",
    "}",
  ].join("\n");
}

const [out] = process.argv.slice(2);
if (out === undefined) throw new Error("bun instructions.ts OUT.ptx");
const head = [".version 8.0", ".target sm_80", ".address_size 64"].join("\n");
await Bun.write(out, `${[head, ...ROWS.map(kernel)].join("\n\n")}\n`);

export {};
