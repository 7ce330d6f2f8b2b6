// PTX files, as nvcc wrote them, to C++ that the runner compiles: `bun translate.ts OUT.cc FILE.ptx ...`
//
// An instruction that the translator lacks ends the build with its file, line and text. Each module carries the
// hash of its PTX, by which the stand-in driver finds it for the fatbin that the engine loads.

import { basename } from "node:path";

import { type TranslatedKernel, translateKernel } from "./kernel.ts";
import { cName } from "./operands.ts";
import { PtxError, type PtxModule, parsePtx, type Variable } from "./ptx-module.ts";

export function translateModule(file: string, source: string): string {
  const module = parsePtx(file, source);
  const kernels = module.kernels.map((kernel) => translateKernel(module, kernel));
  const space = `module_${hashOf(source)}`;
  return [
    `// ${file}: PTX of ${module.kernels.length} kernels. Made by translate.ts.`,
    `namespace ptx::${space} {`,
    "namespace {",
    ...module.variables.flatMap(variableText),
    ...kernels.flatMap(kernelText),
    ...tableText(file, source, module, kernels),
    "}  // namespace",
    `}  // namespace ptx::${space}`,
    "",
  ].join("\n");
}

/** FNV-1a, 64 bits, of the text without comments and with single spaces, since fatbinary drops comments. */
export function hashOf(source: string): string {
  const text = source
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .replace(/\/\/[^\n]*/g, " ")
    .replace(/\s+/g, " ")
    .trim();
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text))
    hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return hash.toString(16).padStart(16, "0");
}

function variableText({ name, space, align, bytes, content }: Variable): readonly string[] {
  if (space === "shared") return [];
  const values = content.length > 0 ? content.join(", ") : "0";
  return [
    `alignas(${Math.max(align, 1)}) uint8_t ${cName(name)}[${Math.max(bytes, 1)}] = {${values}};`,
  ];
}

function kernelText({ kernel, code, sizes, mutations }: TranslatedKernel): readonly string[] {
  const name = cName(kernel.name);
  const used = (count: number, text: string) => (count > 0 ? [text] : []);
  return [
    // A list of calls: optimised, it would take five times as long to compile and run no faster.
    `[[gnu::optimize("O0")]] void run_${name}(Warp& w) {`,
    ...used(sizes.rows16, "  [[maybe_unused]] uint16_t* const r16 = w.rows16();"),
    ...used(sizes.rows32, "  [[maybe_unused]] uint32_t* const r32 = w.rows32();"),
    ...used(sizes.rows64, "  [[maybe_unused]] uint64_t* const r64 = w.rows64();"),
    ...used(sizes.predicates, "  [[maybe_unused]] Mask* const p = w.predicates();"),
    "  Mask m = 0;",
    ...code.map((line) => `  ${line}`),
    "}",
    `constexpr Parameter kParameters_${name}[] = {${[...kernel.parameters.map(({ offset, bytes }) => `{${offset}, ${bytes}}`), "{0, 0}"].join(", ")}};`,
    `constexpr Mutation kMutations_${name}[] = {${[...mutations.map(({ kind, line, opcode }) => `{"${kind}", ${line}, "${opcode}"}`), '{"", 0, ""}'].join(", ")}};`,
  ];
}

function tableText(
  file: string,
  source: string,
  { variables }: PtxModule,
  kernels: readonly TranslatedKernel[],
): readonly string[] {
  const rows = kernels.map(({ kernel, sizes, mutations }) => {
    const name = cName(kernel.name);
    const bytes = kernel.parameters.reduce(
      (end, { offset, bytes }) => Math.max(end, offset + bytes),
      0,
    );
    const registers = [sizes.rows16, sizes.rows32, sizes.rows64, sizes.predicates].join(", ");
    const lists = `kParameters_${name}, ${kernel.parameters.length}, kMutations_${name}, ${mutations.length}`;
    return `{"${kernel.name}", "${file}", run_${name}, {${registers}}, ${sizes.sharedBytes}, ${sizes.localBytes}, ${kernel.maxThreads}, ${bytes}, ${lists}},`;
  });
  const globals = variables.filter(({ space }) => space !== "shared");
  const places = globals.map(
    ({ name, bytes }) => `{"${name}", ${cName(name)}, ${Math.max(bytes, 1)}},`,
  );
  return [
    `constexpr Kernel kKernels[] = {${rows.join("\n  ")}};`,
    `const GlobalVariable kVariables[] = {${places.join("\n  ")} {"", nullptr, 0}};`,
    `const ModuleEntry kEntry(0x${hashOf(source)}ull, kKernels, std::size(kKernels), kVariables, ${globals.length});`,
  ];
}

async function main([out, ...files]: readonly string[]): Promise<number> {
  if (out === undefined || files.length === 0) {
    process.stderr.write("bun translate.ts OUT.cc FILE.ptx ...\n");
    return 2;
  }
  const head = '// Made by translate.ts.\n#include "runner/instructions.h"\n';
  try {
    const parts = await Promise.all(
      files.map(async (file) => translateModule(basename(file), await Bun.file(file).text())),
    );
    await Bun.write(out, [head, ...parts].join("\n"));
    return 0;
  } catch (error) {
    if (!(error instanceof PtxError)) throw error;
    process.stderr.write(`${error.message}\n`);
    return 1;
  }
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
