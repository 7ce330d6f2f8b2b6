// An item of an answer while it is made: a message, thoughts, a call of a function or of a custom tool. Each begins
// with `response.output_item.added`, grows by deltas, and ends with `response.output_item.done`.

import { CustomInput } from "./custom-input.ts";
import { type EventLog, openingOf } from "./event-log.ts";
import { sealed } from "./thoughts.ts";

export interface ItemPlace {
  readonly log: EventLog;
  readonly id: string;
  /** Its place among the answer's items. */
  readonly index: number;
}

export interface OpenItem {
  /** The events that begin it. */
  begin(): string;
  /** The events of more of it. */
  add(delta: string): string;
  /** The events that end it. */
  end(status: ItemStatus): string;
  /** As it is in the answer. */
  item(status: ItemStatus): object;
}

export type ItemStatus = "completed" | "incomplete" | "in_progress";

function added({ log, index }: ItemPlace, item: object): string {
  return log.event("response.output_item.added", { output_index: index, item });
}

function done({ log, index }: ItemPlace, item: object): string {
  return log.event("response.output_item.done", { output_index: index, item });
}

/** A text that is a part of an item. */
abstract class PartItem implements OpenItem {
  protected readonly place: ItemPlace;
  protected text = "";
  readonly #where: object;
  readonly #names: PartNames;
  readonly #opening: string;

  constructor(place: ItemPlace, names: PartNames) {
    this.place = place;
    this.#names = names;
    this.#where = { item_id: place.id, output_index: place.index, [names.index]: 0 };
    this.#opening = openingOf(`${names.text}.delta`, { ...this.#where, ...names.extra });
  }

  begin(): string {
    const { log } = this.place;
    const part = { ...this.#where, part: this.part("") };
    return (
      added(this.place, this.item("in_progress")) + log.event(`${this.#names.part}.added`, part)
    );
  }

  add(delta: string): string {
    this.text += delta;
    return this.place.log.delta(this.#opening, delta);
  }

  end(status: ItemStatus): string {
    const { log } = this.place;
    const { text: type, part: partType, extra } = this.#names;
    return (
      log.event(`${type}.done`, { ...this.#where, text: this.text, ...extra }) +
      log.event(`${partType}.done`, { ...this.#where, part: this.part(this.text) }) +
      done(this.place, this.item(status))
    );
  }

  abstract item(status: ItemStatus): object;
  protected abstract part(text: string): object;
}

/** How the events of a part are named. */
interface PartNames {
  readonly part: string;
  readonly text: string;
  readonly index: "content_index" | "summary_index";
  /** Further keys of the text's events. */
  readonly extra: object;
}

export class OpenMessage extends PartItem {
  constructor(place: ItemPlace) {
    const text = "response.output_text";
    const extra = { logprobs: [] };
    super(place, { part: "response.content_part", text, index: "content_index", extra });
  }

  item(status: ItemStatus): object {
    const content = status === "in_progress" ? [] : [this.part(this.text)];
    return { id: this.place.id, type: "message", status, role: "assistant", content };
  }

  protected part(text: string): object {
    return { type: "output_text", text, annotations: [], logprobs: [] };
  }
}

/** Thoughts, as they are or as the summary that the client asked for: this server makes no other. */
export class OpenReasoning extends PartItem {
  readonly #isSummary: boolean;
  readonly #isSealed: boolean;

  constructor(place: ItemPlace, form: "text" | "summary", isSealed: boolean) {
    super(place, form === "summary" ? SUMMARY : THOUGHTS);
    this.#isSummary = form === "summary";
    this.#isSealed = isSealed;
  }

  item(status: ItemStatus): object {
    const parts = status === "in_progress" ? [] : [this.part(this.text)];
    return {
      id: this.place.id,
      type: "reasoning",
      status,
      summary: this.#isSummary ? parts : [],
      ...(!this.#isSummary && { content: parts }),
      ...(this.#isSealed && { encrypted_content: sealed(this.text) }),
    };
  }

  protected part(text: string): object {
    return { type: this.#isSummary ? "summary_text" : "reasoning_text", text };
  }
}

const SUMMARY: PartNames = {
  part: "response.reasoning_summary_part",
  text: "response.reasoning_summary_text",
  index: "summary_index",
  extra: {},
};

const THOUGHTS: PartNames = {
  part: "response.content_part",
  text: "response.reasoning_text",
  index: "content_index",
  extra: {},
};

export interface CallHead {
  readonly callId: string;
  readonly name: string;
}

export class OpenFunctionCall implements OpenItem {
  readonly #place: ItemPlace;
  readonly #head: CallHead;
  readonly #where: object;
  readonly #opening: string;
  #arguments = "";

  constructor(place: ItemPlace, head: CallHead) {
    this.#place = place;
    this.#head = head;
    this.#where = { item_id: place.id, output_index: place.index };
    this.#opening = openingOf("response.function_call_arguments.delta", this.#where);
  }

  begin(): string {
    return added(this.#place, this.item("in_progress"));
  }

  add(delta: string): string {
    this.#arguments += delta;
    return delta === "" ? "" : this.#place.log.delta(this.#opening, delta);
  }

  end(status: ItemStatus): string {
    const whole = { ...this.#where, name: this.#head.name, arguments: this.#arguments };
    const { log } = this.#place;
    return (
      log.event("response.function_call_arguments.done", whole) +
      done(this.#place, this.item(status))
    );
  }

  item(status: ItemStatus): object {
    const { callId, name } = this.#head;
    const args = this.#arguments;
    return {
      ...{ id: this.#place.id, type: "function_call", status },
      ...{ call_id: callId, name, arguments: args },
    };
  }
}

export class OpenCustomCall implements OpenItem {
  readonly #place: ItemPlace;
  readonly #head: CallHead;
  readonly #where: object;
  readonly #opening: string;
  readonly #input = new CustomInput();

  constructor(place: ItemPlace, head: CallHead) {
    this.#place = place;
    this.#head = head;
    this.#where = { item_id: place.id, output_index: place.index };
    this.#opening = openingOf("response.custom_tool_call_input.delta", this.#where);
  }

  begin(): string {
    return added(this.#place, this.item("in_progress"));
  }

  add(delta: string): string {
    return this.#delta(this.#input.add(delta));
  }

  end(status: ItemStatus): string {
    const rest = this.#delta(this.#input.end());
    const whole = { ...this.#where, input: this.#input.input };
    const { log } = this.#place;
    return (
      rest +
      log.event("response.custom_tool_call_input.done", whole) +
      done(this.#place, this.item(status))
    );
  }

  item(status: ItemStatus): object {
    const { callId, name } = this.#head;
    const { input } = this.#input;
    return {
      ...{ id: this.#place.id, type: "custom_tool_call", status },
      ...{ call_id: callId, name, input },
    };
  }

  #delta(text: string): string {
    return text === "" ? "" : this.#place.log.delta(this.#opening, text);
  }
}
