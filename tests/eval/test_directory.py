"""Directory files: what is read, what is refused in which file, and the prepared directory."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

import pytest
from msgspec.structs import replace

from pdp.eval import directory as directory_module
from pdp.eval import facts as facts_module
from pdp.eval.directory import read_directory
from pdp.eval.facts import Directory
from pdp.eval.reading.decoder import Decoders
from pdp.lang.types import INT, Schema
from pdp.model import Entity, RequestError
from tests.eval import shop
from tests.eval.outcome import plain
from tests.eval.shop import DIRECTORY, SCHEMA, entity, field

GOOD: Final = {
    "Team": {"all": {}, "support": {"groups": ["Team::all"]}},
    "User": {
        "ann": {
            "attributes": {"department": "support", "limit": "50.00"},
            "groups": ["Team::support"],
        },
        "bob": {"attributes": {"department": "finance"}, "groups": ["Team::all"]},
    },
}
FILE: Final = "people.directory.json"


def read(*files: object) -> tuple[dict[str, Entity], list[str]]:
    names = [FILE, "more.directory.json"]
    contents = [file if isinstance(file, bytes) else json.dumps(file).encode() for file in files]
    return read_directory(dict(zip(names, contents, strict=False)), SCHEMA)


def test_a_good_file() -> None:
    entities, problems = read(GOOD)
    assert problems == []
    assert entities == {
        "Team::all": Entity("Team", "all", "{}"),
        "Team::support": Entity("Team", "support", "{}", ("Team::all",)),
        "User::ann": Entity(
            "User", "ann", '{"department":"support","limit":"50.00"}', ("Team::support",)
        ),
        "User::bob": Entity("User", "bob", '{"department":"finance"}', ("Team::all",)),
    }


def test_no_files_and_empty_files() -> None:
    assert read() == ({}, [])
    assert read({}, {"User": {}}) == ({}, [])


def test_a_group_may_be_in_another_file() -> None:
    assert read({"Team": {"a": {"groups": ["Team::b"]}}}, {"Team": {"b": {}}})[1] == []


# name, content of the file, problem without the name of the file
PROBLEMS: Final[list[tuple[str, object, str]]] = [
    ("no UTF-8", b"\xff{}", "is not UTF-8 text"),
    ("no JSON", b"{", "not valid JSON"),
    ("a byte order mark", b"\xef\xbb\xbf{}", "not valid JSON"),
    ("an array", [], "expected a JSON object"),
    ("a duplicate type", b'{"Team":{},"Team":{}}', "a duplicate key"),
    ("a duplicate id", b'{"Team":{"a":{},"\\u0061":{}}}', "a duplicate key"),
    ("an exponent", b'{"Team":{"a":{"attributes":{"x":1e2}}}}', "a number with an exponent"),
    ("not NFC", '{"Team":{"e\u0301":{}}}'.encode(),
        "Team: is not in Unicode normal form NFC"),
    ("an unknown type", {"Tem": {"a": {}}}, "unknown type `Tem`; did you mean `Team`?"),
    ("a type not marked", {"Order": {"o": {}}}, "type `Order` is not marked `directory`"),
    ("no entities", {"Team": ["a"]}, "Team: expected an object of entities by id"),
    ("an empty id", {"Team": {"": {}}}, "`Team::`: has an empty id"),
    ("a long id", {"Team": {"a" * 513: {}}},
        f"`Team::{'a' * 58}…`: longer than 512 characters"),
    ("a hidden character", {"Team": {"a\u202e": {}}},
        "`Team::a\u202e`: holds a control, invisible or bidirectional character"),
    ("no object", {"Team": {"a": []}}, "`Team::a`: expected an object"),
    ("an unknown member", {"Team": {"a": {"parents": []}}}, "`Team::a` parents: unknown member"),
    ("attributes of another kind", {"Team": {"a": {"attributes": []}}},
        "`Team::a` attributes: expected an object"),
    ("null attributes", {"Team": {"a": {"attributes": None}}},
        "`Team::a` attributes: expected an object"),
    ("an attribute missing", {"User": {"ann": {}}},
        "`User::ann` attributes.department: is missing"),
    ("an attribute too many", {"Team": {"a": {"attributes": {"x": 1}}}},
        "`Team::a` attributes.x: unknown member"),
    ("an attribute of another type", {"User": {"ann": {"attributes": {"department": 1}}}},
        "`User::ann` attributes.department: expected a string"),
    ("groups of another kind", {"Team": {"a": {"groups": "Team::a"}}},
        "`Team::a` groups: expected an array of `Type::id`"),
    ("a group of another kind", {"Team": {"a": {"groups": [1]}}},
        "`Team::a` groups[0]: expected `Type::id`"),
    ("a group without type", {"Team": {"a": {"groups": ["b"]}}},
        "`Team::a` groups[0]: expected `Type::id`"),
    ("a group of no parent type", {"Team": {"a": {"groups": ["User::ann"]}}},
        "`Team::a` groups[0]: a `Team` cannot be in a `User`"),
    ("a group twice", {"Team": {"b": {}, "a": {"groups": ["Team::b", "Team::b"]}}},
        "`Team::a` groups[1]: names a group twice"),
    ("too many groups", {"Team": {"a": {"groups": ["Team::a"] * 257}}},
        "`Team::a` groups: has more than 256 items"),
    ("a group nobody describes", {"Team": {"a": {"groups": ["Team::b"]}}},
        "`Team::a`: group `Team::b` is not described"),
    ("a team in itself", {"Team": {"a": {"groups": ["Team::a"]}}},
        "groups form a cycle: `Team::a` in `Team::a`"),
    ("a cycle", {"Team": {
        "z": {"groups": ["Team::a"]}, "a": {"groups": ["Team::b"]},
        "b": {"groups": ["Team::c"]}, "c": {"groups": ["Team::a"]}}},
        "groups form a cycle: `Team::a` in `Team::b` in `Team::c` in `Team::a`"),
]  # fmt: skip


def wrong_problems() -> set[str]:
    """The rows that the code under test does not keep."""
    return {
        name for name, content, problem in PROBLEMS if read(content)[1] != [f"{FILE}: {problem}"]
    }


def test_problems() -> None:
    assert wrong_problems() == set()


def test_one_entity_in_two_files() -> None:
    entities, problems = read(GOOD, {"Team": {"all": {}}})
    assert problems == [f"{FILE}: `Team::all` is also described in more.directory.json"]
    assert entities["Team::all"] == Entity("Team", "all", "{}")


def test_every_problem_is_told() -> None:
    found = read({"User": {"ann": {}, "bob": {"attributes": {"department": 1}}}, "Tem": {}}, b"{")[
        1
    ]
    assert [line.partition(":")[0] for line in found] == ["more.directory.json", *[FILE] * 3]


def test_cycles_are_told_once_and_diamonds_are_none() -> None:
    diamond = {"Team": {
        "a": {"groups": ["Team::b", "Team::c"]},
        "b": {"groups": ["Team::d"]}, "c": {"groups": ["Team::d"]}, "d": {},
    }}  # fmt: skip
    assert read(diamond)[1] == []
    two = {"Team": {
        "a": {"groups": ["Team::b"]}, "b": {"groups": ["Team::a"]},
        "c": {"groups": ["Team::d", "Team::a"]}, "d": {"groups": ["Team::c"]},
    }}  # fmt: skip
    found = read(two)[1]
    assert len(found) == 2
    assert all("cycle" in line for line in found)


def test_long_chains_of_groups() -> None:
    teams: dict[str, Any] = {f"t{n}": {"groups": [f"Team::t{n + 1}"]} for n in range(2_000)}
    entities, problems = read({"Team": {**teams, "t2000": {}}})
    assert problems == []
    directory = Directory(entities, SCHEMA, Decoders(SCHEMA))
    assert len(directory.facts["Team::t0"].ancestors) == 2_001


# ---------------------------------------------------------------- prepared


def prepared(entities: dict[str, Entity] = DIRECTORY, schema: Schema = SCHEMA) -> Directory:
    return Directory(entities, schema, Decoders(schema))


def test_facts_of_the_directory() -> None:
    directory = prepared()
    ann = directory.get("User::ann")
    assert ann is not None
    assert plain(ann.attributes) == {"department": "support", "limit": 500_000}
    assert ann.groups == ("Team::support",)
    assert ann.ancestors == {"User::ann", "Team::support", "Team::all"}
    assert (ann.uid, ann.type, ann.is_open) == ("User::ann", "User", False)
    assert directory.get("User::gone") is None
    assert directory.dangling == {}


def test_people_below_a_group() -> None:
    directory = prepared()
    assert [f.uid for f in directory.people_below("Team::all")] == ["User::ann", "User::bob"]
    assert [f.uid for f in directory.people_below("Team::support")] == ["User::ann"]
    assert [f.uid for f in directory.people_below("User::ann")] == ["User::ann"]
    assert directory.people_below("Team::gone") == ()


def test_an_undescribed_group_with_parents_leaves_entries_open() -> None:
    script = Entity("Script", "s", "{}", ("Folder::a", "Team::all"))
    directory = prepared({**DIRECTORY, script.uid: script})
    assert directory.facts["Script::s"].is_open
    assert directory.dangling == {"Folder::a": ["Script::s"]}
    shop_ = Entity("Shop", "s", "{}", ("Region::eu",))
    assert not prepared({shop_.uid: shop_}).facts["Shop::s"].is_open


def test_entries_that_do_not_fit_are_refused() -> None:
    with pytest.raises(RequestError, match="is missing") as caught:
        prepared({"User::x": Entity("User", "x")})
    assert caught.value.field == "User::x.department"


def test_overlay() -> None:
    directory = prepared()
    laid = directory.overlay(
        (
            Entity("User", "eve", '{"department":"x"}', ("Team::new", "Team::all")),
            Entity("User", "ann", '{"department":"y"}'),
        )
    )
    assert laid.facts["User::eve"].ancestors == {"User::eve", "Team::new", "Team::all"}
    assert not laid.facts["User::eve"].is_open
    assert plain(laid.facts["Team::new"].attributes) == {}
    assert laid.facts["User::ann"].ancestors == {"User::ann"}
    assert directory.facts["User::ann"].groups == ("Team::support",)
    assert "User::eve" not in directory.facts
    assert [f.uid for f in laid.people_below("Team::all")] == ["User::bob", "User::eve"]


def test_overlay_invents_no_attributes() -> None:
    team = entity("Team", field("rank", INT), marks="directory", parents=("Team",))
    schema = replace(SCHEMA, entities={**SCHEMA.entities, "Team": team})
    laid = prepared({}, schema).overlay((Entity("Bot", "b", '{"owner":"x"}', ("Team::new",)),))
    assert laid.facts.keys() == {"Bot::b"}
    assert laid.facts["Bot::b"].is_open


def test_overlay_leaves_groups_of_other_types_to_the_request() -> None:
    laid = prepared().overlay((Entity("Script", "s", "{}", ("Folder::a",)),))
    assert "Folder::a" not in laid.facts


# ---------------------------------------------------------------- sabotage


@pytest.mark.parametrize(
    ("seam", "broken", "caught"),
    [
        ("_cycles", lambda _: iter(()), "a cycle"),
        ("_groups", lambda *_: (), "a group of no parent type"),
        ("unknown_name", "unknown {} `{}`".format, "an unknown type"),
        ("_MEMBERS", {"attributes", "groups", "parents"}, "an unknown member"),
    ],
)
def test_sabotage(
    monkeypatch: pytest.MonkeyPatch, seam: str, broken: Callable[..., Any], caught: str
) -> None:
    monkeypatch.setattr(directory_module, seam, broken)
    assert caught in wrong_problems()


def test_sabotage_direct_groups_only(monkeypatch: pytest.MonkeyPatch) -> None:
    def direct(uid: str, _entries: object, parents: Any, _schema: object) -> Any:
        return frozenset((uid, *parents[uid])), False

    monkeypatch.setattr(facts_module, "ancestors_of", direct)
    with pytest.raises(AssertionError):
        test_facts_of_the_directory()
    with pytest.raises(AssertionError):
        test_people_below_a_group()


def test_the_shop_reads_like_a_directory() -> None:
    described: dict[str, dict[str, Any]] = {}
    for item in shop.DIRECTORY.values():
        entry = {"attributes": json.loads(item.attributes or "{}"), "groups": list(item.groups)}
        described.setdefault(item.type, {})[item.id] = entry
    assert read(described) == (shop.DIRECTORY, [])
