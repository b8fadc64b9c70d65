"""``docs/settings.md`` says what the tables in the code say: every setting, every metric."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Final

from pdp.service import config, metrics

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "settings.md"


def settings_rows() -> list[str]:
    return [
        f"| `{row.name}` | `{row.flag}` | `{row.env}` | {row.form} | {default(row)} | {row.text} |"
        for row in config.TABLE
    ]


def default(row: config.Setting) -> str:
    if row.required:
        return "must be given"
    if row.default in (None, "") or row.name == "policies":
        return ""
    return f"`{json.dumps(row.default)}`"


def metrics_rows() -> list[str]:
    return [
        f"| `{row.name}` | {', '.join(f'`{label}`' for label in row.labels)} | {row.text} |"
        for row in metrics.TABLE
    ]


def table_below(heading: str) -> list[str]:
    """The rows of the table of one section, without its head."""
    section = PAGE.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| `")]


def test_every_setting_is_documented() -> None:
    assert table_below("The settings") == settings_rows()


def test_every_metric_is_documented() -> None:
    assert table_below("Metrics") == metrics_rows()


def test_the_example_is_a_valid_file(tmp_path: Path) -> None:
    text = PAGE.read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    (tmp_path / "pdp.toml").write_text(text)
    settings = config.load({}, {}, tmp_path, Path("pdp.toml"))
    assert set(tomllib.loads(text)) <= {row.name for row in config.TABLE}
    assert settings.trust_store == tmp_path / "trust.json"
