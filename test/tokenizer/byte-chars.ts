/** GPT-2's character for each byte: printable ones stand for themselves, the others follow from U+0100 on. */
export const BYTE_CHARS: readonly string[] = byteChars();

function byteChars(): readonly string[] {
  const ranges: readonly (readonly [number, number])[] = [
    [0x21, 0x7e],
    [0xa1, 0xac],
    [0xae, 0xff],
  ];
  let next = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const isItself = ranges.some(([first, last]) => byte >= first && byte <= last);
    return String.fromCodePoint(isItself ? byte : next++);
  });
}
