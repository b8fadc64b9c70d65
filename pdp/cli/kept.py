"""What was kept of a log elsewhere: checkpoints, receipts, and the keys that count. From files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.bundles import keys
from pdp.cli.exit_codes import Exit
from pdp.cli.output import fail, safe
from pdp.decisionlog.proving import checkpoint
from pdp.decisionlog.proving.checkpoint import NotACheckpoint
from pdp.decisionlog.proving.heads import Trust
from pdp.model import BundleError, ReceiptPointer

_SEQ_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Kept:
    """What to hold against a log; without ``trust`` nobody's signature is checked."""

    trust: Trust | None
    checkpoints: tuple[str, ...]
    receipts: tuple[ReceiptPointer, ...]


def read_kept(key: Sequence[str], anchor: Sequence[Path], receipt: Sequence[Path]) -> Kept:
    """Read it all; exits 3 for anything that is not what it is given as."""
    trust = Trust(tuple(_key(text) for text in key), keys.signature_holds) if key else None
    notes = tuple(
        _checkpoint(item, place, trust) for path in anchor for item, place in _lines(path)
    )
    pointers = tuple(_pointer(item, place) for path in receipt for item, place in _lines(path))
    return Kept(trust, notes, pointers)


def _key(text: str) -> bytes:
    try:
        raw = bytes.fromhex(text)
        keys.check_public(raw)
    except (ValueError, BundleError):
        fail("--key: expected 64 hex digits, as `pdp keys public FILE` shows them", Exit.INVALID)
    return raw


def _checkpoint(item: dict[str, object], place: str, trust: Trust | None) -> str:
    note = item.get("checkpoint")
    if not isinstance(note, str):
        fail(f'{place}: expected {{"checkpoint": TEXT}}, as an anchor gets it', Exit.INVALID)
    try:
        if trust is None:
            checkpoint.read(note)
        else:
            trust.opened(note)
    except NotACheckpoint as error:
        fail(f"{place}: no checkpoint that counts: {error}", Exit.INVALID)
    return note


def _pointer(item: dict[str, object], place: str) -> ReceiptPointer:
    log_id, seq, leaf = (item.get(name) for name in ("log_id", "seq", "leaf_hash"))
    # In the JSON of protobuf a 64-bit number is a string.
    if isinstance(seq, str) and seq.isascii() and seq.isdigit() and len(seq) < len(str(_SEQ_MAX)):
        seq = int(seq)
    if not isinstance(log_id, str) or not isinstance(leaf, str) or type(seq) is not int:
        fail(f"{place}: expected a receipt: log_id, seq and leaf_hash", Exit.INVALID)
    return ReceiptPointer(log_id, seq, leaf)


def _lines(path: Path) -> Iterator[tuple[dict[str, object], str]]:
    """Each line's object, and where it stands, for messages."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        fail(f"`{safe(str(path))}` is not UTF-8 text", Exit.INVALID)
    except OSError as error:
        fail(f"`{safe(str(path))}` cannot be read: {error.strerror}", Exit.INVALID)
    for number, line in enumerate(text.splitlines(), start=1):
        place = f"`{safe(str(path))}`, line {number}"
        try:
            item = json.loads(line)
        except (ValueError, RecursionError):
            fail(f"{place}: no JSON object", Exit.INVALID)
        if not isinstance(item, dict):
            fail(f"{place}: no JSON object", Exit.INVALID)
        yield item, place
