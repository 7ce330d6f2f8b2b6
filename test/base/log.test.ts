import { expect, test } from "bun:test";

import { createLogger, type LogStyle, zonedTime } from "../../src/base/log.ts";

function logger(style?: LogStyle, level: Parameters<typeof createLogger>[1] = "info") {
  const lines: string[] = [];
  return { lines, log: createLogger("Door:1", level, (line) => lines.push(line), style) };
}

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[-+]\d\d:\d\d)/;

test("a line has date, zone, level, tag, message and fields, and no colour", () => {
  const { lines, log } = logger();
  log.info("open", { port: 8000, host: "::1", name: "two words", none: undefined });
  expect(lines[0]).toMatch(TIME);
  expect(lines[0]?.replace(TIME, "TIME")).toBe(
    'TIME INFO  Door:1  open  port=8000 host=::1 name="two words"\n',
  );
});

test("what others wrote neither ends the line nor speaks to the terminal", () => {
  const { lines, log } = logger();
  log.info("request", { path: "/\u001b[31m\n\u007f", quote: '"', equals: "a=b" });
  expect(lines[0]?.replace(TIME, "TIME")).toBe(
    'TIME INFO  Door:1  request  path="/\\u001b[31m\\n\\u007f" quote="\\"" equals="a=b"\n',
  );
});

test("lines for a terminal have a colour for the level", () => {
  const { lines, log } = logger({ format: "text", isColoured: true });
  log.error("no");
  expect(lines[0]).toContain("\u001b[31mERROR\u001b[0m Door:1  no\n");
});

test("json is an object a line, in which no field hides what every line has", () => {
  const { lines, log } = logger({ format: "json", isColoured: true });
  log.warn("two\nlines", { port: 1, level: "hidden", none: undefined });
  const { time, ...rest } = JSON.parse(lines[0] ?? "") as Record<string, unknown>;
  expect(time).toMatch(TIME);
  expect(rest).toEqual({ level: "warn", tag: "Door:1", message: "two\nlines", port: 1 });
  expect(lines[0]?.indexOf("\n")).toBe((lines[0]?.length ?? 0) - 1);
});

test("a level may change while its logger is in use", () => {
  const holder: { level: "debug" | "error" } = { level: "error" };
  const { lines, log } = logger(undefined, holder);
  log.warn("hidden");
  holder.level = "debug";
  log.debug("shown");
  expect(lines.map((line) => line.trimEnd().split("  ").at(-1))).toEqual(["shown"]);
});

test("the time is the machine's, with its distance from UTC", () => {
  const child = Bun.spawnSync(
    [
      process.execPath,
      "-e",
      `import { zonedTime } from ${JSON.stringify(new URL("../../src/base/log.ts", import.meta.url).pathname)};
       console.log(zonedTime(new Date("2026-01-02T03:04:05.006Z")));`,
    ],
    { env: { ...process.env, TZ: "Asia/Kolkata" } },
  );
  expect(child.stdout.toString()).toBe("2026-01-02T08:34:05.006+05:30\n");
  expect(zonedTime(new Date())).toMatch(TIME);
});
