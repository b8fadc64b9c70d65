"""Broken commands, one look less in each: then what must be refused is accepted."""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.activation import preparing
from pdp.bundles.keys import private_key_to_pem
from pdp.cli.bundle import sign
from pdp.cli.exit_codes import Exit
from pdp.cli.main import main
from tests.activation.authored import built
from tests.bundles import samples
from tests.cli.test_bundle_verify import REFUSED
from tests.cli.workshop import NOW


@dataclass(frozen=True, slots=True)
class Twin:
    """``owner``'s ``name`` becomes ``broken``; then ``run`` must come out otherwise."""

    owner: Any
    name: str
    broken: Any
    run: Callable[[Path], object]


def code_of(*arguments: str) -> object:
    with pytest.raises(SystemExit) as left:
        main(list(arguments))
    return left.value.code


def verified(cause: str) -> Callable[[Path], object]:
    def run(folder: Path) -> object:
        (folder / "b.bundle").write_bytes(REFUSED[cause]())
        (folder / "store.json").write_bytes(samples.store_bytes(samples.trust()))
        store = str(folder / "store.json")
        return code_of("bundle", "verify", str(folder / "b.bundle"), "--trust", store, "--now", NOW)

    return run


def signed_with_an_open_key(folder: Path) -> object:
    (folder / "b.bundle").write_bytes(built())
    key = folder / "ann.key"
    key.write_bytes(private_key_to_pem(samples.KEYS["ann"]))
    key.chmod(0o644)
    return code_of("bundle", "sign", str(folder / "b.bundle"), "--key", str(key), "--yes")


def signed_unasked(folder: Path) -> object:
    (folder / "b.bundle").write_bytes(built())
    key = folder / "ann.key"
    key.touch(0o600)
    key.write_bytes(private_key_to_pem(samples.KEYS["ann"]))
    return code_of("bundle", "sign", str(folder / "b.bundle"), "--key", str(key))


def _nothing(*_: object, **__: object) -> None:
    return None


TWINS: Final = {
    "program_is_not_compared": Twin(
        preparing, "check_equal", _nothing, verified("program_differs")
    ),
    "engine_is_not_compared": Twin(
        preparing, "check_compatible", _nothing, verified("needs_newer_engine")
    ),
    "reach_is_not_compared": Twin(
        preparing, "check_governs", _nothing, verified("governs_more_than_signed")
    ),
    "nothing_is_tested": Twin(preparing, "check_self_test", _nothing, verified("self_test_failed")),
    "key_is_everybodys": Twin(stat, "S_IMODE", lambda _: 0o600, signed_with_an_open_key),
    "nobody_is_asked": Twin(sign, "check_can_ask", _nothing, signed_unasked),
}


@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    twin = TWINS[name]
    assert twin.run(tmp_path) == Exit.INVALID
    monkeypatch.setattr(twin.owner, twin.name, twin.broken)
    monkeypatch.setattr(sign, "ask", _nothing)
    assert twin.run(tmp_path) == Exit.SUCCESS
