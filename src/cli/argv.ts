// Reads an argument list strictly against a command's definition: what is not known is a problem that
// names it, and reading goes on, so that a user sees every mistake at once. (citty's own parser lets unknown
// flags pass, and knows no `--Service.key value`.)

import { didYouMean } from "../base/nearest.ts";
import { looksLikeOverride, type Override, parseOverride } from "../serve/override.ts";
import type { Command, CommandInput } from "./command.ts";
import { UsageError } from "./usage-error.ts";

export type Argv = Pick<CommandInput, "flags" | "positionals" | "overrides">;

export interface ReadArgv extends Argv {
  /** Faults of the line, in its order. */
  readonly problems: readonly UsageError[];
}

/** `--Service.key=value` in any of its forms is an override; anything else must be defined in `args`. */
export function scanArgv(argv: readonly string[], command: Definition): ReadArgv {
  return new ArgvReader(argv, command).read();
}

/** @throws {UsageError} for the first thing that makes no sense */
export function readArgv(argv: readonly string[], command: Definition): Argv {
  const { problems, ...read } = scanArgv(argv, command);
  if (problems[0]) throw problems[0];
  return read;
}

type Definition = Pick<Command, "args" | "synonyms">;

interface FlagDef {
  readonly name: string;
  readonly takesValue: boolean;
}

class ArgvReader {
  readonly #argv: readonly string[];
  readonly #defined = new Map<string, FlagDef>();
  readonly #synonyms: Readonly<Record<string, string>>;
  readonly #maxPositionals: number;
  readonly #flags = new Map<string, string>();
  readonly #positionals: string[] = [];
  readonly #overrides: Override[] = [];
  readonly #problems: UsageError[] = [];
  #at = 0;
  #isBehindDashes = false;
  /** The argument before was a flag that is refused: this one may be its value. */
  #isAfterRefused = false;

  constructor(argv: readonly string[], { args, synonyms }: Definition) {
    this.#argv = argv;
    this.#synonyms = synonyms;
    const entries = Object.entries(args);
    this.#maxPositionals = entries.filter(([, { type }]) => type === "positional").length;
    for (const [name, { type, ...rest }] of entries) {
      if (type === "positional") continue;
      const aliases = "alias" in rest ? [rest.alias ?? []].flat() : [];
      for (const alias of [name, ...aliases]) {
        const spelling = alias.length === 1 ? `-${alias}` : `--${alias}`;
        this.#defined.set(spelling, { name, takesValue: type !== "boolean" });
      }
    }
  }

  read(): ReadArgv {
    while (this.#at < this.#argv.length) {
      try {
        this.#argument(this.#next());
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        this.#problems.push(error);
      }
    }
    return {
      flags: this.#flags,
      positionals: this.#positionals,
      overrides: this.#overrides,
      problems: this.#problems,
    };
  }

  #argument(argument: string): void {
    const isValue = this.#isAfterRefused && !argument.startsWith("-");
    this.#isAfterRefused = false;
    if (isValue) return;
    if (this.#isBehindDashes) this.#positional(argument);
    else if (argument === "--") this.#isBehindDashes = true;
    else if (looksLikeOverride(argument)) this.#override(argument);
    else if (argument.startsWith("-") && argument !== "-") this.#flag(argument);
    else this.#positional(argument);
  }

  #override(argument: string): void {
    const [name, text] = splitOnce(argument);
    const isWhole = parseOverride(name.slice("--".length), "") !== undefined;
    const value = text ?? (isWhole ? this.#overrideValue(argument) : "");
    const override = parseOverride(name.slice("--".length), value);
    if (!override) {
      throw new UsageError(`${argument}: a part of the name is empty; write --Service.key=value`);
    }
    this.#overrides.push(override);
  }

  /** `--S.k v` or `--S.k = v`. A negative number is a value; any other dash begins the next flag. */
  #overrideValue(argument: string): string {
    const hasEquals = this.#argv[this.#at] === "=";
    if (hasEquals) this.#at += 1;
    const value = this.#argv[this.#at];
    if (value === undefined || (!hasEquals && isFlagLike(value))) {
      throw new UsageError(`${argument} needs a value; write ${argument}=value`);
    }
    this.#at += 1;
    return value;
  }

  #flag(argument: string): void {
    const [spelling, text] = splitOnce(argument);
    const kebab = spelling.replaceAll("_", "-");
    const flag = this.#defined.get(this.#synonyms[kebab] ?? kebab);
    if (!flag) {
      this.#isAfterRefused = text === undefined;
      throw this.#unknown(spelling);
    }
    if (this.#flags.has(flag.name)) {
      this.#isAfterRefused = flag.takesValue && text === undefined;
      throw new UsageError(`--${flag.name} is given twice`);
    }
    if (!flag.takesValue) {
      if (text !== undefined) throw new UsageError(`${argument}: --${flag.name} takes no value`);
      this.#flags.set(flag.name, "");
      return;
    }
    const value = text ?? this.#argv[this.#at];
    if (text === undefined) this.#at += 1;
    if (value === undefined || value === "" || (text === undefined && isFlagLike(value))) {
      throw new UsageError(`${spelling} needs a value; write ${spelling}=value`);
    }
    this.#flags.set(flag.name, value);
  }

  #positional(argument: string): void {
    if (this.#positionals.length < this.#maxPositionals) {
      this.#positionals.push(argument);
      return;
    }
    const hint = argument.includes(".") ? "; a setting is written --Service.key=value" : "";
    throw new UsageError(`unexpected argument ${JSON.stringify(argument)}${hint}`);
  }

  #unknown(spelling: string): UsageError {
    const long = [...this.#defined.keys()].filter((name) => name.startsWith("--"));
    const isService = /^--[A-Z][A-Za-z]*$/.test(spelling);
    const hint = isService
      ? ` To set a key of a service, write ${spelling}.key=value.`
      : didYouMean(spelling, long);
    return new UsageError(`unknown flag ${spelling}.${hint}`);
  }

  #next(): string {
    const argument = this.#argv[this.#at] ?? "";
    this.#at += 1;
    return argument;
  }
}

function splitOnce(argument: string): readonly [string, string | undefined] {
  const at = argument.indexOf("=");
  return at < 0 ? [argument, undefined] : [argument.slice(0, at), argument.slice(at + 1)];
}

/** Begins with a dash and is no negative number. */
function isFlagLike(text: string): boolean {
  return text.startsWith("-") && !/^-(\d|\.\d|Infinity$|$)/.test(text);
}
