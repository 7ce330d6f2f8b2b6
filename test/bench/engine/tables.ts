// Tables of the engine's benchmark, which a document can take as they are.

import type { Cell } from "./cells.ts";
import type { Served } from "./served-table.ts";

export function cellsTable(cells: readonly Cell[]): string {
  return markdown(
    ["", "ours, tok/s", "peer", "ratio", "readers, GB/s", "of it", "of the peak"],
    cells.map((cell) => [
      cell.name,
      cell.ours.toFixed(1),
      cell.peer?.toFixed(1) ?? "",
      cell.ratio === undefined ? "" : `${cell.ratio.toFixed(2)}x`,
      cell.readRate.toFixed(1),
      percent(cell.shareOfRead),
      percent(cell.shareOfPeak),
    ]),
  );
}

export function servedTable(results: readonly Served[]): string {
  const pair = (values: readonly number[]) => values.map((value) => value.toFixed(0)).join(" / ");
  return markdown(
    ["server", "clients", "output tok/s", "TTFT p50 / p99, ms", "ITL p50 / p99, ms"].concat(
      "TTFT of 512, 496 cached, ms",
      "ready, ms",
    ),
    results.map((result) => [
      result.server,
      `${result.numClients}`,
      result.outputRate.toFixed(1),
      pair(result.ttftMs),
      pair(result.itlMs),
      result.cachedTtftMs.toFixed(0),
      result.readyMs.toFixed(0),
    ]),
  );
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Empty without rows. */
function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return "";
  const lines = [head, head.map(() => "---"), ...rows];
  return lines.map((line) => `| ${line.join(" | ")} |`).join("\n");
}
