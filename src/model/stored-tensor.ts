/** A tensor as a file stores it, of whatever dtype. */
export interface StoredTensor {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly path: string;
  /** Bytes from the start of the file. */
  readonly offset: number;
  readonly numBytes: number;
}
