"""A policy directory: what is read, what is refused, and the digest that names it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pdp.bundles import manifest
from pdp.bundles.sources import directory as source
from pdp.bundles.sources.directory import read_policy_directory
from pdp.model import BundleError


def write(directory: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return directory


def test_policies_and_data_below_the_directory_are_read_and_nothing_else(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "b.charter": b"b",
            "sub/a.charter": b"a",
            "data.json": b"[]",
            "README.md": b"no",
            ".hidden.charter": b"no",
            ".git/x.charter": b"no",
        },
    )
    assert read_policy_directory(tmp_path) == {
        "b.charter": b"b",
        "data.json": b"[]",
        "sub/a.charter": b"a",
    }


def test_what_cannot_be_a_bundle_is_refused_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="is not a directory"):
        read_policy_directory(tmp_path / "nowhere")
    with pytest.raises(BundleError, match=r"holds no \.charter file"):
        read_policy_directory(write(tmp_path / "empty", {"x.json": b"{}"}))
    too_large = write(tmp_path / "large", {"x.charter": b" " * (source.FILE_BYTES_MAX + 1)})
    with pytest.raises(BundleError, match="is larger than 1048576 bytes"):
        read_policy_directory(too_large)
    many = {f"{number}.charter": b"" for number in range(source.FILES_MAX + 1)}
    with pytest.raises(BundleError, match="more than 256"):
        read_policy_directory(write(tmp_path / "many", many))


def test_the_largest_file_and_the_most_files_are_accepted(tmp_path: Path) -> None:
    files = {f"{number}.charter": b"" for number in range(source.FILES_MAX - 1)}
    files["last.charter"] = b" " * source.FILE_BYTES_MAX
    assert len(read_policy_directory(write(tmp_path, files))) == source.FILES_MAX


def test_the_digest_is_that_of_sorted_names_and_hashes() -> None:
    files = {"b.charter": b"two", "a.charter": b"one"}
    hashes = manifest.file_hashes(files)
    assert hashes == (
        ("a.charter", hashlib.sha256(b"one").hexdigest()),
        ("b.charter", hashlib.sha256(b"two").hexdigest()),
    )
    by_hand = hashlib.sha256(b"pdp.directory-digest.v1")
    for name, data in (("a.charter", b"one"), ("b.charter", b"two")):
        by_hand.update(len(name).to_bytes(8, "big") + name.encode())
        by_hand.update(hashlib.sha256(data).digest())
    assert manifest.directory_digest(hashes) == by_hand.hexdigest()
    assert manifest.directory_digest(tuple(reversed(hashes))) == by_hand.hexdigest()


@pytest.mark.parametrize(
    "changed",
    [
        {"a.charter": b"one", "b.charter": b"twO"},
        {"a.charter": b"one", "c.charter": b"two"},
        {"a.charter": b"two", "b.charter": b"one"},
        {"a.charter": b"one"},
        {"a.charter": b"one", "b.charter": b"two", "c.charter": b""},
    ],
)
def test_any_change_of_names_or_bytes_is_another_digest(changed: dict[str, bytes]) -> None:
    files = {"a.charter": b"one", "b.charter": b"two"}
    digests = {manifest.directory_digest(manifest.file_hashes(f)) for f in (files, changed)}
    assert len(digests) == 2
