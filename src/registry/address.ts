// How people name an endpoint: [dyn://]namespace.component.endpoint. Only dots part it, as in Dynamo's llmctl, so
// that `dynamo.Processor.chat/completions` keeps its slash.

import { DynamoError } from "../base/error.ts";

export interface EndpointAddress {
  readonly namespace: string;
  readonly component: string;
  readonly endpoint: string;
}

/**
 * Without a namespace in it, `component.endpoint` is in `defaultNamespace`.
 *
 * @throws {AddressError}
 */
export function parseAddress(text: string, defaultNamespace: string): EndpointAddress {
  const parts = text
    .trim()
    .replace(/^dyn:\/\//, "")
    .replace(/^[ /.]+|[ /.]+$/g, "")
    .split(".");
  const [endpoint, component, namespace = defaultNamespace] = parts.toReversed();
  if (!endpoint || !component || !namespace || parts.length > 3) {
    throw new AddressError(
      `${JSON.stringify(text)} is no address of an endpoint: expected namespace.component.endpoint, ` +
        "for example dynamo.Processor.chat/completions",
      { address: text },
    );
  }
  return { namespace, component, endpoint };
}

export class AddressError extends DynamoError {
  override readonly code = "invalid_address";
}
