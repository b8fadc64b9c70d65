"""A folder with policies, keys of people and a trust store, for tests of the commands that sign."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pdp.bundles.keys import private_key_to_pem
from tests.activation.authored import FILES
from tests.bundles import samples
from tests.cli.world import END_S, Done, World, command, environment

CREATED: Final = samples.moment(-3600)
NOW: Final = samples.moment(0)


@dataclass(frozen=True, slots=True)
class Workshop:
    """``folder`` holds ``policies/``, ``ann.key`` and so on, and ``store.json``."""

    world: World
    folder: Path

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def pdp(self, line: str, **env: str) -> Done:
        """Run a line; words that end in ``/`` or name a file by ``@`` are places in the folder."""
        words = [self.path(word[1:]) if word.startswith("@") else word for word in line.split()]
        return self.world.pdp(*words, stdin=b"", **env)

    def build(self, more: str = "", output: str = "@b.bundle", **env: str) -> Done:
        line = f"bundle build @policies --audience production --output {output}"
        revision = "" if "--previous" in more or "--revision" in more else "--revision 7"
        created = "" if "--created" in more or env else f"--created {CREATED}"
        return self.pdp(f"{line} {revision} {created} {more}", **env)

    def sign(self, *names: str, file: str = "@b.bundle") -> None:
        for name in names:
            done = self.pdp(f"bundle sign {file} --key @{name}.key --as {name} --yes")
            assert done.code == 0, done.err

    def verify(self, more: str = "") -> Done:
        return self.pdp(f"bundle verify @b.bundle --trust @store.json --now {NOW} {more}")


def workshop(world: World, folder: Path) -> Workshop:
    for name, data in FILES.items():
        path = folder / "policies" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    for name, key in samples.KEYS.items():
        path = folder / f"{name}.key"
        path.touch(0o600)
        path.write_bytes(private_key_to_pem(key))
    (folder / "store.json").write_bytes(samples.store_bytes(samples.trust()))
    return Workshop(world, folder)


def on_terminal(arguments: list[str], typed: bytes) -> tuple[int, str]:
    """Run the command on a terminal of its own and type; its exit code, and all that it showed."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command(*arguments),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(NO_COLOR="1", COLUMNS="120"),
        start_new_session=True,
    )
    os.close(theirs)
    shown = b""
    try:
        while select.select([ours], [], [], END_S)[0]:
            try:
                piece = os.read(ours, 65_536)
            except OSError:  # how Linux tells that the other end is closed
                break
            shown += piece
            if typed and b"[y/N]" in shown:
                os.write(ours, typed)
                typed = b""
        code = process.wait(END_S)
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    return code, shown.decode().replace("\r\n", "\n")


def json_of(path: str) -> Any:
    return json.loads(Path(path).read_text())
