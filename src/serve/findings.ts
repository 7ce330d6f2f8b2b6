import { ConfigError, type Problem } from "./config-error.ts";

/** Problems that the checks of a configuration find. All checks run, so that a user sees every problem at once. */
export class Findings {
  readonly problems: Problem[] = [];
  /** Accepted, and without effect: known to Dynamo, not to this graph. */
  readonly ignored = new Set<string>();

  report(message: string, span: Problem["span"]): void {
    this.problems.push({ message, span });
  }

  /** Wrong keys come before missing ones: the one often causes the other. */
  throwIfAny(): void {
    if (this.problems.length === 0) return;
    throw new ConfigError([
      ...this.problems.filter(({ span }) => span),
      ...this.problems.filter(({ span }) => !span),
    ]);
  }
}
