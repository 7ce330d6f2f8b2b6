// Names of a template while it is rendered, and what it has written.

/** Variables of a block, before those of the blocks around it. */
export class Scope {
  readonly vars = new Map<string, unknown>();
  readonly parent: Scope | undefined;

  constructor(parent?: Scope) {
    this.parent = parent;
  }

  /** `undefined` for a name that stands nowhere. */
  get(name: string): unknown {
    let scope: Scope | undefined = this;
    for (; scope !== undefined; scope = scope.parent) {
      const value = scope.vars.get(name);
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

export class Output {
  text = "";
}

export type Expression = (scope: Scope) => unknown;

/** Ends a loop's turn early, or the loop. */
export type Leave = "break" | "continue" | undefined;
export type Statement = (scope: Scope, output: Output) => Leave;
