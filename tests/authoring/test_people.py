"""Lists of people become directory files, or every row that cannot is named; and broken builds."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from typing import Any, Final

import pytest

from pdp.authoring.people import fromcsv, fromldif, fromscim, roster
from pdp.authoring.people.roster import Roster, RosterError, Wanted, roster_to_bytes

EMAIL: Final = {"email": "mail"}
CSV: Final = Wanted("User", "login", EMAIL, "Team")
LDIF: Final = Wanted("User", "uid", EMAIL, "Team")
SCIM: Final = Wanted("User", "userName", {"email": "emails"}, "Team")
TYPED: Final = Wanted(
    "User",
    "login",
    {"away": "away", "level": "level", "tags": "tags"},
    bools=frozenset({"away"}),
    ints=frozenset({"level"}),
    lists=frozenset({"tags"}),
)


def csv(text: str | bytes, wanted: Wanted = CSV) -> Any:
    groups = "teams" if wanted is CSV else ""
    data = text if isinstance(text, bytes) else text.encode()
    return _file(lambda: fromcsv.roster_from_csv(data, wanted, groups))


def ldif(text: str | bytes, object_class: str = "") -> Any:
    data = text if isinstance(text, bytes) else text.encode()
    return _file(lambda: fromldif.roster_from_ldif(data, LDIF, object_class=object_class))


def scim(*resources: object, **changes: object) -> Any:
    tree = {
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": len(resources),
        "Resources": resources,
        **changes,
    }
    return _file(lambda: fromscim.roster_from_scim(json.dumps(tree).encode(), SCIM))


def _file(read: Callable[[], Roster]) -> Any:
    """The directory file as a tree, or the list of what is wrong."""
    try:
        return json.loads(roster_to_bytes(read()))
    except RosterError as error:
        return list(error.problems)


def user(id_: str, name: str, **more: object) -> dict[str, object]:
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:User"]
    return {"schemas": schemas, "id": id_, "userName": name, **more}


def group(id_: str, name: str, *members: str) -> dict[str, object]:
    schemas = ["urn:ietf:params:scim:schemas:core:2.0:Group"]
    listed = [{"value": member} for member in members]
    return {"schemas": schemas, "id": id_, "displayName": name, "members": listed}


def _found(**groups: list[str]) -> dict[str, object]:
    """The file of these people, each in groups, without attributes."""
    teams: dict[str, object] = {name: {} for names in groups.values() for name in names}
    people = {
        name: {"groups": [f"Team::{team}" for team in teams_]} if teams_ else {}
        for name, teams_ in groups.items()
    }
    return {**({"Team": teams} if teams else {}), "User": people}


# ---------------------------------------------------------------- what is read

READ: Final[dict[str, tuple[Callable[[], Any], object]]] = {
    "csv": (
        lambda: csv("login,mail,teams\r\nann,a@x,one;two\r\nben,,\r\n"),
        {
            "Team": {"one": {}, "two": {}},
            "User": {
                "ann": {"attributes": {"email": "a@x"}, "groups": ["Team::one", "Team::two"]},
                "ben": {},
            },
        },
    ),
    "csv_quoted": (
        lambda: csv('login,mail,teams\n"a,""n""",,\n'),
        {"User": {'a,"n"': {}}},
    ),
    "csv_typed": (
        lambda: csv("login,away,level,tags\nann,true,-3,x;y\nben,false,0,\n", TYPED),
        {
            "User": {
                "ann": {"attributes": {"away": True, "level": -3, "tags": ["x", "y"]}},
                "ben": {"attributes": {"away": False, "level": 0}},
            }
        },
    ),
    "ldif": (
        lambda: ldif(
            "version: 1\n# who\n  else\ndn: uid=ann\nuid: a\n nn\n"
            "mail:: YUB4\nmemberOf: cn=one,o=x\n"
        ),
        {
            "Team": {"one": {}},
            "User": {"ann": {"attributes": {"email": "a@x"}, "groups": ["Team::one"]}},
        },
    ),
    "ldif_escaped": (
        lambda: ldif(r"dn: x" + "\nuid: ann\nmemberOf: cn=a\\2C b\\,\\C3\\A9,o=x\n"),
        _found(ann=["a, b,é"]),
    ),
    "ldif_picture": (
        lambda: ldif("dn: x\nuid: ann\njpegPhoto:: /9j/\n"),
        _found(ann=[]),
    ),
    "ldif_of_a_class": (
        lambda: ldif("dn: x\nuid: ann\nobjectClass: Person\n\ndn: y\nou: z\n", "person"),
        _found(ann=[]),
    ),
    "scim": (
        lambda: scim(
            user("1", "ann", emails=[{"value": "a@x"}]),
            group("8", "one", "1"),
            group("9", "all", "8"),
        ),
        {
            "Team": {"all": {}, "one": {"groups": ["Team::all"]}},
            "User": {"ann": {"attributes": {"email": "a@x"}, "groups": ["Team::one"]}},
        },
    ),
    "scim_inactive": (
        lambda: scim(user("1", "ann"), user("2", "old", active=False), group("8", "one", "1", "2")),
        _found(ann=["one"]),
    ),
}


@pytest.mark.parametrize("name", READ)
def test_what_is_read(name: str) -> None:
    read, expected = READ[name]
    assert read() == expected


def test_the_file_is_the_same_whatever_the_order() -> None:
    rows = ["ann,a@x,two;one\n", "ben,,one\n", "cid,c@x,\n"]
    files = {
        roster_to_bytes(
            fromcsv.roster_from_csv(("login,mail,teams\n" + "".join(some)).encode(), CSV, "teams")
        )
        for some in (rows, rows[::-1])
    }
    assert len(files) == 1


def test_who_is_left_out_on_purpose_is_said() -> None:
    left = fromscim.roster_from_scim(
        json.dumps(
            {
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
                "totalResults": 2,
                "Resources": [user("1", "ann"), user("2", "old", active=False)],
            }
        ).encode(),
        SCIM,
    ).left_out
    assert left == ["Resources[1]: `old` is not active"]
    found = fromldif.roster_from_ldif(b"dn: y\nou: z\n", LDIF, object_class="person")
    assert found.left_out == ["1 that are no `person`"]


# ---------------------------------------------------------------- what is refused

REFUSED: Final[dict[str, tuple[Callable[[], Any], list[str]]]] = {
    "csv_duplicate": (
        lambda: csv("login,mail,teams\nann,,\nben,,\nann,,\n"),
        ["line 4: `User::ann` stands at line 2 already"],
    ),
    "csv_every_bad_row": (
        lambda: csv("login,mail,teams\n,,\nann,\nben,,\n"),
        ["line 2: the id is empty", "line 3: 2 cells, and the header has 3"],
    ),
    "csv_row_over_lines": (
        lambda: csv('login,mail,teams\n"ann\nx",,\n,,\n'),
        [
            "line 2: the id holds a control, invisible or bidirectional character",
            "line 4: the id is empty",
        ],
    ),
    "csv_no_column": (
        lambda: csv("login,teams\nann,\n"),
        ["line 1: there is no column `mail`; there are `login`, `teams`"],
    ),
    "csv_column_twice": (
        lambda: csv("login,mail,mail,teams\n"),
        ["line 1: a column stands there twice"],
    ),
    "csv_empty": (lambda: csv(""), ["the file is empty; expected a header row"]),
    "csv_nobody": (lambda: csv("login,mail,teams\n"), ["the list names nobody"]),
    "csv_quote": (
        lambda: csv('login,mail,teams\nann,"a"b,\n'),
        ["line 2: not CSV: a quote in the wrong place, or a cell that is too long"],
    ),
    "csv_group_twice": (
        lambda: csv("login,mail,teams\nann,,one;one\n"),
        ["line 2: it names a group twice"],
    ),
    "csv_group_empty": (
        lambda: csv("login,mail,teams\nann,,one;\n"),
        ["line 2: a group: the id is empty"],
    ),
    "csv_not_a_bool": (
        lambda: csv("login,away,level,tags\nann,TRUE,,\n", TYPED),
        ["line 2: `away`: expected true or false"],
    ),
    "csv_not_an_int": (
        lambda: csv("login,away,level,tags\nann,,07,\nben,,1e3,\ncid,,1.0,\n", TYPED),
        [f"line {line}: `level`: expected a whole number" for line in (2, 3, 4)],
    ),
    "csv_not_nfc": (
        lambda: csv("login,mail,teams\nann,e\u0301,\n"),
        ["line 2: `email` is not in Unicode normal form NFC"],
    ),
    "ldif_changes": (
        lambda: ldif("dn: x\nchangetype: delete\n"),
        ["line 2: this is a list of changes; export the entries"],
    ),
    "ldif_url": (
        lambda: ldif("dn: x\nuid:< file:///etc/passwd\n"),
        ["line 2: a value that stands elsewhere is not fetched"],
    ),
    "ldif_two_ids": (
        lambda: ldif("dn: x\nuid: ann\nuid: bob\n"),
        ["line 1: expected one `uid`, and there are 2"],
    ),
    "ldif_no_id": (
        lambda: ldif("dn: x\nuid: ann\n\n\ndn: y\ncn: bob\n"),
        ["line 5: expected one `uid`, and there are 0"],
    ),
    "ldif_id_no_text": (
        lambda: ldif("dn: x\nuid:: /w==\n"),
        ["line 1: `uid` is not UTF-8 text"],
    ),
    "ldif_two_values": (
        lambda: ldif("dn: x\nuid: ann\nmail: a@x\nmail: b@x\n"),
        ["line 1: `email` has 2 values, and takes one"],
    ),
    "ldif_no_dn": (
        lambda: ldif("uid: ann\n"),
        ["line 1: expected `dn:` at the start of an entry"],
    ),
    "ldif_run_together": (
        lambda: ldif("dn: x\nuid: ann\ndn: y\nuid: ben\n"),
        ["line 3: expected an empty line before the next entry"],
    ),
    "ldif_folded_nothing": (lambda: ldif(" x\n"), ["line 1: it continues nothing"]),
    "ldif_base64": (lambda: ldif("dn: x\nuid:: ?\n"), ["line 2: the value is not base64"]),
    "ldif_version": (lambda: ldif("version: 2\n"), ["line 1: expected LDIF version 1"]),
    "ldif_group_of_two": (
        lambda: ldif("dn: x\nuid: ann\nmemberOf: cn=a+ou=b,o=x\n"),
        ["line 1: a group's name begins with several values"],
    ),
    "ldif_group_no_dn": (
        lambda: ldif("dn: x\nuid: ann\nmemberOf: clerks\n"),
        ["line 1: a group's name is no DN such as `cn=support,ou=groups`"],
    ),
    "ldif_group_cut_off": (
        lambda: ldif("dn: x\nuid: ann\nmemberOf: cn=a\\\n"),
        ["line 1: a group's name is no DN such as `cn=support,ou=groups`"],
    ),
    "scim_page": (
        lambda: scim(user("1", "ann"), totalResults=2),
        ["`totalResults` is 2, and 1 are there; put all pages together"],
    ),
    "scim_no_list": (lambda: scim(schemas=[]), ["expected a SCIM 2.0 ListResponse"]),
    "scim_other": (
        lambda: scim(user("1", "ann"), {"schemas": ["urn:x"]}),
        ["Resources[1]: expected a User or a Group"],
    ),
    "scim_member_unknown": (
        lambda: scim(user("1", "ann"), group("8", "one", "7")),
        ["Resources[1]: a member is neither a User nor a Group of this list"],
    ),
    "scim_active_as_text": (
        lambda: scim(user("1", "ann", active="false")),
        ["Resources[0]: `active`: expected true or false"],
    ),
    "scim_duplicate": (
        lambda: scim(user("1", "ann"), user("2", "ann")),
        ["Resources[1]: `User::ann` stands at Resources[0] already"],
    ),
    "scim_no_name": (lambda: scim(user("1", "")), ["Resources[0]: the id is empty"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_named(name: str) -> None:
    read, problems = REFUSED[name]
    assert read() == problems


def test_whatever_comes_is_a_file_or_refused() -> None:
    samples: tuple[tuple[bytes, Callable[[bytes], Any]], ...] = (
        (b'login,mail,teams\nann,a@x,one;two\n"b""n",,\n', csv),
        (
            b"version: 1\ndn: uid=ann\nuid:: YW5u\nmemberOf: cn=a\\2Cb,o=x\n\ndn: y\nuid: b\n c\n",
            ldif,
        ),
    )
    draw = random.Random(5)
    outcomes = set()
    for data, read in samples:
        for _ in range(1_500):
            mutated = bytearray(data)
            for _ in range(draw.randint(1, 3)):
                at = draw.randrange(len(mutated))
                mutated[at : at + draw.randint(0, 2)] = draw.choice(
                    (b"", b"\x00", b"\xc3\xa9", b":", b",", b'"', b"\n", b" ", b"\\")
                )
            found = read(bytes(mutated))
            outcomes.add((read.__name__, type(found)))
    assert len(outcomes) == 4


# ---------------------------------------------------------------- broken builds


def _last_wins(self: Roster, place: str, type_: str, id_: str, *rest: Any) -> None:
    self.places.pop((type_, id_), None)
    _add(self, place, type_, id_, *rest)


def _bad_rows_dropped(found: Roster) -> bytes:
    found.problems.clear()
    return _to_bytes(found)


_add = Roster.add
_to_bytes = roster_to_bytes

TWINS: Final[dict[str, tuple[Any, str, Any, str]]] = {
    "the_last_of_two_wins": (Roster, "add", _last_wins, "csv_duplicate"),
    "bad_rows_are_dropped": (
        sys.modules[__name__],
        "roster_to_bytes",
        _bad_rows_dropped,
        "csv_every_bad_row",
    ),
    "ids_are_not_checked": (roster, "_id_problem", lambda _: "", "csv_row_over_lines"),
    "changes_are_entries": (fromldif, "_CHANGES", frozenset(), "ldif_changes"),
    "groups_are_not_checked": (roster, "_groups_problem", lambda _: "", "csv_group_twice"),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, attribute, broken, seen_by = TWINS[name]
    read, problems = REFUSED[seen_by]
    assert read() == problems
    monkeypatch.setattr(owner, attribute, broken)
    assert read() != problems
