// Everything that CI runs, here and on the server: `npm test`. It stops at the first step that fails,
// prints the time of each, and adds up the counts of all runners in its last line.
//
//   npm test -- [name ...]      only the steps, and the long suites of suites.ts, whose names are given
//
// Limits of time are for hangs: ten times what a step takes on a quiet machine, and as much more as this one is slower or
// busier, which is measured first.

import { availableParallelism } from "node:os";

import { slowness } from "./calibrate.ts";
import { SUITES, type Suite } from "./suites.ts";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Step {
  readonly name: string;
  /** Commands in order; each is an argument list, run in the root. */
  readonly commands: readonly (readonly string[])[];
  /** On a quiet machine. */
  readonly minutes: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Programs without which the step is skipped. */
  readonly needs?: readonly string[];
}

const root = new URL("..", import.meta.url).pathname;
const bun = process.execPath;
const bin = (name: string) => `node_modules/.bin/${name}`;
const jobs = String(availableParallelism());
const factor = slowness();
/** Time for one test; bun's own limit is 5 s. */
const testLimit = ["--timeout", String(Math.ceil(120_000 * factor))];
const emulatedTests = ["c_api_test", "gemm_test", "kernel_test", "schedule_test"];
const nativeFiles = [
  ...new Bun.Glob("native/{include,src,test,bench}/**/*.{h,c,cc}").scanSync(root),
];

const STEPS: readonly Step[] = [
  { name: "lint", commands: [[bin("biome"), "ci", "--error-on-warnings", "."]], minutes: 0.5 },
  {
    name: "format",
    commands: [[bin("clang-format"), "--dry-run", "--Werror", ...nativeFiles]],
    minutes: 0.5,
  },
  { name: "types", commands: [[bin("tsc"), "-p", "."]], minutes: 0.5 },
  { name: "build", commands: [[bun, "scripts/build.ts", "--tests"]], minutes: 3 },
  // Behind the build: it follows the import of the library.
  { name: "unused", commands: [[bin("knip")]], minutes: 0.5 },
  {
    name: "native",
    commands: [
      ["cmake", "-S", "native", "-B", "native/build-sanitize", "-DDYNAMO_SANITIZE=ON"],
      ["cmake", "--build", "native/build-sanitize", "--parallel", jobs],
      ["ctest", "--test-dir", "native/build-sanitize", "--verbose"],
      ["native/build/schedule_test"], // all of its schedules; under the sanitizers there are few
    ],
    minutes: 5,
  },
  {
    name: "cuda", // the kernels' PTX on an emulator, behind a stand-in for the driver; "build" has made them
    needs: ["nvcc"],
    commands: [["ctest", "--test-dir", "native/build", "--verbose", "-R", "^(cuda|prover)_"]],
    minutes: 2,
  },
  {
    name: "aarch64", // cross-compiled; some of the tests, fewer shapes, in an emulator
    needs: ["aarch64-linux-gnu-gcc", "aarch64-linux-gnu-g++", "qemu-aarch64"],
    commands: [
      ["cmake", "-S", "native", "-B", "native/build-aarch64", "--toolchain", "aarch64.cmake"],
      [
        "cmake",
        "--build",
        "native/build-aarch64",
        "--parallel",
        jobs,
        "--target",
        ...emulatedTests,
      ],
      ["ctest", "--test-dir", "native/build-aarch64", "--verbose", "-R", emulatedTests.join("|")],
      [bun, "scripts/build.ts", "--target", "linux-arm64"],
    ],
    minutes: 4,
  },
  {
    name: "musl",
    needs: ["musl-gcc"],
    commands: [
      [bun, "scripts/build.ts", "--target", "linux-x64-musl"],
      ["cmake", "--build", "native/build", "--target", "c_api_test_musl"],
      ["native/build/musl/c_api_test"],
    ],
    minutes: 1,
  },
  {
    name: "unit",
    commands: [[bun, "test", ...testLimit, "--path-ignore-patterns", "test/e2e/**"]],
    minutes: 4,
  },
  { name: "e2e", commands: [[bun, "test", ...testLimit, "test/e2e"]], minutes: 6 },
];

/** Built first, as every suite runs the executable or the library. */
function stepOf({ name, files, native, needs, env, minutes }: Suite): Step {
  const isNative = native !== undefined;
  const build = [bun, "scripts/build.ts", ...(isNative ? ["--native-only", "--tests"] : [])];
  const tests = isNative
    ? ["ctest", "--test-dir", "native/build", "--verbose", "-R", native]
    : [bun, "test", ...testLimit, ...files];
  return {
    name,
    commands: [build, tests],
    ...(needs && { needs }),
    minutes: minutes + 3,
    ...(env && { env: { ...env, ...process.env } as Record<string, string> }),
  };
}

/** A step hangs that takes so many times what it does on a quiet machine. */
const HANG = 10;

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const wanted = process.argv.slice(2);
const all = [...STEPS, ...SUITES.map(stepOf)];
const unknown = wanted.find((name) => !all.some((step) => step.name === name));
if (unknown !== undefined) {
  console.error(`There is no ${unknown}; there are: ${all.map(({ name }) => name).join(", ")}.`);
  process.exit(2);
}
let broken: string | undefined;
if (factor > 1)
  console.log(
    `this machine is slow or busy: limits of time are ${factor.toFixed(1)} times as long`,
  );

for (const step of wanted.length > 0 ? all.filter(({ name }) => wanted.includes(name)) : STEPS) {
  const begun = performance.now();
  console.log(`\n== ${step.name}`);
  const missing = step.needs?.find((program) => Bun.which(program) === null);
  if (missing !== undefined) {
    total.skipped += 1;
    console.log(`== ${step.name}: skipped, there is no ${missing}`);
    continue;
  }
  const succeeded = await runStep(step);
  console.log(`== ${step.name}: ${succeeded ? "ok" : "FAILED"}, ${seconds(begun)} s`);
  if (!succeeded) {
    broken = step.name;
    break;
  }
}

if (broken !== undefined && total.failed === 0) total.failed = 1;
if (broken !== undefined) process.exitCode = 1;
if (wanted.length === 0) console.log(`\n${namesOfLongSuites()}`);
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

async function runStep(step: Step): Promise<boolean> {
  for (const command of step.commands) {
    const { status, output } = await run(command, step);
    const counts = countResults(output);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    if (status !== 0 || counts.failed > 0) return false;
  }
  return true;
}

function namesOfLongSuites(): string {
  const rows = SUITES.map(
    ({ name, what, minutes }) => `  npm test -- ${name.padEnd(12)} ${what} (about ${minutes} min)`,
  );
  return ["not run here, for they take long:", ...rows].join("\n");
}

/** Runs a command, showing its output as it comes and keeping it. One that hangs is killed. */
async function run(command: readonly string[], { minutes, env }: Step) {
  const child = Bun.spawn([...command], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: Math.ceil(HANG * minutes * 60_000 * factor),
    killSignal: "SIGKILL",
    env: { ...process.env, ...env, DYNAMO_VERIFY: "1", DYNAMO_TEST_SLOWNESS: String(factor) },
  });
  const [out, err] = await Promise.all([
    tee(child.stdout, (text) => process.stdout.write(text)),
    tee(child.stderr, (text) => process.stderr.write(text)),
  ]);
  const status = await child.exited;
  if (child.signalCode !== null) console.log(`killed: ${command.join(" ")}`);
  return { status, output: `${out}\n${err}` };
}

async function tee(stream: ReadableStream<Uint8Array>, write: (text: string) => void) {
  const decoder = new TextDecoder();
  let kept = "";
  for await (const bytes of stream) {
    const text = decoder.decode(bytes, { stream: true });
    write(text);
    kept += text;
  }
  return kept;
}

/** Adds up the closing lines of `bun test` (` 12 pass`) and of our native tests (`12 passed, 0 failed`). */
function countResults(output: string): Counts {
  const sum = (pattern: RegExp) =>
    [...output.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
  return {
    passed: sum(/^ (\d+) pass$/gm) + sum(/(\d+) passed, \d+ failed/g),
    failed: sum(/^ (\d+) fail$/gm) + sum(/\d+ passed, (\d+) failed/g),
    skipped: sum(/^ (\d+) skip$/gm) + sum(/\d+ failed, (\d+) skipped/g),
  };
}

function seconds(begun: number): string {
  return ((performance.now() - begun) / 1000).toFixed(1);
}
