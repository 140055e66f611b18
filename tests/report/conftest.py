"""One hand-made design and its page, for all tests here."""

import html.parser

import pytest

from hwsv.design import Design
from hwsv.report.content import Report, gather
from hwsv.report.page import render
from tests.verify import handmade

VOID = {"meta", "br", "input", "link", "hr", "img"}
OPTIONAL = {"th"}
"""Elements whose end may be left out: the heads of tables here."""


class Page(html.parser.HTMLParser):
    """Elements with their attributes, the text, and every end tag that closes another element than the open one."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag in OPTIONAL and self.open and self.open[-1] == tag:
            self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.open and self.open[-1] in OPTIONAL and self.open[-1] != tag:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> at {self.getpos()}")

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="package")
def design(tmp_path_factory) -> Design:
    return handmade.make(tmp_path_factory.mktemp("report") / "handmade")


@pytest.fixture(scope="package")
def report(design) -> Report:
    return gather(design)


@pytest.fixture(scope="package")
def text(report) -> str:
    return render(report)


@pytest.fixture
def page(text) -> Page:
    return Page(text)
