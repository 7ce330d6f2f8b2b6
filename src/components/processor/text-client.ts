import { DynamoError } from "../../base/error.ts";

/** The client that a prompt is rendered and encoded for. */
export interface TextClient {
  /** Shares the queues with others. */
  readonly tenant: number;
  /** Resolves when it has left: its prompt is of no use any more. */
  readonly left: Promise<void>;
}

/** More prompts wait to be rendered or encoded than may, of all clients or of this one. */
export class TextQueueFullError extends DynamoError {
  override readonly code = "text_queue_full";
}
