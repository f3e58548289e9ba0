"""Write the generated parts of the documentation: `python docs/generate.py`.

A part stands between ``<!-- generated: NAME -->`` and ``<!-- end -->``; a test fails where it is not what this writes.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from llmspell.lua.reference import entries, markdown

DOCS = Path(__file__).parent
LUA = DOCS.parent / "runtime" / "llmspell" / "lua"
SOURCES = (
    "api/agent.lua",
    "api/embedding.lua",
    "api/local_llm.lua",
    "api/provider.lua",
    "api/config.lua",
    "prelude/task.lua",
    "prelude/json.lua",
    "prelude/errors.lua",
)


def lua_reference() -> str:
    return "\n".join(markdown(entries((LUA / name).read_text(encoding="utf-8"))) for name in SOURCES)


PARTS: dict[str, Callable[[], str]] = {"lua-reference": lua_reference}
_PART = re.compile(r"(<!-- generated: ([\w-]+) -->\n).*?(<!-- end -->)", re.S)


def generated(text: str) -> str:
    """A page with its generated parts made anew."""
    return _PART.sub(lambda found: f"{found[1]}\n{PARTS[found[2]]().strip()}\n\n{found[3]}", text)


if __name__ == "__main__":
    for page in sorted(DOCS.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        page.write_text(generated(text), encoding="utf-8")
