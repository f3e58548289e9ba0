"""What a page of HTML says: its text as a reader sees it, and what CSS selectors find in it.

It runs in the process of `confined`, as pages are written by anybody.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

from selectolax.lexbor import LexborHTMLParser, LexborNode, SelectolaxError

MOST_CHARACTERS = 50_000
"""Of the text of a page."""
MOST_FOUND = 500
"""Of elements, links or pictures."""
_UNSEEN = frozenset(
    ("script", "style", "noscript", "template", "head", "svg", "iframe", "object", "canvas", "select", "button")
)
_AROUND = frozenset(("nav", "footer", "aside", "form"))
"""What stands around the content of a page."""
_LINES = frozenset(
    (
        *("address", "article", "blockquote", "body", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption"),
        *("figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav", "ol"),
        *("p", "pre", "section", "summary", "table", "tbody", "thead", "tr", "ul"),
    )
)
"""What begins on a line of its own."""
_APART = frozenset(("p", "h1", "h2", "h3", "h4", "h5", "h6", "table", "ul", "ol", "pre", "blockquote", "section"))
"""What an empty line goes before."""
_MARKS = {"li": "- ", **{f"h{level}": "#" * level + " " for level in range(1, 7)}}


def read_page(wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The ``title`` of a page, what was ``found`` by each of ``selectors``, its ``text`` where there are none, and
    ``links``, ``images`` and ``meta`` where they are asked for.

    Raises:
        ValueError: a selector isn't one.
    """
    page = LexborHTMLParser(wanted["html"])
    title = page.css_first("title")
    result: dict[str, Any] = {"title": _line(title.text()) if title else None}
    result["found"] = {name: _found(page, selector) for name, selector in wanted["selectors"].items()}
    if not wanted["selectors"]:
        text = page_text(page)
        result["text"] = text[:MOST_CHARACTERS]
        if len(text) > MOST_CHARACTERS:
            result["truncated"] = True
    base = page.css_first("base[href]")
    url = urljoin(wanted["url"], base.attributes["href"] or "") if base else wanted["url"]
    if wanted["links"]:
        result["links"] = [
            {"text": _line(node.text()), "url": _absolute(url, node, "href")}
            for node in page.css("a[href]")[:MOST_FOUND]
        ]
    if wanted["images"]:
        result["images"] = [
            {"alt": _line(node.attributes.get("alt") or ""), "url": _absolute(url, node, "src")}
            for node in page.css("img[src]")[:MOST_FOUND]
        ]
    if wanted["meta"]:
        result["meta"] = _meta(page)
    return result


def page_text(page: LexborHTMLParser) -> str:
    """The text of a page, in lines: headings and lists are marked as in Markdown, cells of a table are divided by |.
    What is longer than `MOST_CHARACTERS` ends soon after.

    Navigation, forms and footers are left out, and what is around the one main part, where the page has it.
    """
    roots = page.css("main") or page.css("article")
    root = roots[0] if len(roots) == 1 else page.body
    if root is None:
        return ""
    lines = _Lines()
    lines.add(root)
    return lines.text()


class _Lines:
    """The lines of a text while it is put together."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._size = 0
        self._newlines = 0
        self._preformatted = 0

    def add(self, root: LexborNode) -> None:
        """Go through everything below a node. It may be nested deeper than a function can call itself."""
        node: LexborNode | None = root
        depth = 0
        while node is not None and self._size <= MOST_CHARACTERS:
            inner = self._enter(node)
            if inner is not None:
                node, depth = inner, depth + 1
                continue
            while node is not None and node.next is None and depth > 0:
                node, depth = node.parent, depth - 1
                if node is not None:
                    self._leave(node)
            node = node.next if node is not None and depth > 0 else None

    def text(self) -> str:
        lines = "".join(self._parts).split("\n")
        return "\n".join(line.rstrip() for line in lines).strip("\n")

    def _enter(self, node: LexborNode) -> LexborNode | None:
        """Take what a node begins with, and give its first child where there is something to see in it."""
        tag = node.tag or ""
        if tag == "-text":
            text = node.text_content or ""
            self._say(text if self._preformatted else re.sub(r"\s+", " ", text))
        if tag.startswith("-") or tag in _UNSEEN or tag in _AROUND:
            return None
        self._break(tag)
        if tag in ("td", "th") and node.prev is not None:
            self._say(" | ")
        if tag in _MARKS:
            self._say(_MARKS[tag])
        inner: LexborNode | None = node.child
        if inner is not None:
            self._preformatted += tag == "pre"
        return inner

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        self._break(tag)
        self._preformatted -= tag == "pre"

    def _break(self, tag: str) -> None:
        if tag in _LINES:
            self._newlines = max(self._newlines, 2 if tag in _APART else 1)
        elif tag == "br":
            self._newlines += 1

    def _say(self, text: str) -> None:
        if not self._preformatted and (self._newlines or (self._parts and self._parts[-1].endswith(" "))):
            text = text.lstrip()
        if not text:
            return
        if self._newlines:
            self._parts.append("\n" * min(self._newlines, 2))
            self._newlines = 0
        self._parts.append(text)
        self._size += len(text)


def _found(page: LexborHTMLParser, selector: str) -> list[str]:
    try:
        return [_line(node.text(separator=" ")) for node in page.css(selector)[:MOST_FOUND]]
    except (SelectolaxError, ValueError, UnicodeError) as error:
        raise ValueError(f"'{selector[:100]}' is not a CSS selector ({error})") from error


def _meta(page: LexborHTMLParser) -> dict[str, str]:
    found: dict[str, str] = {}
    for node in page.css("meta[content]")[:MOST_FOUND]:
        name = node.attributes.get("name") or node.attributes.get("property")
        if name:
            found.setdefault(name, _line(node.attributes["content"] or ""))
    return found


def _absolute(base: str, node: LexborNode, attribute: str) -> str:
    address = (node.attributes[attribute] or "").strip()
    try:
        return urljoin(base, address)
    except ValueError:
        return address


def _line(text: str) -> str:
    return " ".join(text.split())
