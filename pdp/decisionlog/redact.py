"""What the log must not hold is taken out before a record is built. Pure; removes, never replaces.

Salted commitments to what is removed, which prove a value later, are not built yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from pdp import canonical
from pdp._proto import decision_pb2
from pdp.canonical import CanonicalError, Tree
from pdp.model import Entity
from pdp.request import Request

_CHAIN_ROOTS: Final = frozenset({"principal", "agent", "user", "chain"})


def spelled_out(request: Request, hidden_paths: tuple[str, ...]) -> tuple[str, ...]:
    """The paths, as ``omit`` takes them.

    ``*`` is every JSON text, as nobody knows what is secret there.
    """
    if "*" not in hidden_paths:
        return hidden_paths
    types = dict.fromkeys(f"entities.{entity.type}" for entity in request.entities)
    return ("args", "context", "chain", "resource", *types)


def omit(request: Request, hidden_paths: Iterable[str]) -> tuple[Request, tuple[str, ...]]:
    """``request`` without the members that ``hidden_paths`` name, and which of those were there.

    A path is wire names joined by dots, through arrays too: ``args.items.price``, ``context.x``,
    ``resource.iban`` (the resource, wherever it is sent), ``principal.x``, ``agent.x``, ``user.x``
    or ``chain.x`` (every member of the chain, wherever it is sent: more than needed rather than
    less), ``entities.TYPE.x`` (every entity of that type). A root alone empties the object. JSON
    text that does not parse goes as a whole, whenever a path points into it.
    """
    omitted: list[str] = []
    for path in hidden_paths:
        request, found = _omit_one(request, path)
        if found and path not in omitted:
            omitted.append(path)
    return request, tuple(omitted)


def omit_args(request: Request) -> tuple[Request, tuple[str, ...]]:
    """``request`` without its arguments, for the obligation ``log summary``."""
    return replace(request, args="{}"), ("args",)


def omit_shown(answer: decision_pb2.DecideResponse, kept: Request) -> None:
    """Take out of what ``answer`` would show an approver whatever ``kept`` does not say itself.

    A shown value may go by another path than the one that hides it (Charter names here, wire names
    there; ``resource.iban`` for ``entities.Invoice.iban``), so paths are not compared: a value
    stays only where the request as logged holds the same one.
    """
    for shown in answer.approval.show if answer.HasField("approval") else ():
        if shown.HasField("value") and not _says(kept, shown.path, shown.value):
            shown.ClearField("value")


def binds_secret(omitted: Sequence[str], hidden_paths: Sequence[str]) -> bool:
    """Whether something hidden was in ``args`` or ``context``, and so inside the request digest."""
    hidden = frozenset(hidden_paths)
    return any(path in hidden and path.split(".")[0] in {"args", "context"} for path in omitted)


def omit_digest(answer: decision_pb2.DecideResponse) -> None:
    """Take the request digest out of ``answer``, in both its places."""
    answer.ClearField("request_digest")
    if answer.HasField("approval"):
        answer.approval.ClearField("request_digest")


def _says(kept: Request, path: str, value: str) -> bool:
    root, *parts = path.split(".")
    match root:
        case "args":
            texts = [kept.args]
        case "context":
            texts = [kept.context]
        case _:
            texts = [entity.attributes or "{}" for entity in _sent(kept)]
    try:
        shown = canonical.canonical(canonical.parse(value))
        held = [_member(canonical.parse(text), parts) for text in texts]
    except CanonicalError:
        return False
    return any(tree is not None and canonical.canonical(tree) == shown for tree in held)


def _member(tree: Tree, parts: Sequence[str]) -> Tree:
    for name in parts:
        if not isinstance(tree, dict):
            return None
        tree = tree.get(name)
    return tree


def _covers(path: str, inner: str) -> bool:
    return inner == path or inner.startswith(f"{path}.")


def _omit_one(request: Request, path: str) -> tuple[Request, bool]:
    root, _, rest = path.partition(".")
    parts = rest.split(".") if rest else []
    match root:
        case "args":
            text, found = _without(request.args, parts)
            return (replace(request, args=text) if found else request), found
        case "context":
            text, found = _without(request.context, parts)
            return (replace(request, context=text) if found else request), found
        case "resource":
            if request.resource is None:
                return request, False
            return _omit_attribute(request, frozenset({request.resource.uid}), parts)
        case "entities":
            return _omit_of_type(request, rest)
        case _ if root in _CHAIN_ROOTS:
            return _omit_attribute(request, frozenset(e.uid for e in request.chain), parts)
        case _:
            return request, False


def _omit_of_type(request: Request, rest: str) -> tuple[Request, bool]:
    """A type's name may hold dots, so it is matched as sent, not split."""
    found = False
    for entity in _sent(request):
        if _covers(entity.type, rest):
            parts = [part for part in rest[len(entity.type) + 1 :].split(".") if part]
            request, here = _omit_attribute(request, frozenset({entity.uid}), parts)
            found = found or here
    return request, found


def _sent(request: Request) -> tuple[Entity, ...]:
    resource = () if request.resource is None else (request.resource,)
    return (*request.chain, *resource, *request.entities)


def _omit_attribute(
    request: Request, uids: frozenset[str], parts: list[str]
) -> tuple[Request, bool]:
    found = False

    def stripped(entity: Entity) -> Entity:
        nonlocal found
        if entity.uid not in uids or entity.attributes is None:
            return entity
        text, here = _without(entity.attributes, parts)
        found = found or here
        return replace(entity, attributes=text) if here else entity

    request = replace(
        request,
        principal=stripped(request.principal),
        on_behalf_of=tuple(stripped(entity) for entity in request.on_behalf_of),
        resource=None if request.resource is None else stripped(request.resource),
        entities=tuple(stripped(entity) for entity in request.entities),
    )
    return request, found


def _without(text: str, parts: list[str]) -> tuple[str, bool]:
    """JSON text without one member, and whether it was there; untouched text stays as received."""
    try:
        tree = canonical.parse(text)
    except CanonicalError:
        return "{}", True
    if not parts:
        return "{}", tree != {}
    found = _remove(tree, parts)
    return (canonical.write(tree) if found else text), found


def _remove(tree: Tree, parts: list[str]) -> bool:
    found = False
    match tree:
        case list():
            for item in tree:
                found = _remove(item, parts) or found
        case dict():
            # A wire name may itself hold dots, so every way to read the path is tried.
            for count in range(1, len(parts) + 1):
                name = ".".join(parts[:count])
                if name not in tree:
                    continue
                if count == len(parts):
                    del tree[name]
                    found = True
                else:
                    found = _remove(tree[name], parts[count:]) or found
        case _:
            pass
    return found
