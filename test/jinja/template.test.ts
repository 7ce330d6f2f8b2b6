// Templates of our own; their texts were made by Jinja 3.1.6, set up as transformers does.

import { expect, test } from "bun:test";

import { Template } from "../../src/jinja/template.ts";

const l = [
  { n: null, t: "x" },
  { n: 1, t: "y" },
  { n: 2, t: "x" },
];

const CASES: readonly (readonly [string, string])[] = [
  [
    "{{ [1, 1.0, 1e20, 0.00001, true, none, 'a\\'b', \"q\"] }}{{ {1: 'a', 'k': [false]} }}{{ (1,) }}",
    "[1, 1.0, 1e+20, 1e-05, True, None, \"a'b\", 'q']{1: 'a', 'k': [False]}(1,)",
  ],
  ["[{{ nope | trim }}{{ nope | length }}{{ none | trim }}]", "[0None]"],
  ["{{ {1: 'a', 2: 'b'}[2] }}", "b"],
  ["{{ '%s-%03d-%.1f' % ('a', 7, 2.25) }}", "a-007-2.2"],
  ["{% for k, v in {'b': 1, 'a': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "b1a2"],
  [
    "{{ l | selectattr('n', 'equalto', none) | list }}{{ l | selectattr('n') | map(attribute='t') | join(',') }}",
    "[{'n': None, 't': 'x'}]y,x",
  ],
  ["{% for g, items in l | groupby('t') %}{{ g }}:{{ items | length }};{% endfor %}", "x:2;y:1;"],
  [
    "{{ [1,2,3,4,5] | batch(2, 0) | list }}{{ [1,2] | sum }}{{ 2.5 | round }}{{ 1.25 | round(1) }}{{ [3,1,2] | min }}{{ [3,1,2] | max }}{{ 7 // 2 }}{{ 7 / 2 }}{{ -7 % 3 }}",
    "[[1, 2], [3, 4], [5, 0]]32.01.21333.52",
  ],
  [
    "{{ {'b': '<é&\\'>', 'a': [1.5, none]} | tojson }}{{ {'b': [1, {}]} | tojson(indent=2) }}{{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }}",
    '{"b": "<é&\'>", "a": [1.5, null]}{\n  "b": [\n    1,\n    {}\n  ]\n}{"a":2,"b":1}',
  ],
  ["{% generation %}g{% endgeneration %}", "g"],
  [
    "{% for i in range(9) %}{% if i == 2 %}{% continue %}{% endif %}{% if i == 5 %}{% break %}{% endif %}{{ i }}{% endfor %}",
    "0134",
  ],
  [
    "{% set ns = namespace(n=0) %}{% for i in [1, 2] %}{% set ns.n = ns.n + i %}{% endfor %}{{ ns.n }}",
    "3",
  ],
  [
    "{% macro f(a, b='x', c=none) %}{{ a }}{{ b }}{{ c }}{% endmacro %}{{ f(1, c=2) }}{{ f(b=3, a=4) }}",
    "1x243None",
  ],
  [
    "{{ 'a b  c'.split() }}{{ 'a-b-c'.rsplit('-', 1) }}{{ 'xxay'.lstrip('x') }}{{ 'abc'.removeprefix('a') }}{{ \"it's ok\".title() }}",
    "['a', 'b', 'c']['a-b', 'c']aybcIt'S Ok",
  ],
  [
    "{{ 'abcdef'[::-2] }}{{ [1,2,3][-1] }}{{ [1,2,3][:-1] }}{{ 'k' in {'k': 1} }}{{ 'b' in 'abc' }}{{ 3 in [1] }}",
    "fdb3[1, 2]TrueTrueFalse",
  ],
  [
    "{{ [1] + [2] }}{{ {'a': 1}.get('b', 'd') }}{{ 1 is number }}{{ 'a' is string }}{{ [] is sequence }}{{ none is none }}",
    "[1, 2]dTrueTrueTrueTrue",
  ],
  [
    "a\n  {% if true %}\n  b\n  {% endif %}\n  {# c #}\n{{ 'd' }}\n  {%- if true -%}\n  e\n{% endif +%}\nf\n",
    "a\n  b\nde\n\nf",
  ],
  [
    "{% macro m() %}[{{ caller('q') }}]{% endmacro %}{% call(x) m() %}<{{ x }}>{% endcall %}",
    "[<q>]",
  ],
  ["{{ none | selectattr('a') | list }}{{ '' ~ 1 ~ none ~ true }}", "[]1NoneTrue"],
  [
    "{% for a in [1,2] %}{{ loop.index }}{{ loop.last }}{{ loop.previtem }}{% else %}no{% endfor %}",
    "1False2True1",
  ],
  ["{{ '😀é'|length }}{{ '😀é'[0] }}{{ 'a' if false }}", "2😀"],
];

test.each(CASES)("%j is rendered as Jinja does", (source, text) => {
  expect(new Template(source).render({ l })).toBe(text);
});

test.each([
  "{{ '{:>5}|{x!r}'.format(nope.a, x='y') }}",
  "{% call(x) m() %}<{{ x }}>{% endcall %}",
  "{{ 'a' + 1 }}",
  "{{ nope.a }}",
  "{{ 1 in 'a' }}",
  "{{ [1].append(2) }}",
  "{{ raise_exception('no') }}",
])("%j is an error, as in Jinja", (source) => {
  expect(() => new Template(source).render({ l })).toThrow();
});
