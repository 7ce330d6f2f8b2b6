// The events of one response: numbered, and written as server-sent events.

export class EventLog {
  #number = 0;

  event(type: string, fields: object): string {
    const data = JSON.stringify({ type, sequence_number: this.#number++, ...fields });
    return `event: ${type}\ndata: ${data}\n\n`;
  }

  /** One of many events that differ in their `delta` alone: `opening` is what `openingOf` gave. */
  // per token: one JSON.stringify, one concatenation
  delta(opening: string, delta: string): string {
    return `${opening}${JSON.stringify(delta)},"sequence_number":${this.#number++}}\n\n`;
  }
}

export function openingOf(type: string, fields: object): string {
  const data = JSON.stringify({ type, ...fields }).slice(0, -1);
  return `event: ${type}\ndata: ${data},"delta":`;
}
