// Errors that the SDK throws at users. Codes are stable and travel between threads.

import { DynamoError } from "../base/error.ts";

/** A `link()` or `graph()` that no deployment could serve. */
export class GraphError extends DynamoError {
  override readonly code = "invalid_graph";
}

/** A class that cannot be a service. */
export class ServiceDefinitionError extends DynamoError {
  override readonly code = "invalid_service";
}

/** A field that `depends()` or `configured()` filled was used before, or without, being bound. */
export class UnboundFieldError extends DynamoError {
  override readonly code = "unbound_field";
}

/** No instance can take the call now. Clients answer 503. */
export class NoWorkersError extends DynamoError {
  override readonly code = "no_workers";

  constructor(service: string) {
    super(
      `no instance of ${service} is live; wait for one with waitForInstances(), or try again later`,
      { service },
    );
  }
}
