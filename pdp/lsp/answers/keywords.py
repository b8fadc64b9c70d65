"""The help for each word of the language, from ``keywords.md``; it knows no policy."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from importlib import resources
from typing import Final

_SECTION: Final = re.compile(r"^## ([a-z_ ]+)\n(.*?)(?=^## |\Z)", re.DOTALL | re.MULTILINE)


@functools.cache
def keyword_help() -> Mapping[str, str]:
    """Markdown by word, each on one line."""
    text = resources.files("pdp.lsp").joinpath("keywords.md").read_text("utf-8")
    return {
        word: " ".join(body.split())
        for words, body in _SECTION.findall(text)
        for word in words.split()
    }
