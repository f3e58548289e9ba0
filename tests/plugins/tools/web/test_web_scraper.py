"""web-scraper against a real server, and the text of pages."""

import pytest

from llmspell.errors import InvalidRequest, SandboxError, ToolError
from llmspell_tools.page_reading import MOST_CHARACTERS, MOST_FOUND, read_page

PAGE = """<!DOCTYPE html>
<html><head><title> Tea  &amp; more </title>
<meta name="author" content="Ada"><meta property="og:title" content="Tea">
<meta charset="utf-8"><style>p { color: red }</style></head>
<body><nav><a href="/home">Home</a></nav>
<main><h1>Tea</h1>
<p>Green tea is
 <b>not</b> black.<br>It is green.</p>
<ul><li>Sencha <span class="price">3 €</span></li><li>Mate <span class="price">4 €</span></li></ul>
<table><tr><th>Kind</th><th>Minutes</th></tr><tr><td>green</td><td>2</td></tr></table>
<pre>one
  two</pre>
<script>alert("no")</script><img src="cup.png" alt="A cup"><img alt="no picture">
<a href="more.html?x=1">More</a></main>
<footer>Imprint</footer></body></html>"""

TEXT = """# Tea

Green tea is not black.
It is green.

- Sencha 3 €
- Mate 4 €

Kind | Minutes
green | 2

one
  two

More"""


@pytest.fixture
def scrape(ask, server):
    server.pages["/tea/"] = lambda page: page.give(PAGE, content_type="text/html")

    def scrape(path="/tea/", **arguments):
        return ask("web-scraper", {"input": server.url + path, **arguments})

    return scrape


def test_a_page_as_a_reader_sees_it(scrape, server):
    assert scrape() == {"url": f"{server.url}/tea/", "title": "Tea & more", "text": TEXT}


def test_what_a_selector_finds(scrape):
    result = scrape(selector=".price")
    assert result["elements"] == ["3 €", "4 €"]
    assert "text" not in result and "selections" not in result
    assert scrape(selector="video")["elements"] == []


def test_several_selectors_by_name(scrape):
    result = scrape(selectors={"head": "h1", "cells": "td"}, selector="title")
    assert result["selections"] == {"head": ["Tea"], "cells": ["green", "2"]}
    assert result["elements"] == ["Tea & more"]


def test_links_pictures_and_meta(scrape, server):
    result = scrape(extract_links=True, extract_images=True, extract_meta=True)
    assert result["links"] == [
        {"text": "Home", "url": f"{server.url}/home"},
        {"text": "More", "url": f"{server.url}/tea/more.html?x=1"},
    ]
    assert result["images"] == [{"alt": "A cup", "url": f"{server.url}/tea/cup.png"}]
    assert result["meta"] == {"author": "Ada", "og:title": "Tea"}
    assert result["text"] == TEXT


@pytest.mark.parametrize(
    ("kind", "before"),
    [
        ("text/html; charset=latin-1", b""),
        ("text/html", b'<meta charset="ISO-8859-1">'),
        ("text/html; charset=x", b"<META CHARSET=latin1>"),
    ],
)
def test_the_encoding_that_the_server_or_the_page_names(scrape, server, kind, before):
    server.pages["/"] = lambda page: page.give(before + "<p>grün".encode("latin-1"), content_type=kind)
    assert scrape("/")["text"] == "grün"


@pytest.mark.parametrize("selector", ["[[", "p:has(", "p >", "(" * 100_000])
def test_what_is_no_selector(scrape, selector):
    with pytest.raises(InvalidRequest, match="is not a CSS selector") as error:
        scrape(selector=selector)
    assert len(error.value.message) < 300


def test_what_is_no_page(scrape, server):
    server.pages["/picture"] = lambda page: page.give(b"\x89PNG", content_type="image/png")
    with pytest.raises(ToolError, match="is not a page but image/png"):
        scrape("/picture")
    with pytest.raises(ToolError, match="answers with status 404"):
        scrape("/nothing")


def test_a_host_must_be_granted(ask, server):
    with pytest.raises(SandboxError):
        ask("web-scraper", {"input": server.url}, hosts=["*"])
    assert server.seen == []


@pytest.mark.parametrize(
    "body", ["", "plain words", "<", "<p>a<p>b", "</html></body>", "\0", "<template><p>x</template>"]
)
def test_pages_that_are_hardly_any(scrape, server, body):
    server.pages["/"] = lambda page: page.give(body, content_type="text/html")
    result = scrape("/")
    assert result["title"] is None
    assert result["text"] == {"plain words": "plain words", "<": "<", "<p>a<p>b": "a\n\nb"}.get(body, result["text"])
    assert "<p>" not in result["text"]


def test_a_page_that_takes_for_ever_to_read_is_given_up(scrape, server, monkeypatch):
    """Elements in elements in elements take the parser quadratic time, and it can't be stopped from outside."""
    monkeypatch.setattr("llmspell_tools.confined.SECONDS", 1)
    server.pages["/"] = lambda page: page.give("<div>" * 400_000, content_type="text/html")
    with pytest.raises(ToolError, match=r"can't be read: .* was stopped") as error:
        scrape("/")
    assert error.value.hint is None, "there is nothing that its caller could do"


# ── the text ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def text(html, **wanted):
    ask = {"html": html, "url": "http://x.test/", "selectors": {}, "links": False, "images": False, "meta": False}
    return read_page({**ask, **wanted})


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<p>a</p><p>b</p>", "a\n\nb"),
        ("<div>a<div>b</div>c</div>", "a\nb\nc"),
        ("a <i> b</i> <b>c </b> d", "a b c d"),
        ("<h2>A</h2>b", "## A\n\nb"),
        ("<ul><li>a<ul><li>b</ul><li>c</ul>", "- a\n\n- b\n\n- c"),
        ("<table><tr><td>a<td><td>c</table>", "a | | c"),
        ("<article>a</article><p>b", "a"),
        ("<article>a</article><article>b</article><p>c", "a\nb\n\nc"),
        ("<pre>\n  a\n\n\n  b</pre>c", "  a\n\n\n  b\n\nc"),
        ("a<br><br>b", "a\n\nb"),
        ("<p> </p><p>&nbsp;</p><p>a", "a"),
        ("<select><option>x</select><button>y</button>a", "a"),
        ("<!-- no -->a<!-- no -->b", "ab"),
    ],
)
def test_lines(html, expected):
    assert text(html)["text"] == expected


def test_a_deeply_nested_page_is_read(recwarn):
    assert text("<b>" * 5000 + "deep")["text"] == "deep"


def test_what_is_long_is_cut():
    result = text("<p>word word word</p>" * 10_000, links=True)
    assert len(result["text"]) == MOST_CHARACTERS and result["truncated"]
    result = text("<a href=x>x</a>" * 1000, links=True, selectors={"": "a"})
    assert len(result["links"]) == len(result["found"][""]) == MOST_FOUND


def test_the_base_of_links():
    result = text("<base href='/b/'><a href=' c '>x</a><a href='http://[bad'>y</a><a href>z</a>", links=True)
    assert [link["url"] for link in result["links"]] == ["http://x.test/b/c", "http://[bad", "http://x.test/b/"]
