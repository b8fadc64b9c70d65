"""The files of a new bundle, from a worked example: text in, text out; nothing is written here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pdp.model import PdpError

# What the example is called; its addresses are in a domain of that name.
EXAMPLE_NAME: Final = "acme.agents"
_EXAMPLE_DOMAIN: Final = "acme.example"
_NAME: Final = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*", re.ASCII)
_NAME_CHARS_MAX: Final = 100


class BundleNameError(PdpError):
    """The name cannot be that of a bundle."""


def new_bundle(example: Mapping[str, str], name: str) -> dict[str, str]:
    """The files of ``example`` under another name. Raises BundleNameError.

    The first word of the name stands for the organisation, and so for the domain of the addresses
    in the files: ``shop.bots`` has owners at ``shop.example``.
    """
    if len(name) > _NAME_CHARS_MAX or not _NAME.fullmatch(name):
        raise BundleNameError(
            f"`{name}` is no name of a bundle: use lower-case words with dots between them,"
            f" as in `{EXAMPLE_NAME}`"
        )
    domain = name.partition(".")[0].replace("_", "-").strip("-") + ".example"
    return {
        file: text.replace(EXAMPLE_NAME, name).replace(_EXAMPLE_DOMAIN, domain)
        for file, text in sorted(example.items())
    }
