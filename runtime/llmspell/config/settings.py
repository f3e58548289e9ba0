"""The settings of one run: what each key is, and where each value came from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from llmspell.config.redaction import redacted
from llmspell.config.schema import Sections

DEFAULT = "default"


class Settings(Sections, frozen=True, kw_only=True):
    """All sections of llmspell.toml with every layer applied.

    ``origins`` has the dotted name of each value that isn't a default. ``files`` are the files that were read, the
    user's first.
    """

    origins: Mapping[str, str] = {}
    files: tuple[str, ...] = ()

    def origin(self, key: str) -> str:
        """Where a value came from.

        One of ``default``, ``user FILE``, ``project ./llmspell.toml``, ``file FILE (--config)``, ``environment NAME``
        and ``flag --NAME``. For a table it names every place that gave a part of it.
        """
        own = self.origins.get(key)
        if own is not None:
            return own
        inside = (where for name, where in self.origins.items() if name.startswith(f"{key}."))
        return ", ".join(dict.fromkeys(inside)) or DEFAULT

    def public(self) -> dict[str, Any]:
        """All values as plain tables, with everything that looks like a secret replaced by ``***``."""
        return {name: redacted(msgspec.to_builtins(getattr(self, name))) for name in Sections.__struct_fields__}
