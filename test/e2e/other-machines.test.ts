// ./dynamo on machines that this one is not: an old glibc, older processors, 64-bit ARM. Each answers with the built-in
// model's greedy text, as a slow reference computes it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ReferenceLlama } from "../reference/llama.ts";
import { hangLimit } from "../time-limits.ts";
import { Tokenizer } from "../tokenizer/whole-tokenizer.ts";
import { executable, root, startServer } from "./server.ts";

const PROMPT = "How do I change the router?";
const NUM_TOKENS = 12;
const START_MS = hangLimit(120_000); // an emulated start takes ten seconds on a quiet machine

const armExecutable = join(root, "dynamo-linux-arm64");
const arm = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-cpu"];
const hasArm = Bun.which("qemu-aarch64") !== null && existsSync(armExecutable);
const hasX64 = Bun.which("qemu-x86_64") !== null && process.arch === "x64";
const folder = mkdtempSync(join(tmpdir(), "e2e-machines-"));
const oldRoot = join(folder, "root");
let promptIds: Int32Array;
let expected: string;

beforeAll(async () => {
  const model = join(root, "models/built-in");
  const tokenizer = await Tokenizer.load(model);
  promptIds = tokenizer.encode(PROMPT, { maxTokens: 512 });
  const outputIds = ReferenceLlama.load(model).greedy([...promptIds], NUM_TOKENS, []);
  const text = tokenizer.textStream({
    promptTokenIds: promptIds,
    stop: [],
    minTokens: 0,
    stopTokenIds: [],
  });
  expected = text.push(outputIds).text + text.finish();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function answersAsTheReference(command: readonly string[]): Promise<void> {
  const args = ["graphs.agg:Frontend", "-f", "configs/built-in.yaml"];
  const server = await startServer({ args, command, timeoutMs: START_MS });
  try {
    const request = { model: "dynamo", temperature: 0, max_tokens: NUM_TOKENS, ignore_eos: true };
    const { choices } = await server.complete({ ...request, prompt: [...promptIds] });
    expect(choices[0]?.text).toBe(expected);
  } finally {
    expect(await server.stop()).toBe(0);
  }
}

describe.skipIf(!hasArm)("64-bit ARM (needs qemu-user and dynamo-linux-arm64)", () => {
  for (const cpu of ["cortex-a53", "cortex-a72", "cortex-a76"]) {
    test(cpu, () => answersAsTheReference([...arm, cpu, armExecutable]), 2 * START_MS);
  }
});

describe.skipIf(!hasX64)("x86-64 without AVX (needs qemu-user)", () => {
  test(
    "Nehalem",
    () => answersAsTheReference(["qemu-x86_64", "-cpu", "Nehalem", executable]),
    2 * START_MS,
  );
});

describe.skipIf(!fetchOldLibc())(
  "glibc 2.31 (needs root, and Debian's archive for bullseye's libc6)",
  () => {
    test(
      "serves in a chroot that has nothing but it",
      async () => {
        cpSync(executable, join(oldRoot, "dynamo"));
        for (const name of ["proc", "dev", "tmp"]) mkdirSync(join(oldRoot, name));
        const enter = join(folder, "enter");
        // The mounts belong to a namespace, and go with it.
        writeFileSync(
          enter,
          `#!/bin/sh\nmount -t proc proc ${oldRoot}/proc && mount --bind /dev ${oldRoot}/dev && exec chroot ${oldRoot} /dynamo "$@"\n`,
        );
        chmodSync(enter, 0o755);
        await answersAsTheReference(["unshare", "--mount", enter]);
      },
      2 * START_MS,
    );
  },
);

/** Unpacks the libc6 of Debian 11 into `oldRoot`. False where that cannot be had. */
function fetchOldLibc(): boolean {
  if (process.getuid?.() !== 0 || process.arch !== "x64" || Bun.which("apt-get") === null)
    return false;
  const apt = join(folder, "apt");
  mkdirSync(join(apt, "lists/partial"), { recursive: true });
  const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
  const sites = Bun.spawnSync(["apt-get", "indextargets", "--format", "$(SITE)"]).stdout.toString();
  const mirror = sites.split("\n").find((site) => site.endsWith("/debian"));
  if (mirror === undefined) return false;
  writeFileSync(join(apt, "sources.list"), `deb [signed-by=${keys}] ${mirror} bullseye main\n`);
  const options = [
    ["-o", `Dir::Etc::sourcelist=${apt}/sources.list`, "-o", "Dir::Etc::sourceparts=-"],
    ["-o", `Dir::State::Lists=${apt}/lists`, "-o", "APT::Sandbox::User=root"],
  ].flat();
  const succeeds = (command: readonly string[]) =>
    Bun.spawnSync([...command], { cwd: apt, timeout: 60_000 }).exitCode === 0;
  return (
    succeeds(["apt-get", ...options, "update"]) &&
    succeeds(["apt-get", ...options, "download", "libc6/bullseye"]) &&
    succeeds(["sh", "-c", `dpkg -x libc6_*.deb ${oldRoot}`])
  );
}

const muslCompiler = Bun.which("musl-gcc");

test.skipIf(muslCompiler === null)(
  "musl takes glibc's name of the C library for its own, as src calls it (needs musl-gcc)",
  () => {
    const source = join(folder, "name.c");
    const program = join(folder, "name");
    writeFileSync(
      source,
      '#include <dlfcn.h>\nint main() { void* c = dlopen("libc.so.6", RTLD_NOW); return !c || !dlsym(c, "memfd_create"); }\n',
    );
    expect(Bun.spawnSync(["musl-gcc", source, "-o", program]).exitCode).toBe(0);
    expect(Bun.spawnSync([program]).exitCode).toBe(0);
  },
);
