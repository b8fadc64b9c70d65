"""Whether what is trusted fits the engine here, and governs no more than was signed. Pure.

Whoever signed meant an engine, a language, time zones and a reach; nothing is guessed or adapted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pdp.bundles.documents.declaration import Manifest
from pdp.bundles.refusal import Cause, refuse
from pdp.lang.checked import BundleInfo, CheckedPolicies
from pdp.lang.declared.metadata import LANGUAGE_VERSION

LANGUAGE: Final = f"charter {LANGUAGE_VERSION}"
_NUMBERS: Final = re.compile(r"[0-9]{1,6}(?:\.[0-9]{1,6})*", re.ASCII)


def check_compatible(manifest: Manifest, engine_version: str, tzdata_version: str) -> None:
    """Raise BundleRefused unless this engine, with these time zones, may run the bundle.

    Both versions are dotted numbers (``0.1.0``; ``2026.1``, as the package `tzdata` counts). Newer
    ones than the manifest names will do.
    """
    if not is_at_least(engine_version, manifest.minimum_engine):
        refuse(
            Cause.NEEDS_NEWER_ENGINE,
            f"expected engine {manifest.minimum_engine} or newer, and this is {engine_version}",
        )
    if manifest.language != LANGUAGE:
        refuse(
            Cause.OTHER_LANGUAGE,
            f"expected the language `{LANGUAGE}`, and the bundle is in `{manifest.language}`",
        )
    if not is_at_least(tzdata_version, manifest.tzdata):
        refuse(
            Cause.OTHER_TZDATA,
            f"expected time zone data `{manifest.tzdata}` or newer, and here is {tzdata_version};"
            " update the package `tzdata`",
        )


def check_governs(manifest: Manifest, checked: CheckedPolicies, *, may_be_guard: bool) -> None:
    """As ``check_lines``, of a whole program; nor may its actions go by the names of others'.

    A request may name an action as JSON does. With dots that could be an action that somebody else
    governs; without, it is a tool's name, which nobody owns.
    """
    check_lines(manifest, checked.bundles, may_be_guard=may_be_guard)
    for action in checked.schema.actions.values():
        is_own = _covers(manifest.governs, action.name)
        if is_own and "." in action.wire and not _covers(manifest.governs, action.wire):
            refuse(
                Cause.GOVERNS_MORE_THAN_SIGNED,
                f"`{action.name}` is also called `{action.wire}`, and the signed manifest does not"
                " govern that",
            )


def check_lines(manifest: Manifest, lines: Iterable[BundleInfo], *, may_be_guard: bool) -> None:
    """Raise BundleRefused unless the `bundle` lines keep to what the manifest says of them.

    Every `bundle` line governs only what the manifest does, and its owner stands there, too. A
    guard reaches over the actions of others: it must be trusted as one.
    """
    for info in lines:
        for governed in info.governs:
            if not _covers(manifest.governs, governed):
                refuse(
                    Cause.GOVERNS_MORE_THAN_SIGNED,
                    f"`{info.name}` governs `{governed}`, which the signed manifest does not name",
                )
        if info.owner not in manifest.owners:
            refuse(
                Cause.GOVERNS_MORE_THAN_SIGNED,
                f"`{info.owner}` owns `{info.name}`, and the signed manifest does not name them",
            )
        if info.is_guard and not may_be_guard:
            refuse(
                Cause.GUARD_NOT_TRUSTED,
                f"`{info.name}` is a guard; the trust store must say `may_be_guard` of it",
            )


def is_at_least(version: str, least: str) -> bool:
    """Whether a dotted version is no older than another: `0.10.0` is newer than `0.9.0`.

    What is not dotted numbers is never new enough, and nothing is new enough for it.
    """
    if not _NUMBERS.fullmatch(version) or not _NUMBERS.fullmatch(least):
        return False
    return _numbers(version) >= _numbers(least)


def _numbers(version: str) -> tuple[int, ...]:
    """Without zeros at the end: `1.0` and `1.0.0` are one version."""
    numbers = [int(number) for number in version.split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _covers(prefixes: Iterable[str], governed: str) -> bool:
    return any(governed == own or governed.startswith(f"{own}.") for own in prefixes)
