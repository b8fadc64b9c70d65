"""Which file belongs to which bundle, and whose declarations a bundle may use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pdp.lang import complaints, nodes
from pdp.lang.checked import BundleInfo
from pdp.lang.declared.metadata import bundle_info
from pdp.lang.declared.report import Report
from pdp.lang.source import Span


@dataclass(slots=True)
class Bundle:
    """One bundle: its line, its imports and all declarations of its files.

    ``folder`` is the top-level folder that it has for itself, or empty.
    """

    info: BundleInfo
    imports: dict[str, Span] = field(default_factory=dict)
    declarations: list[nodes.Declaration] = field(default_factory=list)
    folder: str = ""

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def is_guard(self) -> bool:
        return self.info.is_guard

    def sees(self, owner: str) -> bool:
        """Whether declarations of the bundle ``owner`` may be used here."""
        return owner == self.name or owner in self.imports

    def named(self, files: Mapping[str, bytes]) -> Mapping[str, bytes]:
        """The files by the names that the bundle's declarations call them.

        Those of its own folder come first: what stands at the top can be another's.
        """
        if not self.folder:
            return files
        start = f"{self.folder}/"
        own = {name[len(start) :]: name for name in files if name.startswith(start)}
        return {**files, **{short: files[name] for short, name in own.items()}}


@dataclass(frozen=True, slots=True)
class Bundles:
    """Everything loaded together."""

    all: tuple[Bundle, ...]
    by_file: dict[str, Bundle]

    def at(self, span: Span) -> Bundle:
        """The bundle of the file that ``span`` is in."""
        return self.by_file[span.file]

    def plain(self, text: str) -> tuple[str, str]:
        """A name without its bundle, and that bundle: ``acme.schema.User`` is User of acme.schema.

        A name that is not qualified has the bundle ''.
        """
        for bundle in self.all:
            rest = text.removeprefix(f"{bundle.name}.")
            if rest != text and bundle.name and "." not in rest:
                return rest, bundle.name
        return text, ""

    def identity(self) -> BundleInfo:
        """What decisions name: the one bundle, or all, joined by + in the order of names."""
        if len(self.all) == 1:
            return self.all[0].info
        infos = sorted((bundle.info for bundle in self.all), key=lambda info: info.name)
        return BundleInfo(
            "+".join(info.name for info in infos),
            "+".join(info.version for info in infos),
            ", ".join(dict.fromkeys(info.owner for info in infos)),
            ", ".join(dict.fromkeys(info.contact for info in infos)),
            tuple(sorted({word for info in infos for word in info.governs})),
        )


def split(files: Sequence[nodes.PolicyFile], report: Report) -> Bundles:
    """Give every file its bundle.

    A single bundle line serves all files. With several, one serves the whole top-level folder that
    its file stands in, if it is the only one there; every other file needs a line of its own.
    """
    lines = [
        (file.name, decl)
        for file in files
        for decl in file.declarations
        if isinstance(decl, nodes.BundleDecl)
    ]
    bundles: dict[str, Bundle] = {}
    by_file: dict[str, Bundle] = {}
    for file_name, decl in lines:
        if file_name in by_file:
            report.append(complaints.duplicate(decl.name.span, "bundle line", decl.name.text))
            continue
        if decl.name.text in bundles:
            first = next(d for _, d in lines if d.name.text == decl.name.text)
            report.append(
                complaints.duplicate(decl.name.span, "bundle", decl.name.text, first.name.span)
            )
        else:
            bundles[decl.name.text] = Bundle(bundle_info(decl, report))
        by_file[file_name] = bundles[decl.name.text]
    if not bundles:
        bundles[""] = _missing(files, report)
    only = next(iter(bundles.values())) if len(bundles) == 1 else None
    by_folder = _by_folder(by_file)
    for file in files:
        home = by_file.get(file.name) or only or by_folder.get(_folder_of(file.name))
        if home is None:
            start = file.declarations[0].span if file.declarations else Span(file.name, 1, 1, 1, 1)
            report.append(complaints.file_without_bundle(start, list(bundles)))
            home = next(iter(bundles.values()))
        by_file[file.name] = home
        home.declarations.extend(file.declarations)
    found = Bundles(tuple(bundles.values()), by_file)
    _read_imports(found, report)
    return found


def _by_folder(by_file: Mapping[str, Bundle]) -> dict[str, Bundle]:
    """The bundles whose line stands alone in a top-level folder, which is then theirs."""
    found: dict[str, list[Bundle]] = {}
    for name, bundle in by_file.items():
        found.setdefault(_folder_of(name), []).append(bundle)
    # At the top itself the files of all folders would be meant: there a line serves its file.
    alone = {folder: those[0] for folder, those in found.items() if folder and len(those) == 1}
    for folder, bundle in alone.items():
        bundle.folder = folder
    return alone


def _folder_of(name: str) -> str:
    """The top-level folder of a file, or '' at the top itself."""
    folder, slash, _ = name.partition("/")
    return folder if slash else ""


def _missing(files: Sequence[nodes.PolicyFile], report: Report) -> Bundle:
    """A bundle that governs everything, so that the missing line is one complaint, not hundreds."""
    name = files[0].name if files else ""
    report.append(complaints.missing_bundle(Span(name, 1, 1, 1, 1)))
    prefixes = {
        decl.name.text.partition(".")[0]
        for file in files
        for decl in file.declarations
        if isinstance(decl, nodes.ActionDecl)
    }
    return Bundle(BundleInfo("", "", "", "", tuple(sorted(prefixes))))


def _read_imports(bundles: Bundles, report: Report) -> None:
    by_name = {bundle.name: bundle for bundle in bundles.all}
    for bundle in bundles.all:
        for decl in bundle.declarations:
            if not isinstance(decl, nodes.ImportDecl):
                continue
            name = decl.name.text
            if name == bundle.name:
                report.append(complaints.recursive(decl.name.span, "bundle", name))
            elif name not in by_name:
                report.append(complaints.unknown_bundle(decl.name.span, name, by_name))
            elif name in bundle.imports:
                report.append(
                    complaints.duplicate(decl.name.span, "import", name, bundle.imports[name])
                )
            else:
                bundle.imports[name] = decl.name.span
    for bundle in bundles.all:
        for name, span in bundle.imports.items():
            if bundle.name in _reachable(name, by_name):
                report.append(complaints.recursive(span, "bundle", bundle.name))


def _reachable(start: str, by_name: dict[str, Bundle]) -> set[str]:
    seen: set[str] = set()
    todo: list[str] = [start]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(_imports_of(by_name.get(name)))
    return seen


def _imports_of(bundle: Bundle | None) -> Iterable[str]:
    return bundle.imports if bundle else ()
