"""Every setting of a server, one row each; the page of settings is drawn from this table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pdp.service.settings import forms

STARTER_POLICIES: Final = Path(__file__).resolve().parents[3] / "policies"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table. ``read`` takes what a source holds and the directory paths start from.

    ``default`` is None for a setting that must be given (``required``) or may be left out.
    """

    name: str
    form: str
    text: str
    read: Callable[[object, Path], object]
    default: object = None
    required: bool = False

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def env(self) -> str:
        return "PDP_" + self.name.upper()


TABLE: Final = (
    Setting(
        "policies", "directory",
        "Where the `.charter` files, data and directory files are. Left out: the starter bundle.",
        forms.path, str(STARTER_POLICIES),
    ),
    Setting(
        "bundle", "path or URI",
        "Where the signed bundle or set comes from: a file, `https://`, `s3://` and other object"
        " stores, or `oci://`. Left out: `policies` decide, unsigned.",
        forms.place,
    ),
    Setting(
        "bundle_name", "name",
        "The bundle or set that is wanted, as the trust store names it; must be given with"
        " `bundle`.",
        forms.name,
    ),
    Setting(
        "trust_store", "file",
        "Whose signatures count, for which bundles, and how far they reach; must be given with"
        " `bundle`. Read anew at every look.",
        forms.path,
    ),
    Setting(
        "freshness", "path or URI",
        "Where statements come from that no newer revision is known. Left out: none are used.",
        forms.place,
    ),
    Setting(
        "require_freshness", "`true` or `false`",
        "Nothing decides without a statement of freshness that holds.",
        forms.switch, default=False,
    ),
    Setting(
        "directory", "path or URI",
        "Where the directory bundle comes from: people, agents and groups, signed apart.",
        forms.place,
    ),
    Setting(
        "directory_name", "name",
        "The directory bundle that is wanted; must be given with `directory`.",
        forms.name,
    ),
    Setting(
        "directory_freshness", "path or URI",
        "As `freshness`, for the directory bundle.",
        forms.place,
    ),
    Setting(
        "shadow", "path or URI",
        "Where a signed bundle on trial comes from: asked whatever the active one is asked, never"
        " answered to anybody. The same name, trust store and directory count.",
        forms.place,
    ),
    Setting(
        "minimum_revision", "whole number, 0 to 999999999",
        "No lower revision of the bundle ever decides, whatever is remembered.",
        forms.whole(0, 999_999_999), 0,
    ),
    Setting(
        "poll_s", "whole number, 1 to 86400",
        "How many seconds pass between two looks at the sources, unless one says that it changed.",
        forms.whole(1, 86_400), 60,
    ),
    Setting(
        "fetch_timeout_s", "whole number, 1 to 3600",
        "How long one look at one source may take in all.",
        forms.whole(1, 3_600), 30,
    ),
    Setting(
        "self_test_cases", "whole number, 0 to 100000",
        "On how many generated requests the compiled policies and the reference interpreter must"
        " agree before a bundle decides.",
        forms.whole(0, 100_000), 200,
    ),
    Setting(
        "source_ca_file", "file", "Certificates (PEM) to trust for `https://`, in place of the"
        " system's.",
        forms.path,
    ),
    Setting(
        "source_certificate", "file", "A client certificate (PEM) for `https://`.", forms.path,
    ),
    Setting("source_key", "file", "The key (PEM) of `source_certificate`.", forms.path),
    Setting(
        "source_token_file", "file", "A bearer token for `https://`, read anew at every look.",
        forms.path,
    ),
    Setting(
        "log_dir", "directory",
        "Where the decision log is written. There is no serving without a log.",
        forms.path, required=True,
    ),
    Setting(
        "log_mode", "`fsync` or `os`",
        "`fsync`: no answer leaves before its record survives a power cut."
        " `os`: the record survives the process only.",
        forms.log_mode, "fsync",
    ),
    Setting(
        "log_key", "file",
        "The Ed25519 key (PEM, mode 0600) that signs the log's checkpoints. Left out: none are"
        " signed, and nobody can prove that records were cut off its end.",
        forms.path,
    ),
    Setting(
        "anchor", "list of `-`, paths and URLs",
        "Where checkpoints go, about one a second while there are new records: standard output"
        " (`-`), a file that a line is added to, an `http(s)` URL that takes a POST. The flag may"
        " be given several times; the environment separates by commas.",
        forms.anchors, ("-",),
    ),
    Setting(
        "grpc", "list of `unix:PATH` or `IP:PORT`",
        "Where gRPC is served. TCP on the loopback only; port 0 lets the system choose."
        " The flag may be given several times; the environment separates addresses by commas.",
        forms.addresses, required=True,
    ),
    Setting(
        "admin", "`unix:PATH`",
        "Where the operator's calls are served, on a socket of mode 0600; needs `state_dir`."
        " Left out: nowhere.",
        forms.admin,
    ),
    Setting(
        "state_dir", "directory",
        "Where what must survive a restart is kept: stop orders, how far bundles came, the last"
        " good one. Of mode 0700, and made if it is missing.",
        forms.path,
    ),
    Setting(
        "metrics", "`IP:PORT`",
        "Where Prometheus metrics are served over HTTP, on the loopback only. Left out: nowhere.",
        forms.metrics,
    ),
    Setting(
        "threads", "whole number, 1 to 256",
        "Calls worked on at once. Each waits for the disk, and those that wait share one write.",
        forms.whole(1, 256), 32,
    ),
    Setting(
        "max_concurrent", "whole number, 1 to 100000",
        "Calls admitted at once, waiting or worked on; one more is answered `RESOURCE_EXHAUSTED`.",
        forms.whole(1, 100_000), 1_000,
    ),
    Setting(
        "grace_s", "whole number, 0 to 3600",
        "How many seconds calls in flight may take to finish after SIGTERM or SIGINT.",
        forms.whole(0, 3_600), 10,
    ),
    Setting(
        "node", "name",
        "What the log calls this server. Left out: the host's name.",
        forms.node, "",
    ),
    Setting(
        "unsafe_accept_unsigned", "`true` or `false`",
        "Serve policies that nobody signed: whoever can write to the directory decides."
        " There is no serving without either this or `bundle`.",
        forms.switch, default=False,
    ),
    Setting(
        "unsafe_any_caller", "`true` or `false`",
        "Answer whoever can connect, and believe what they say about whom they act for."
        " Caller lists come in a later version; until then there is no serving without it.",
        forms.switch, default=False,
    ),
)  # fmt: skip
