"""Tests as JUnit XML, the form that build servers show. Runs nothing, measures no time."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element, SubElement, indent, tostring

# What XML 1.0 cannot hold, even escaped.
_NO_XML: Final = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Reported:
    """One test: where it is written, and why it failed (empty: it passed)."""

    title: str
    file: str
    line: int
    problems: tuple[str, ...]


def junit(suites: Sequence[tuple[str, Sequence[Reported]]]) -> bytes:
    """The report of named suites, as UTF-8."""
    root = Element("testsuites")
    for name, cases in suites:
        suite = SubElement(root, "testsuite", _attributes(name, cases))
        for case in cases:
            element = SubElement(
                suite,
                "testcase",
                {
                    "classname": _text(case.file.removesuffix(".charter").replace("/", ".")),
                    "name": _text(case.title),
                    "file": _text(case.file),
                    "line": str(case.line),
                },
            )
            if case.problems:
                failure = SubElement(element, "failure", {"message": _text(case.problems[0])})
                failure.text = _text("\n".join(case.problems))
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _attributes(name: str, cases: Sequence[Reported]) -> dict[str, str]:
    failures = sum(bool(case.problems) for case in cases)
    counts = {"tests": len(cases), "failures": failures, "errors": 0, "skipped": 0}
    return {"name": _text(name)} | {key: str(count) for key, count in counts.items()}


def _text(text: str) -> str:
    return _NO_XML.sub("\ufffd", text)
