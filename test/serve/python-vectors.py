"""Writes python-vectors.json: how Python itself reads and prints configuration values.

    python3 test/serve/python-vectors.py > test/serve/python-vectors.json

Made once with Python 3.11.7 and PyYAML 6.0.3; tests read only the JSON. Each vector is an input and
what `json.dumps` prints of the value that Python reads from it, or null where Python refuses one of the two.
"""

import json
import sys

import yaml

YAML = [
    # Booleans of YAML 1.1.
    "yes", "Yes", "YES", "no", "No", "NO", "on", "On", "ON", "off", "Off", "OFF", "true", "True", "TRUE", "false", "False",
    "FALSE", "y", "n", "Y", "N", "yEs", "tRUE", "'yes'", '"no"', "!!str yes", "!!bool yes", "!!bool maybe",
    # Integers.
    "0", "-0", "+0", "1", "+1", "-1", "007", "010", "0o10", "08", "09", "00", "0_", "0x1F", "0X1F", "-0xff", "0b101", "-0b1",
    "0b102", "1_000", "_1", "1__0", "1:30", "-1:30", "1:30:15", "1:60", "01:30", "12345678901234567890123456789",
    "-9223372036854775809", "16384", "!!int 5", "!!int '5'", "!!int '0x10'", "!!int abc", "0x", "+0b11", "190:20:30",
    # Floats.
    "1.0", "-1.0", "+1.5", ".5", "-.5", "+.5", "5.", "0.0", "-0.0", "1e3", "1E3", "1.0e3", "1.0e+3", "1.0E-3", "1e+3", ".5e+2", "1_0.5",
    "1._5", ".inf", "-.inf", "+.inf", ".Inf", ".INF", ".iNf", ".nan", ".NaN", ".NAN", ".Nan", "-.nan", "inf", "nan", "0.1", "0.95",
    "123456789012345.0", "1234567890123456.0", "12345678901234567.0", "1.0e+15", "1.0e+16", "1.0e+22", "0.0001", "0.00001",
    "1.5e-7", "1.7976931348623157e+308", "5.0e-324", "1.0e+400", "1:30.5", "-1:30.5", "1:2:3.25", "!!float 5", "!!float '1e3'",
    "!!float abc", "1.2.3", "0,1", "3.14159265358979323846", ".", "..", "-", "+", "1.e+3", "0.1e1",
    # Null.
    "", "~", "null", "Null", "NULL", "nUll", "none", "None", "!!null ''", "'null'", '""', "''", "!!str", "!!str ''",
    # Values that JSON cannot hold.
    "2024-01-01", "2024-1-1", "2024-01-01 12:00:00", "2024-01-01T12:00:00Z", "'2024-01-01'", "=", "'='", "!!binary aGk=",
    "!!set {a, b}", "!custom x", "!!timestamp '2024-01-01'",
    # Strings, escapes and what is not ASCII.
    "hello world", "it's", "'it''s'", '"tab\\there"', '"\\u00e9\\x41\\n"', "é", "日本語", "😀", '"\\U0001F600"', '"\\ud83d"', "a\x7fb",
    "a: b", "a:b", "a#b", "a #b", "'a #b'", '"a\\\\b"', '"\\/"', "deepseek-ai/DeepSeek-R1-Distill-Llama-8B", "-5 apples", "'5'",
    '"5"', "5 6", "@x", "%x", "`x`", "|\n a\n b\n", ">\n a\n b\n\n c\n", "|-\n a\n", "|+\n a\n\n", "|\n a", "|+\n a", "|-\n a", ">\n a\n b", ">\n a\n  b", "|\n a\n ", "|2\n   a", "|\n a\n# why", "k: |\n  a\n\n  b  ", "- >\n  a",
    "a\n  b\n  c", '"a\n  b\n\n  c"', "'a\n  b'",
    # Collections.
    "[]", "{}", "[1, 2.0, yes, ~, 'a']", "[a, [b, {c: d}]]", "- a\n- b\n-\n- - x\n  - y\n", "{a: 1, b: {c: 2.50}}", "a: 1\nb:\n  - 2\n  - c: 3\n",
    "a:\nb: ~\n", "a: 1\na: 2\nb: 3\n", "b: 1\na: 2\nb: 3\n", "{a, b: 1}", "? a\n: b\n", "? a\n", "a: {}\nb: []\n",
    '{"kv_connector":"DynamoNixlConnector"}', "x: '{\"kv_connector\":\"DynamoNixlConnector\"}'", "[a, b,]", "{a: 1,}", "- ''\n- \"\"\n",
    # Keys that are not strings.
    "1: a", "1.0: a", "1.5: a", "yes: a", "on: 1", "~: a", "null: a", "1: a\n1.0: b\n", "1: a\ntrue: b\n", "true: a\n1: b\n", "0: a\nno: b\n", "7: a\n3: b\n",
    "1: a\n'1': b\n", "0x10: a", "1e3: a", ".inf: a", "2024-01-01: a", "[a]: b", "{a: b}: c", "? [a]\n: b\n", "=: a",
    # Anchors, aliases and merge keys.
    "a: &x 1\nb: *x\n", "a: &x {p: 1, q: 2}\nb: *x\n", "a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  q: 3\n  r: 4\n",
    "a: &x {p: 1}\nb: &y {p: 2, q: 3}\nc:\n  z: 0\n  <<: [*x, *y]\n", "a: &x {p: 1}\nb:\n  q: 2\n  <<: *x\n", "'<<': 1", "<<: {a: 1}", "<<: 5",
    "a: &x [1, 2]\nb: [*x, *x]\n", "*nothing", "&a x", "&k key: *k", "a: &x {p: 1}\nb: &y\n  <<: *x\n  q: 2\nc:\n  <<: *y\n",
    "a: &x {p: 1}\nb:\n  <<: *x\n  <<: {r: 5}\n", "<<: [{a: 1}, 5]", "&a [*a]",
    # Documents.
    "# nothing\n", "---\na: 1\n", "---\na: 1\n...\n", "a: 1\n---\nb: 2\n", "%YAML 1.1\n---\nyes\n", "\ufeffa: 1\n", "a: 1 # why\n", "a:   'x'   # y\n",
    # Not YAML.
    "a: [1", "a: 'x", "{a: 1", "a: b: c", "\ta: 1", "a: 1\n b: 2\n", "- a\nb\n", "a: |x", "@", "[a]b: 1",
]

JSON = [
    "null", "true", "false", "True", "0", "-0", "7", "007", "-7", "+7", "1.0", "-0.0", "1.50", "1.", ".5", "1e3", "1E3", "1e+3", "1e-7", "1E400", "-1E400",
    "12345678901234567890123", "-12345678901234567890123", "0.1", "123456789.123456789", "1e15", "1e16", "123456789012345680.0", "0.0001", "0.00001", "1e22",
    "5e-324", "2.2250738585072014e-308", "9007199254740993", "9007199254740993.0", "NaN", "Infinity", "-Infinity", "-NaN", "nan", "inf",
    '""', '"a"', "'a'", '"\\u00e9"', '"é"', '"\\ud83d\\ude00"', '"😀"', '"\\ud83d"', '"\\ude00\\ud83d"', '"\\n\\r\\t\\b\\f\\/\\\\\\""', '"\\x41"', '"\\u12"', '"a\nb"',
    '"a\tb"', '"\x7f"', '"\\u0000\\u001f"', '"\u2028"', '"', '"a', '"\\', "[]", "[ ]", "[1,2]", "[1, 2,]", "[1 2]", "[", "[1", "]", "{}", "{ }", '{"a":1}',
    '{"a" : 1 , "b" : [true, null]}', '{"a":1,"b":2,"a":3}', "{a:1}", "{'a':1}", '{"a":1,}', '{"a"}', '{"a":}', '{1:2}', '{"7":1,"3":2}', '{"":0}',
    '{"__proto__":1}', '{"x":[1,{"y":[]}],"z":{}}', "", " ", " 1 ", "\n[\n1\n]\n", "1 2", "nulls", "tru", "0x10", "1_000", "--1", "-", "1e", "1e+", "\ufeff1", "\u00a01",
    "/* */ 1", '"a" "b"', "[NaN, Infinity, -Infinity]", "{\"kv_connector\":\"DynamoNixlConnector\"}",
]

# Values after `--Service.key=`, read by the rule of `dynamo serve`.
FLAGS = [
    "8000", "007", "-1", "-0.5", "0.95", ".5", "5.", "-.5", "1.2.3", "0,1", "1e3", "1e-3", "true", "True", "TRUE", "tRuE", "false", "False", "null", "None", "NaN",
    "random", "round-robin", "x=y", "", " ", "0", "00", "-007", "1_000", '{"x":[1]}', "{'x':1}", "[1,2]", '"quoted"', "'quoted'", "yes", "on", "./model", "/a/b.c",
    "16384", "12345678901234567890", "1.0", "é", "١", "infinity", "Infinity", "-Infinity", ".", "-", "-.", "+5", "0x10", "127.0.0.1", "a.b", "-abc", "  7  ",
]


def flag_value(text):
    """The documented rule, extended to negative numbers (where the original fails)."""
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        pass
    digits = text[1:] if text.startswith("-") else text
    if digits.isascii() and digits.isdigit():
        return int(text)
    if digits.isascii() and digits.count(".") == 1 and digits.replace(".", "").isdigit():
        return float(text)
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    return text


def printed(read, text, **options):
    try:
        return json.dumps(read(text), **options)
    except Exception:
        return None


def vectors(read, texts, **options):
    return [{"text": text, "printed": printed(read, text, **options)} for text in dict.fromkeys(texts)]


NESTED = '{"a": {"b": [], "c": {}, "d": [1, [2.0, {"e": null}]]}, "f": "\\u00e9\\ud83d\\ude00", "g": {"h": true}}'

json.dump(
    {
        "yaml": vectors(yaml.safe_load, YAML),
        "json": vectors(json.loads, JSON),
        "indented": vectors(json.loads, [NESTED, "[]", "{}", "[[]]", "1.0", '{"a": 1}'], indent=2),
        "flags": vectors(flag_value, FLAGS),
    },
    sys.stdout,
    indent=1,
)
print()
