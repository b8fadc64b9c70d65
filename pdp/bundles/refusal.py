"""Why signed data is refused: one cause for each kind of refusal, and the error that carries it."""

from __future__ import annotations

import enum
from typing import NoReturn

from pdp.model import BundleError


class Cause(enum.StrEnum):
    """A name for logs and metrics; the error's message is for people."""

    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    WRONG_TYPE = "wrong_type"
    UNKNOWN_BUNDLE = "unknown_bundle"
    TOO_FEW_SIGNATURES = "too_few_signatures"
    UNKNOWN_KEY = "unknown_key"
    BAD_SIGNATURE = "bad_signature"
    WRONG_NAME = "wrong_name"
    WRONG_AUDIENCE = "wrong_audience"
    GOVERNS_MORE_THAN_TRUSTED = "governs_more_than_trusted"
    NOT_YET_VALID = "not_yet_valid"
    EXPIRED = "expired"
    ROLLBACK = "rollback"
    # An alarm: the signers signed two bundles as one.
    SAME_REVISION_OTHER_DIGEST = "same_revision_other_digest"
    FROZEN = "frozen"
    FRESH_FOR_TOO_LONG = "fresh_for_too_long"
    WRONG_LENGTH = "wrong_length"
    BAD_FILE_HASH = "bad_file_hash"
    OTHER_MEMBER_DIGEST = "other_member_digest"
    ROTATES_MORE_THAN_KEYS = "rotates_more_than_keys"
    # What is trusted, and yet may not decide.
    NEEDS_NEWER_ENGINE = "needs_newer_engine"
    OTHER_LANGUAGE = "other_language"
    OTHER_TZDATA = "other_tzdata"
    GOVERNS_MORE_THAN_SIGNED = "governs_more_than_signed"
    GUARD_NOT_TRUSTED = "guard_not_trusted"
    POLICIES_WITH_ERRORS = "policies_with_errors"
    PROGRAM_DIFFERS = "program_differs"
    SELF_TEST_FAILED = "self_test_failed"
    PART_MISSING = "part_missing"
    # Nothing came that could be looked at, or there is nowhere to keep it.
    SOURCE_FAILED = "source_failed"
    NOT_LOADED = "not_loaded"
    STATE_CORRUPT = "state_corrupt"


class BundleRefused(BundleError):
    """Signed data that is not accepted. The message holds no byte that was not checked as text."""

    def __init__(self, cause: Cause, message: str) -> None:
        super().__init__(message)
        self.cause = cause


def refuse(cause: Cause, message: str) -> NoReturn:
    """Raise BundleRefused; whatever error led here is left out."""
    raise BundleRefused(cause, message) from None
