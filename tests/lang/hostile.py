"""Files that are too large, too deep, too many or garbage, and what must be said of each.

Longer than most files: one table. Nothing is checked here; ``limits_child.py`` does that.
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

Files: TypeAlias = "dict[str, bytes]"

MIB: Final = 1 << 20
# What most cases fill: enough for anything quadratic to be seen, little enough for every run.
# As many words and signs as a file may have, less a few.
WORDS_MAX: Final = 390_000
BULK: Final = int(os.environ.get("HOSTILE_BYTES", MIB // 16))

BUNDLE: Final = 'bundle a.b { version "1" language 1 owner "o" contact "c" governs pay }\n'
SCHEMA: Final = """
entity Team directory in Team
entity User person directory in Team { name: string }
entity Robot agent directory in Team { owner: User }
action pay.out reversible risk low {
    amount: decimal, n: int, note: string, tags: set<string>[0..100], words: list<string>[0..9]
}
"""
RULE: Final = "rule a: allow Robot, User to pay.out"
POLICY: Final = 'policy p {{ owner "o" contact "c" reason "r"\n{}\n}}\n'
SMALL: Final = BUNDLE + SCHEMA + POLICY.format(RULE)
GROUP: Final = 'group g = Team::"g"\n'
WORDS: Final = (
    'rule policy { } ( ) not and "x" 5 , : when deny a.b action entity group risk'.split()
)


class Case(NamedTuple):
    """``expected`` is a code that must be among the complaints, or '' for a text that is fine."""

    expected: str
    build: Callable[[], Files]


def raw(data: bytes) -> Files:
    return {"a.charter": data}


def text(more: str, rules: str = RULE) -> Files:
    return raw((BUNDLE + SCHEMA + POLICY.format(rules) + more).encode())


def when(condition: str, more: str = "") -> Files:
    return text(more, f"rule a: allow User to pay.out when {condition}")


def constant(body: str) -> str:
    return f'const s: string = "{body}"\n'


def note(test: str, pattern: str) -> str:
    return f'args.note {test} "{pattern}"'


def each(line: Callable[[int], str], size_bytes: int = BULK) -> str:
    """As many numbered lines as fit."""
    lines: list[str] = []
    while size_bytes > 0:
        lines.append(line(len(lines)))
        size_bytes -= len(lines[-1]) + 1
    return "\n".join(lines) + "\n"


def chain(line: Callable[[int, int], str], count: int) -> str:
    """Numbered lines, each of which names the next."""
    return "\n".join(line(number, number + 1) for number in range(count)) + "\n"


def many(item: str, size_bytes: int = BULK) -> str:
    """One item again and again, with commas between."""
    return ", ".join([item] * (size_bytes // (len(item) + 2)))


def counted(item: str, size_bytes: int = BULK) -> str:
    """An item with a number in it, again and again."""
    count = size_bytes // (len(item) + 6)
    return ", ".join(item.format(number) for number in range(count))


def shuffled(number: int) -> str:
    """A name of the same letters as every other."""
    letters = [*"abcdefghij" * 3]
    random.Random(number).shuffle(letters)
    return "x" + "".join(letters)


def many_rules(files: int, rules_each: int, line: str = "rule r{}: allow User to pay.out") -> Files:
    """Rules in files of their own, beside a schema."""
    found = {"schema.charter": (BUNDLE + SCHEMA).encode()}
    for file in range(files):
        rules = "\n".join(line.format(number) for number in range(rules_each))
        policy = POLICY.replace("policy p", f"policy p{file}").format(rules)
        found[f"p{file}.charter"] = policy.encode()
    return found


def real_rules(files: int, rules_each: int) -> Files:
    """As ``many_rules``, with conditions such as people write."""
    line = (
        "rule r{0}: allow User to pay.out\n"
        '    when args.amount <= {0}.00 and args.note like "order-{0}-*"\n'
        '    unless args.n > {0} or "blocked" in args.tags'
    )
    return many_rules(files, rules_each, line)


def predicates(body: str, count: int, last: str, use: str = "q0", params: str = "") -> Files:
    """A chain of predicates; ``{}`` in the body is the next one's name."""
    lines = chain(lambda i, j: f"predicate q{i}{params} = {body.format(f'q{j}')}", count)
    return when(use, f"{lines}predicate q{count}{params} = {last}\n")


def noise(size_bytes: int) -> Files:
    return raw(random.Random(1).randbytes(size_bytes))


def noise_of_words(separator: str) -> Files:
    return raw(separator.join(random.Random(1).choices(WORDS, k=100_000)).encode())


GARBAGE: Final[dict[str, Case]] = {
    "nothing": Case("C0303", dict),
    "an empty file": Case("C0303", lambda: raw(b"")),
    "random bytes": Case("C0010", lambda: noise(MIB)),
    "random words on one line": Case("C0001", lambda: noise_of_words(" ")),
    "random words on many lines": Case("C0001", lambda: noise_of_words("\n")),
    "only blanks": Case("C0303", lambda: raw(b" " * MIB)),
    "only line breaks": Case("C0303", lambda: raw(b"\n" * MIB)),
    "only quotes": Case("C0001", lambda: raw(b'"' * WORDS_MAX)),
    "a quote on each line": Case("C0006", lambda: raw(b'"\n' * WORDS_MAX)),
    "only NUL": Case("C0005", lambda: raw(b"\0" * WORDS_MAX)),
    "only carriage returns": Case("C0005", lambda: raw(b"\r" * MIB)),
    "NUL in a name": Case("C0005", lambda: raw(SMALL.replace("pay.out", "pay\0out").encode())),
    "a lone surrogate": Case("C0010", lambda: raw(SMALL.encode() + b"# \xed\xa0\x80")),
    "cut in a character": Case("C0010", lambda: raw(SMALL.encode() + b"# \xe2\x82")),
    "bidirectional controls": Case("C0005", lambda: text("# \u202e\nconst a: int = 1\u2066\n")),
    "a file named in controls": Case("C0001", lambda: {"\u202e\n.charter": b"x"}),
    "a byte-order mark": Case("", lambda: raw(b"\xef\xbb\xbf" + SMALL.encode())),
    "two byte-order marks": Case("C0005", lambda: raw(b"\xef\xbb\xbf" * 2 + SMALL.encode())),
    "line breaks of two characters": Case("", lambda: raw(SMALL.replace("\n", "\r\n").encode())),
    "tabs": Case("", lambda: raw(SMALL.replace("    ", "\t").replace(" {", "\t{").encode())),
    "half a declaration on each line": Case("C0001", lambda: raw(b"const x: int =\n" * 60_000)),
    "half a rule on each line": Case("C0001", lambda: raw(b"rule a: allow\n" * 70_000)),
}

DEEP: Final[dict[str, Case]] = {
    "parentheses": Case("C0008", lambda: when("(" * 10_000 + "true" + ")" * 10_000)),
    "open parentheses": Case("C0008", lambda: when("(" * 10_000)),
    "only opening": Case("C0008", lambda: raw(b"{" * WORDS_MAX)),
    "only closing": Case("C0001", lambda: raw(b"}" * WORDS_MAX)),
    "more words than a file may have": Case("C0009", lambda: raw(b"m " * (MIB // 2))),
    "not": Case("C0008", lambda: when("not " * 10_000 + "true")),
    "minus": Case("C0008", lambda: when("-" * 10_000 + "5 > 3")),
    "sets": Case(
        "C0008", lambda: text(f"type T = {{ a: {'set<' * 9_999}int{'>[0..1]' * 9_999} }}")
    ),
    "records": Case("C0008", lambda: text(f"type T = {'{ a: ' * 9_999}int{' }' * 9_999}")),
    "lists": Case("C0008", lambda: text(f"const x: set<int> = {'[' * 9_999}{']' * 9_999}")),
    "as deep as may be": Case("", lambda: when("(" * 31 + "args.n > 5" + ")" * 31)),
    "types in types": Case(
        "C0502",
        lambda: text(chain(lambda i, j: f"type T{i} = {{ a: T{j} }}", 5_000) + "type T5000 = {}"),
    ),
    "types twice in types": Case(
        "C0502",
        lambda: text(
            chain(lambda i, j: f"type T{i} = {{ a: T{j}, b: T{j} }}", 30)
            + "type T30 = {} entity X { t: T0 }"
        ),
    ),
    "parents of parents": Case(
        "", lambda: text(chain(lambda i, j: f"entity X{i} in X{j}", 5_000) + "entity X5000")
    ),
    "action sets in action sets": Case(
        "C0502",
        lambda: text(chain(lambda i, j: f"actions s{i} = s{j}", 5_000) + "actions s5000 = pay.out"),
    ),
    "escalations": Case(
        "C0502",
        lambda: text(
            GROUP
            + chain(lambda i, j: f"route r{i} {{ need 1 of g escalate to r{j} after 1h }}", 2_000)
            + "route r2000 { need 1 of g }"
        ),
    ),
    "escalations in a circle": Case(
        "C0422",
        lambda: text(
            GROUP
            + each(lambda i: f"route r{i} {{ need 1 of g escalate to r{i ^ 1} after 1h }}", 20_000)
            + "route r500 { need 1 of g }"
        ),
    ),
    "data": Case(
        "C0214",
        lambda: text('data s: set<int>[0..9] from "d.json"') | {"d.json": b"[" * 500_000},
    ),
    "a directory": Case("C0217", lambda: text("") | {"p.directory.json": b"[" * 500_000}),
}

PREDICATES: Final[dict[str, Case]] = {
    "twice the next": Case("C0502", lambda: predicates("{0} and {0}", 40, "args.n > 5")),
    "twice the next, wrong": Case("C0502", lambda: predicates("{0} and {0}", 40, "args.zz > 5")),
    "twice the next, with a parameter": Case(
        "C0502", lambda: predicates("{0}(x) or {0}(x)", 40, "x > 5", "q0(args.n)", "(x: int)")
    ),
    "twice the argument": Case(
        "C0502", lambda: predicates("{0}(x + x)", 40, "x > 5", "q0(args.n)", "(x: int)")
    ),
    "a hundred times the next": Case(
        "C0502", lambda: predicates(" and ".join(["{0}"] * 100), 6, "args.n > 5")
    ),
    "a long chain": Case("C0502", lambda: predicates("{}", 5_000, "args.n > 5")),
    "a chain with a parameter": Case(
        "C0502", lambda: predicates("{}(x)", 2_000, "x > 5", "q0(args.n)", "(x: int)")
    ),
    "deep in each": Case(
        "C0502", lambda: predicates("(" * 30 + "not {}" + ")" * 30, 200, "args.n > 5")
    ),
    "within the limits": Case("", lambda: predicates("{0} or {0}", 9, "args.n > 5")),
    "a circle": Case("C0422", lambda: predicates("{0} and q0", 20, "args.n > 5")),
    "sets in sets": Case("C0406", lambda: when('"x" in (' * 31 + '"x" in args.tags' + ")" * 31)),
}

MANY: Final[dict[str, Case]] = {
    "a byte more than a file may have": Case("C0009", lambda: raw(b" " * (MIB + 1))),
    "a file more than a bundle may have": Case(
        "C0502", lambda: text("") | {f"f{i}.charter": b"" for i in range(256)}
    ),
    "a hundred thousand files": Case(
        "C0502", lambda: {f"{i}.charter": b"x" for i in range(100_000)}
    ),
    "as many files as a bundle may have": Case(
        "", lambda: text("") | {f"f{i}.charter": b"" for i in range(255)}
    ),
    "more than a hundred thousand rules": Case("C0502", lambda: many_rules(10, 10_001)),
    "bundle lines": Case("C0210", lambda: text(each(lambda _: BUNDLE))),
    "policies of one name": Case("C0210", lambda: text(each(lambda _: POLICY.format(RULE)))),
    "rules of one name": Case("C0210", lambda: text("", each(lambda _: RULE))),
    "constants of one name": Case("C0210", lambda: text(each(lambda _: "const x: int = 5"))),
    "types of one name": Case("C0210", lambda: text(each(lambda _: "type X = {}"))),
    "actions of one name": Case(
        "C0210", lambda: text(each(lambda _: "action pay.x reversible risk low"))
    ),
    "contexts": Case("C0210", lambda: text(each(lambda _: "context { a: int }"))),
    "members of one name": Case("C0210", lambda: text(f"enum E {{ {many('m')} }}")),
    "fields of one name": Case("C0210", lambda: text(f"type E = {{ {many('m: int')} }}")),
    "fields": Case("C0502", lambda: text(f"type E = {{ {counted('m{}: int')} }}")),
    "members": Case("", lambda: text(f"enum E {{ {counted('m{}')} }}")),
    "actions": Case("", lambda: text(each(lambda i: f"action pay.x{i} reversible risk low"))),
    "entities": Case("", lambda: text(each(lambda i: f"entity X{i}"))),
    "groups": Case("", lambda: text(each(lambda i: f'group x{i} = Team::"{i}"'))),
    "predicates": Case("", lambda: text(each(lambda i: f"predicate x{i} = args.n > {i}"))),
    "routes": Case("", lambda: text(GROUP + each(lambda i: f"route r{i} {{ need 1 of g }}"))),
    "needs": Case("", lambda: text(f"{GROUP}route r {{ {each(lambda _: 'need 1 of g')} }}")),
    "shown values": Case(
        "", lambda: text(f"{GROUP}route r {{ need 1 of g show {many('args.n')} }}")
    ),
    "fixtures": Case("", lambda: text(each(lambda i: f'fixture f{i} = Team::"{i}"'))),
    "unknown names": Case(
        "C0201", lambda: text("", each(lambda i: f"rule r{i}: allow User to pay.out when x{i}"))
    ),
    "unknown names like all others": Case(
        "C0201",
        lambda: text(
            each(lambda i: f"const {shuffled(i)}: int = 5", BULK // 2),
            "\n".join(
                f"rule r{i}: allow User to pay.out when args.n > {shuffled(100_000 + i)}"
                for i in range(400)
            ),
        ),
    ),
    "unknown types": Case("C0203", lambda: text(each(lambda i: f"entity X{i} in Y{i}"))),
    "rules over any action": Case(
        "C0502",
        lambda: text(
            each(lambda i: f"action pay.x{i} reversible risk low", 40_000),
            each(lambda i: f"rule r{i}: deny User to any action", 40_000),
        ),
    ),
    "rules for anyone": Case(
        "C0502",
        lambda: text(
            each(lambda i: f"entity X{i} person directory", 36_000),
            each(lambda i: f"rule r{i}: allow anyone to pay.out", 40_000),
        ),
    ),
    "needs of many people": Case(
        "",
        lambda: text(
            each(lambda i: f"entity X{i} person directory in Team", BULK // 2)
            + f"{GROUP}route r {{ {each(lambda _: 'need 1 of g', BULK // 2)} }}"
        ),
    ),
    "groups of groups of groups": Case(
        "",
        lambda: text(
            chain(lambda i, j: f"entity X{i} directory in X{j}", BULK // 80)
            + f"entity X{BULK // 80} directory\n"
            + f'entity P person in X0 {{ name: string }}\ngroup gg = X{BULK // 80}::"g"\n',
            each(lambda i: f"rule r{i}: allow P in gg to pay.out", BULK // 2),
        ),
    ),
    "sets of a set": Case(
        "C0502",
        lambda: text(
            each(lambda i: f"action pay.x{i} reversible risk low", 60_000)
            + f"actions big = {', '.join(f'pay.x{i}' for i in range(1_000))}\n"
            + each(lambda i: f"actions s{i} = big", 60_000)
        ),
    ),
    "claims over any action": Case(
        "C0502",
        lambda: text(
            each(lambda i: f"action pay.x{i} reversible risk low", 40_000)
            + 'invariant "x" { owner "o"\n'
            + each(lambda _: "never allow anyone to any action", 40_000)
            + "}"
        ),
    ),
    "shown values of many actions": Case(
        "",
        lambda: text(
            each(lambda i: f"action pay.x{i} reversible risk low {{ f{i}: int }}", BULK // 2)
            + f"{GROUP}route r {{ need 1 of g show "
            + ", ".join(f"args.f{i}" for i in range(BULK // 128))
            + "}"
        ),
    ),
    "points of many actions": Case(
        "",
        lambda: text(
            each(lambda i: f"action pay.x{i} reversible risk low {{ f: int }}", BULK // 2)
            + 'risk { owner "o" reason "r" '
            + each(lambda _: 'points 1 "x" when has args.f', BULK // 2)
            + "tier high from 1 }"
        ),
    ),
    "unknown actions": Case(
        "C0202", lambda: text("", each(lambda i: f"rule r{i}: allow User to pay.x{i}"))
    ),
    "unknown bundles": Case("C0219", lambda: text(each(lambda i: f"import x{i}"))),
    "conditions in a row": Case("C0502", lambda: when(" or ".join(["args.n > 5"] * 9_000))),
    "sums": Case("C0502", lambda: when("args.n > " + " + ".join(["1"] * 30_000))),
    "products": Case("C0502", lambda: when("args.n > " + " * ".join(["1"] * 30_000))),
    "principals": Case("C0505", lambda: text("", f"rule a: allow {many('User')} to pay.out")),
    "words in a path": Case("C0204", lambda: when("args" + ".a" * (BULK // 2))),
    "words in a name": Case("C0201", lambda: when("a" + ".a" * (BULK // 2))),
    "words in an action": Case(
        "", lambda: text(f"action pay{'.a' * (BULK // 2)} reversible risk low")
    ),
    "members of a constant": Case(
        "", lambda: text("const s: set<string> = [" + counted('"{}"', MIB - 2_000) + "]")
    ),
    "members of a constant, alike": Case(
        "C0423", lambda: text(f"const s: set<int> = [{many('7')}]")
    ),
    "members of a list in a rule": Case("", lambda: when(f"args.n in [{counted('{}')}]")),
    "members of a data file": Case(
        "",
        lambda: (
            text('data s: set<int>[0..1_000_000] from "d.json"')
            | {"d.json": json.dumps([*range(100_000)]).encode()}
        ),
    ),
    "points": Case(
        "",
        lambda: text(
            'risk { owner "o" reason "r" '
            + each(lambda _: 'points 1 "x" when args.n > 5')
            + "tier high from 1 }"
        ),
    ),
    "spans of a window": Case(
        "", lambda: text("window w = " + many("mon 09:00..10:00") + ' in "UTC"')
    ),
    "comments": Case("", lambda: text(each(lambda _: "#", MIB - 2_000))),
}

LONG: Final[dict[str, Case]] = {
    "a comment": Case("", lambda: text("#" + "x" * (MIB - 2_000))),
    "a text": Case("C0423", lambda: text(constant("x" * (MIB - 2_000)))),
    "a text of escapes": Case("C0423", lambda: text(constant(r"\\" * (MIB // 4)))),
    "a text that no request can carry": Case("C0423", lambda: when('args.note == "e\u0301"')),
    "a text of wrong escapes": Case("C0007", lambda: text(constant(r"\x" * 400_000))),
    "an open text": Case("C0006", lambda: text('const s: string = "' + "x" * (MIB - 2_000))),
    "a name": Case("", lambda: text(f"const {'x' * (MIB - 2_000)}: int = 5")),
    "an unknown name": Case("C0201", lambda: when("x" * (MIB - 2_000))),
    "a number": Case("C0012", lambda: when("args.n > " + "9" * (MIB - 2_000))),
    "a bound": Case("C0409", lambda: text(f"entity X {{ s: set<int>[0..{'9' * 50}] }}")),
    "a duration": Case("", lambda: when(f"now > now + {'9' * 90}d")),
    "a time limit": Case(
        "C0409", lambda: text(f"{GROUP}route r {{ need 1 of g expires {'9' * 90}d }}")
    ),
    "a need": Case("C0409", lambda: text(f"{GROUP}route r {{ need {'9' * 90} of g }}")),
    "a rate": Case("C0419", lambda: text("", f"{RULE} then rate {'9' * 90} per 1h by agent")),
    "points": Case(
        "C0428", lambda: text('risk { owner "o" reason "r" points ' + "9" * 90 + ' "x" when true }')
    ),
    "a language": Case(
        "C0304", lambda: raw(SMALL.replace("language 1", f"language {'9' * 90}").encode())
    ),
    "a pattern": Case("C0424", lambda: when(note("matches", "a|" * 400_000))),
    "a pattern of brackets": Case("C0424", lambda: when(note("matches", "(" * 400_000))),
    "a pattern of repetitions": Case(
        "C0424", lambda: when(note("matches", "((a{100}){100}){100}"))
    ),
    "a pattern of stars": Case("", lambda: when(note("like", "*a" * 400_000))),
}

ROOMS: Final = {
    "garbage": GARBAGE,
    "deep": DEEP,
    "predicates": PREDICATES,
    "many": MANY,
    "long": LONG,
}
CASES: Final = {
    f"{room}: {name}": case for room, cases in ROOMS.items() for name, case in cases.items()
}
