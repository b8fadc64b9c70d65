"""The small bundle that descriptions are tested on, described. Checks nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pdp.bundles.sources.directory import read_policy_directory
from pdp.describing.bundle import Evidence, describe
from pdp.describing.document import Description
from pdp.engine import Engine
from pdp.lang.checker import read_sources

FOLDER: Final = Path(__file__).with_name("clinic")
GOLDEN: Final = Path(__file__).with_name("clinic.md")
EVIDENCE: Final = {"ordering.doctors": 1}


def engine_of(folder: Path = FOLDER) -> Engine:
    return Engine(read_policy_directory(folder))


def described(folder: Path = FOLDER, *, failed: int = 0) -> Description:
    engine = engine_of(folder)
    sources = read_sources(read_policy_directory(folder))
    evidence = Evidence("0" * 64, engine.directory, EVIDENCE, failed)
    return describe(engine.checked, sources, evidence)
