// An opcode taken apart: `ld.global.nc.v4.f32` is the root `ld` and its modifiers. A modifier that no
// instruction of the table takes is an error, never ignored.

export class UnknownInstructionError extends Error {
  constructor(opcode: string) {
    super(`no instruction ${opcode}`);
    this.name = "UnknownInstructionError";
  }
}

/** C++ types of PTX types; those of bits are unsigned. */
const C_TYPES: Readonly<Record<string, string>> = {
  b8: "uint8_t",
  u8: "uint8_t",
  s8: "int8_t",
  b16: "uint16_t",
  u16: "uint16_t",
  s16: "int16_t",
  b32: "uint32_t",
  u32: "uint32_t",
  s32: "int32_t",
  b64: "uint64_t",
  u64: "uint64_t",
  s64: "int64_t",
  f32: "float",
  f64: "double",
};

export class Opcode {
  readonly text: string;
  readonly root: string;
  readonly modifiers: readonly string[];

  constructor(text: string) {
    this.text = text;
    const [root = "", ...modifiers] = text.split(/\.|::/);
    this.root = root;
    this.modifiers = modifiers;
  }

  has(modifier: string): boolean {
    return this.modifiers.includes(modifier);
  }

  /** The last modifier, which is the type of nearly every instruction. */
  get type(): string {
    return this.modifiers.at(-1) ?? "";
  }

  /** The first modifier out of `choices`, if there is one. */
  one<T extends string>(choices: readonly T[]): T | undefined {
    return choices.find((choice) => this.modifiers.includes(choice));
  }

  /** Throws if there is a modifier beside `known` and the types. */
  only(...known: readonly string[]): void {
    const strange = this.modifiers.find((part) => !(part in C_TYPES) && !known.includes(part));
    if (strange !== undefined) throw this.unknown();
  }

  unknown(): UnknownInstructionError {
    return new UnknownInstructionError(this.text);
  }
}

export function cType(type: string): string {
  const name = C_TYPES[type];
  if (name === undefined) throw new UnknownInstructionError(`of type .${type}`);
  return name;
}

export function bitsOf(type: string): number {
  return Number(type.replace(/^[a-z]+/, ""));
}

export function isFloat(type: string): boolean {
  return type.startsWith("f");
}

/** The type of twice the width, for `mul.wide`. */
export function wider(type: string): string {
  return `${type[0]}${2 * bitsOf(type)}`;
}
