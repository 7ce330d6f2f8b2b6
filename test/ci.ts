// Everything that CI runs, here and on the server: `npm test`. It stops at the first step that fails,
// prints the time of each, and adds up the counts of all runners in its last line.
//
//   bun test/ci.ts [step ...]      only the steps whose names are given

import { availableParallelism } from "node:os";

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

interface Step {
  readonly name: string;
  /** Commands in order; each is an argument list, run in the root. */
  readonly commands: readonly (readonly string[])[];
  readonly timeoutMinutes: number;
  /** Programs without which the step is skipped. */
  readonly needs?: readonly string[];
}

const root = new URL("..", import.meta.url).pathname;
const bun = process.execPath;
const bin = (name: string) => `node_modules/.bin/${name}`;
const jobs = String(availableParallelism());
const emulatedTests = ["c_api_test", "gemm_test", "kernel_test", "schedule_test"];
const nativeFiles = [
  ...new Bun.Glob("native/{include,src,test,bench}/**/*.{h,c,cc}").scanSync(root),
];

const STEPS: readonly Step[] = [
  { name: "lint", commands: [[bin("biome"), "ci", "--error-on-warnings", "."]], timeoutMinutes: 2 },
  {
    name: "format",
    commands: [[bin("clang-format"), "--dry-run", "--Werror", ...nativeFiles]],
    timeoutMinutes: 2,
  },
  { name: "types", commands: [[bin("tsc"), "-p", "."]], timeoutMinutes: 3 },
  { name: "build", commands: [[bun, "scripts/build.ts", "--tests"]], timeoutMinutes: 10 },
  // Behind the build: it follows the import of the library.
  { name: "unused", commands: [[bin("knip")]], timeoutMinutes: 3 },
  {
    name: "native",
    commands: [
      ["cmake", "-S", "native", "-B", "native/build-sanitize", "-DDYNAMO_SANITIZE=ON"],
      ["cmake", "--build", "native/build-sanitize", "--parallel", jobs],
      ["ctest", "--test-dir", "native/build-sanitize", "--verbose"],
      ["native/build/schedule_test"], // all of its schedules; under the sanitizers there are few
    ],
    timeoutMinutes: 15,
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
    timeoutMinutes: 10,
  },
  {
    name: "musl",
    needs: ["musl-gcc"],
    commands: [
      [bun, "scripts/build.ts", "--target", "linux-x64-musl"],
      ["cmake", "--build", "native/build", "--target", "c_api_test_musl"],
      ["native/build/musl/c_api_test"],
    ],
    timeoutMinutes: 5,
  },
  {
    name: "unit",
    commands: [[bun, "test", "--timeout", "30000", "--path-ignore-patterns", "test/e2e/**"]],
    timeoutMinutes: 10,
  },
  { name: "e2e", commands: [[bun, "test", "--timeout", "120000", "test/e2e"]], timeoutMinutes: 15 },
];

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const wanted = process.argv.slice(2);
let broken: string | undefined;

for (const step of STEPS) {
  if (wanted.length > 0 && !wanted.includes(step.name)) continue;
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
console.log(`\n${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);

async function runStep(step: Step): Promise<boolean> {
  for (const command of step.commands) {
    const { status, output } = await run(command, step.timeoutMinutes * 60_000);
    const counts = countResults(output);
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
    if (status !== 0 || counts.failed > 0) return false;
  }
  return true;
}

/** Runs a command, showing its output as it comes and keeping it. Past its time it is killed. */
async function run(command: readonly string[], timeoutMs: number) {
  const child = Bun.spawn([...command], {
    cwd: root,
    stdio: ["ignore", "pipe", "pipe"],
    timeout: timeoutMs,
    killSignal: "SIGKILL",
    env: { ...process.env, DYNAMO_VERIFY: "1" },
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
