"""The HTML page of a description: one file that fetches and runs nothing, and says all of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from pdp.describing import page
from pdp.describing.document import Description
from pdp.describing.page import to_html
from tests.describing.clinic import described

VOID = {"meta", "br", "hr"}


class Reader(HTMLParser):
    """Keeps the tags, their attributes and the text; complains about tags that do not nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.texts: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value or "") for name, value in attrs]
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data) -> None:
        if self._open and self._open[-1] != "style":
            self.texts.append(data)


@pytest.fixture(scope="module")
def description() -> Description:
    return described()


@pytest.fixture(scope="module")
def read(description: Description) -> Reader:
    return Reader(to_html(description))


def test_it_fetches_and_runs_nothing(description: Description, read: Reader) -> None:
    assert {"script", "link", "img", "iframe", "object", "form"} & set(read.tags) == set()
    assert [a for a in read.attributes if a[1] == "src" or a[1].startswith("on")] == []
    hrefs = [value for _, name, value in read.attributes if name == "href"]
    ids = {value for _, name, value in read.attributes if name == "id"}
    assert hrefs
    assert [href for href in hrefs if href.removeprefix("#") not in ids] == []
    [fence] = [value for _, name, value in read.attributes if name == "content" and "src" in value]
    assert fence.startswith("default-src 'none'")
    style = re.findall(r"<style>(.*?)</style>", to_html(description), re.DOTALL)
    assert len(style) == 1
    assert not re.search(r"url\(|@import|//", style[0])


def test_it_says_every_rule_duty_and_test(description: Description, read: Reader) -> None:
    said = "\n".join(read.texts)
    for policy in description.policies:
        assert policy.title in said
        for rule in (rule for chapter in policy.chapters for rule in chapter.rules):
            wanted = (rule.name, *(line.text for line in rule.lines), *rule.duties, *rule.tests)
            assert [text for text in (*wanted, rule.because, rule.proof) if text not in said] == []
    tables = (description.actions, description.names, description.unproved, description.sign_off)
    cells = [cell for table in tables for row in (table.head, *table.rows) for cell in row]
    assert [cell for cell in cells if cell and cell not in read.texts] == []
    for route in description.routes:
        assert [line.text for line in route.lines if line.text not in said] == []


def test_what_policies_write_is_text(description: Description, read: Reader) -> None:
    """The clinic writes `<patient>` and `<b>` where people write titles and reasons."""
    assert "Reading <patient> records" in read.texts
    assert {"patient", "b"} & set(read.tags) == set()


def test_unescaped_text_is_caught(monkeypatch, description: Description) -> None:
    monkeypatch.setattr(page, "_text", lambda text: text)
    with pytest.raises(AssertionError):
        test_what_policies_write_is_text(description, Reader(to_html(description)))


def test_it_reads_in_light_dark_and_print(description: Description) -> None:
    html = to_html(description)
    assert "prefers-color-scheme: dark" in html
    assert "@media print" in html
