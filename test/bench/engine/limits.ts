// The machine's limits, measured beside each run: on a shared machine they change within minutes.

import { join } from "node:path";

import { runCommand } from "./run-command.ts";

const program = join(import.meta.dir, "../../../native/build/limits_bench");

/** GB/s of the best of three readers. */
export async function readRate(threads: number): Promise<number> {
  const output = await runCommand([program, `${threads}`, "read"]);
  return (JSON.parse(output) as { read: number }).read;
}

export interface Peaks {
  /** Operations of dot products, in 10^9 a second; 0 without AVX-512. */
  readonly bf16: number;
  readonly int8: number;
}

export async function peaks(threads: number): Promise<Peaks> {
  return JSON.parse(await runCommand([program, `${threads}`])) as Peaks;
}
