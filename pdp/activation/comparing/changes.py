"""What two versions say differently: manifest, declarations, rules, data, people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import msgspec

from pdp import canonical
from pdp.activation.comparing.sides import Side
from pdp.activation.comparing.texts import Piece, pieces_of
from pdp.canonical import CanonicalError, Tree
from pdp.engine import DIRECTORY_SUFFIX
from pdp.lang.checked import CheckedPolicies, Rule
from pdp.lang.checker import POLICY_SUFFIX
from pdp.model import Entity

What: TypeAlias = Literal["added", "removed", "changed"]

RULE: Final = "rule"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is there, gone or different; ``before`` and ``after`` are texts, or empty.

    ``owner`` answers for a rule; for all else it is empty. A rule whose text is the same is changed
    when what it uses is.
    """

    kind: str
    name: str
    what: What
    before: str
    after: str
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Changes:
    """Everything that was said differently, each list by kind and name."""

    manifest: tuple[Change, ...]
    declarations: tuple[Change, ...]
    rules: tuple[Change, ...]
    data: tuple[Change, ...]
    people: tuple[Change, ...]

    def __bool__(self) -> bool:
        return any((self.manifest, self.declarations, self.rules, self.data, self.people))


def changes(old: Side, new: Side) -> Changes:
    """What ``new`` says that ``old`` does not, and the other way round."""
    before, after = pieces_of(old.files), pieces_of(new.files)
    return Changes(
        manifest=tuple(_manifest(old.facts, new.facts)),
        declarations=tuple(_declarations(before, after)),
        rules=tuple(_rules(old.engine.checked, new.engine.checked, before, after)),
        data=tuple(_data(old.files, new.files)),
        people=tuple(_people(old.engine.directory, new.engine.directory)),
    )


def _manifest(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Change]:
    # A policy directory has no manifest: there is nothing to compare with.
    if old and new:
        for name in dict.fromkeys((*old, *new)):
            yield from _change("manifest", name, old.get(name), new.get(name))


def _declarations(
    old: Mapping[tuple[str, str], Piece], new: Mapping[tuple[str, str], Piece]
) -> Iterator[Change]:
    for key in sorted({*old, *new}):
        kind, name = key
        before, after = old.get(key), new.get(key)
        words = [piece.words if piece else None for piece in (before, after)]
        if kind != RULE and words[0] != words[1]:
            texts = [piece.text if piece else None for piece in (before, after)]
            yield from _change(kind, name, texts[0], texts[1])


def _rules(
    old: CheckedPolicies,
    new: CheckedPolicies,
    before: Mapping[tuple[str, str], Piece],
    after: Mapping[tuple[str, str], Piece],
) -> Iterator[Change]:
    """Rules by what they mean, not by how they are set or where they stand."""
    old_rules = {rule.name: rule for rule in old.rules}
    new_rules = {rule.name: rule for rule in new.rules}
    for name in sorted({*old_rules, *new_rules}):
        was, is_now = old_rules.get(name), new_rules.get(name)
        if was is None or is_now is None or meaning(was) != meaning(is_now):
            key = (RULE, name)
            there = is_now or was
            yield Change(
                RULE,
                name,
                "added" if was is None else "removed" if is_now is None else "changed",
                before[key].text if was else "",
                after[key].text if is_now else "",
                there.owner if there else "",
            )


def meaning(rule: Rule) -> Any:
    """A rule without the places it was read from: equal for rules that say the same."""
    return _without_spans(msgspec.to_builtins(rule))


def _without_spans(tree: Any) -> Any:
    match tree:
        case dict():
            return {name: _without_spans(value) for name, value in tree.items() if name != "span"}
        case list() | tuple():
            return [_without_spans(item) for item in tree]
        case set() | frozenset():
            return sorted(tree)
        case _:
            return tree


# ---------------------------------------------------------------- data and people


def _data(old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        if name.endswith((POLICY_SUFFIX, DIRECTORY_SUFFIX)) or old.get(name) == new.get(name):
            continue
        before, after = _read(old.get(name)), _read(new.get(name))
        if isinstance(before, list) and isinstance(after, list):
            gone = [_shown(item) for item in before if item not in after]
            come = [_shown(item) for item in after if item not in before]
            yield Change("data", name, "changed", "\n".join(gone), "\n".join(come))
        else:
            texts = [None if data is None else _shown(data) for data in (before, after)]
            yield from _change("data", name, texts[0], texts[1])


def _read(data: bytes | None) -> Tree:
    if data is None:
        return None
    try:
        return canonical.parse(data.decode())
    except (UnicodeDecodeError, CanonicalError):
        return f"{len(data)} bytes"


def _shown(tree: Tree) -> str:
    return canonical.write(tree) if isinstance(tree, dict | list) else str(tree)


def _people(old: Mapping[str, Entity], new: Mapping[str, Entity]) -> Iterator[Change]:
    for uid in sorted({*old, *new}):
        was, is_now = old.get(uid), new.get(uid)
        if was is None or is_now is None:
            texts = [None if one is None else _described(one) for one in (was, is_now)]
            yield from _change("entity", uid, texts[0], texts[1])
            continue
        for group in sorted({*was.groups, *is_now.groups}):
            texts = [group if group in one.groups else None for one in (was, is_now)]
            yield from _change("group", uid, texts[0], texts[1])
        yield from _change("attributes", uid, was.attributes, is_now.attributes)


def _described(entity: Entity) -> str:
    groups = f" in {', '.join(entity.groups)}" if entity.groups else ""
    return f"{entity.attributes or '{}'}{groups}"


def _change(kind: str, name: str, before: str | None, after: str | None) -> Iterator[Change]:
    if before == after:
        return
    what: What = "added" if before is None else "removed" if after is None else "changed"
    yield Change(kind, name, what, before or "", after or "")
