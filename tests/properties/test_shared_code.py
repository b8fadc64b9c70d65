"""Differences that were found once: code made for one condition and used for another.

Conditions share code where all that differs are constants. Each program here has two that look
alike and are not; both are asked, in both orders, and must say what the reference says.
"""

from __future__ import annotations

from typing import Final

import pytest

from pdp.eval.policyset import PolicySet
from pdp.eval.reference import decide
from pdp.lang.checker import check
from pdp.lang.source import Source
from pdp.model import Effect, Entity
from pdp.request import Request

FILE: Final = "shared.charter"
PEOPLE: Final = {"User::u": Entity("User", "u", "{}")}
PROGRAM: Final = """bundle shared {
    version "1.0.0"
    language 1
    owner "o@x.example"
    contact "#o"
    governs ops
}
entity User person directory
%s
policy p {
    owner "p@x.example"
    contact "#p"
    reason "GEN"
    rule one: allow User to ops.one when %s
    rule two: allow User to ops.two when %s
}
"""

# What is declared, the two conditions, and questions: action, arguments, whether it is allowed.
FOUND: Final = {
    "a network and a set of networks by one name": (
        """action ops.one reversible risk low { at: ip, net: cidr }
           action ops.two reversible risk low { at: ip, net: set<cidr>[0..3] }""",
        "args.at in args.net",
        "args.at in args.net",
        [
            ("ops.one", {"at": "10.0.0.1", "net": "10.0.0.0/8"}, True),
            ("ops.two", {"at": "10.0.0.1", "net": ["11.0.0.0/8", "10.0.0.0/8"]}, True),
            ("ops.two", {"at": "10.0.0.1", "net": []}, False),
        ],
    ),
    "constant networks that one rule looks at twice": (
        """action ops.one reversible risk low { at: ip, net: cidr }
           action ops.two reversible risk low { at: ip, net: cidr }
           const first: set<cidr> = [cidr "10.0.0.0/8"]
           const second: set<cidr> = [cidr "11.0.0.0/8"]
           predicate in_both(n: cidr, i: ip, s: set<cidr>) = n in s and i in s""",
        "in_both(args.net, args.at, first)",
        "in_both(args.net, args.at, second)",
        [
            ("ops.one", {"at": "10.0.0.1", "net": "10.0.0.0/8"}, True),
            ("ops.two", {"at": "11.0.0.1", "net": "11.0.0.0/8"}, True),
            ("ops.two", {"at": "10.0.0.1", "net": "11.0.0.0/8"}, False),
            ("ops.one", {"at": "11.0.0.1", "net": "10.0.0.0/8"}, False),
        ],
    ),
    "a constant list of which one rule asks the length": (
        """action ops.one reversible risk low { word: string }
           action ops.two reversible risk low { word: string }
           const first: list<string> = ["a", "a"]
           const second: list<string> = ["a", "b", "b"]
           predicate of_two(v: string, l: list<string>) = v in l and count(l) == 2""",
        "of_two(args.word, first)",
        "of_two(args.word, second)",
        [
            ("ops.one", {"word": "a"}, True),
            ("ops.two", {"word": "a"}, False),
            ("ops.one", {"word": "b"}, False),
        ],
    ),
    "a constant list of which one rule asks the start": (
        """action ops.one reversible risk low { word: string }
           action ops.two reversible risk low { word: string }
           const first: list<string> = ["b", "a", "c", "d", "e"]
           const second: list<string> = ["e", "d", "b", "a", "c"]
           predicate of_b(v: string, l: list<string>) = v in l and l begins ["b", "a", "c"]""",
        "of_b(args.word, first)",
        "of_b(args.word, second)",
        [("ops.one", {"word": "a"}, True), ("ops.two", {"word": "a"}, False)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("is_reversed", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize("found", FOUND.values(), ids=FOUND)
def test_code_is_shared_only_where_it_may_be(
    found: tuple[str, str, str, list[tuple[str, dict[str, object], bool]]], *, is_reversed: bool
):
    declared, one, two, questions = found
    text = PROGRAM % (declared, one, two)
    checked, diagnostics = check({FILE: text.encode()})
    assert checked is not None, diagnostics
    policies = PolicySet.build(checked, PEOPLE, {FILE: Source(FILE, text)})
    for action, args, is_allowed in reversed(questions) if is_reversed else questions:
        request = Request.from_json(
            {"principal": {"type": "User", "id": "u"}, "action": action, "args": args}
        )
        got = policies.decide(policies.bind(request), 0)
        wanted = decide(checked, PEOPLE, request, 0)
        assert got.effect == wanted.effect == (Effect.ALLOW if is_allowed else Effect.DENY)
