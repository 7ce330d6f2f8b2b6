// Arguments of a call that a client sends back.

/**
 * JSON text of an object, whatever a model once wrote: a call that no tool could read must not make the conversation
 * after it unreadable.
 */
export function jsonObjectText(text: string): string {
  if (text.trim() === "") return "{}";
  return parseObject(text) ? text : JSON.stringify({ arguments: text });
}

/** The object, if it is one. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
