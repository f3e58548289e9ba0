"""``llmspell plugin list``."""

from __future__ import annotations

from collections.abc import Sequence

from llmspell.cli.context import Context, load_plugins
from llmspell.cli.output import as_json, table
from llmspell.lua.session import Session
from llmspell.plugins.host import PluginRow


def list_all(context: Context) -> int:
    """A row for each plugin with what it adds, or why it is left out."""
    host = load_plugins(warn=lambda line: None)  # the table says it all
    rows = host.examined(Session(context.settings, host))
    if context.given("json"):
        print(as_json(rows))
    else:
        print(listing(rows))
    return 0


def listing(rows: Sequence[PluginRow]) -> str:
    """A row for each plugin."""
    shown = [
        (
            row.name,
            row.version or None,
            row.distribution,
            ", ".join(hook.removeprefix("llmspell_").replace("_", " ") for hook in row.hooks) or None,
            row.error or "good",
        )
        for row in rows
    ]
    return table(("PLUGIN", "VERSION", "FROM", "ADDS", "STATUS"), shown)
