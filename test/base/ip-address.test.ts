import { expect, test } from "bun:test";
import { isIP } from "node:net";

import { isIPv4, isIPv6 } from "../../src/base/ip-address.ts";

test("addresses are those of node:net", () => {
  for (const text of [
    ...["127.0.0.1", "255.255.255.255", "0.0.0.0", "256.1.1.1", "1.2.3", "1.2.3.4.5", "01.2.3.4"],
    ...["1.2.3.4 ", "", "a", "localhost", "::", "::1", "fe80::1", "2001:db8::7", "1::2::3", ":1"],
    ...["::ffff:1.2.3.4", "::1.2.3", "12345::", "[::1]", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7", "::g"],
    ...["::1/64", "::1]:80", "1:2:3:4:5:6:7:8:9", "::@1", "ABCD::EF"],
  ]) {
    const version = isIPv4(text) ? 4 : isIPv6(text) ? 6 : 0;
    expect([text, version]).toEqual([text, isIP(text)]);
  }
});
