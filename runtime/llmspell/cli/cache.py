"""``llmspell cache``."""

from __future__ import annotations

import sys
import time

from llmspell.cli.context import Context
from llmspell.cli.output import as_json, size, table
from llmspell.providers.caching.store import Store


def stats(context: Context) -> int:
    """How many answers are kept, of which models, and since when."""
    found = Store().stats()
    if context.given("json"):
        print(as_json(found))
    elif found.answers:
        print(table(("MODEL", "ANSWERS"), list(found.models.items())))
        since = time.strftime("%Y-%m-%d %H:%M", time.localtime(found.oldest))
        print(f"{size(found.bytes)} in {found.path}, the oldest of {since}", file=sys.stderr)
    else:
        print('no answer is kept: `cache = "1h"` of an agent keeps them', file=sys.stderr)
    return 0


def clear(context: Context) -> int:
    """Forget all answers."""
    count = Store().clear()
    if context.given("json"):
        print(as_json({"cleared": count}))
    else:
        print(f"{count} answer{'s' * (count != 1)} forgotten", file=sys.stderr)
    return 0
