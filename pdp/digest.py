"""The request digest: which exact action an approval is for. Knows no schema and no policy.

The byte encoding is that of ``docs/request-digest.md``; its vectors are run in Python and Node.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Final

import msgspec

from pdp import canonical
from pdp.canonical import CanonicalError, Number, Tree
from pdp.model import RequestError
from pdp.request import Request

TAG: Final = b"pdp.request-digest.v1"


_LENGTHS: Final = tuple(number.to_bytes(4, "big") for number in range(2_048))


def _frame(field: bytes) -> bytes:
    size = len(field)
    return (_LENGTHS[size] if size < len(_LENGTHS) else size.to_bytes(4, "big")) + field


_TAG_FRAME: Final = _frame(TAG)
_PRESENT: Final = _frame(b"1")
_ABSENT: Final = _frame(b"0")
_NO_CONTEXT: Final = _frame(b"{}")
_NO_SALT: Final = _frame(b"")
# Frames of the names of types and actions; all go when there are more.
_NAMES_KEPT_MAX: Final = 4_096
_NAMES: Final[dict[str, bytes]] = {}
_MEMBERS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS: Final = msgspec.json.Decoder(list[msgspec.Raw])
# An integer of fewer digits is below 2**53 whatever its digits are.
_INT_CHARS_SAFE: Final = 15


def request_digest(request: Request, binding: Collection[str] = ()) -> str:
    """Lower-case hex SHA-256 of who would do exactly what to what, with which tool.

    ``binding`` are the wire names of the context fields that are part of it. Attributes, groups,
    the rest of the context, request id, session, obligations and grants are outside. Raises
    RequestError naming the place in ``args`` or ``context`` that has no canonical form.
    """
    chain = request.chain
    parts = [_TAG_FRAME, _frame(b"%d" % len(chain))]
    for member in chain:
        parts += (_name(member.type), _frame(member.id.encode()))
    resource = request.resource
    if resource is None:
        parts.append(_ABSENT)
    else:
        parts += (_PRESENT, _name(resource.type), _frame(resource.id.encode()))
    parts += (_name(request.action), _frame(canonical_args(request.args)))
    parts.append(_frame(bound_context(request.context, binding)) if binding else _NO_CONTEXT)
    tool = request.tool
    if tool is None:
        parts.append(_ABSENT)
    else:
        parts += (_PRESENT, _frame(tool.server.encode()), _frame(tool.name.encode()))
        parts.append(_frame(tool.definition_digest.encode()))
    parts.append(_frame(request.digest_salt) if request.digest_salt else _NO_SALT)
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _name(text: str) -> bytes:
    """The frame of the name of a type or action: a program has few of them."""
    known = _NAMES.get(text)
    if known is None:
        known = _frame(text.encode())
        if len(_NAMES) >= _NAMES_KEPT_MAX:
            _NAMES.clear()
        _NAMES[text] = known
    return known


def canonical_args(text: str) -> bytes:
    """The one spelling of an args object. Raises RequestError for text that is not strict JSON.

    An integer past 2**53-1 is refused too: other parsers would change it.
    """
    quick = quick_canonical(text)
    return quick if quick is not None else careful_canonical(text)


def bound_context(text: str, binding: Collection[str]) -> bytes:
    """The members of a context object that ``binding`` names; absent and null ones are left out.

    Raises RequestError for text that is not strict JSON.
    """
    quick = quick_members(text)
    members = quick if quick is not None else careful_members(text)
    bound = [(key, members.get(key, b"null")) for key in sorted(binding)]
    parts = [
        b"%s:%s" % (canonical.write(key).encode(), written)
        for key, written in bound
        if written != b"null"
    ]
    return b"{%s}" % b",".join(parts)


def careful_members(text: str) -> dict[str, bytes]:
    """The canonical spelling of each member of a context object, by key."""
    try:
        tree = canonical.parse_object(text)
    except CanonicalError as error:
        path = f"context.{error.path}" if error.path else "context"
        raise RequestError(str(error), path) from None
    return {key: canonical.canonical(value) for key, value in tree.items()}


def careful_canonical(text: str) -> bytes:
    """The definition: parse, look at every number, write."""
    try:
        tree = canonical.parse_object(text)
        _check_integers(tree)
    except CanonicalError as error:
        separator = "." if error.path[:1] not in {"", "["} else ""
        path = f"args{separator}{error.path}"
        raise RequestError(str(error), path) from None
    return canonical.canonical(tree)


def _check_integers(tree: Tree) -> None:
    """Raise CanonicalError for an integer that other parsers would change."""
    match tree:
        case Number():
            if "." not in tree and abs(int(tree)) > canonical.INT_EXACT_MAX:
                raise CanonicalError("an integer past 2^53-1")
        case list():
            for index, item in enumerate(tree):
                _check_below(f"[{index}]", item)
        case dict():
            for key, item in tree.items():
                _check_below(key, item)
        case _:
            return


def _check_below(place: str, tree: Tree) -> None:
    try:
        _check_integers(tree)
    except CanonicalError as error:
        # On the way out, since a path for every value costs as much as the longest key.
        separator = "." if error.path[:1] not in {"", "["} else ""
        error.path = f"{place}{separator}{error.path}"
        raise


def quick_canonical(text: str) -> bytes | None:
    """The same bytes as ``careful_canonical`` at a fraction of its cost, or None when unsure."""
    quick = _quick(text)
    return None if quick is None else quick[1]


def quick_members(text: str) -> dict[str, bytes] | None:
    """As ``careful_members``, or None when unsure."""
    quick = _quick(text)
    return None if quick is None else quick[0]


def _quick(text: str) -> tuple[dict[str, bytes], bytes] | None:
    """The canonical members of an object, and all of it; None when unsure.

    Sound because: without a backslash a string's raw bytes are its canonical spelling (the parser
    refuses control characters), NFC of the text is NFC of its strings (a quote composes with
    nothing), and a repeated key leaves a colon that no key kept and no string accounts for.
    """
    if "\\" in text or len(text) > canonical.STRING_CHARS_MAX:
        return None
    try:
        if not text.isascii():
            canonical.check_text(text, "")
        members, keys = _quick_members(text.encode(), 0)
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
    written = _object(members)
    return None if _has_duplicate_key(text, written, keys) else (members, written)


def check_quick_value(raw: bytes, depth: int) -> None:
    """Raise ValueError or DecodeError unless ``raw``, found at ``depth``, is surely strict JSON.

    The parser has taken it, and the text it stands in has no backslash and is NFC.
    """
    written, keys = _quick_value(raw, depth)
    if _has_duplicate_key(raw.decode(), written, keys):
        raise ValueError


def _has_duplicate_key(text: str, written: bytes, keys: int) -> bool:
    """Whether a colon follows neither one of the ``keys`` kept nor stands in a string kept."""
    spare = text.count(":") - keys
    # No string holds a quote, so every second part stands between quotes.
    return spare != 0 and spare != sum([part.count(b":") for part in written.split(b'"')[1::2]])


def _object(members: dict[str, bytes]) -> bytes:
    """Canonical bytes of an object whose keys are sorted and stand for themselves."""
    return b"{%s}" % b",".join([b'"%s":%s' % (key.encode(), members[key]) for key in members])


def _quick_members(raw: bytes, depth: int) -> tuple[dict[str, bytes], int]:
    """Canonical bytes of an object's members by sorted key, and the number of all keys in it."""
    decoded = _MEMBERS.decode(raw)
    keys = len(decoded)
    members = {}
    for key in sorted(decoded):
        members[key], inner = _quick_value(bytes(decoded[key]), depth + 1)
        keys += inner
    return members, keys


def _quick_object(raw: bytes, depth: int) -> tuple[bytes, int]:
    """Canonical bytes of an object and the number of keys in it. ValueError when unsure."""
    members, keys = _quick_members(raw, depth)
    return _object(members), keys


def _quick_value(raw: bytes, depth: int) -> tuple[bytes, int]:
    if depth > canonical.DEPTH_MAX:
        raise ValueError
    match raw[:1]:
        case b'"' | b"t" | b"f" | b"n":
            return raw, 0
        case b"{":
            return _quick_object(raw, depth)
        case b"[":
            items = [_quick_value(bytes(item), depth + 1) for item in _ITEMS.decode(raw)]
            return b"[%s]" % b",".join([item for item, _ in items]), sum(n for _, n in items)
        case _:
            if len(raw) > _INT_CHARS_SAFE or not raw.lstrip(b"-").isdigit() or raw == b"-0":
                return _quick_number(raw), 0
            return raw, 0


def _quick_number(raw: bytes) -> bytes:
    digits = raw.decode()
    whole, _, fraction = digits.partition(".")
    if len(digits) > canonical.NUMBER_CHARS_MAX or not fraction.isdigit():
        raise ValueError
    if not whole.lstrip("-").isdigit():
        raise ValueError
    return canonical.normalised_number(digits).encode()
