// Suites too long for each `npm test` run by name: `npm test -- kills`. It is built first. The short suite runs
// the same tests with smaller numbers, and ends with this list.

export interface Suite {
  readonly name: string;
  /** Claim of it, and about how long it takes. */
  readonly what: string;
  readonly files: readonly string[];
  /** Native tests instead of files, by a pattern of ctest. */
  readonly native?: string;
  /** Programs without which the suite is skipped. */
  readonly needs?: readonly string[];
  /** Its size; what the caller's environment says of it goes first. */
  readonly env?: Readonly<Record<string, string>>;
  /** On a quiet machine. Past ten times of it the suite hangs. */
  readonly minutes: number;
}

export const SUITES: readonly Suite[] = [
  {
    name: "conformance",
    what: "answers, chunks and errors against OpenAI's document, in the folder DYNAMO_OPENAPI",
    files: ["test/conformance/openai.test.ts"],
    minutes: 1,
  },
  {
    name: "kills",
    what: "1,000 kills of dynamo pack, and of a server that caches: no corrupt start",
    files: ["test/e2e/pack.test.ts"],
    env: { DYNAMO_KILLS: "1000" },
    minutes: 20,
  },
  {
    name: "migration",
    what: "1,000 kills of workers under 64 streams at a time: each is what it is without",
    files: ["test/components/dispatch/migration.test.ts"],
    env: { DYNAMO_MIGRATION_KILLS: "1000" },
    minutes: 2,
  },
  {
    name: "state",
    what: "1,000 times kill -9 of a process that writes settings, for each durability: none lost",
    files: ["test/registry/sqlite-journal.test.ts"],
    env: { DYNAMO_STATE_KILLS: "1000" },
    minutes: 10,
  },
  {
    name: "soak",
    what: "an hour of mixed load in a control group that the model fills: no kill",
    files: ["test/e2e/memory-limit.test.ts"],
    env: { DYNAMO_SOAK_SECONDS: "3600" },
    minutes: 65,
  },
  {
    name: "fuzz",
    what: "20,000 mutated chats and 20,000 bodies over all routes: each is answered, none with a 5xx",
    files: ["test/e2e/fuzz.test.ts"],
    env: { FUZZ_REQUESTS: "20000" },
    minutes: 5,
  },
  {
    name: "agents",
    what: "Codex, Claude Code and Qwen Code, as npm has them, each mend a file on this server",
    files: ["./test/agents/drive.ts"],
    minutes: 3,
  },
  {
    name: "clients",
    what: "eight clients and frameworks, as npm has them: chats, streams, tools and thoughts on this server",
    files: ["./test/clients/drive.ts"],
    minutes: 3,
  },
  {
    name: "forms",
    what: "1,000 answers of the built-in model at temperature 1.5, over 50 schemas, 20 regexes and 10 grammars: all of their form",
    files: ["test/e2e/forms.test.ts"],
    env: { DYNAMO_FORMS: "1000" },
    minutes: 5,
  },
  {
    name: "fuzz-apis",
    what: "5,000 mutated bodies on each route that takes one: 2xx, or 4xx with a field's name",
    files: ["test/api/mutated-bodies.test.ts"],
    env: { FUZZ_REQUESTS: "5000" },
    minutes: 2,
  },
  {
    name: "mutants",
    what: "every fault that can be put into the CUDA kernels by machine: the tests notice 95 %",
    files: [],
    native: "mutant",
    needs: ["nvcc"],
    env: { DYNAMO_MUTANTS: "1" },
    minutes: 60,
  },
];
