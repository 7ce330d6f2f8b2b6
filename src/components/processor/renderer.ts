// One thread that renders chat templates, one job at a time.

import type { ServiceContext, SideThread } from "dynamo";

import type { PromptText } from "../../tokenizer/special-texts.ts";
import type { RenderInit, RenderRequest } from "../../tokenizer/text-thread.ts";
import { WorkMeter } from "./work-meter.ts";

export interface RenderJob {
  readonly request: RenderRequest;
  readonly numChars: number;
  readonly tenant: number;
  readonly resolve: (text: PromptText) => void;
  readonly reject: (error: Error) => void;
  hasLeft: boolean;
}

export class Renderer {
  readonly thread: SideThread;
  readonly meter: WorkMeter;
  /** Its template is parsed. */
  isReady = false;
  /** Its job has taken longer than most. */
  isLong = false;
  #job: RenderJob | undefined;

  constructor(
    { sideThread, clock }: Pick<ServiceContext, "sideThread" | "clock">,
    init: RenderInit,
  ) {
    this.thread = sideThread("text", init);
    this.meter = new WorkMeter(clock, this.thread);
  }

  get job(): RenderJob | undefined {
    return this.#job;
  }

  begin(job: RenderJob): void {
    this.#job = job;
    this.isLong = false;
    this.meter.begin();
    this.thread.post(job.request);
  }

  /** Its job is another's from now on; the caller answers it. */
  takeJob(): RenderJob | undefined {
    const job = this.#job;
    this.#job = undefined;
    this.meter.stop();
    return job;
  }

  end(): void {
    this.meter.stop();
    this.thread.terminate();
  }
}
