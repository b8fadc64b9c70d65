"""``grammar.lark`` as Lark reads it: what ``tables.py`` is made of. No policy file passes here.

Building it takes a quarter of a second, which is why ``driver.py`` runs tables made before.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from importlib import resources

from lark import Lark
from lark.common import LexerConf
from lark.lexer import ContextualLexer, PatternRE, PatternStr, TerminalDef


@functools.cache
def charter_grammar(*, strict: bool = False) -> Lark:
    """The compiled grammar. ``strict`` refuses colliding terminals (it needs interegular).

    What it parses becomes Lark's own trees, with every token and None for what is absent.
    """
    text = resources.files("pdp.lang").joinpath("grammar.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        lexer="contextual",
        start="bundle_file",
        keep_all_tokens=True,
        maybe_placeholders=True,
        edit_terminals=_bound_keyword,
        strict=strict,
        _plugins={} if strict else {"ContextualLexer": _TrustedLexer},
    )


class _TrustedLexer(ContextualLexer):
    """Skips the search for colliding terminals: it takes a second, and a test makes it."""

    def __init__(
        self,
        conf: LexerConf,
        states: dict[int, Collection[str]],
        always_accept: Collection[str] = (),
    ) -> None:
        conf.skip_validation = True
        super().__init__(conf, states, always_accept)


def _bound_keyword(terminal: TerminalDef) -> None:
    """A keyword ends where the word ends, or ``args.a inbox`` would read ``args.a in box``."""
    pattern = terminal.pattern
    if isinstance(pattern, PatternStr) and re.fullmatch("[a-z_]+", pattern.value):
        terminal.pattern = PatternRE(pattern.value + "(?![A-Za-z0-9_])")
        terminal.priority = 3
