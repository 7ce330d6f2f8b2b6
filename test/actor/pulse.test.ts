import { expect, test } from "bun:test";

import { createPulse, PulseReader, PulseWriter } from "../../src/actor/pulse.ts";

test("a pulse moves with each ping that is answered and each call that is begun, past 2 ** 31 too", () => {
  const memory = createPulse();
  new Int32Array(memory)[0] = 2 ** 31 - 2;
  const [writer, reader] = [new PulseWriter(memory), new PulseReader(memory)];
  const seen = new Set([reader.beats]);
  for (let n = 0; n < 4; n++) {
    if (n % 2 === 0) writer.beat();
    else writer.enter("generate");
    seen.add(reader.beats);
  }
  expect(seen.size).toBe(5);
});

test("a pulse names the endpoint that was begun last, however long or foreign its name", () => {
  const memory = createPulse();
  const [writer, reader] = [new PulseWriter(memory), new PulseReader(memory)];
  expect(reader.endpoint).toBeUndefined();
  for (const name of ["chat/completions", "a", "größe", "x".repeat(500), "b"]) {
    writer.enter(name);
    expect(reader.endpoint).toBe(name.slice(0, 120));
  }
});
