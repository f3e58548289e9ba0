"""web-scraper: what a page of the web says, as text, and parts of it by CSS selectors."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from llmspell import ToolContext, tool
from llmspell.errors import ToolError

if TYPE_CHECKING:
    from llmspell_tools.fetching import Answer

LONGEST = 300.0
"""Seconds that a page may be given."""
_KINDS = ("text/html", "application/xhtml+xml", "text/plain", "application/xml", "text/xml", "")
_CHARSET = re.compile(rb"""<meta[^>]{0,200}charset=["']?([\w-]{1,40})""", re.IGNORECASE)


@tool(
    name="web-scraper",
    category="web",
    parallel=True,
    timeout=LONGEST + 30,
    examples=[
        ("What is written on the page https://example.org/news?", {"input": "https://example.org/news"}),
        (
            "Get the prices, the elements with the class price, from https://shop.example.org/tea.",
            {"input": "https://shop.example.org/tea", "selector": ".price"},
        ),
        (
            "Which links and pictures are on https://example.org, and what are its headline and its author?",
            {
                "input": "https://example.org",
                "selectors": {"headline": "h1", "author": ".author"},
                "extract_links": True,
                "extract_images": True,
                "extract_meta": True,
                "timeout": 10,
            },
        ),
    ],
)
async def web_scraper(
    context: ToolContext,
    input: str,
    selector: str | None = None,
    selectors: dict[str, str] | None = None,
    extract_links: bool = False,
    extract_images: bool = False,
    extract_meta: bool = False,
    timeout: Annotated[float, msgspec.Meta(gt=0, le=LONGEST)] = 30,
) -> dict[str, Any]:
    """Read a page of the web: its text, or parts of it.

    Args:
        input: The URL of the page.
        selector: CSS selector of the elements whose text is wanted.
        selectors: More of them, each with a name for what it finds.
        extract_links: Give the links too.
        extract_images: Give the pictures too.
        extract_meta: Give what the page says of itself too.
        timeout: The longest wait for the page, in seconds.
    """
    import asyncio

    from llmspell_tools.confined import confined
    from llmspell_tools.fetching import Request, fetch

    answer = await fetch(context, Request(input, headers={"Accept": "text/html,application/xhtml+xml"}), timeout)
    if answer.status >= 400:
        raise ToolError(f"{answer.url} answers with status {answer.status}")
    if answer.kind not in _KINDS:
        raise ToolError(f"{answer.url} is not a page but {answer.kind}", hint="http-request fetches what isn't one")
    wanted = {
        "html": answer.text(_named_inside(answer)),
        "url": answer.url,
        "selectors": {**({"": selector} if selector else {}), **(selectors or {})},
        "links": extract_links,
        "images": extract_images,
        "meta": extract_meta,
    }
    # Parsers need quadratic time for some pages, and some selectors: nothing could stop one in this process.
    try:
        page: dict[str, Any] = await asyncio.to_thread(confined, "page", wanted)
    except ToolError as error:
        raise ToolError(f"{answer.url} can't be read: {error.message}") from error
    found = page.pop("found")
    result: dict[str, Any] = {"url": answer.url, "title": page.pop("title")}
    if selector:
        result["elements"] = found.pop("")
    if selectors:
        result["selections"] = found
    return result | page | ({"truncated": True} if answer.cut else {})


def _named_inside(answer: Answer) -> str | None:
    """The encoding that a page names itself, near its beginning."""
    found = _CHARSET.search(answer.body[:4096])
    return found[1].decode() if found else None
