"""The one catalogue of every diagnostic code: syntax, checker and lints."""

from __future__ import annotations

from typing import Final

from pdp.lang import codes, complaints
from pdp.lang.lints import complaints as lint_complaints

EVERY_CODE: Final = codes.catalogue_of(
    tuple(codes.SYNTAX_CODES),
    tuple(complaints.CODES.values()),
    tuple(lint_complaints.CODES.values()),
)
