// Request traces, line by line: Mooncake's (github.com/kvcache-ai/Mooncake, FAST25-release/traces) and Azure's
// (github.com/Azure/AzurePublicDataset, AzureLLMInferenceTrace_*.csv).
//
//   Mooncake  {"timestamp": ms, "input_length": n, "output_length": n, "hash_ids": [...]}   .jsonl
//   Azure     TIMESTAMP,ContextTokens,GeneratedTokens                                       .csv
//
// A hash id names a block of 512 tokens after all blocks before it. Azure's requests share nothing.

export const HASH_ID_TOKENS = 512;

export interface TraceRequest {
  /** Since the first request, in ms. */
  readonly arrivesAt: number;
  readonly numPromptTokens: number;
  readonly numOutputTokens: number;
  readonly hashIds: readonly number[];
}

/** In the order of their arrival. At most `limit` of them, the first ones of the file. */
export async function readTrace(file: string, limit: number): Promise<readonly TraceRequest[]> {
  if (!(await Bun.file(file).exists())) throw new TraceError(`${file}: no such file`);
  const lines = (await Bun.file(file).text()).split(/\r?\n/);
  const isCsv = /^\s*TIMESTAMP\s*,/i.test(lines[0] ?? "");
  const requests: TraceRequest[] = [];
  for (const [i, line] of lines.entries()) {
    if (requests.length === limit) break;
    if (line.trim() === "" || (isCsv && i === 0)) continue;
    const fault = (text: string) => new TraceError(`${file}:${i + 1}: ${text}`);
    requests.push(isCsv ? parseAzure(line, requests.length, fault) : parseMooncake(line, fault));
  }
  if (requests.length === 0) throw new TraceError(`${file}: no request in this file`);
  requests.sort((a, b) => a.arrivesAt - b.arrivesAt);
  const start = (requests[0] as TraceRequest).arrivesAt;
  return requests.map((request) => ({ ...request, arrivesAt: request.arrivesAt - start }));
}

/** The tokens of a prompt: a block's hash id, as often as the block is long. */
export function tokenIdsOf({ numPromptTokens, hashIds }: TraceRequest): Int32Array {
  const tokenIds = new Int32Array(numPromptTokens);
  for (const [i, hashId] of hashIds.entries()) {
    tokenIds.fill(hashId, i * HASH_ID_TOKENS, (i + 1) * HASH_ID_TOKENS);
  }
  return tokenIds;
}

type Fault = (text: string) => TraceError;

function parseMooncake(line: string, fault: Fault): TraceRequest {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (error) {
    throw fault(`not a line of JSON (${error instanceof Error ? error.message : error})`);
  }
  if (typeof value !== "object" || value === null) throw fault("a line is an object");
  const row = value as Readonly<Record<string, unknown>>;
  const number = (name: string, least: number) => {
    const field = row[name];
    if (typeof field !== "number" || !Number.isFinite(field) || field < least) {
      throw fault(
        `"${name}" is ${JSON.stringify(field)}; it has to be a number of at least ${least}`,
      );
    }
    return field;
  };
  const numPromptTokens = Math.round(number("input_length", 1));
  return {
    arrivesAt: number("timestamp", 0),
    numPromptTokens,
    numOutputTokens: Math.round(number("output_length", 0)),
    hashIds: parseHashIds(row["hash_ids"], Math.ceil(numPromptTokens / HASH_ID_TOKENS), fault),
  };
}

function parseHashIds(ids: unknown, numBlocks: number, fault: Fault): readonly number[] {
  const isId = (id: unknown) =>
    Number.isInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 31;
  if (!Array.isArray(ids) || !ids.every(isId)) {
    throw fault('"hash_ids" has to be a list of whole numbers from 0 to 2^31 - 1');
  }
  if (ids.length !== numBlocks) {
    throw fault(
      `${ids.length} hash_ids; a prompt of this input_length has ${numBlocks} blocks of 512`,
    );
  }
  return ids;
}

function parseAzure(line: string, index: number, fault: Fault): TraceRequest {
  const [time = "", context, generated, ...rest] = line.split(",").map((cell) => cell.trim());
  // "2023-11-16 18:15:46.6805900": seven digits of a second are more than Date.parse is sure to read.
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?/.exec(time);
  const arrivesAt =
    match === null
      ? Number.NaN
      : Date.parse(`${match[1]}T${match[2]}Z`) + 1000 * Number(match[3] ?? 0);
  const numPromptTokens = Number(context || Number.NaN);
  const numOutputTokens = Number(generated || Number.NaN);
  const isValid =
    rest.length === 0 &&
    Number.isFinite(arrivesAt) &&
    Number.isInteger(numPromptTokens) &&
    Number.isInteger(numOutputTokens) &&
    numPromptTokens >= 1 &&
    numOutputTokens >= 0;
  if (!isValid)
    throw fault(`${JSON.stringify(line)} is not TIMESTAMP,ContextTokens,GeneratedTokens`);
  // A first block of its own: no other request shares it, nor what is behind it.
  return { arrivesAt, numPromptTokens, numOutputTokens, hashIds: [index + 1] };
}

/** A trace that cannot be read, with the place. */
export class TraceError extends Error {
  override readonly name = "TraceError";
}
