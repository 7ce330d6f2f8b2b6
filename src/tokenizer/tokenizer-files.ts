// The files of a model directory that say how text becomes tokens, read and joined as transformers
// joins them.

import { join } from "node:path";

import { JsonObject, readJsonObject, readTextFile } from "../model/json-object.ts";
import { ModelError, ModelNotFoundError } from "../model/model-files.ts";
import { listFiles } from "../model/model-path.ts";
import { LIST, OBJECT, SWITCH, TEXT, whole } from "../model/value-schemas.ts";

export interface TokenizerFiles {
  /** tokenizer.json, or what it would be. */
  readonly tokenizer: JsonObject;
  /** tokenizer_config.json; empty where there is none. */
  readonly config: JsonObject;
  /** Tokens beside the vocabulary, from both files, by id. */
  readonly addedTokens: ReadonlyMap<number, AddedToken>;
  readonly vocabulary: VocabularySize;
  readonly bosToken: string | undefined;
  readonly eosToken: string | undefined;
  /** True if the `bosToken` opens a text though tokenizer.json does not say so. */
  readonly addBosToken: boolean;
  readonly chatTemplate: ChatTemplateSource | undefined;
  /** Guesses that had to be made, for the log. */
  readonly warnings: readonly string[];
}

export interface VocabularySize {
  /** One more than the highest token id, added tokens included. */
  readonly numIds: number;
  /** The longest spelling of a token in UTF-8. No token stands for more bytes of text than that. */
  readonly maxTokenBytes: number;
}

export interface AddedToken {
  readonly id: number;
  readonly content: string;
  /** Special tokens steer the model and are never part of a text. */
  readonly special: boolean;
  /** All its keys, as the file has them. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface ChatTemplateSource {
  readonly place: string;
  readonly text: string;
  /** Another one, for conversations with tools. */
  readonly toolUse?: string | undefined;
}

const TOKEN_ID = { min: 0, max: 2 ** 24 };

export async function readTokenizerDirectory(directory: string): Promise<TokenizerFiles> {
  const tokenizer = await readJsonObject(join(directory, "tokenizer.json"));
  if (tokenizer === undefined) throw await noTokenizer(directory);
  const configPath = join(directory, "tokenizer_config.json");
  const config = (await readJsonObject(configPath)) ?? new JsonObject(configPath, {});
  const tokensMap = await readJsonObject(join(directory, "special_tokens_map.json"));
  const addedTokens = joinAddedTokens(tokenizer, config);
  return {
    tokenizer,
    config,
    addedTokens,
    vocabulary: measureVocabulary(tokenizer, addedTokens),
    bosToken: tokenText(config, "bos_token") ?? tokenText(tokensMap, "bos_token"),
    eosToken: tokenText(config, "eos_token") ?? tokenText(tokensMap, "eos_token"),
    addBosToken: config.read("add_bos_token", SWITCH) ?? false,
    chatTemplate: await readChatTemplate(directory, config),
    warnings: [],
  };
}

/** Checks each entry: ids index arrays later, and one of 4 billion would make one of that length. */
export function measureVocabulary(
  tokenizer: JsonObject,
  addedTokens: ReadonlyMap<number, AddedToken>,
): VocabularySize {
  let numIds = 0;
  let maxTokenBytes = 1;
  const add = (token: string, id: number) => {
    numIds = Math.max(numIds, id + 1);
    maxTokenBytes = Math.max(maxTokenBytes, Buffer.byteLength(token));
  };
  for (const [token, id] of vocabularyEntries(tokenizer)) add(token, id);
  for (const { content, id } of addedTokens.values()) add(content, id);
  return { numIds, maxTokenBytes };
}

/** The vocabulary's spelling of each id; added tokens have theirs in `addedTokens`. */
export function spellingsOf(tokenizer: JsonObject): readonly (string | undefined)[] {
  const spellings: (string | undefined)[] = [];
  for (const [token, id] of vocabularyEntries(tokenizer)) spellings[id] = token;
  return spellings;
}

/** Texts that steer the model, `endIds` that end its answer among them: no client may write them into a message. */
export function specialTexts(
  { addedTokens, config, bosToken, eosToken }: TokenizerFiles,
  endIds: readonly number[] = [],
): readonly string[] {
  const named = [bosToken, eosToken, ...(config.read("additional_special_tokens", LIST) ?? [])];
  const added = [...addedTokens.values()].filter(
    ({ id, special }) => special || endIds.includes(id),
  );
  const texts = new Set<unknown>([...added.map(({ content }) => content), ...named]);
  return [...texts].filter((text): text is string => typeof text === "string" && text !== "");
}

function vocabularyEntries(tokenizer: JsonObject): readonly (readonly [string, number])[] {
  const model = tokenizer.object("model");
  if (model === undefined) throw tokenizer.missing("model");
  const type = model.read("type", TEXT) ?? "BPE"; // older files do not say
  if (type === "BPE") return bpeEntries(model);
  if (type === "Unigram") return unigramEntries(model);
  throw new ModelError(`${model.place}: type ${type} is not supported; supported: BPE, Unigram`);
}

function bpeEntries(model: JsonObject): readonly (readonly [string, number])[] {
  const vocabulary = model.require("vocab", OBJECT);
  const named = new JsonObject(`${model.place}: vocab`, vocabulary);
  const schema = whole(TOKEN_ID);
  // 150,000 tokens: the schema is asked for what is wrong only.
  return Object.entries(vocabulary).map(([token, id]) => [
    token,
    isTokenId(id) ? id : named.require(token, schema),
  ]);
}

function isTokenId(id: unknown): id is number {
  return Number.isInteger(id) && Number(id) >= TOKEN_ID.min && Number(id) <= TOKEN_ID.max;
}

function unigramEntries(model: JsonObject): readonly (readonly [string, number])[] {
  const vocabulary = model.require("vocab", LIST);
  return vocabulary.map((entry, id) => {
    const token: unknown = Array.isArray(entry) ? entry[0] : undefined;
    if (typeof token === "string") return [token, id];
    throw new ModelError(`${model.place}: vocab[${id}] is no token`);
  });
}

/** tokenizer_config.json's `added_tokens_decoder` adds to, and overrides, tokenizer.json's list. */
function joinAddedTokens(
  tokenizer: JsonObject,
  config: JsonObject,
): ReadonlyMap<number, AddedToken> {
  const tokens = new Map<number, AddedToken>();
  for (const json of tokenizer.objects("added_tokens") ?? []) {
    const id = json.require("id", whole(TOKEN_ID));
    tokens.set(id, parseAddedToken(json, id));
  }
  const decoder = config.object("added_tokens_decoder");
  for (const key of decoder?.keys() ?? []) {
    const json = decoder?.object(key);
    const id = Number(key);
    if (json === undefined || !isTokenId(id)) {
      throw new ModelError(`${decoder?.place}: ${key} is no token id with an object`);
    }
    tokens.set(id, parseAddedToken(json, id));
  }
  return tokens;
}

function parseAddedToken(json: JsonObject, id: number): AddedToken {
  const content = json.require("content", TEXT);
  const fields = Object.fromEntries(json.keys().map((key) => [key, json.get(key)]));
  return { id, content, special: json.read("special", SWITCH) ?? false, fields: { ...fields, id } };
}

/** A special token stands as a string or as an object with its `content`. */
function tokenText(json: JsonObject | undefined, key: string): string | undefined {
  const value = json?.get(key);
  return typeof value === "string" ? value : json?.object(key)?.read("content", TEXT);
}

/** chat_template.jinja, else tokenizer_config.json's `chat_template`: a text, or a list of named ones. */
async function readChatTemplate(
  directory: string,
  config: JsonObject,
): Promise<ChatTemplateSource | undefined> {
  const path = join(directory, "chat_template.jinja");
  const file = await readTextFile(path);
  if (file !== undefined) return { place: path, text: file };

  const place = `${config.place}: chat_template`;
  const value = config.get("chat_template");
  if (value === undefined) return undefined;
  if (typeof value === "string") return { place, text: value };
  const named = config.objects("chat_template") ?? [];
  const textOf = (name: string) =>
    named.find((json) => json.read("name", TEXT) === name)?.read("template", TEXT);
  const text = textOf("default");
  if (text !== undefined) return { place, text, toolUse: textOf("tool_use") };
  throw new ModelError(`${place} has no template named "default"; put the one to use into ${path}`);
}

/** `files`, with the chat template in the file at `path`, if one is given. Throws `ModelNotFoundError`. */
export async function withTemplate(
  files: TokenizerFiles,
  path: string | undefined,
): Promise<TokenizerFiles> {
  if (path === undefined) return files;
  const text = await readTextFile(path);
  if (text === undefined) {
    throw new ModelNotFoundError(`${path} is not there; chat-template is the path of a Jinja file`);
  }
  return { ...files, chatTemplate: { place: path, text } };
}

async function noTokenizer(directory: string): Promise<ModelError> {
  const [sentencePiece] = await listFiles(directory, ["tokenizer.model"]);
  const cure =
    sentencePiece === undefined
      ? "download it from the model's repository"
      : `${sentencePiece} alone is not supported; convert it once: ` +
        `AutoTokenizer.from_pretrained("${directory}").save_pretrained("${directory}")`;
  return new ModelNotFoundError(`${directory} has no tokenizer.json; ${cure}`);
}
