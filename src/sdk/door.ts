/** The address of a deployment for clients outside, told when all of it can be called: the last line of a start. */
export interface Door {
  /** Without a slash at its end. */
  readonly url: string;
  /** A command that shows that it works, to be pasted into a shell. */
  readonly example?: string;
}
