// The cells of the table: for each, some rounds in which ours and the peer take turns, each between two measurements
// of the memory's read rate.

import { median } from "../median.ts";
import { type BenchEngine, CONTEXT, type Peer } from "./bench-engine.ts";
import { attentionFlop, type BenchModel, kvBytes } from "./bench-model.ts";
import { type Peaks, readRate } from "./limits.ts";
import { BLOCK_SIZE, NUM_BLOCKS, openOurs } from "./our-engine.ts";

export interface CellOptions {
  readonly model: BenchModel;
  readonly threads: number;
  readonly peer: Peer | undefined;
  readonly peaks: Peaks;
  readonly rounds: number;
  readonly size: "quick" | "whole";
}

export interface Cell {
  readonly name: string;
  /** Tokens a second, medians of the rounds. */
  readonly ours: number;
  readonly peer: number | undefined;
  readonly ratio: number | undefined;
  /** GB/s of the readers, and which share of it our decoding reads. */
  readonly readRate: number;
  readonly shareOfRead: number;
  /** Which share of the peak of dot products ours reaches. */
  readonly shareOfPeak: number;
}

interface Work {
  readonly name: string;
  measure(engine: BenchEngine): Promise<number>;
  /** Bytes of one token. */
  readonly bytes: number;
  readonly flop: number;
}

export async function measureCells(options: CellOptions): Promise<readonly Cell[]> {
  const { model, threads } = options;
  const ours = await openOurs(model, threads);
  const peer = await options.peer?.open(model, threads);
  try {
    await ours.decode(1, 8); // touches all weights
    await ours.prefill(256); // teaches the pacer how fast it is
    if (options.size === "whole") await useAllBlocks(ours);
    const cells: Cell[] = [];
    for (const work of worksOf(model, options.size)) {
      cells.push(await measureCell(work, { ...options, ours, other: peer }));
    }
    return cells;
  } finally {
    await ours.close();
    await peer?.close();
  }
}

/** The first use of a block's memory takes longer than a step's attention; the peer clears its cache beforehand. */
async function useAllBlocks(ours: BenchEngine): Promise<void> {
  for (let left = NUM_BLOCKS * BLOCK_SIZE; left > 0; left -= 2048) await ours.prefill(2048);
}

function worksOf(model: BenchModel, size: CellOptions["size"]): readonly Work[] {
  const batches = size === "quick" ? [1, 8] : [1, 4, 8, 16, 32];
  const prompts = size === "quick" ? [512] : [512, 2048];
  return [
    ...batches.map((batch) => decodeWork(model, batch)),
    ...prompts.map((numTokens) => prefillWork(model, numTokens)),
  ];
}

function decodeWork(model: BenchModel, batch: number): Work {
  const numSteps = batch === 1 ? 64 : batch < 16 ? 32 : 16;
  const context = CONTEXT + numSteps / 2;
  return {
    name: `decode, B = ${batch}`,
    measure: (engine) => engine.decode(batch, numSteps),
    bytes: model.weightBytes / batch + kvBytes(model, context),
    flop: model.layerFlop + model.headFlop + attentionFlop(model, context),
  };
}

function prefillWork(model: BenchModel, numTokens: number): Work {
  return {
    name: `prefill ${numTokens}`,
    measure: (engine) => engine.prefill(numTokens),
    bytes: model.weightBytes / numTokens,
    flop: model.layerFlop + model.headFlop / numTokens + attentionFlop(model, numTokens / 2),
  };
}

async function measureCell(
  work: Work,
  options: CellOptions & { readonly ours: BenchEngine; readonly other: BenchEngine | undefined },
): Promise<Cell> {
  const { model, threads, peaks } = options;
  const rounds: { ours: number; peer: number; read: number }[] = [];
  for (let round = 0; round < options.rounds; round++) {
    const before = await readRate(threads);
    const ours = await work.measure(options.ours);
    const read = Math.max(before, await readRate(threads));
    const peer = options.other === undefined ? Number.NaN : await work.measure(options.other);
    rounds.push({ ours, peer, read });
    process.stderr.write(
      `${work.name}: ours ${ours.toFixed(1)}, peer ${peer.toFixed(1)}, readers ${read.toFixed(1)} GB/s\n`,
    );
  }
  const medianOf = (value: (round: (typeof rounds)[number]) => number) => median(rounds.map(value));
  const peak = 1e9 * (model.type === "BF16" ? peaks.bf16 : peaks.int8);
  const ours = medianOf((round) => round.ours);
  const hasPeer = options.other !== undefined;
  return {
    name: work.name,
    ours,
    peer: hasPeer ? medianOf((round) => round.peer) : undefined,
    ratio: hasPeer ? medianOf((round) => round.ours / round.peer) : undefined,
    readRate: medianOf((round) => round.read),
    shareOfRead: medianOf((round) => (round.ours * work.bytes) / (1e9 * round.read)),
    shareOfPeak: (ours * work.flop) / peak,
  };
}
