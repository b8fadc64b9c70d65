"""From the files of a policy directory to a bundle file, and one signature after another. Pure.

The same arguments give the same bytes. Nothing here opens a bundle for deciding: what is built has
no signature yet, and what is signed is only looked at, see ``pdp.bundles.verification``.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pdp.activation.compatibility import LANGUAGE, check_governs, check_lines
from pdp.activation.composing import placed
from pdp.activation.program import check_program, lines_of_part, policy_files
from pdp.activation.release import PROGRAM_FILE
from pdp.activation.selftest import check_self_test
from pdp.bundles.documents.declaration import (
    PAYLOAD_TYPE,
    Manifest,
    declared,
    digest_of,
    manifest_from_bytes,
    manifest_to_bytes,
)
from pdp.bundles.envelope import (
    SIGNATURES_MAX,
    Envelope,
    Quorum,
    Signature,
    decode,
    encode,
    pae,
)
from pdp.bundles.flatfile import cut, split, write
from pdp.bundles.keys import PrivateKey, public_bytes, signature_holds, signature_of
from pdp.bundles.refusal import Cause, refuse
from pdp.bundles.verification import check_hashes
from pdp.engine import Engine
from pdp.eval.coverage import RULE, Coverage, measure
from pdp.eval.policytest import TestResult
from pdp.lang.checked import BundleInfo
from pdp.lang.checker import POLICY_SUFFIX
from pdp.lang.packing.compact import unpack

FAIL_UNDER_DEFAULT: Final = 100.0
# Requests for each claim: what `pdp test` asks, too.
_CLAIM_REQUESTS: Final = 2_000
_SEED: Final = 1
# Beside imported bundles; with this folder, names in diagnostics still open the files.
_OWN_FOLDER: Final = "."


@dataclass(frozen=True, slots=True)
class Declared:
    """What the sources do not say. Times are aware; versions as ``check_compatible`` reads them.

    ``name`` is empty for that of the only `bundle` line; ``previous`` is a manifest's digest.
    """

    audience: str
    revision: int
    created: datetime.datetime
    expires: datetime.datetime
    minimum_engine: str
    tzdata: str
    previous: str | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class UnverifiedBundle:
    """A bundle file that is whole, whoever made it: to be shown or signed, never to decide with.

    ``digest`` is the manifest's; ``envelope`` holds the signatures, none of them looked at.
    """

    manifest: Manifest
    files: Mapping[str, bytes]
    digest: str
    envelope: Envelope


# ---------------------------------------------------------------- building


def build(
    files: Mapping[str, bytes],
    what: Declared,
    fail_under: float = FAIL_UNDER_DEFAULT,
    beside: Sequence[UnverifiedBundle] = (),
) -> bytes:
    """A bundle file without signatures, the checked program beside the sources.

    ``beside`` are bundles to check and test with, and nothing of them is packed: those that are
    imported, and a directory bundle. What imports others has no program: the set of them has.
    Raises PolicyError with every diagnostic, or BundleRefused: a test or a claim that fails, no
    tests, fewer than ``fail_under`` percent of what rules can come to shown by them, a name that
    the sources do not say, limits.
    """
    sources = policy_files(files)
    imported = {bundle.manifest.name for bundle in beside if _holds_policies(bundle)}
    engine = Engine(_together(sources, beside) if beside else sources)
    check_shown(engine, fail_under, f"{_OWN_FOLDER}/" if imported else "")
    lines = [info for info in engine.checked.bundles if info.name not in imported]
    contents = sources if imported else {**sources, PROGRAM_FILE: engine.compact()}
    names = sorted(contents)
    payload = manifest_to_bytes(
        Manifest(
            name=_name_of(lines, what.name),
            audience=what.audience,
            revision=what.revision,
            created=what.created,
            expires=what.expires,
            minimum_engine=what.minimum_engine,
            language=LANGUAGE,
            tzdata=what.tzdata,
            previous=what.previous,
            files=tuple(declared(name, contents[name]) for name in names),
            governs=_each_once(info.governs for info in lines),
            owners=_each_once((info.owner,) for info in lines),
        )
    )
    return write(encode(Envelope(PAYLOAD_TYPE, payload, ())), contents, names)


def _holds_policies(bundle: UnverifiedBundle) -> bool:
    return any(name.endswith(POLICY_SUFFIX) for name in bundle.files)


def _together(sources: Mapping[str, bytes], beside: Sequence[UnverifiedBundle]) -> dict[str, bytes]:
    """Everything under one roof, each bundle in a folder of its own, as a set has it."""
    has_imported = any(map(_holds_policies, beside))
    files = placed(_OWN_FOLDER, sources) if has_imported else dict(sources)
    for bundle in beside:
        files |= placed(bundle.manifest.name, policy_files(bundle.files))
    return files


def check_shown(engine: Engine, fail_under: float, start: str = "") -> None:
    """Raise BundleRefused (self test failed) unless the tests pass and show enough of the rules.

    All tests must pass; only rules and tests in files whose names begin with ``start`` count.
    """
    if not any(test.span.file.startswith(start) for test in engine.checked.tests):
        refuse(Cause.SELF_TEST_FAILED, "there are no tests; `pdp init` shows how they are written")
    results = check_self_test(engine, seed=_SEED).tests
    for claim in engine.try_invariants(_SEED, _CLAIM_REQUESTS):
        if not claim.passed:
            refuse(
                Cause.SELF_TEST_FAILED,
                f"a request breaks the invariant `{claim.invariant.title}`; `pdp test` shows it",
            )
    check_floor(rules_shown(engine, results, start), fail_under)


def rules_shown(engine: Engine, results: Iterable[TestResult], start: str = "") -> Coverage:
    """What the tests show of rules: each held, and each was a candidate and did not hold."""
    whole = measure(engine.checked, engine.directory, results)
    goals = (goal for goal in whole.goals if goal.kind == RULE)
    return Coverage(tuple(goal for goal in goals if goal.span.file.startswith(start)))


def check_floor(shown: Coverage, fail_under: float) -> None:
    """Raise BundleRefused (self test failed) below ``fail_under`` percent."""
    if shown.percent >= fail_under:
        return
    first, more = shown.missing[0], len(shown.missing) - 1
    others = f", nor {more} more" if more else ""
    refuse(
        Cause.SELF_TEST_FAILED,
        f"expected tests for {fail_under:g} % of the rules, and found {shown.percent:.1f} %: none"
        f" shows `{first.name}` {first.outcome}{others}; `pdp test --coverage` lists what is"
        " missing",
    )


def check_follows(manifest: Manifest, previous: Manifest) -> None:
    """Raise BundleRefused unless it is a later revision of the same bundle, for the same place."""
    if manifest.name != previous.name:
        refuse(Cause.WRONG_NAME, f"the one before is `{previous.name}`, not `{manifest.name}`")
    if manifest.audience != previous.audience:
        refuse(
            Cause.WRONG_AUDIENCE,
            f"the one before is for `{previous.audience}`, not `{manifest.audience}`",
        )
    if manifest.revision <= previous.revision:
        refuse(
            Cause.ROLLBACK,
            f"revision {manifest.revision} does not follow revision {previous.revision}; give a"
            " higher one",
        )


def _name_of(lines: Sequence[BundleInfo], wanted: str) -> str:
    if len(lines) == 1:
        [line] = lines
        if wanted not in {"", line.name}:
            refuse(Cause.WRONG_NAME, f"the `bundle` line says `{line.name}`")
        return line.name
    if not wanted:
        names = ", ".join(f"`{info.name}`" for info in lines)
        refuse(Cause.WRONG_NAME, f"the policies have several `bundle` lines: {names}; give a name")
    return wanted


def _each_once(lists: Iterable[Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted({text for texts in lists for text in texts}))


# ---------------------------------------------------------------- signing


def unverified(data: bytes) -> UnverifiedBundle:
    """What a bundle file holds, with every hash right. Raises BundleRefused as ``verify`` does."""
    head, body = split(data)
    envelope = decode(head)
    if envelope.payload_type != PAYLOAD_TYPE:
        refuse(Cause.WRONG_TYPE, f"expected a bundle (`{PAYLOAD_TYPE}`)")
    manifest = manifest_from_bytes(envelope.unverified_payload)
    files = cut(body, [(file.name, file.length) for file in manifest.files])
    check_hashes(manifest, files)
    return UnverifiedBundle(manifest, files, digest_of(envelope.unverified_payload), envelope)


def sign(data: bytes, key: PrivateKey, key_id: str) -> bytes:
    """The bundle file with one signature more; those that are there stay as they are.

    The program is rebuilt first: nobody signs what nobody can read. Raises BundleRefused: a program
    or a reach that is not that of the sources, a key that has signed already, or no bundle.
    """
    bundle = unverified(data)
    # Whether it may be a guard is for the trust store to say.
    check_sources(bundle.manifest, bundle.files, may_be_guard=True)
    envelope = with_signature(bundle.envelope, key, key_id)
    return write(encode(envelope), bundle.files, [file.name for file in bundle.manifest.files])


def check_sources(manifest: Manifest, files: Mapping[str, bytes], *, may_be_guard: bool) -> None:
    """Raise BundleRefused unless the program and the manifest are what the sources say.

    A part of a set may be without a program: only the whole can have one.
    """
    if PROGRAM_FILE not in files and (lines := lines_of_part(files)):
        check_lines(manifest, lines, may_be_guard=may_be_guard)
        return
    # Unpacked only after it was shown to be what the sources say.
    checked = unpack(check_program(files))
    check_governs(manifest, checked, may_be_guard=may_be_guard)


def with_signature(envelope: Envelope, key: PrivateKey, key_id: str) -> Envelope:
    """The envelope with a signature by ``key``, in the order of key ids.

    Raises BundleRefused (malformed) when this key has signed, its id is taken, or it is full.
    """
    message = pae(envelope.payload_type, envelope.unverified_payload)
    public = public_bytes(key)
    for one in envelope.signatures:
        if signature_holds(public, one.data, message):
            refuse(Cause.MALFORMED, f"this key has signed already, as `{one.key_id}`")
        if one.key_id == key_id:
            refuse(Cause.MALFORMED, f"`{key_id}` has signed already, with another key or content")
    if len(envelope.signatures) >= SIGNATURES_MAX:
        refuse(Cause.TOO_LARGE, f"there are {SIGNATURES_MAX} signatures, and no more fit")
    added = Signature(key_id, signature_of(key, message))
    ordered = sorted((*envelope.signatures, added), key=lambda one: one.key_id)
    return replace(envelope, signatures=tuple(ordered))


def misnamed(envelope: Envelope, quorum: Quorum) -> list[tuple[str, str]]:
    """(id in a signature, id in ``quorum``) of keys that signed under an id that is not theirs."""
    message = pae(envelope.payload_type, envelope.unverified_payload)
    return [
        (one.key_id, key_id)
        for one in envelope.signatures
        if one.key_id not in quorum.keys
        for key_id, public in quorum.keys.items()
        if signature_holds(public, one.data, message)
    ]
