// `format` of JSON Schema as regexes of our own. Each takes only texts that are of its format; what of the format
// it leaves out is said beside it.

import type { Expression } from "../expression.ts";
import { wholeMatch } from "../regex-match.ts";
import { parseRegex } from "../regex-parser.ts";

const MONTH_AND_DAY =
  "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))";
const LEAP_YEAR = "([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)";
const DATE = `([0-9]{4}-${MONTH_AND_DAY}|${LEAP_YEAR}-02-29)`;

// Leap seconds only as they are written in UTC.
const OFFSET = "([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
const TIME = `(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?${OFFSET}|23:59:60(\\.[0-9]+)?([Zz]|[+-]00:00))`;

const DAYS = "[0-9]+D";
const MONTHS = `[0-9]+M(${DAYS})?`;
const YEARS = `[0-9]+Y(${MONTHS})?`;
const SECONDS = "[0-9]+S";
const MINUTES = `[0-9]+M(${SECONDS})?`;
const HOURS = `[0-9]+H(${MINUTES})?`;
const CLOCK = `T(${SECONDS}|${MINUTES}|${HOURS})`;

const BYTE = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const IPV4 = `${BYTE}(\\.${BYTE}){3}`;
const IPV6 = `(${ipv6Forms().join("|")})`;

const ATEXT = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+";
const QUOTED = '"([ !#-\\[\\]-~]|\\\\[ -~])*"';
const LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?";
const ADDRESS = `\\[(${IPV4}|IPv6:${IPV6})\\]`;
const EMAIL = `(${ATEXT}(\\.${ATEXT})*|${QUOTED})@(${LABEL}(\\.${LABEL})*|${ADDRESS})`;

const ENCODED = "%[0-9A-Fa-f]{2}";
const PCHAR = `([A-Za-z0-9._~!$&'()*+,;=:@-]|${ENCODED})`;
const AUTHORITY =
  `(([A-Za-z0-9._~!$&'()*+,;=:-]|${ENCODED})*@)?` +
  `(\\[${IPV6}\\]|([A-Za-z0-9._~!$&'()*+,;=-]|${ENCODED})*)(:[0-9]*)?`;
const PATH_FROM_ROOT = `/(${PCHAR}+(/${PCHAR}*)*)?`;
const URI =
  `[A-Za-z][A-Za-z0-9+.-]*:(//${AUTHORITY}(/${PCHAR}*)*|${PATH_FROM_ROOT}|${PCHAR}+(/${PCHAR}*)*|)` +
  `(\\?(${PCHAR}|[/?])*)?(#(${PCHAR}|[/?])*)?`;

const FORMATS: ReadonlyMap<string, string> = new Map([
  ["date", DATE],
  ["time", TIME],
  ["date-time", `${DATE}[Tt]${TIME}`],
  ["duration", `P([0-9]+W|(${DAYS}|${MONTHS}|${YEARS})(${CLOCK})?|${CLOCK})`],
  ["uuid", "[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"],
  ["email", EMAIL],
  ["ipv4", IPV4],
  ["ipv6", IPV6],
  ["uri", URI],
]);

export const SUPPORTED_FORMATS: readonly string[] = [...FORMATS.keys()];

/** Undefined for a format that is not in the table. */
export function formatExpression(name: string): Expression | undefined {
  const regex = FORMATS.get(name);
  return regex === undefined ? undefined : wholeMatch(parseRegex(regex, `format ${name}`), name);
}

/** RFC 4291, 2.2: eight groups, or fewer around one "::"; the last two may be written as IPv4. */
function ipv6Forms(): readonly string[] {
  const group = "[0-9A-Fa-f]{1,4}";
  const end = (numGroups: number): string => {
    if (numGroups === 0) return "";
    const groups = Array.from({ length: numGroups }, () => group).join(":");
    if (numGroups === 1) return groups;
    const beforeIpv4 = Array.from({ length: numGroups - 2 }, () => `${group}:`).join("");
    return `(${groups}|${beforeIpv4}${IPV4})`;
  };
  const forms = [end(8)];
  for (let before = 0; before <= 7; before++) {
    const left = Array.from({ length: before }, () => group).join(":");
    const rights = Array.from({ length: 8 - before }, (_, after) => end(after)).filter(
      (right) => right !== "",
    );
    forms.push(`${left}::(${rights.join("|")})?`);
  }
  return forms.map((form) => form.replace("()?", ""));
}
