// Chat templates that do not come to an end, or fill memory, or overflow. Each is an error for its own chat.

/** Runs when it is rendered. */
export const ENDLESS: Readonly<Record<string, string>> = {
  "one long range": "{% for i in range(2000000000) %}x{% endfor %}",
  "two nested ranges":
    "{% for i in range(30000) %}{% for j in range(30000) %}{% endfor %}{% endfor %}",
  "three nested ranges":
    "{% for i in range(2000) %}{% for j in range(2000) %}{% for k in range(2000) %}a{% endfor %}{% endfor %}{% endfor %}",
  "ten nested ranges": `${"{% for i in range(99) %}".repeat(10)}x${"{% endfor %}".repeat(10)}`,
  "a range of a range":
    "{% set a = range(5000) %}{% for x in a %}{% for y in a %}{% for z in a %}{{ z }}{% endfor %}{% endfor %}{% endfor %}",
  "a loop with output":
    "{% for i in range(100000) %}{% for j in range(100000) %}{{ messages[0].content }}{% endfor %}{% endfor %}",
  "a loop over the messages and ranges":
    "{% for m in messages %}{% for i in range(40000) %}{% for j in range(40000) %}{% endfor %}{% endfor %}{% endfor %}",
  "a loop with a condition": "{% for i in range(100000000) if i < 0 %}{% endfor %}",
  "a namespace that counts":
    "{% set n = namespace(i=0) %}{% for a in range(40000) %}{% for b in range(40000) %}{% set n.i = n.i + 1 %}{% endfor %}{% endfor %}{{ n.i }}",
  "a doubling list":
    "{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}{{ n.a | length }}",
  "a doubling list with output":
    "{% set n = namespace(a=[1]) %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}{{ n.a }}",
  "a doubling text":
    "{% set n = namespace(a='ab') %}{% for i in range(60) %}{% set n.a = n.a + n.a %}{% endfor %}{{ n.a }}",
  "a doubling text by ~":
    "{% set n = namespace(a='ab') %}{% for i in range(60) %}{% set n.a = n.a ~ n.a %}{% endfor %}{{ n.a }}",
  "a doubling text, replaced":
    "{% set n = namespace(a='ab') %}{% for i in range(40) %}{% set n.a = n.a.replace('a', 'aabb') %}{% endfor %}{{ n.a }}",
  "a doubling text, in upper case":
    "{% set n = namespace(a='ab') %}{% for i in range(40) %}{% set n.a = (n.a + n.a) | upper %}{% endfor %}{{ n.a }}",
  "a doubling text, joined":
    "{% set n = namespace(a='ab') %}{% for i in range(60) %}{% set n.a = [n.a, n.a] | join('xx') %}{% endfor %}{{ n.a }}",
  "a text of a billion":
    "{% set n = namespace(a='ab') %}{% for i in range(28) %}{% set n.a = n.a + n.a %}{% endfor %}{{ n.a }}",
  "nested lists":
    "{% set n = namespace(a=[]) %}{% for i in range(100000000) %}{% set n.a = [n.a] %}{% endfor %}{{ n.a | length }}",
  "a deep list as JSON":
    "{% set n = namespace(a=[]) %}{% for i in range(100000) %}{% set n.a = [n.a] %}{% endfor %}{{ n.a | tojson }}",
  "a wide list as JSON":
    "{% set n = namespace(a=[]) %}{% for i in range(60) %}{% set n.a = [n.a, n.a] %}{% endfor %}{{ n.a | tojson }}",
  "a macro that calls itself": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
  "a macro that calls itself twice":
    "{% macro f(x) %}{% if x > 0 %}{{ f(x - 1) }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(64) }}",
  "two macros that call each other":
    "{% macro f(x) %}{{ g(x) }}{% endmacro %}{% macro g(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
  "macros that double":
    "{% macro f(x) %}{% if x > 0 %}{{ g(x - 1) }}{{ g(x - 1) }}{% endif %}{% endmacro %}{% macro g(x) %}{% if x > 0 %}{{ f(x - 1) }}{{ f(x - 1) }}{% endif %}{% endmacro %}{{ f(64) }}",
  "a macro that loops":
    "{% macro f(x) %}{% for i in range(100000) %}{{ x }}{% endfor %}{% endmacro %}{% for i in range(100000) %}{{ f('a') }}{% endfor %}",
  "a macro in a loop of itself":
    "{% macro f(x) %}{% for i in range(1000) %}{{ f(x) }}{% endfor %}{% endmacro %}{{ f('a') }}",
  "a range as text": "{{ range(500000000) | join(',') }}",
  "a range in JSON": "{{ range(500000000) | tojson }}",
  "a long range, sorted":
    "{% for i in range(1000) %}{% set a = range(5000000) | sort(reverse=true) %}{% endfor %}{{ a | length }}",
  "a long range, reversed":
    "{% for i in range(10000) %}{% set a = range(1000000) | reverse %}{% endfor %}x",
  "a long range, mapped":
    "{% for i in range(10000) %}{% set a = range(30000000) | map(attribute='x') | list %}{% endfor %}x",
  "texts that are split and joined":
    "{% set n = namespace(a='a b') %}{% for i in range(60) %}{% set n.a = (n.a + ' ' + n.a).split(' ') | join(' ') %}{% endfor %}{{ n.a }}",
  "an indented text":
    "{% set n = namespace(a='a\\n') %}{% for i in range(60) %}{% set n.a = (n.a + n.a) | indent(4) %}{% endfor %}{{ n.a }}",
  "a long slice":
    "{% set a = range(3000000) %}{% for i in range(100000) %}{% set b = a[1:] %}{% endfor %}x",
  "a search in a long list":
    "{% set a = range(3000000) %}{% for i in range(100000) %}{% if -1 in a %}x{% endif %}{% endfor %}",
  "a comparison of long texts":
    "{% set n = namespace(a='a', b='a') %}{% for i in range(24) %}{% set n.a = n.a + n.a %}{% set n.b = n.b + n.b %}{% endfor %}{% for i in range(100000) %}{% if n.a + 'x' == n.b + 'y' %}x{% endif %}{% endfor %}",
};

/** Kept from being used, or from being parsed at all. */
export const UNPARSABLE: Readonly<Record<string, () => string>> = {
  "10 MB of ifs": () => "{% if a %}b{% endif %}".repeat(500_000),
  "160,000 nested tags": () => "{%if 1%}".repeat(160_000),
  "110,000 nested tags": () => `${"{%if 1%}".repeat(110_000)}x`,
  "a million brackets": () => `{{ ${"(".repeat(1_000_000)}1 }}`,
  "500,000 brackets": () => `{{ ${"(".repeat(500_000)}1${")".repeat(500_000)} }}`,
  "500,000 nested lists": () => `{{ ${"[".repeat(500_000)}${"]".repeat(500_000)} }}`,
  "half a million nots": () => `{{ ${"not ".repeat(250_000)}1 }}`,
  "a comment without end": () => `{#${"a".repeat(1_000_000)}`,
  "a tag without end": () => "{%".repeat(500_000),
};
