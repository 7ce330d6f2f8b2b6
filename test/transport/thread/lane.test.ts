import { afterEach, beforeEach, describe, expect, test } from "bun:test";

import { errorCode } from "../../../src/base/error.ts";
import { Net } from "../../actor/net.ts";
import { hangLimit } from "../../time-limits.ts";
import { linkSuite } from "../link.suite.ts";
import { lanes } from "../test-transport.ts";

linkSuite("lanes", () => ({ transport: lanes, close: () => {} }));

describe("a lane", () => {
  let net: Net;
  beforeEach(() => {
    net = new Net();
  });
  afterEach(() => net.close());

  test(
    "large calls that wait for a lane leave room for small ones, and for smaller large ones",
    async () => {
      const producer = net.add(() => undefined);
      const deaf = net.add(() => undefined);
      await producer.actor.call(deaf.id, "open", []);
      const send = async (bytes: number) => {
        try {
          await producer.actor.call(deaf.id, "store", [new Uint8Array(bytes)]);
          return "taken";
        } catch (error) {
          return errorCode(error);
        }
      };
      // All in one turn, so the callee cannot read.
      const large = Array.from({ length: 24 }, () => send(15_000_000));
      const others = [send(100_000), send(10), send(1_000_000)];
      const outcomes = await Promise.all(large);
      const numRefused = outcomes.filter((outcome) => outcome === "mailbox_full").length;
      expect(numRefused).toBeGreaterThan(10);
      expect(numRefused).toBeLessThan(20);
      expect(outcomes.slice(0, 4)).toEqual(["taken", "taken", "taken", "taken"]);
      expect(await Promise.all(others)).toEqual(["taken", "taken", "taken"]);
      expect(await send(15_000_000)).toBe("taken");
    },
    hangLimit(60_000),
  );
});
