"""A SCIM 2.0 ListResponse (RFC 7644) of Users and Groups to a roster. No I/O."""

from __future__ import annotations

from typing import Final, TypeAlias

from pdp import canonical
from pdp.authoring.people.roster import Roster, RosterError, Wanted, attribute
from pdp.canonical import CanonicalError, Number, Tree

ID_DEFAULT: Final = "userName"
GROUP_ID: Final = "displayName"
_LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_USER: Final = "urn:ietf:params:scim:schemas:core:2.0:User"
_GROUP: Final = "urn:ietf:params:scim:schemas:core:2.0:Group"
_Resource: TypeAlias = dict[str, Tree]


def roster_from_scim(data: bytes, wanted: Wanted) -> Roster:
    """Every active user, in the groups whose members they are; groups are called by displayName.

    Inactive users are left out, and said so. Raises RosterError for what is no such list, or one
    page of several; a resource that cannot be used stands in ``problems``.
    """
    resources = _resources(data)
    roster = Roster()
    reader = _Reader(wanted, roster)
    groups = [one for one in resources if _GROUP in _schemas(one[1])]
    users = [one for one in resources if _USER in _schemas(one[1])]
    for place, resource in resources:
        if not {_USER, _GROUP} & _schemas(resource):
            roster.problems.append(f"{place}: expected a User or a Group")
    if wanted.group_type:
        reader.read_names(groups)
        reader.read_inactive(users)
        reader.read_members(groups)
        reader.add_groups(groups)
    for place, resource in users:
        reader.add_user(place, resource)
    return roster


class _Reader:
    """One reading: groups by their SCIM ids, and which of them each member is in."""

    def __init__(self, wanted: Wanted, roster: Roster) -> None:
        self._wanted = wanted
        self._roster = roster
        self._names: dict[str, str] = {}
        self._above: dict[str, list[str]] = {}
        self._users: set[str] = set()

    def read_names(self, groups: list[tuple[str, _Resource]]) -> None:
        for place, group in groups:
            id_, name = _text(group, "id"), _text(group, GROUP_ID)
            if not id_ or not name or id_ in self._names:
                self._complain(place, f"expected an `id` of its own and a `{GROUP_ID}`")
            else:
                self._names[id_] = name

    def read_inactive(self, users: list[tuple[str, _Resource]]) -> None:
        """Whom a group may name: also those who are left out."""
        self._users = {_text(user, "id") for _, user in users}

    def read_members(self, groups: list[tuple[str, _Resource]]) -> None:
        for place, group in groups:
            for member in _list(group.get("members")):
                id_ = _text(member, "value") if isinstance(member, dict) else ""
                if id_ not in self._names and id_ not in self._users:
                    self._complain(place, "a member is neither a User nor a Group of this list")
                else:
                    self._above.setdefault(id_, []).append(_text(group, "id"))

    def add_groups(self, groups: list[tuple[str, _Resource]]) -> None:
        for place, group in groups:
            id_ = _text(group, "id")
            if id_ in self._names:
                uids = self._uids(id_)
                self._roster.add(place, self._wanted.group_type, self._names[id_], {}, uids)

    def add_user(self, place: str, user: _Resource) -> None:
        id_ = _text(user, self._wanted.id)
        active = user.get("active", True)
        if not isinstance(active, bool):
            self._complain(place, "`active`: expected true or false")
            return
        if not active:
            self._roster.left_out.append(f"{place}: `{id_}` is not active")
            return
        try:
            attributes = {
                name: attribute(self._wanted, name, values)
                for name, path in self._wanted.attributes.items()
                if (values := _values(user, path))
            }
        except ValueError as error:
            self._complain(place, str(error))
            return
        uids = self._uids(_text(user, "id")) if self._wanted.group_type else []
        self._roster.add(place, self._wanted.type, id_, attributes, uids)

    def _uids(self, id_: str) -> list[str]:
        above = [self._names[group] for group in self._above.get(id_, []) if group in self._names]
        return [f"{self._wanted.group_type}::{name}" for name in above]

    def _complain(self, place: str, problem: str) -> None:
        self._roster.problems.append(f"{place}: {problem}")


def _resources(data: bytes) -> list[tuple[str, _Resource]]:
    try:
        tree = canonical.parse_object(data.decode())
    except UnicodeDecodeError:
        raise RosterError(["the file is not UTF-8 text"]) from None
    except CanonicalError as error:
        raise RosterError([f"not strict JSON: {error}"]) from None
    if _LIST not in _schemas(tree):
        raise RosterError(["expected a SCIM 2.0 ListResponse"])
    found = _list(tree.get("Resources"))
    total = tree.get("totalResults")
    if not isinstance(total, Number) or str(total) != str(len(found)):
        raise RosterError(
            [f"`totalResults` is {total}, and {len(found)} are there; put all pages together"]
        )
    resources: list[tuple[str, _Resource]] = []
    for at, resource in enumerate(found):
        if not isinstance(resource, dict):
            raise RosterError([f"Resources[{at}]: expected an object"])
        resources.append((f"Resources[{at}]", resource))
    return resources


def _schemas(resource: _Resource) -> set[str]:
    return {str(name) for name in _list(resource.get("schemas"))}


def _values(resource: _Resource, path: str) -> list[str]:
    """What stands at ``name.familyName`` or ``emails``: each value as text. Raises ValueError."""
    found: Tree = resource
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    values = found if isinstance(found, list) else [] if found is None else [found]
    texts: list[str] = []
    for value in values:
        plain = value.get("value") if isinstance(value, dict) else value
        if isinstance(plain, bool):
            texts.append("true" if plain else "false")
        elif isinstance(plain, str):
            texts.append(str(plain))
        else:
            raise ValueError(f"`{path}`: expected a text")
    return texts


def _text(resource: _Resource, name: str) -> str:
    value = resource.get(name)
    return value if isinstance(value, str) and not isinstance(value, Number) else ""


def _list(tree: Tree) -> list[Tree]:
    return tree if isinstance(tree, list) else []
