"""Broken builds of the sources, one defence less in each, that a fault must notice by name."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from pdp.bundles.sources import confined, file, uri
from pdp.bundles.sources.fetching import BYTES_MAX, Failure, Options
from pdp.bundles.sources.places import put, source_of
from pdp.bundles.sources.uri import Place
from tests.bundles.sources import broken, servers
from tests.bundles.sources.asking import FETCHED, SECRET, ask
from tests.bundles.sources.test_confined import orphan_ends
from tests.bundles.sources.test_file import APPENDING


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a fault is tried."""

    bad: str
    nginx: servers.Nginx
    folder: Path
    broken_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Twin:
    """What is broken: in the process that fetches, by name, and here: owner, name, replacement.

    ``seen_by`` tries a fault and says what came of it, which must be ``honest`` before.
    """

    seen_by: Callable[[Ground], str]
    honest: str
    in_child: tuple[str, ...] = ()
    here: tuple[tuple[Any, str, Any], ...] = ()
    always_in_child: tuple[str, ...] = ()


def _asked(path: str, **options: Any) -> Callable[[Ground], str]:
    return lambda ground: ask(f"http://{ground.bad}/{path}", **options).word


def _over_tls(host: str, *, is_known: bool) -> Callable[[Ground], str]:
    def seen(ground: Ground) -> str:
        (ground.nginx.files / "bundle").write_bytes(b"x")
        options = Options(ca_file=ground.nginx.ca if is_known else None)
        return ask(f"https://{host}:{ground.nginx.https}/bundle", options).word

    return seen


def _with_token(ground: Ground) -> str:
    (ground.folder / "token").write_text(SECRET)
    # Also this machine, but not by a name that is known to be.
    place = f"http://{ground.bad.replace('127.0.0.1', '127.0.0.2')}/good"
    return ask(place, Options(token_file=str(ground.folder / "token"))).word


def _told(ground: Ground) -> str:
    message = ask(f"http://{ground.bad}/404?sig={SECRET}").message
    return "told" if SECRET in message else "kept"


def _other_layer(ground: Ground) -> str:
    return ask(f"oci://{ground.bad}/other-layer:tag").word


def _plain_registry(ground: Ground) -> str:
    return ask(f"oci://{ground.bad.replace('127.0.0.1', '127.0.0.2')}/no-manifest:tag").word


def _changed_within_a_second(ground: Ground) -> str:
    path = ground.nginx.files / "twin"
    second = int(time.time())
    versions: list[str | None] = [None]
    with closing(source_of(f"http://127.0.0.1:{ground.nginx.http}/twin")) as source:
        for data in (b"one", b"two"):
            path.write_bytes(data)
            os.utime(path, (second, second))
            fetched = source.fetch(versions[-1], 20)
            versions.append(fetched.version if fetched else None)
    return "seen" if versions[-1] else "not seen"


def _orphan(ground: Ground) -> str:
    ended = orphan_ends(f"http://{ground.bad}/drips-long", *ground.broken_names)
    return "ended" if ended else "lives"


def _pipe(ground: Ground) -> str:
    path = ground.folder / f"pipe{len(list(ground.folder.iterdir()))}"
    os.mkfifo(path)
    return ask(str(path)).word


def _grown(ground: Ground) -> str:
    path = ground.folder / "grown"
    with path.open("wb") as target:
        target.truncate(BYTES_MAX // 2)
    with subprocess.Popen(
        [sys.executable, "-c", APPENDING, str(path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        word = ask(str(path)).word
        writer.kill()
    return "fetched" if word == FETCHED else "refused"


def _mixed(ground: Ground) -> str:
    """Whether a reader ever finds something else than one of the two bundles that alternate."""
    path = ground.folder / "alternating"
    whole = [bytes([value]) * 300_000 for value in (1, 2)]
    stopped = threading.Event()
    put(str(path), whole[0], timeout_s=5)

    def write() -> None:
        while not stopped.is_set():
            for data in whole:
                put(str(path), data, timeout_s=5)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        fetched = [ask(str(path)).fetched for _ in range(500)]
    finally:
        stopped.set()
        writer.join()
    return "whole" if all(one and one.data in whole for one in fetched) else "mixed"


def _nothing(*_: object) -> None:
    return None


def _written_in_place(place: Place, data: bytes) -> None:
    Path(place.uri).write_bytes(data)


TWINS: Final = {
    "size_is_not_checked": Twin(
        _asked("one-too-many"),
        Failure.TOO_LARGE,
        ("size_is_not_checked",),
        ((confined, "check_size", _nothing),),
    ),
    "time_is_not_limited": Twin(
        _asked("drips-its-head", timeout_s=2.0),
        Failure.TIMEOUT,
        ("slow_bodies_are_taken", "orphans_live_on"),
        ((confined, "time_left_s", lambda _: 30.0),),
    ),
    "redirects_are_followed": Twin(
        _asked("to-elsewhere"), Failure.BAD_ANSWER, ("redirects_are_followed",)
    ),
    "compressed_is_taken": Twin(_asked("gzip"), Failure.BAD_ANSWER, ("compressed_is_taken",)),
    "unasked_304_is_taken": Twin(_asked("304"), Failure.BAD_ANSWER, ("unasked_304_is_taken",)),
    "short_bodies_are_taken": Twin(
        _asked("short"), Failure.BAD_ANSWER, ("short_bodies_are_taken",)
    ),
    "token_goes_over_http": Twin(_with_token, Failure.UNUSABLE, ("token_goes_over_http",)),
    "tls_without_verification": Twin(
        _over_tls("localhost", is_known=False), Failure.TLS, ("tls_without_verification",)
    ),
    "tls_without_host_name": Twin(
        _over_tls("127.0.0.1", is_known=True), Failure.TLS, ("tls_without_host_name",)
    ),
    "etags_are_trusted": Twin(_changed_within_a_second, "seen", ("etags_are_trusted",)),
    "credentials_are_told": Twin(_told, "kept", here=((uri, "shown", lambda text: text),)),
    "digest_is_not_compared": Twin(_other_layer, Failure.BAD_ANSWER, ("digest_is_not_compared",)),
    "registry_over_plain_http": Twin(_plain_registry, Failure.TLS, ("registry_over_plain_http",)),
    "memory_is_not_limited": Twin(
        _asked("good"), Failure.TOO_LARGE, ("memory_is_not_limited",), always_in_child=("hungry",)
    ),
    "orphans_live_on": Twin(_orphan, "ended", ("orphans_live_on",)),
    "pipes_are_read": Twin(_pipe, Failure.BAD_ANSWER, here=((file, "check_regular", _nothing),)),
    "growing_files_are_read": Twin(_grown, "refused", here=((file, "check_steady", _nothing),)),
    "files_are_written_in_place": Twin(_mixed, "whole", here=((file, "put", _written_in_place),)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", TWINS)
def test_twin_is_caught(
    name: str,
    bad: str,
    nginx: servers.Nginx,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    twin = TWINS[name]
    if twin.always_in_child:
        monkeypatch.setattr(confined, "COMMAND", broken.command(*twin.always_in_child))
    assert twin.seen_by(Ground(bad, nginx, tmp_path, ())) == twin.honest
    if twin.in_child:
        names = (*twin.always_in_child, *twin.in_child)
        monkeypatch.setattr(confined, "COMMAND", broken.command(*names))
    for owner, attribute, replacement in twin.here:
        monkeypatch.setattr(owner, attribute, replacement)
    assert twin.seen_by(Ground(bad, nginx, tmp_path, twin.in_child)) != twin.honest
