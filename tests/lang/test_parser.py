"""The parser: values of every node, positions, complaints by their underlined words, and no crash.

Longer than most files: every declaration and every syntax complaint has a case here.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lark.exceptions import UnexpectedInput

from pdp.lang import codes
from pdp.lang import nodes as n
from pdp.lang.diagnostics import Code, Diagnostic
from pdp.lang.parser import decode, parse
from pdp.lang.reading import grammar
from pdp.lang.reading.grammar import charter_grammar
from pdp.lang.source import Source, Span

EXAMPLES: Final = sorted((Path(__file__).parents[1] / "corpus" / "examples").glob("*.charter"))
KEYWORDS: Final = sorted(
    {
        *(terminal.name.lower() for terminal in charter_grammar().terminals),
        *"guard person agent directory reversible irreversible untrusted secret binding".split(),
        *"nullable bool int decimal string timestamp duration ip cidr path json set list".split(),
        *"mon tue requester owner same_team user resource everyone never always".split(),
        *"some every no like matches under true false and or not in has any anyone".split(),
        *"count within review_by bundle begins satisfies".split(),
    }
)


def good(text: str) -> tuple[n.Declaration, ...]:
    file, diagnostics = parse(Source("a.charter", text))
    assert diagnostics == ()
    return file.declarations


def one(text: str) -> Any:
    (declaration,) = good(text)
    return declaration


def condition(text: str) -> Any:
    return one(f"predicate p = {text}").body


def complaints(text: str) -> tuple[Diagnostic, ...]:
    return parse(Source("a.charter", text))[1]


def slice_of(text: str, span: Span) -> str:
    lines = text.split("\n")
    if span.line == span.end_line:
        return lines[span.line - 1][span.column - 1 : span.end_column - 1]
    middle = lines[span.line : span.end_line - 1]
    first, last = lines[span.line - 1][span.column - 1 :], lines[span.end_line - 1]
    return "\n".join([first, *middle, last[: span.end_column - 1]])


def assert_underlined(text: str, code: Code, underlined: str) -> Diagnostic:
    """Exactly one complaint, of this code, under exactly these words, which occur once."""
    found = complaints(text)
    assert [(d.code.code, slice_of(text, d.span)) for d in found] == [(code.code, underlined)]
    assert underlined == "" or text.count(underlined) == 1
    return found[0]


def plain(node: Any) -> Any:
    """A node without its places, as nested tuples that are easy to compare."""
    match node:
        case n.Name():
            return node.text
        case n.Text():
            return ("text", node.value)
        case tuple():
            return tuple(map(plain, node))
        case _ if dataclasses.is_dataclass(node):
            values = [getattr(node, f.name) for f in dataclasses.fields(node) if f.type != "Span"]
            return (type(node).__name__, *map(plain, values))
        case _:
            return node


def names_in(node: Any) -> Iterator[n.Name]:
    if isinstance(node, n.Name):
        yield node
    elif isinstance(node, tuple):
        for item in node:
            yield from names_in(item)
    elif dataclasses.is_dataclass(node) and not isinstance(node, Span):
        for field in dataclasses.fields(node):
            yield from names_in(getattr(node, field.name))


# ---------------------------------------------------------------- the grammar and the examples


def test_grammar_is_strict() -> None:
    pytest.importorskip("interegular")
    assert charter_grammar(strict=True).options.strict is True


def test_there_are_ten_examples() -> None:
    assert len(EXAMPLES) == 10


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_example_parses(path: Path) -> None:
    source, undecodable = decode(path.name, path.read_bytes())
    assert source is not None
    assert undecodable == ()
    file, diagnostics = parse(source)
    assert diagnostics == ()
    assert file.name == path.name
    assert file.declarations


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_names_stand_where_they_say(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    names = list(names_in(parse(Source(path.name, text))[0].declarations))
    assert names
    for name in names:
        assert slice_of(text, name.span) == name.text


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_line_breaks_and_tabs_change_nothing(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    other = "# first\r\n" + text.replace("    ", "\t").replace("\n", "\r\n")
    assert plain(good(other)) == plain(good(text))


def test_spans_of_declarations_touch_nothing_else() -> None:
    text = '# one\n\ngroup a = Team::"x"  # two\n\nimport b\n'
    assert [slice_of(text, d.span) for d in good(text)] == ['group a = Team::"x"', "import b"]


def test_empty_file_says_nothing() -> None:
    for text in ("", "\n", "# only a comment", " \t\r\n"):
        assert good(text) == ()


def test_parses_in_several_threads() -> None:
    def work(number: int) -> set[str]:
        text = "".join(f'group g{i} = Team::"x"\n' for i in range(50))
        file, _ = parse(Source(f"{number}.charter", text))
        return {declaration.span.file for declaration in file.declarations}

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, range(8))) == [{f"{number}.charter"} for number in range(8)]


# ---------------------------------------------------------------- words


def test_keyword_ends_where_the_word_ends() -> None:
    """The trap: a contextual lexer would read ``args.a in box``."""
    assert_underlined("predicate p = args.a inbox", codes.UNEXPECTED_WORD, "inbox")
    assert_underlined("predicate p = args.a orb", codes.UNEXPECTED_WORD, "orb")
    assert_underlined('bundle a guarded { owner "x" }', codes.UNEXPECTED_WORD, "guarded")


def test_without_the_boundary_the_trap_is_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sabotage twin of the test above: it is the boundary that closes the trap."""
    text = "predicate p = args.a inbox"
    with pytest.raises(UnexpectedInput):
        charter_grammar().parse(text)
    monkeypatch.setattr(grammar, "_bound_keyword", lambda _: None)
    tree = charter_grammar.__wrapped__(strict=False).parse(text)
    assert [*tree.scan_values(lambda value: value == "box")]


@pytest.mark.parametrize("word", KEYWORDS)
def test_keyword_may_be_a_field_name(word: str) -> None:
    record = one(f"type T = {{ {word}: int, b{word}?: int, {word}: T }}").record
    assert [field.name.text for field in record.fields] == [word, f"b{word}", word]


@pytest.mark.parametrize("word", KEYWORDS)
def test_keyword_may_be_a_record_key(word: str) -> None:
    fixture = one(f'fixture f = T::"x" {{ {word}: 1, {word}: 2 }}')
    assert [key.text for key, _ in fixture.record.pairs] == [word, word]
    test = one(f'test "t" {{ context {{ {word}: 1 }} do a.{word} {{ {word}: 1, }} }}')
    assert test.items[0].record.pairs[0][0].text == word
    assert test.items[1].action.text == f"a.{word}"


@pytest.mark.parametrize("word", KEYWORDS)
def test_keyword_may_be_a_path_segment(word: str) -> None:
    path = ["args", word, word]
    text = ".".join(path)
    body = condition(f"{text} == 1 and has {text} and not {text} in {text}")
    assert [segment.text for segment in body.operands[0].left.segments] == path
    assert [segment.text for segment in body.operands[1].path.segments] == path
    assert [segment.text for segment in body.operands[2].operand.right.segments] == path
    route = one(f"route r {{ show {text}, {text} }}")
    assert [[s.text for s in shown.segments] for shown in route.items[0].paths] == [path, path]


@pytest.mark.parametrize("word", KEYWORDS)
def test_keyword_may_be_an_action_segment(word: str) -> None:
    name = f"mail.{word}"
    assert one(f"action {name} on Box reversible risk low").name.text == name
    assert [a.text for a in one(f"actions x = {name}, {name}").members] == [name, name]
    rule = f"rule r: allow Agent to {name}, {name} on Box then redact [args.{word}]"
    policy = one(f'policy p {{ owner "x" {rule} }}')
    assert [a.text for a in policy.rules[0].effect.target.actions] == [name, name]
    assert one(f"bundle a.{word} {{ governs {name}, {name} }}").name.text == f"a.{word}"


# ---------------------------------------------------------------- literals and expressions


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("5", "int", 5),
        ("5_000", "int", 5000),
        ("99999999999999999999999", "int", 99999999999999999999999),
        ("5_000.00", "decimal", "5000.00"),
        ("0.5", "decimal", "0.5"),
        ('"a b"', "string", "a b"),
        (r'"\"\\\n\t"', "string", '"\\\n\t'),
        (r'"a\*b*"', "string", r"a\*b*"),
        (r'r"\d+\*"', "string", r"\d+\*"),
        ('r"# no comment"', "string", "# no comment"),
        ("2026-03-02T10:00:00Z", "timestamp", "2026-03-02T10:00:00Z"),
        ("2026-03-02T10:00+01:00", "timestamp", "2026-03-02T10:00+01:00"),
        ("15m", "duration", 900_000),
        ("4h", "duration", 14_400_000),
        ("250ms", "duration", 250),
        ("30s", "duration", 30_000),
        ("2d", "duration", 172_800_000),
        ("true", "bool", True),
        ("false", "bool", False),
        ('ip "10.1.2.3"', "ip", "10.1.2.3"),
        ('cidr "10.0.0.0/8"', "cidr", "10.0.0.0/8"),
    ],
)
def test_literal(text: str, kind: str, value: object) -> None:
    literal = condition(text)
    assert (literal.kind, literal.value) == (kind, value)
    assert type(literal.value) is type(value)
    assert slice_of(f"predicate p = {text}", literal.span) == text


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("a.b", ("Path", ("a", "b"))),
        ("Level.high", ("Path", ("Level", "high"))),
        ('Team::"x"', ("EntityLiteral", "Team", ("text", "x"))),
        ("2026-01-01", ("BadDate", "2026-01-01")),
        ("[a, [b], ]", ("ListExpr", (("Path", ("a",)), ("ListExpr", (("Path", ("b",)),))))),
        ("[]", ("ListExpr", ())),
        ("now()", ("Call", "now", ())),
        ("f(a, b)", ("Call", "f", (("Path", ("a",)), ("Path", ("b",))))),
        ("x.f(a)", ("Call", "x.f", (("Path", ("a",)),))),
        ("(a)", ("Group", ("Path", ("a",)))),
        ("not a", ("Not", "not", ("Path", ("a",)))),
        ("!a", ("Not", "!", ("Path", ("a",)))),
        ("not a == b", ("Not", "not", ("Compare", "==", ("Path", ("a",)), ("Path", ("b",))))),
        ("a = b", ("Compare", "=", ("Path", ("a",)), ("Path", ("b",)))),
        ("a <= b", ("Compare", "<=", ("Path", ("a",)), ("Path", ("b",)))),
        ("a in b", ("MemberOf", ("Path", ("a",)), ("Path", ("b",)), False)),
        ("a not in b", ("MemberOf", ("Path", ("a",)), ("Path", ("b",)), True)),
        ('a like "x*"', ("TextTest", "like", ("Path", ("a",)), ("text", "x*"), False)),
        ('a not under "/x"', ("TextTest", "under", ("Path", ("a",)), ("text", "/x"), True)),
        ('a matches r"\\d"', ("TextTest", "matches", ("Path", ("a",)), ("text", "\\d"), False)),
        ("a begins []", ("Begins", ("Path", ("a",)), ("ListExpr", ()), False)),
        ("a not begins []", ("Begins", ("Path", ("a",)), ("ListExpr", ()), True)),
        ("has a.b", ("Has", ("Path", ("a", "b")))),
        (
            "some x in a.b satisfies (x)",
            ("Quantified", "some", "x", ("Path", ("a", "b")), ("Path", ("x",))),
        ),
        ("-a", ("Negative", ("Path", ("a",)))),
        ("- -a", ("Negative", ("Negative", ("Path", ("a",))))),
    ],
)
def test_expression(text: str, tree: object) -> None:
    body = condition(text)
    assert plain(body) == tree
    assert slice_of(f"predicate p = {text}", body.span) == text


def test_sums_and_products_keep_their_order() -> None:
    a, b, c, d = (("Path", (word,)) for word in "abcd")
    product = ("Product", (b, ("Literal", "int", 2), c))
    assert plain(condition("a - b * 2 * c + d")) == ("Sum", (a, product, d), ("-", "+"))


def test_junction_is_flat_and_keeps_mixed_words() -> None:
    a, b, c, d = (("Path", (word,)) for word in "abcd")
    assert plain(condition("a and b and c")) == ("Junction", (a, b, c), ("and", "and"))
    assert plain(condition("a and b or c && d")) == ("Junction", (a, b, c, d), ("and", "or", "&&"))
    inner = ("Group", ("Junction", (b, c), ("||",)))
    assert plain(condition("a or (b || c)")) == ("Junction", (a, inner), ("or",))
    assert plain(condition("not a and b")) == ("Junction", (("Not", "not", a), b), ("and",))


# ---------------------------------------------------------------- declarations

META = 'owner "o" contact "c" reason "r"'
META_TREE = tuple(("Meta", key, (("text", key[0]),)) for key in ("owner", "contact", "reason"))


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        (
            (
                'bundle a.b guard { version "1" language 1_0 governs a, b.c ref "t"'
                " review_by 2027-01-02 shadow until 2027-01-03 }"
            ),
            (
                *("BundleDecl", "a.b", True),
                (
                    ("Meta", "version", (("text", "1"),)),
                    ("Meta", "language", (("text", "10"),)),
                    ("Meta", "governs", (("text", "a"), ("text", "b.c"))),
                    ("Meta", "ref", (("text", "t"),)),
                    ("Meta", "review_by", (("text", "2027-01-02"),)),
                    ("Meta", "shadow", (("text", "2027-01-03"),)),
                ),
            ),
        ),
        ("bundle a { }", ("BundleDecl", "a", False, ())),
        ("import a.b", ("ImportDecl", "a.b")),
        (
            'enum E { a "A-1", B, }',
            (
                *("EnumDecl", "E"),
                (("Member", "a", ("text", "A-1")), ("Member", "B", None)),
                False,
            ),
        ),
        (
            "level L { a < b }",
            ("EnumDecl", "L", (("Member", "a", None), ("Member", "b", None)), True),
        ),
        ("type T = { }", ("TypeDecl", "T", ("RecordType", ()))),
        (
            'context { a "A"?: int untrusted secret, b: set<list<x.T>[1..2]>, }',
            (
                "ContextDecl",
                (
                    "RecordType",
                    (
                        *(
                            (
                                *("Field", "a", ("text", "A"), True, ("PrimType", "int")),
                                ("untrusted", "secret"),
                            ),
                        ),
                        (
                            *("Field", "b", None, False),
                            (
                                *("CollType", "set"),
                                ("CollType", "list", ("NamedType", "x.T"), (1, 2)),
                                None,
                            ),
                            (),
                        ),
                    ),
                ),
            ),
        ),
        (
            "entity U person directory in T, x.V { }",
            (
                *("EntityDecl", "U", ("person", "directory"), ("T", "x.V")),
                ("RecordType", ()),
            ),
        ),
        ("entity U", ("EntityDecl", "U", (), (), None)),
        (
            'action a.b "w" on T, U irreversible risk high { }',
            (
                *("ActionDecl", "a.b", ("text", "w"), ("T", "U"), False, "high"),
                ("RecordType", ()),
            ),
        ),
        (
            "action a reversible risk low",
            ("ActionDecl", "a", None, (), True, "low", None),
        ),
        ("actions x = a, b.c", ("ActionsDecl", "x", ("a", "b.c"))),
        (
            'group g = x.T::"i"',
            ("GroupDecl", "g", ("EntityLiteral", "x.T", ("text", "i"))),
        ),
        (
            "const c: int = -5",
            (
                *("ConstDecl", "c", ("PrimType", "int")),
                ("Negative", ("Literal", "int", 5)),
            ),
        ),
        (
            'const c: T = [a, L.b, { x: 1 }, T::"i",]',
            (
                *("ConstDecl", "c", ("NamedType", "T")),
                (
                    "ListValue",
                    (
                        "a",
                        "L.b",
                        ("RecordValue", (("x", ("Literal", "int", 1)),)),
                        ("EntityLiteral", "T", ("text", "i")),
                    ),
                ),
            ),
        ),
        (
            'data d: set<string>[0..3] from "f.json"',
            (
                *("DataDecl", "d"),
                ("CollType", "set", ("PrimType", "string"), (0, 3)),
                ("text", "f.json"),
            ),
        ),
        ("predicate p = a", ("PredicateDecl", "p", None, ("Path", ("a",)))),
        (
            "predicate p(x: T) = x",
            (
                *("PredicateDecl", "p"),
                (("Param", "x", ("NamedType", "T")),),
                ("Path", ("x",)),
            ),
        ),
        (
            'window w = mon..fri 09:00..24:00, sat 08:00..09:00 in "Z" except h',
            (
                *("WindowDecl", "w"),
                (
                    ("WindowSpan", "mon", "fri", "09:00", "24:00"),
                    ("WindowSpan", "sat", None, "08:00", "09:00"),
                ),
                *(("text", "Z"), "h"),
            ),
        ),
        (
            (
                "route r { need 2 of g where (a) need 1 of x.h confirm user"
                " exclude owner, same_team expires 2h use within 30m"
                ' escalate to x.q after 1h show a.b, c reason "r" }'
            ),
            (
                *("RouteDecl", "r"),
                (
                    ("NeedItem", 2, "g", ("Path", ("a",))),
                    ("NeedItem", 1, "x.h", None),
                    ("ConfirmItem",),
                    ("ExcludeItem", ("owner", "same_team")),
                    ("ExpiresItem", ("Literal", "duration", 7_200_000)),
                    ("UseWithinItem", ("Literal", "duration", 1_800_000)),
                    ("EscalateItem", "x.q", ("Literal", "duration", 3_600_000)),
                    ("ShowItem", (("Path", ("a", "b")), ("Path", ("c",)))),
                    ("Meta", "reason", (("text", "r"),)),
                ),
            ),
        ),
        (
            "budget b limit 250.00 per 1d by user",
            (
                *("BudgetDecl", "b", ("Literal", "decimal", "250.00")),
                *(("Literal", "duration", 86_400_000), "user"),
            ),
        ),
        (
            (
                f'risk {{ {META} points 40 "why" when a tier low from 3'
                " tier high from 9 requires r, s }"
            ),
            (
                *("RiskDecl", META_TREE),
                (("Points", 40, ("text", "why"), ("Path", ("a",))),),
                (("Tier", "low", 3, ()), ("Tier", "high", 9, ("r", "s"))),
            ),
        ),
        (
            f'policy p "t" {{ {META} rule r: allow anyone to any action }}',
            (
                *("PolicyDecl", "p", ("text", "t"), META_TREE),
                (
                    (
                        *("RuleDecl", "r"),
                        ("EffectNode", "allow", (), ("Who", ()), ("Target", (), ())),
                        *(None, None, None, ()),
                    ),
                ),
            ),
        ),
        (
            (
                f'invariant "t" {{ {META} never allow a to b always deny C to d when e'
                " never approval from r bots to d }"
            ),
            (
                *("InvariantDecl", ("text", "t"), META_TREE),
                (
                    (
                        *("Claim", "never", ("Outcome", "allow", None)),
                        ("Who", (("WhoItem", None, "a"),)),
                        *(("Target", ("b",), ()), None),
                    ),
                    (
                        *("Claim", "always", ("Outcome", "deny", None)),
                        ("Who", (("WhoItem", "C", None),)),
                        *(("Target", ("d",), ()), ("Path", ("e",))),
                    ),
                    (
                        *("Claim", "never", ("Outcome", "approval", "r")),
                        ("Who", (("WhoItem", None, "bots"),)),
                        *(("Target", ("d",), ()), None),
                    ),
                ),
            ),
        ),
        (
            'fixture f = T::"i" in [a, x.b,] { k: v }',
            (
                *("FixtureDecl", "f", ("EntityLiteral", "T", ("text", "i")), ("a", "x.b")),
                ("RecordValue", (("k", "v"),)),
            ),
        ),
        (
            'fixture f = T::"i"',
            ("FixtureDecl", "f", ("EntityLiteral", "T", ("text", "i")), (), None),
        ),
        (
            (
                'test "t" { agent a, b user u do x.y on z { k: 1 }'
                " context { now: 2026-01-01T00:00:00Z }"
                " expect approval from r cause c tier t by p.q, r.s"
                " cases [ { k: 2 } expect deny cause no_allow { } expect allow ] }"
            ),
            (
                *("TestDecl", ("text", "t")),
                (
                    ("AgentItem", ("a", "b")),
                    ("UserItem", "u"),
                    ("DoItem", "x.y", "z", ("RecordValue", (("k", ("Literal", "int", 1)),))),
                    (
                        "ContextItem",
                        (
                            "RecordValue",
                            (("now", ("Literal", "timestamp", "2026-01-01T00:00:00Z")),),
                        ),
                    ),
                    ("ExpectItem", ("Outcome", "approval", "r"), "c", "t", ("p.q", "r.s")),
                    (
                        "CasesItem",
                        (
                            (
                                "Case",
                                ("RecordValue", (("k", ("Literal", "int", 2)),)),
                                ("ExpectItem", ("Outcome", "deny", None), "no_allow", None, ()),
                            ),
                            (
                                "Case",
                                ("RecordValue", ()),
                                ("ExpectItem", ("Outcome", "allow", None), None, None, ()),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ],
)
def test_declaration(text: str, tree: object) -> None:
    declaration = one(text)
    assert plain(declaration) == tree
    assert slice_of(text, declaration.span) == text


def test_rule_with_everything() -> None:
    text = (
        "policy p {\n rule r:\n  require approval from a, x.b for Agent, User in g, bots\n"
        '  to m.a, m.b on T in h, U\n  when w\n  unless u\n  because "b"\n'
        '  then log full, redact [args.a, args.b,], notify g, notify "x", spend t by a + 1,\n'
        "   rate 3 per 1h by agent\n}"
    )
    (rule,) = one(text).rules
    effect = rule.effect
    assert (effect.kind, plain(effect.routes)) == ("require", ("a", "x.b"))
    who = (("WhoItem", "Agent", None), ("WhoItem", "User", "g"), ("WhoItem", None, "bots"))
    assert plain(effect.who.items) == who
    assert slice_of(text, effect.who.span) == "Agent, User in g, bots"
    assert plain(effect.target.actions) == ("m.a", "m.b")
    assert slice_of(text, effect.target.actions_span) == "m.a, m.b"
    assert plain(effect.target.resources) == (
        ("ResourceItem", "T", "h"),
        ("ResourceItem", "U", None),
    )
    assert slice_of(text, effect.target.span) == "to m.a, m.b on T in h, U"
    assert (plain(rule.when), plain(rule.unless)) == (("Path", ("w",)), ("Path", ("u",)))
    assert plain(rule.because) == ("text", "b")
    assert [slice_of(text, obligation.span) for obligation in rule.then] == [
        "log full",
        "redact [args.a, args.b,]",
        "notify g",
        'notify "x"',
        "spend t by a + 1",
        "rate 3 per 1h by agent",
    ]
    assert plain(rule.then[0]) == ("LogObligation", "full")
    assert plain(rule.then[1].paths) == (("Path", ("args", "a")), ("Path", ("args", "b")))
    assert (plain(rule.then[2].target), plain(rule.then[3].target)) == ("g", ("text", "x"))
    assert plain(rule.then[4].budget) == "t"
    rate = ("RateObligation", 3, ("Literal", "duration", 3_600_000), "agent")
    assert plain(rule.then[5]) == rate
    assert slice_of(text, rule.span) == text[text.index("rule") : -2]


# ---------------------------------------------------------------- complaints


def in_rule(text: str) -> str:
    return f'policy p {{\n    owner "o"\n    rule r: allow Agent to a.b {text}\n}}\n'


@pytest.mark.parametrize(
    ("text", "code", "underlined", "help_"),
    [
        (
            in_rule("frobnicate"),
            codes.UNEXPECTED_WORD,
            "frobnicate",
            (
                "expected one of `when`, `unless`, `because`, `then`, `on`, `,`,"
                " or the end of the rule"
            ),
        ),
        (in_rule("wehn x"), codes.UNEXPECTED_WORD, "wehn", "did you mean `when`?"),
        (in_rule("when x ="), codes.UNEXPECTED_WORD, "}", "expected an expression"),
        (in_rule("when x if y"), codes.UNEXPECTED_WORD, "if", "write `when`"),
        (in_rule("when 5kg"), codes.UNEXPECTED_WORD, "5kg", "expected a condition"),
        (
            "polcy p { }",
            codes.UNEXPECTED_WORD,
            "polcy",
            "did you mean `policy`?",
        ),
        ("hello", codes.UNEXPECTED_WORD, "hello", "expected a new declaration"),
        ("group g = 5", codes.UNEXPECTED_WORD, "5", "expected a name"),
        ('group G = T::"x"', codes.UNEXPECTED_WORD, "G", "expected a name"),
        (
            "enum e { a }",
            codes.UNEXPECTED_WORD,
            "e ",
            "expected a type name (it begins with a capital letter)",
        ),
        ("const c: integer = 5", codes.UNEXPECTED_WORD, "=", "expected `.`"),
        (
            "const c: timestamp = 2026-01-01",
            codes.UNEXPECTED_WORD,
            "2026-01-01",
            "a timestamp is written `2026-01-01T00:00:00Z`",
        ),
        (
            'window w = mon 9:00..17:00 in "Z"',
            codes.UNEXPECTED_WORD,
            "9:00",
            "a time is written `09:00`",
        ),
        ("action a on T risk low", codes.UNEXPECTED_WORD, "risk", None),
        ("group g", codes.UNEXPECTED_END, "", "expected `=`"),
        ("predicate p = a and", codes.UNEXPECTED_END, "", "expected a condition"),
        ("predicate p = (a\n", codes.UNCLOSED_BRACKET, "(", "add `)` before the end of the file"),
        (
            "policy p {\n    rule r: allow A to b\n\npolicy q { rule r: deny A to b }",
            codes.UNCLOSED_BRACKET,
            None,
            "add `}` before the next `policy`",
        ),
        (in_rule("when a ; b"), codes.UNKNOWN_CHARACTER, ";", None),
        (in_rule("when naïve"), codes.UNKNOWN_CHARACTER, "ï", ""),
        (in_rule("when a / b"), codes.UNKNOWN_CHARACTER, "/", None),
        (in_rule("when a == 'x"), codes.UNKNOWN_CHARACTER, "'", None),
        (in_rule('because "x'), codes.UNCLOSED_STRING, '"x', None),
        (in_rule('because "a\\q"'), codes.UNKNOWN_ESCAPE, "\\q", None),
        (in_rule("when a # \u202e evil"), codes.HIDDEN_CHARACTER, "\u202e", "remove it"),
        (in_rule('because "a\u2066b"'), codes.HIDDEN_CHARACTER, "\u2066", "remove it"),
        (in_rule('because "a\x00b"'), codes.HIDDEN_CHARACTER, "\x00", "remove it"),
        (in_rule('because "a\ud800b"'), codes.HIDDEN_CHARACTER, "\ud800", "remove it"),
        (in_rule("when a\rb"), codes.HIDDEN_CHARACTER, "\r", "remove it"),
        (in_rule("\x0bwhen a"), codes.HIDDEN_CHARACTER, "\x0b", "remove it"),
        (in_rule("when a == " + "1" * 101), codes.LONG_NUMBER, "1" * 101, None),
        ('policy p { owner "o" }', codes.EMPTY_BLOCK, "p ", ""),
        ('invariant "t" { owner "o" }', codes.EMPTY_BLOCK, '"t"', ""),
        ('test "t" { cases [ ] }', codes.EMPTY_BLOCK, "cases", ""),
    ],
)
def test_complaint(text: str, code: Code, underlined: str | None, help_: str | None) -> None:
    found = complaints(text)
    assert [d.code.code for d in found] == [code.code]
    if underlined is not None:
        words = slice_of(text, found[0].span)
        assert words == underlined.rstrip(" ")
        assert not words or help_ == "expected an expression" or text.count(underlined) == 1
    if help_ is not None:
        assert found[0].help == help_


def test_complaint_points_at_the_opening_bracket() -> None:
    text = "policy p {\n    rule r: allow A to b\n\npolicy q { rule r: deny A to b }"
    (complaint,) = complaints(text)
    assert (complaint.span.line, complaint.span.column) == (1, 10)
    ((place, _),) = complaint.related
    assert slice_of(text, place) == "policy"
    assert place.line == 4


def test_no_message_speaks_lark() -> None:
    for text in (in_rule("§ $ %"), in_rule("when ("), "policy", "context [", "risk { points x }"):
        for diagnostic in complaints(text):
            words = f"{diagnostic.message} {diagnostic.label} {diagnostic.help}"
            assert "Token" not in words
            assert "__" not in words
            assert not any(word.isupper() and len(word) > 2 for word in words.split())


# Twelve mistakes, each told once, and what was right around them is kept.
TWELVE: Final = r"""bundle acme {
    version 1
    owner "o"
}

enum Currency { EUR USD }
group bots = Team:"bots"
const limit: int 5

policy refunds {
    owner "o"
    contct "c"
    reason "r"
    rule one: allow Agent to pay.refund
    rule two: allow Agent pay.refund
    rule three: deny anyone to pay.refund when args.amount >
    rule four: deny anyone to pay.refund when (args.amount > 5
    rule five: deny anyone to pay.refund because "unclosed
    rule six: allow Agent to pay.payout
}

polcy other { }

route r { need two of bots expires 4h }

test "t" {
    agent bot
    usr ann
    expect allow
}

group last = Team::"last"
"""


def test_twelve_mistakes_are_twelve_complaints() -> None:
    file, found = parse(Source("a.charter", TWELVE))
    lines = TWELVE.split("\n")
    assert [(d.span.line, slice_of(TWELVE, d.span)) for d in found] == [
        (2, "1"),
        (6, "USD"),
        (7, ":"),
        (8, "5"),
        (12, "contct"),
        (15, "pay"),
        (17, "rule"),
        (18, "rule"),
        (18, '"unclosed'),
        (22, "polcy"),
        (24, "two"),
        (28, "usr"),
    ], [lines[d.span.line - 1] for d in found]
    kept = {type(declaration).__name__: declaration for declaration in file.declarations}
    policy = kept["PolicyDecl"]
    assert isinstance(policy, n.PolicyDecl)
    assert [rule.name.text for rule in policy.rules] == ["one", "six"]
    group = kept["GroupDecl"]
    assert isinstance(group, n.GroupDecl)
    assert group.name.text == "last"


def test_positions_after_a_mistake_are_exact() -> None:
    text = 'enum !\n\n  # c\ngroup one = T::"x"\ngroup two T\n\tgroup three = T::"z"\n'
    file, found = parse(Source("a.charter", text))
    assert [slice_of(text, d.span) for d in found] == ["!", "T"]
    for name in names_in(file.declarations):
        assert slice_of(text, name.span) == name.text
    assert isinstance(file.declarations[0], n.GroupDecl)


def test_a_complete_declaration_survives_the_junk_after_it() -> None:
    file, found = parse(Source("a.charter", "predicate p = a and b\njunk\nimport x\n"))
    assert [type(d).__name__ for d in file.declarations] == ["PredicateDecl", "ImportDecl"]
    assert len(found) == 1


def test_a_broken_rule_is_dropped_not_shortened() -> None:
    """``allow … when a`` must not appear in place of ``allow … when a and <mistake>``."""
    text = in_rule("when a and ]").replace("}\n", "    rule s: deny Agent to a.b\n}\n")
    file, found = parse(Source("a.charter", text))
    assert len(found) == 1
    (policy,) = file.declarations
    assert isinstance(policy, n.PolicyDecl)
    assert [rule.name.text for rule in policy.rules] == ["s"]


def test_at_most_a_hundred_complaints() -> None:
    assert len(complaints("policy\n" * 500)) == 100
    assert len(complaints("; " * 500)) == 100


# ---------------------------------------------------------------- limits


@pytest.mark.parametrize(
    "body",
    [
        "(" * 10_000 + "a" + ")" * 10_000,
        "[" * 10_000 + "]" * 10_000,
        "not " * 10_000 + "a",
        "!" * 10_000 + "a",
        "- " * 10_000 + "a",
        "not (" * 5_000 + "a" + ")" * 5_000,
        "(- " * 20 + "a" + ")" * 20,
    ],
)
def test_too_deep(body: str) -> None:
    (complaint,) = complaints(f"predicate p = {body}\n")
    assert complaint.code == codes.TOO_DEEP


def test_types_and_values_may_be_too_deep() -> None:
    for text in (
        "type T = { a: " + "set<" * 1_000 + "int" + ">" * 1_000 + " }",
        "type T = " + '{\ntest "x": ' * 1_000 + "int" + " }" * 1_000,
        "type T = " + "{ a: " * 1_000 + "int" + " }" * 1_000,
        "const c: int = " + "[" * 1_000 + "]" * 1_000,
    ):
        assert {d.code for d in complaints(text)} == {codes.TOO_DEEP}


def test_no_deep_tree_gets_past_a_first_complaint() -> None:
    deep = "(" * 1_000 + "a" + ")" * 1_000
    rules = "".join(f"\n    rule r{i}: allow A to b when {deep}" for i in range(3))
    broken = "\n    rule s: allow A to b when " + "(" * 40
    for text in (
        "policy p {" + rules + "\n}",
        "policy p {" + broken + rules + "\n}",
        *(f"predicate p{i} = " + "not " * 1_000 + "a\n" for i in range(2)),
        "predicate p = " + " and ".join(["not " * 1_000 + "a"] * 2),
    ):
        file, found = parse(Source("a.charter", text))
        assert codes.TOO_DEEP in {d.code for d in found}
        assert "Not" not in repr(file)
        assert "Group" not in repr(file)


def test_the_scanner_and_the_grammar_agree_on_raw_texts() -> None:
    """Read as a name and a text, ``r"\\"`` would hide brackets from the depth limit."""
    hidden = "(" * 1_000 + "a" + ")" * 1_000
    rule = f"rule a: allow anyone to any action when {hidden}"
    text = 'policy r"\\" x " { ' + rule + ' } # "'
    assert codes.UNEXPECTED_WORD in {d.code for d in complaints(text)}
    assert parse(Source("a.charter", text))[0].declarations == ()


def test_nesting_up_to_the_limit_is_fine() -> None:
    depth = codes.NESTING_MAX
    assert complaints("predicate p = " + "(" * depth + "a - b" + ")" * depth) == ()
    assert complaints("predicate p = " + "not " * depth + "a") == ()
    assert complaints("predicate p = " + "a - -b - " * 500 + "c") == ()
    assert complaints("".join(f"predicate p{i} = not (not a)\n" for i in range(100))) == ()
    (complaint,) = complaints("predicate p = " + "(" * (depth + 1) + "a" + ")" * (depth + 1))
    assert complaint.span.column == 15 + depth


def test_decode() -> None:
    source, found = decode("a", b"\xef\xbb\xbfimport x\r\n")
    assert source == Source("a", "import x\r\n")
    assert found == ()
    source, found = decode("a", b"import x\n\xc3\xa9 \xff")
    assert source is None
    assert [(d.code, d.span) for d in found] == [(codes.NOT_UTF_8, Span("a", 2, 3, 2, 4))]
    assert decode("a", b"\xed\xa0\x80")[1][0].code == codes.NOT_UTF_8
    assert decode("a", b"x" * codes.FILE_BYTES_MAX)[0] is not None
    source, found = decode("a", b"x" * (codes.FILE_BYTES_MAX + 1))
    assert source is None
    assert [d.code for d in found] == [codes.TOO_LARGE]
    assert decode("a", b"") == (Source("a", ""), ())


def test_text_too_large_is_refused_without_decode() -> None:
    assert [d.code for d in complaints("#" * (codes.FILE_BYTES_MAX + 1))] == [codes.TOO_LARGE]


def test_a_file_of_too_many_words_is_refused() -> None:
    enum = "enum E { " + "m, " * (codes.FILE_WORDS_MAX // 2) + "m }"
    [found] = complaints(enum)
    assert (found.code, found.span.line) == (codes.TOO_LARGE, 1)
    assert "words and signs; at most 400,000" in found.message
    # A text is one word, whatever is in it, closed or not; and counting takes one pass.
    for text in (
        "#\n" * 500_000,
        '"' + "a b " * 200_000 + '"',
        '"' + '\\"' * 300_000,
        '"' * 399_999,
    ):
        assert codes.TOO_LARGE not in [d.code for d in complaints(text)]


@pytest.mark.parametrize("seed", range(3))
def test_a_mebibyte_of_garbage_ends(seed: int) -> None:
    generator = random.Random(seed)
    alphabet = ["({[", "\n\"'\\;#", " policy rule { } when not ( ) owner ", "aZ09_.,:<>=!-\n"][
        seed:
    ]
    text = "".join(generator.choices("".join(alphabet), k=codes.FILE_BYTES_MAX))
    started = time.monotonic()
    assert complaints(text)
    assert time.monotonic() - started < 20  # against hanging; it takes well under two seconds


# ---------------------------------------------------------------- any input


def checked_parse(text: str) -> None:
    file, found = parse(Source("a.charter", text))
    lines = text.split("\n")
    assert len(found) <= 100
    assert list(found) == sorted(found, key=lambda d: (d.span, d.code.code, d.message))
    for diagnostic in found:
        span = diagnostic.span
        assert 1 <= span.line <= span.end_line <= len(lines)
        assert 1 <= span.column <= len(lines[span.line - 1]) + 1
        assert (span.line, span.column) <= (span.end_line, span.end_column)
    if not found:
        names = list(names_in(file.declarations))
        assert all(slice_of(text, name.span).startswith(name.text[0]) for name in names)


@given(st.text())
def test_any_text_is_answered(text: str) -> None:
    checked_parse(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_any_ascii_text_is_answered(text: str) -> None:
    checked_parse(text)


@given(st.binary())
def test_any_bytes_are_answered(data: bytes) -> None:
    source, found = decode("a", data)
    assert (source is None) == bool(found)
    if source is not None:
        checked_parse(source.text)


PIECES: Final = sorted({piece for path in EXAMPLES for piece in path.read_text("utf-8").split()})


@given(st.lists(st.sampled_from([*PIECES, "\n", "\n", "{", "}", "(", ")", '"', "not", "-"])))
def test_any_words_are_answered(words: list[str]) -> None:
    checked_parse(" ".join(words))


@settings(max_examples=200)
@given(
    st.sampled_from([path.read_text("utf-8") for path in EXAMPLES]),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from([*PIECES, "", "}"]))),
)
def test_any_damage_is_answered(text: str, damages: list[tuple[float, int, str]]) -> None:
    for place, removed, added in damages:
        start = int(place * len(text))
        text = text[:start] + added + text[start + removed :]
    checked_parse(text)
