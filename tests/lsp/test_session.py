"""Which files are checked together, and when an editor is told what."""

from __future__ import annotations

from pathlib import Path

import pytest

from pdp.lsp.folders import bundle_directory
from pdp.lsp.session import Session
from tests.lsp.desk import SHOP

BUNDLE = 'bundle {} {{ version "1" language 1 owner "o" contact "c" governs x }}\n'


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    for name, text in {
        "one/bundle.charter": BUNDLE.format("one"),
        "one/more/rules.charter": 'group g = T::"g"\n',
        "two/schema/s.charter": BUNDLE.format("two.schema"),
        "two/rules/r.charter": BUNDLE.format("two.rules") + "import two.schema\n",
        "none/x.charter": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("one/bundle.charter", "one"),
        ("one/more/rules.charter", "one"),
        ("one/more/new.charter", "one"),
        ("two/schema/s.charter", "two/schema"),
        ("two/rules/r.charter", "two"),  # it imports the bundle beside it
        ("none/x.charter", "."),
    ],
)
def test_the_directory_of_a_file(tree: Path, file: str, expected: str) -> None:
    assert bundle_directory(tree / file, [tree], {}) == tree / expected


def test_without_an_open_folder_only_a_bundle_line_counts(tree: Path) -> None:
    assert bundle_directory(tree / "none/x.charter", [], {}) is None
    assert bundle_directory(tree / "one/more/rules.charter", [], {}) == tree / "one"


def test_a_bundle_line_that_is_not_saved_counts(tree: Path) -> None:
    buffers = {tree / "none/x.charter": BUNDLE.format("fresh")}
    assert bundle_directory(tree / "none/x.charter", [], buffers) == tree / "none"
    gone = {tree / "one/bundle.charter": ""}
    assert bundle_directory(tree / "one/more/rules.charter", [], gone) is None


def test_a_bundle_line_that_is_typed_moves_the_file(tree: Path) -> None:
    session = Session([tree])
    path = tree / "none" / "x.charter"
    folder = session.put(path, "# nothing yet\n")
    assert folder is not None
    assert folder.root == tree
    moved = session.put(path, BUNDLE.format("fresh"))
    assert moved is not None
    assert moved.root == tree / "none"
    assert session.abandoned() == [folder]
    session.open_folders([])
    assert session.put(path, "") is None


def test_news_are_told_once(tmp_path: Path) -> None:
    path = tmp_path / "shop.charter"
    path.write_text(SHOP)
    session = Session([tmp_path])
    folder = session.put(path, SHOP.replace("to money on", "to mony on"))
    assert folder is not None
    assert [d.code.code for d in session.news(folder)["shop.charter"] if d.is_error] == ["C0202"]
    assert session.news(folder) == {}
    session.put(path, "# a comment moves the place\n" + SHOP.replace("to money on", "to mony on"))
    assert set(session.news(folder)) == {"shop.charter"}
    session.put(path, SHOP)
    assert not any(d.is_error for d in session.news(folder)["shop.charter"])
    assert session.drop(path) is folder
    assert session.news(folder) == {"shop.charter": []}
    assert session.folders() == []


def test_what_is_on_disk_counts_once_a_file_is_closed(tmp_path: Path) -> None:
    shop, other = tmp_path / "shop.charter", tmp_path / "other.charter"
    shop.write_text(SHOP)
    other.write_text("")
    session = Session([tmp_path])
    session.put(other, "")
    folder = session.put(shop, "")
    assert folder is not None
    assert folder.workspace().found.policies is None
    session.drop(shop)
    assert folder.workspace().found.policies is not None
    other.unlink()
    shop.write_text(SHOP.replace("rule dear", "rule costly"))
    assert session.reread([shop]) == [folder]
    assert session.reread([tmp_path / "picture.png"]) == []
    policies = folder.workspace().found.policies
    assert policies is not None
    assert "shop.costly" in {rule.name for rule in policies.rules}


def test_a_directory_with_too_much_in_it_has_a_problem(tmp_path: Path) -> None:
    for number in range(257):
        (tmp_path / f"{number}.json").touch()
    (tmp_path / "a.charter").write_text(SHOP)
    session = Session([tmp_path])
    folder = session.put(tmp_path / "a.charter", SHOP)
    assert folder is not None
    assert "more than 256" in folder.problem
    assert folder.workspace().found.policies is not None
