// `dynamo pack`: a model to an image with packed weights, which is served alone.

import { resolve } from "node:path";

import { systemClock } from "../base/clock.ts";
import { createLogger } from "../base/log.ts";
import { Progress } from "../base/progress.ts";
import type { Command, CommandInput } from "./command.ts";
import { throwAll, UsageError } from "./usage-error.ts";

export const packCommand: Command = {
  meta: { name: "pack", description: "Make an image of a model, with packed weights" },
  synonyms: {},
  args: {
    model: {
      type: "positional",
      required: true,
      description: "A directory as on the Hugging Face hub, a GGUF file, or built-in",
    },
    out: { type: "positional", required: true, description: "A new directory" },
    quantization: {
      type: "string",
      alias: "q",
      valueHint: "q8|q4",
      description: "Makes float weights into 8 or 4 bits (default: they stay as stored)",
    },
    isa: {
      type: "string",
      valueHint: "ISA",
      description:
        "Instruction set of the machines that will serve it: avx512, avx2, neon-bf16, neon, neon-v8 or portable (default: the best of this machine)",
    },
    help: { type: "boolean", alias: "h", description: "Show this help" },
  },
  epilogue: `The image has all that it takes to serve the model, and starts without packing. It is for one instruction set.

EXAMPLES

  dynamo pack ./Qwen3-0.6B ./qwen3-q8 --quantization q8
  dynamo serve graphs.agg:Frontend --model ./qwen3-q8
`,
  run: pack,
};

async function pack({ positionals, flags, problems, context }: CommandInput): Promise<number> {
  throwAll(problems);
  const [model, out] = positionals;
  if (model === undefined || out === undefined) {
    throw new UsageError("which model, and where to? dynamo pack MODEL OUT");
  }
  const quantization = flags.get("quantization");
  if (quantization !== undefined && quantization !== "q8" && quantization !== "q4") {
    throw new UsageError(`--quantization is q8 or q4, not ${quantization}`);
  }
  const [{ packModel }, { publishNativeLibrary }] = await Promise.all([
    import("../components/worker/pack-model.ts"),
    import("../engine/native-library.ts"),
  ]);
  const log = createLogger("dynamo", "info", context.err);
  const progress = new Progress({ what: `packing ${model}`, log, clock: systemClock });
  try {
    const image = await packModel({
      // The one name that is no path.
      model: model === "built-in" ? model : resolve(context.workingDir, model),
      out: resolve(context.workingDir, out),
      quantization,
      isa: flags.get("isa"),
      library: publishNativeLibrary(),
      onProgress: (done, total) => progress.report(done, total),
    });
    const { path, isa, bytes } = image;
    context.out(`${path}: ${(bytes / 1e6).toFixed(0)} MB of weights, packed for ${isa}\n`);
    return 0;
  } finally {
    progress.end();
  }
}
