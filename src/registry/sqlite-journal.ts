// Keys without a lease in a file of SQLite: settings that were changed while the server ran. One process at a time has it,
// by SQLite's own lock, which goes with the process however that ends. Its log is written ahead (WAL): a change is in it
// before its caller is told.

import { Database, SQLiteError } from "bun:sqlite";

import { DynamoError } from "../base/error.ts";
import { describeWriteError } from "../base/system-error.ts";
import type { Journal } from "./embedded-registry.ts";
import type { KeyValue, Revision } from "./registry.ts";
import type { Applied, Stored } from "./store.ts";

/** `disk`: a change survives the machine's end. `process`: the process's end, and it costs no wait for the disk. */
export type Durability = "disk" | "process";

export interface SqliteJournalOptions {
  readonly file: string;
  readonly durability: Durability;
}

/** "dyna", so that a file of another program is not taken for ours. */
const APPLICATION_ID = 0x64_79_6e_61;
const VERSION = 1;

export class SqliteJournal implements Journal {
  readonly #file: string;
  readonly #database: Database;
  readonly #statements: Statements;
  #isClosed = false;

  /** Throws `StateFileError`. */
  constructor({ file, durability }: SqliteJournalOptions) {
    this.#file = file;
    this.#database = opened(file, durability);
    this.#statements = statementsOf(this.#database);
  }

  stored(): Stored {
    const revision = this.#statements.revision.get()?.revision ?? 1;
    const keyValues = this.#statements.all.all().map((row) => ({ ...row, lease: undefined }));
    return { revision, keyValues };
  }

  append(revision: Revision, { events, replaced }: Pick<Applied, "events" | "replaced">): void {
    const puts: KeyValue[] = [];
    const gone = new Set(replaced.filter(isKept).map(({ key }) => key));
    for (const event of events) {
      if (event.type !== "put" || !isKept(event.keyValue)) continue;
      puts.push(event.keyValue);
      gone.delete(event.keyValue.key);
    }
    if (puts.length === 0 && gone.size === 0) return;
    try {
      this.#write(revision, puts, [...gone]);
    } catch (error) {
      throw new StateFileError(`cannot write the settings to ${this.#file}: ${reasonOf(error)}`);
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#database.close();
  }

  #write(revision: Revision, puts: readonly KeyValue[], gone: readonly string[]): void {
    const { put, remove, setRevision } = this.#statements;
    const write = this.#database.transaction(() => {
      for (const { key, value, createRevision, modRevision, version } of puts) {
        put.run(key, value, createRevision, modRevision, version);
      }
      for (const key of gone) remove.run(key);
      setRevision.run(revision);
    });
    write.immediate();
  }
}

function isKept({ lease }: KeyValue): boolean {
  return lease === undefined;
}

function opened(file: string, durability: Durability): Database {
  let database: Database | undefined;
  try {
    database = new Database(file, { create: true, strict: true });
    database.run("PRAGMA locking_mode = EXCLUSIVE");
    database.run("PRAGMA journal_mode = WAL");
    database.run(`PRAGMA synchronous = ${durability === "disk" ? "FULL" : "NORMAL"}`);
    database.transaction(createTables).immediate(database);
    return database;
  } catch (error) {
    database?.close();
    if (error instanceof StateFileError) throw error;
    throw new StateFileError(`cannot keep settings in ${file}: ${reasonOf(error)}`);
  }
}

/** Takes the lock by writing, and checks whose file it is. */
function createTables(database: Database): void {
  const pragma = (name: string) => Object.values(database.query(`PRAGMA ${name}`).get() ?? {})[0];
  const tables = database.query("SELECT count(*) AS count FROM sqlite_master").get() as {
    readonly count: number;
  };
  const isOurs = pragma("application_id") === APPLICATION_ID;
  if (tables.count > 0 && !isOurs) {
    throw new StateFileError(
      `${database.filename} is a database of another program; name a file of its own`,
    );
  }
  if (isOurs && pragma("user_version") !== VERSION) {
    throw new StateFileError(
      `${database.filename} is of another version of dynamo (${pragma("user_version")}, not ${VERSION}); name another file`,
    );
  }
  database.run(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.run(`PRAGMA user_version = ${VERSION}`);
  database.run(`CREATE TABLE IF NOT EXISTS keys (
    key TEXT PRIMARY KEY, value TEXT NOT NULL,
    createRevision INTEGER NOT NULL, modRevision INTEGER NOT NULL, version INTEGER NOT NULL
  ) WITHOUT ROWID`);
  database.run(
    "CREATE TABLE IF NOT EXISTS state (id INTEGER PRIMARY KEY, revision INTEGER NOT NULL)",
  );
  database.run(
    "INSERT INTO state VALUES (0, 1) ON CONFLICT (id) DO UPDATE SET revision = revision",
  );
}

type Row = Omit<KeyValue, "lease">;

type Statements = ReturnType<typeof statementsOf>;

function statementsOf(database: Database) {
  const prepare = <Result, Parameters extends (string | number)[]>(text: string) =>
    database.query<Result, Parameters>(text);
  return {
    all: prepare<Row, []>("SELECT key, value, createRevision, modRevision, version FROM keys"),
    revision: prepare<{ readonly revision: number }, []>("SELECT revision FROM state"),
    put: prepare<unknown, [string, string, number, number, number]>(
      "INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?, ?)",
    ),
    remove: prepare<unknown, [string]>("DELETE FROM keys WHERE key = ?"),
    setRevision: prepare<unknown, [number]>("UPDATE state SET revision = ?"),
  };
}

function reasonOf(error: unknown): string {
  if (!(error instanceof SQLiteError)) return describeWriteError(error);
  return REASONS[error.code?.replace(/^(SQLITE_[A-Z]+)_.*$/, "$1") ?? ""] ?? error.message;
}

const REASONS: Readonly<Record<string, string>> = {
  SQLITE_BUSY: "another process has it; end that, or name another file",
  SQLITE_LOCKED: "another process has it; end that, or name another file",
  SQLITE_NOTADB: "it is no file of settings; name another file",
  SQLITE_CORRUPT: "it is damaged; move it away, and the settings begin anew",
  SQLITE_CANTOPEN:
    "its folder is not there, or this user may not write there; make it, or name another file",
  SQLITE_READONLY: "this user may not write it; chmod u+w, or name another file",
  SQLITE_PERM: "this user may not write it; chmod u+w, or name another file",
  SQLITE_FULL: "its disk is full",
  SQLITE_IOERR: "its disk cannot read or write it; check the disk",
};

/** A file of settings that cannot be used. The message names it and the cure. */
export class StateFileError extends DynamoError {
  override readonly code = "state_file";
}
