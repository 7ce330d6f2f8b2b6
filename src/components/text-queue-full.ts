import { DynamoError } from "../base/error.ts";

/** More prompts wait to be rendered or encoded than may. */
export class TextQueueFullError extends DynamoError {
  override readonly code = "text_queue_full";
}
