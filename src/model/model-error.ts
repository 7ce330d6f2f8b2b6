import { DynamoError } from "../base/error.ts";

/** A model that cannot be served as it is. The message names the file, the place in it, and the cure. */
export class ModelError extends DynamoError {
  override readonly code = "model_not_loadable";
}

/** There is no model where one was asked for. */
export class ModelNotFoundError extends ModelError {}
