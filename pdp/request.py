"""A request as received, and its JSON form: shape and limits only; the engine checks meaning."""

from __future__ import annotations

import base64
import binascii
from typing import Final

from pdp import canonical, model
from pdp.canonical import CanonicalError, Number, Tree
from pdp.model import Entity, Record, RequestError, Session, ToolIdentity

NO_SESSION: Final = Session()


class Request(Record, frozen=True):
    """One agent action to be judged. JSON objects stay text until they are bound.

    ``principal`` acts; ``on_behalf_of`` is nearest first and ends in the person. ``digest_salt`` is
    empty or 16 bytes. Source of every rule: the request contract in ``docs/requests.md``.
    """

    principal: Entity
    action: str
    args: str = "{}"
    resource: Entity | None = None
    context: str = "{}"
    on_behalf_of: tuple[Entity, ...] = ()
    request_id: str = ""
    session: Session = NO_SESSION
    supported_obligations: tuple[str, ...] = ()
    grants: tuple[bytes, ...] = ()
    tool: ToolIdentity | None = None
    entities: tuple[Entity, ...] = ()
    digest_salt: bytes = b""

    @property
    def chain(self) -> tuple[Entity, ...]:
        """The acting principal, then everyone it acts for, nearest first."""
        return (self.principal, *self.on_behalf_of)

    @classmethod
    def from_json(cls, source: str | bytes | dict[str, object]) -> Request:
        """Read the JSON form of ``DecideRequest`` (snake_case names, attribute objects inline).

        A dict may hold str, int, bool, None, list and dict; floats are refused, since they may
        already have lost digits. Raises RequestError.
        """
        try:
            members = canonical.parse_object(_text(source))
            return _request(members)
        except CanonicalError as error:
            raise RequestError(str(error), error.path) from None


def check_limits(request: Request) -> None:
    """Raise RequestError if a name, id or count breaks the limits of ``pdp.model``."""
    if _is_plainly_within(request):
        return
    try:
        _check_limits(request)
    except CanonicalError as error:
        raise RequestError(str(error), error.path) from None


def _is_plainly_within(request: Request) -> bool:
    """Whether one look at all names together settles it, as it does for nearly every request.

    Printable ASCII is its own normal form and hides nothing; and no name is longer than all are.
    """
    entities = (request.principal, *request.on_behalf_of, *request.entities)
    if request.resource is not None:
        entities = (*entities, request.resource)
    session, supported = request.session, request.supported_obligations
    if (
        request.tool is not None
        or request.digest_salt
        or len(entities) > model.CHAIN_MAX
        or len(supported) > model.OBLIGATIONS_MAX
        or len(request.grants) > model.GRANTS_MAX
        or not request.action
    ):
        return False
    names = [request.action, request.request_id, *supported]
    if session is not NO_SESSION:
        names += (session.session_id, session.task_id, session.traceparent, session.tracestate)
    for entity in entities:
        if not entity.type or not entity.id or len(entity.groups) > model.GROUPS_MAX:
            return False
        names += (entity.type, entity.id, *entity.groups)
    joined = "".join(names)
    return len(joined) <= model.ID_CHARS_MAX and joined.isascii() and joined.isprintable()


def _check_limits(request: Request) -> None:
    if not request.action:
        raise RequestError("is missing", "action")
    for path, text in (
        ("action", request.action),
        ("request_id", request.request_id),
        ("session.session_id", request.session.session_id),
        ("session.task_id", request.session.task_id),
        ("session.traceparent", request.session.traceparent),
        ("session.tracestate", request.session.tracestate),
    ):
        canonical.check_identifier(text, path, model.ID_CHARS_MAX)
    for path, count, count_max in (
        ("on_behalf_of", len(request.on_behalf_of), model.CHAIN_MAX - 1),
        ("entities", len(request.entities), model.ENTITIES_MAX),
        ("supported_obligations", len(request.supported_obligations), model.OBLIGATIONS_MAX),
        ("grants", len(request.grants), model.GRANTS_MAX),
    ):
        if count > count_max:
            raise RequestError(f"has more than {count_max} items", path)
    if len(request.digest_salt) not in (0, 16):
        raise RequestError("must be 16 bytes", "digest_salt")
    _check_entity(request.principal, "principal")
    for index, entity in enumerate(request.on_behalf_of):
        _check_entity(entity, f"on_behalf_of[{index}]")
    if request.resource is not None:
        _check_entity(request.resource, "resource")
    for index, entity in enumerate(request.entities):
        _check_entity(entity, f"entities[{index}]")
    for name in request.supported_obligations:
        canonical.check_identifier(name, "supported_obligations", model.ID_CHARS_MAX)
    _check_tool(request.tool)


def _check_tool(tool: ToolIdentity | None) -> None:
    if tool is None:
        return
    canonical.check_identifier(tool.server, "tool.server", model.ID_CHARS_MAX)
    canonical.check_identifier(tool.name, "tool.name", model.ID_CHARS_MAX)
    digest = tool.definition_digest
    if digest and (len(digest) != _SHA256_HEX_CHARS or set(digest) - set("0123456789abcdef")):
        raise RequestError("must be 64 lower-case hex digits", "tool.definition_digest")


def _check_entity(entity: Entity, path: str) -> None:
    for name, text in (("type", entity.type), ("id", entity.id)):
        if not text:
            raise RequestError("is missing", f"{path}.{name}")
        canonical.check_identifier(text, f"{path}.{name}", model.ID_CHARS_MAX)
    if len(entity.groups) > model.GROUPS_MAX:
        raise RequestError(f"has more than {model.GROUPS_MAX} items", f"{path}.groups")
    for group in entity.groups:
        canonical.check_identifier(group, f"{path}.groups", model.ID_CHARS_MAX)


def _text(source: str | bytes | dict[str, object]) -> str:
    if isinstance(source, dict):
        return canonical.write(_tree(source, ""))
    if isinstance(source, bytes):
        try:
            source = source.decode()
        except UnicodeDecodeError:
            raise RequestError("is not UTF-8 text") from None
    if len(source.encode(errors="surrogatepass")) > model.REQUEST_BYTES_MAX:
        raise RequestError(f"is larger than {model.REQUEST_BYTES_MAX} bytes")
    return source


def _tree(value: object, path: str) -> Tree:
    match value:
        case None | bool() | Number() | str():
            return value
        case int():
            return Number(value)
        case list() | tuple():
            return [_tree(item, path) for item in value]
        case dict():
            if not all(isinstance(key, str) for key in value):
                raise RequestError("has a key that is not a string", path)
            return {key: _tree(item, f"{path}.{key}".lstrip(".")) for key, item in value.items()}
        case _:
            raise RequestError(
                f'holds a {type(value).__name__}; write a decimal as a string ("12.50")', path
            )


_SHA256_HEX_CHARS: Final = 64
_REQUEST_MEMBERS: Final = frozenset(
    "request_id principal on_behalf_of action args resource context session"
    " supported_obligations grants tool entities digest_salt".split()
)


def _request(members: dict[str, Tree]) -> Request:
    _refuse_unknown(members, _REQUEST_MEMBERS, "")
    if "principal" not in members:
        raise RequestError("is missing", "principal")
    resource = members.get("resource")
    tool = members.get("tool")
    request = Request(
        principal=_entity(members["principal"], "principal"),
        action=_string(members, "action", ""),
        args=_object_text(members, "args"),
        resource=None if resource is None else _entity(resource, "resource"),
        context=_object_text(members, "context"),
        on_behalf_of=_entities(members, "on_behalf_of"),
        request_id=_string(members, "request_id", ""),
        session=_session(members.get("session")),
        supported_obligations=_strings(members, "supported_obligations", ""),
        grants=tuple(_bytes(text, "grants") for text in _strings(members, "grants", "")),
        tool=None if tool is None else _tool(tool),
        entities=_entities(members, "entities"),
        digest_salt=_bytes(_string(members, "digest_salt", ""), "digest_salt"),
    )
    check_limits(request)
    return request


def _entity(tree: Tree, path: str) -> Entity:
    members = _object(tree, path)
    _refuse_unknown(members, frozenset({"type", "id", "attributes", "groups"}), path)
    attributes = None
    if "attributes" in members:
        attributes = canonical.write(_object(members["attributes"], f"{path}.attributes"))
    return Entity(
        type=_string(members, "type", path),
        id=_string(members, "id", path),
        attributes=attributes,
        groups=_strings(members, "groups", path),
    )


def _entities(members: dict[str, Tree], name: str) -> tuple[Entity, ...]:
    items = members.get(name, [])
    if not isinstance(items, list):
        raise RequestError("expected an array", name)
    return tuple(_entity(item, f"{name}[{index}]") for index, item in enumerate(items))


def _session(tree: Tree) -> Session:
    if tree is None:
        return Session()
    members = _object(tree, "session")
    names = ("session_id", "task_id", "traceparent", "tracestate")
    _refuse_unknown(members, frozenset(names), "session")
    return Session(*(_string(members, name, "session") for name in names))


def _tool(tree: Tree) -> ToolIdentity:
    members = _object(tree, "tool")
    names = ("server", "name", "definition_digest")
    _refuse_unknown(members, frozenset(names), "tool")
    return ToolIdentity(*(_string(members, name, "tool") for name in names))


def _object_text(members: dict[str, Tree], name: str) -> str:
    return canonical.write(_object(members[name], name)) if name in members else "{}"


def _object(tree: Tree, path: str) -> dict[str, Tree]:
    if not isinstance(tree, dict):
        raise RequestError("expected an object", path)
    return tree


def _string(members: dict[str, Tree], name: str, path: str) -> str:
    value = members.get(name, "")
    if not isinstance(value, str) or isinstance(value, Number):
        raise RequestError("expected a string", f"{path}.{name}".lstrip("."))
    return value


def _strings(members: dict[str, Tree], name: str, path: str) -> tuple[str, ...]:
    items = members.get(name, [])
    where = f"{path}.{name}".lstrip(".")
    if not isinstance(items, list):
        raise RequestError("expected an array of strings", where)
    if not all(isinstance(item, str) and not isinstance(item, Number) for item in items):
        raise RequestError("expected an array of strings", where)
    return tuple(str(item) for item in items)


def _bytes(text: str, path: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("expected base64", path) from None


def _refuse_unknown(members: dict[str, Tree], known: frozenset[str], path: str) -> None:
    for name in members:
        if name not in known:
            raise RequestError("unknown member", f"{path}.{name}".lstrip("."))
