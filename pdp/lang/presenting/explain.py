"""What each diagnostic code means, why it is made, and examples; made into pages."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Final

from pdp.lang.diagnostics import Code

_SECTION: Final = re.compile(r"^## (C\d{4})\n(.*?)(?=^## C|\Z)", re.DOTALL | re.MULTILINE)
_EXAMPLE: Final = re.compile(
    r"^```charter (bad|good)( whole)?\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
_HEAD: Final = """\
# Errors and warnings of the checker

Made from the catalogue by `make errors`; not to be edited. `pdp explain CODE` prints the same.
An error stops a bundle; a warning does not.
"""


@dataclass(frozen=True, slots=True)
class Example:
    """A piece of policy; ``is_whole`` when it is a complete file, not an addition to one."""

    text: str
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a complaint is made. ``bad`` and ``good`` are None where no example fits on a page."""

    why: str
    bad: Example | None
    good: Example | None


@functools.cache
def explanations() -> Mapping[str, Explanation]:
    """Every explanation by code."""
    text = resources.files("pdp.lang.presenting").joinpath("explanations.md").read_text("utf-8")
    return {code: _explanation(body) for code, body in _SECTION.findall(text)}


def _explanation(body: str) -> Explanation:
    found = {kind: Example(text, bool(whole)) for kind, whole, text in _EXAMPLE.findall(body)}
    why = body.partition("```")[0].strip()
    return Explanation(why, found.get("bad"), found.get("good"))


def text_of(code: Code) -> str:
    """One code explained, for a terminal."""
    explanation = explanations()[code.code]
    lines = [f"{code.severity}[{code.code} {code.name}]: {code.what}", "", explanation.why]
    for title, example in (("instead of", explanation.bad), ("write", explanation.good)):
        if example is not None:
            lines += ["", f"{title}:", ""]
            lines += [f"    {line}" for line in example.text.rstrip().split("\n")]
    return "\n".join(lines) + "\n"


def page(catalogue: Mapping[str, Code]) -> str:
    """`docs/errors.md`: every code with why, a bad and a good example."""
    parts = [_HEAD]
    for name in sorted(catalogue):
        code, explanation = catalogue[name], explanations()[name]
        parts.append(f"\n## {code.code} {code.name} ({code.severity})\n\n{code.what}\n")
        parts.append(f"\n{explanation.why}\n")
        for title, example in (("Instead of", explanation.bad), ("write", explanation.good)):
            if example is not None:
                parts.append(f"\n{title}\n\n```charter\n{example.text}```\n")
    return "".join(parts)
