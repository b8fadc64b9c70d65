"""The files of one bundle directory as an editor sees them, checked and indexed; immutable, no I/O.

A file's parse is kept from one workspace to the next for as long as its text stays the same.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from pdp.engine import DIRECTORY_SUFFIX, CheckedFiles, check_files
from pdp.eval.directory import read_directory
from pdp.lang import nodes
from pdp.lang.checker import POLICY_SUFFIX, read_sources
from pdp.lang.declared.bundles import split
from pdp.lang.declared.names import collect
from pdp.lang.declared.report import BROKEN, Report
from pdp.lang.declared.schema import SchemaBuilder
from pdp.lang.diagnostics import DIAGNOSTICS_MAX, Diagnostic
from pdp.lang.parser import parse
from pdp.lang.source import Source
from pdp.lang.types import CollT, RecordT, Schema, Type
from pdp.lsp.indexing import index_of
from pdp.lsp.positions import Lines
from pdp.lsp.scopes import route_scopes
from pdp.lsp.symbols import Index, Program
from pdp.model import Entity

# A tree, and what could not be read.
Parsed: TypeAlias = tuple[nodes.PolicyFile, tuple[Diagnostic, ...]]
_NO_LINES: Final = Lines.of("")


@dataclass(frozen=True, slots=True)
class Workspace:
    """``files`` are names below the directory and bytes; ``parsed`` is each policy file's tree."""

    files: Mapping[str, bytes]
    sources: Mapping[str, Source]
    parsed: Mapping[Source, Parsed]
    found: CheckedFiles
    program: Program
    index: Index
    _lines: dict[str, Lines] = field(default_factory=dict, repr=False)

    def lines(self, file: str) -> Lines:
        """The lines of a file; of one that is not here, or not text, a single empty one."""
        if file not in self._lines:
            source = self.sources.get(file)
            text = source.text if source is not None else _text(self.files.get(file, b""))
            self._lines[file] = Lines.of(text) if text else _NO_LINES
        return self._lines[file]

    def tree(self, file: str) -> nodes.PolicyFile:
        """The parsed file, empty where there is none."""
        source = self.sources.get(file)
        return self.parsed[source][0] if source is not None else nodes.PolicyFile(file, ())

    def syntax_errors(self) -> list[Diagnostic]:
        """What could not be read, of all files."""
        return [found for _, complaints in self.parsed.values() for found in complaints]

    def diagnostics(self, file: str) -> list[Diagnostic]:
        """What is wrong in one file, at most 100."""
        return [d for d in self.found.diagnostics if d.span.file == file][:DIAGNOSTICS_MAX]

    @property
    def schema(self) -> Schema:
        """The schema as far as it can be read; empty without files."""
        for names in self.program.names.values():
            return names.schema
        return Schema()

    def directory(self) -> Mapping[str, Entity] | None:
        """Who exists, as far as the files say; None while some type cannot be resolved."""
        if self.found.policies is not None:
            return self.found.directory
        schema = self.schema
        fields = [*schema.context]
        fields += [f for entity in schema.entities.values() for f in entity.fields]
        fields += [f for action in schema.actions.values() for f in action.fields]
        if any(_is_broken(field.type) for field in fields):
            return None
        described = {n: data for n, data in self.files.items() if n.endswith(DIRECTORY_SUFFIX)}
        return read_directory(described, schema)[0]


def _is_broken(type_: Type) -> bool:
    match type_:
        case CollT():
            return _is_broken(type_.item)
        case RecordT():
            return any(_is_broken(field.type) for field in type_.fields)
        case _:
            return type_ is BROKEN


def open_workspace(
    files: Mapping[str, bytes],
    before: Workspace | None = None,
    today: datetime.date | None = None,
) -> Workspace:
    """Check and index the files of a directory. ``before``: what need not be parsed again.

    ``today`` is for warnings about dates that have passed; without it there are none.
    """
    kept = before.parsed if before is not None else {}
    parsed: dict[Source, Parsed] = {}

    def read(source: Source) -> Parsed:
        known = kept.get(source) or parsed.get(source)
        parsed[source] = known if known is not None else parse(source)
        return parsed[source]

    found = check_files(files, today, read)
    sources = read_sources(files)
    trees = [read(source)[0] for source in sources.values()]
    program = _program(trees, files)
    return Workspace(files, sources, parsed, found, program, index_of(trees, program))


def _program(trees: list[nodes.PolicyFile], files: Mapping[str, bytes]) -> Program:
    """The declarations alone. Mistakes are reported by the check; here they go nowhere."""
    quiet: Report = []
    bundles = split(trees, quiet)
    builder = SchemaBuilder(bundles, quiet)
    builder.build()
    names = collect(bundles, builder, files, quiet)
    has_risk = any(isinstance(decl, nodes.RiskDecl) for tree in trees for decl in tree.declarations)
    for each in names.values():
        each.has_risk = has_risk
    return Program(bundles, names, route_scopes(names.values()))


def is_policy(name: str) -> bool:
    """Whether a file is written in Charter."""
    return name.endswith(POLICY_SUFFIX)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
