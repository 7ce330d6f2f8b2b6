// Judges the answer to a mutated body, in any API's shape of errors.

/** Undefined for 2xx, and for 4xx that names the field at fault. */
export function problemOf(status: number, text: string): string | undefined {
  const shown = `${status} ${text.slice(0, 300)}`;
  if (status >= 500 || /internal_error|server_error|api_error/.test(text)) return shown;
  if (status === 200) return undefined;
  const { error } = JSON.parse(text);
  const message: string = typeof error === "string" ? error : error.message;
  const isOfTheBody = /^The body /.test(message);
  const isNamed = /^'[\w.[\]]+'|^[\w.[\]]+: |^The model '/.test(message) || error.param;
  return isOfTheBody || isNamed ? undefined : `no field: ${shown}`;
}
