"""The checked program of a bundle: made from its sources, and held against the embedded one. Pure.

What a server runs is the compact form; what people sign and read are the sources. Only here is it
shown that one is the other.
"""

from __future__ import annotations

from collections.abc import Mapping

from pdp.activation.release import PROGRAM_FILE
from pdp.bundles.refusal import Cause, refuse
from pdp.lang import nodes
from pdp.lang.checked import BundleInfo, CheckedPolicies
from pdp.lang.checker import check, read_sources
from pdp.lang.declared.bundles import split
from pdp.lang.packing.compact import pack
from pdp.lang.parser import parse
from pdp.model import PolicyError


def policy_files(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """What people wrote: everything but the embedded program."""
    return {name: data for name, data in files.items() if name != PROGRAM_FILE}


def checked_of(files: Mapping[str, bytes]) -> CheckedPolicies:
    """The sources, checked; directory files are no part of it. Raises PolicyError."""
    checked, diagnostics = check(policy_files(files))
    if checked is None:
        errors = sum(diagnostic.is_error for diagnostic in diagnostics)
        plural = "" if errors == 1 else "s"
        raise PolicyError(f"{errors} error{plural} in the policies", diagnostics)
    return checked


def program_of(files: Mapping[str, bytes]) -> bytes:
    """The compact form of the sources: the same bytes on every machine. Raises PolicyError."""
    return pack(checked_of(files))


def check_program(files: Mapping[str, bytes]) -> bytes:
    """The embedded program, which is exactly what the sources beside it say.

    Raises BundleRefused: no program, sources with errors, or a program that differs. Takes some
    seconds for 10,000 rules.
    """
    embedded = files.get(PROGRAM_FILE)
    if embedded is None:
        refuse(Cause.PART_MISSING, f"there is no `{PROGRAM_FILE}`; build the bundle again")
    try:
        rebuilt = program_of(files)
    except PolicyError as error:
        refuse(Cause.POLICIES_WITH_ERRORS, f"{error}; `pdp check` shows them")
    check_equal(embedded, rebuilt)
    return rebuilt


def check_equal(embedded: bytes, rebuilt: bytes) -> None:
    """Raise BundleRefused (program differs) unless both are the same bytes."""
    if embedded != rebuilt:
        refuse(
            Cause.PROGRAM_DIFFERS,
            f"`{PROGRAM_FILE}` is not what the policies beside it say: it was changed,"
            " or built by another version; build the bundle again",
        )


def lines_of_part(files: Mapping[str, bytes]) -> tuple[BundleInfo, ...]:
    """The `bundle` lines of sources that are a part of something; none if they can stand alone.

    A part imports a bundle that is not among the files, or is a guard, which speaks of others
    without importing them. Mistakes in it are for whoever reads all together.
    """
    parsed = [parse(source)[0] for source in read_sources(policy_files(files)).values()]
    found = split(parsed, [])
    own = {bundle.name for bundle in found.all}
    imports = {
        item.name.text
        for file in parsed
        for item in file.declarations
        if isinstance(item, nodes.ImportDecl)
    }
    is_part = bool(imports - own) or any(bundle.is_guard for bundle in found.all)
    return tuple(bundle.info for bundle in found.all) if is_part else ()
