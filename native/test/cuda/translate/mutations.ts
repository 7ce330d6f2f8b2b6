// Faults that the runner can put into a kernel, to test the tests: each place is a number, which one run switches on.

export type MutationKind =
  | "drop" // a barrier, wait, commit or fence does nothing
  | "wait one group less" // cp.async.wait_group's count is one higher
  | "swap operands"
  | "flip .trans"
  | "shift address"; // by the size of what is read or written

export interface Mutation {
  readonly kind: MutationKind;
  readonly line: number;
  readonly opcode: string;
}
