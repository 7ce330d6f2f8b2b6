// Values of headers (RFC 9110, 5.5 and 5.6). Blank is SP and HTAB only: other servers leave U+00A0 and its like in a
// value, so a value that has one is another value. Each function's work is linear in its text.

/** `value` without the blanks around it. */
export function withoutBlanks(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && isBlank(value.charCodeAt(start))) start++;
  while (end > start && isBlank(value.charCodeAt(end - 1))) end--;
  return value.slice(start, end);
}

/** The members of a comma-separated list, in lower case. */
export function membersOf(list: string): readonly string[] {
  return list.toLowerCase().split(",").map(withoutBlanks);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
