"""Diagnostics as SARIF 2.1.0, the form that code hosts and editors read. Finds and judges nothing.

The form is that of https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from pdp.lang.diagnostics import DIAGNOSTICS_MAX, Code, Diagnostic, sort_key
from pdp.lang.presenting.explain import explanations
from pdp.lang.source import Span

VERSION: Final = "2.1.0"
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(
    diagnostics: Iterable[Diagnostic],
    catalogue: Mapping[str, Code],
    *,
    version: str,
    uri_of: Callable[[str], str],
) -> dict[str, Any]:
    """One log with one run: every code of ``catalogue`` as a rule, at most 100 results, sorted.

    ``version`` is that of the checker; ``uri_of`` gives the URI of a policy file by its name.
    Columns are 1-based and count characters, the end is exclusive: as our spans do.
    """
    codes = sorted(catalogue)
    driver = {
        "name": "pdp",
        "semanticVersion": version,
        "rules": [_rule(catalogue[code]) for code in codes],
    }
    ordered = sorted(diagnostics, key=sort_key)
    indexes = {code: index for index, code in enumerate(codes)}
    run = {
        "tool": {"driver": driver},
        # The check came to its end, whatever it found.
        "invocations": [{"executionSuccessful": True}],
        "columnKind": "unicodeCodePoints",
        "results": [
            _result(diagnostic, indexes[diagnostic.code.code], uri_of)
            for diagnostic in ordered[:DIAGNOSTICS_MAX]
        ],
    }
    return {"$schema": _SCHEMA, "version": VERSION, "runs": [run]}


def _rule(code: Code) -> dict[str, Any]:
    explanation = explanations()[code.code]
    text, markdown = [explanation.why], [explanation.why]
    for title, example in (("Instead of", explanation.bad), ("write", explanation.good)):
        if example is not None:
            text.append(f"{title}:\n{example.text.rstrip()}")
            markdown.append(f"{title}\n\n```charter\n{example.text.rstrip()}\n```")
    return {
        "id": code.code,
        "name": code.name,
        "shortDescription": {"text": code.what},
        "fullDescription": {"text": explanation.why},
        "help": {"text": "\n\n".join(text), "markdown": "\n\n".join(markdown)},
        "defaultConfiguration": {"level": code.severity},
    }


def _result(diagnostic: Diagnostic, index: int, uri_of: Callable[[str], str]) -> dict[str, Any]:
    help = f"\nhelp: {diagnostic.help}" if diagnostic.help else ""
    result: dict[str, Any] = {
        "ruleId": diagnostic.code.code,
        "ruleIndex": index,
        "level": diagnostic.code.severity,
        "message": {"text": diagnostic.message + help},
        "locations": [_location(diagnostic.span, diagnostic.label, uri_of)],
    }
    if diagnostic.related:
        result["relatedLocations"] = [
            {"id": number, **_location(span, note, uri_of)}
            for number, (span, note) in enumerate(diagnostic.related)
        ]
    return result


def _location(span: Span, note: str, uri_of: Callable[[str], str]) -> dict[str, Any]:
    location: dict[str, Any] = {
        "physicalLocation": {
            "artifactLocation": {"uri": uri_of(span.file)},
            "region": {
                "startLine": span.line,
                "startColumn": span.column,
                "endLine": span.end_line,
                "endColumn": span.end_column,
            },
        }
    }
    if note:
        location["message"] = {"text": note}
    return location
