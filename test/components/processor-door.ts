// The service before a processor, as tests call it.

import { depends, Service } from "dynamo";

import { Processor } from "../../src/components/index.ts";
import type { CompletionRequest } from "../../src/protocol/chat.ts";

export class Door extends Service {
  processor = depends(Processor);
  static current: Door;

  override start() {
    Door.current = this;
  }

  complete(request: CompletionRequest) {
    return this.processor.completions(request, "test");
  }

  scrape() {
    return this.context.scrape();
  }

  set(service: string, key: string, value: unknown) {
    return this.context.settings.set({ service, key, value });
  }

  pause() {
    return this.context.clock.turn();
  }

  /** Until a processor is live that knows its workers' limits. */
  async ready() {
    for (;;) {
      const { keyValues } = await this.context.registry.range("models/");
      if (keyValues.length > 0 && this.processor.instances.length > 0) return;
      await this.context.clock.turn();
    }
  }
}
