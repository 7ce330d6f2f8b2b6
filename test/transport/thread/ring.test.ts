import { expect, test } from "bun:test";
import fc from "fast-check";

import { createRing, RingReader, RingWriter } from "../../../src/transport/thread/ring.ts";

const CAPACITY = 4096;

test("frames come out as they went in, over any number of wraps", () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 400 });
  const pauses = fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1, maxLength: 50 });
  fc.assert(
    fc.property(sizes, pauses, (frameSizes, bursts) => {
      const { writer, reader } = ringPair();
      const sent: number[] = [];
      const received: number[] = [];
      let burst = 0;
      let untilRead = 1;
      for (const [index, eighths] of frameSizes.entries()) {
        while (!write(writer, eighths * 8, index)) {
          writer.publish();
          expect(readAll(reader, received)).toBeGreaterThan(0);
        }
        sent.push(index);
        if (--untilRead > 0) continue;
        untilRead = bursts[burst++ % bursts.length] ?? 1;
        writer.publish();
        readAll(reader, received);
      }
      writer.publish();
      readAll(reader, received);
      expect(received).toEqual(sent);
    }),
  );
});

test("what is written is not seen before it is published, and then all at once", () => {
  const { writer, reader } = ringPair();
  write(writer, 32, 1);
  write(writer, 32, 2);
  const received: number[] = [];
  expect(readAll(reader, received)).toBe(0);
  writer.publish();
  readAll(reader, received);
  expect(received).toEqual([1, 2]);
});

test("a full ring takes nothing more, and takes again what was released", () => {
  const { writer, reader } = ringPair();
  let count = 0;
  while (write(writer, 64, count)) count++;
  expect(count).toBe(CAPACITY / 64);
  writer.publish();
  const offset = reader.next();
  expect(offset).toBeDefined();
  reader.consume(64);
  expect(writer.makeRoom(64)).toBe(false);
  reader.release();
  expect(writer.makeRoom(64)).toBe(true);
});

test("only a reader that sleeps is to be woken", () => {
  const { writer, reader } = ringPair();
  write(writer, 32, 1);
  expect(writer.publish()).toBe(false);
  expect(reader.park()).toBe(false); // there is something to read
  readAll(reader, []);
  expect(reader.park()).toBe(true);
  write(writer, 32, 2);
  expect(writer.publish()).toBe(true);
  write(writer, 32, 3);
  expect(writer.publish()).toBe(false); // the bell has rung already
});

test("only a writer that starves is told of room", () => {
  const { writer, reader } = ringPair();
  write(writer, 32, 1);
  writer.publish();
  readAll(reader, []);
  expect(reader.release()).toBe(false);
  writer.starve();
  expect(reader.release()).toBe(true);
  expect(reader.release()).toBe(false);
});

test("a capacity that is no power of two is refused", () => {
  expect(() => createRing(5000)).toThrow("power of two");
});

function ringPair() {
  const memory = createRing(CAPACITY);
  return { writer: new RingWriter(memory), reader: new RingReader(memory) };
}

/** A frame of `bytes` that bears `mark` in its first and its last word. */
function write(writer: RingWriter, bytes: number, mark: number): boolean {
  if (!writer.makeRoom(bytes)) return false;
  const first = writer.offset >> 2;
  writer.words[first] = bytes;
  writer.words[first + bytes / 4 - 1] = mark;
  writer.advance(bytes);
  return true;
}

function readAll(reader: RingReader, marks: number[]): number {
  let count = 0;
  for (let offset = reader.next(); offset !== undefined; offset = reader.next()) {
    const bytes = reader.words[offset >> 2] ?? 0;
    marks.push(reader.words[(offset + bytes) / 4 - 1] ?? -1);
    reader.consume(bytes);
    count++;
  }
  reader.release();
  return count;
}
