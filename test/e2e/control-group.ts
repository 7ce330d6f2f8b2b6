// A control group with a limit of memory, of either version, for a process that a test starts.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

interface Version {
  readonly root: string;
  readonly limit: string;
  /** The file and the line that count processes which were killed for memory. */
  readonly kills: readonly [file: string, line: RegExp];
}

const VERSION_2: Version = {
  root: "/sys/fs/cgroup",
  limit: "memory.max",
  kills: ["memory.events", /^oom_kill (\d+)$/m],
};
const VERSION_1: Version = {
  root: "/sys/fs/cgroup/memory",
  limit: "memory.limit_in_bytes",
  kills: ["memory.oom_control", /^oom_kill (\d+)$/m],
};

const isVersion2 = existsSync("/sys/fs/cgroup/cgroup.subtree_control");

export class ControlGroup implements Disposable {
  readonly #version = isVersion2 ? VERSION_2 : VERSION_1;
  readonly #path: string;

  constructor(name: string, limitBytes: number) {
    this.#path = join(this.#version.root, `dynamo-test-${process.pid}-${name}`);
    if (isVersion2) writeFileSync(join(this.#version.root, "cgroup.subtree_control"), "+memory");
    mkdirSync(this.#path);
    writeFileSync(join(this.#path, this.#version.limit), String(limitBytes));
    // Without swap there is nothing to keep it off; where the files are, they say so.
    for (const swap of ["memory.swap.max", "memory.swappiness"]) {
      if (existsSync(join(this.#path, swap))) writeFileSync(join(this.#path, swap), "0");
    }
  }

  /** A command that runs the one after it in this group. */
  get command(): readonly string[] {
    return ["sh", "-c", `echo $$ >"${this.#path}/cgroup.procs" && exec "$@"`, "sh"];
  }

  /** Processes that were killed since it has no memory left. */
  get kills(): number {
    const [file, line] = this.#version.kills;
    return Number(line.exec(readFileSync(join(this.#path, file), "utf8"))?.[1] ?? Number.NaN);
  }

  [Symbol.dispose](): void {
    rmdirSync(this.#path);
  }
}

/** True if this user may make groups that limit memory here. */
export function hasControlGroups(): boolean {
  try {
    new ControlGroup("probe", 64e6)[Symbol.dispose]();
    return true;
  } catch {
    return false;
  }
}
