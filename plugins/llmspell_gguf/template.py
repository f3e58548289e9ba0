"""Which chat template a model is run with: its file's own, or the one that the settings have for it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from llmspell.errors import ConfigError, ModelNotUsable
from llmspell_gguf.metadata import Metadata

_TABLE: Final = "[providers.gguf.chat_template]"


def for_model(id: str, settings: Mapping[str, Any], metadata: Metadata) -> str | None:
    """Return the template that takes the place of the file's own, as Jinja text; None where that one is used.

    ``settings["chat_template"]`` maps ids, paths, names of files, or patterns of them (``*``, ``?``), to a template:
    its text or the path of a .jinja file. A name goes before a pattern, and otherwise what comes first.

    Raises:
        ConfigError: a setting is no template, or its file can't be read.
        ModelNotUsable: the model can't chat, or it has no template and none is set for it.
    """
    if metadata.embeds_only:
        raise ModelNotUsable(
            f"{id} turns texts into vectors, it can't chat", model=id, hint="embed with it, and chat with another model"
        )
    table = settings.get("chat_template") or {}
    if not isinstance(table, Mapping):
        raise ConfigError(f"{_TABLE} must be a table", hint='"MODEL" = "the template, or the path of a .jinja file"')
    key = next(_matching(table, (id, metadata.path, os.path.basename(metadata.path))), None)
    if key is not None:
        return _text(key, table[key])
    if not (metadata.chat_template or "").strip():
        raise ModelNotUsable(
            f"{metadata.path} has no chat template: nothing says how it is to be asked",
            model=id,
            hint=f'take one from where the model is described and set it: {_TABLE} "{id}" = "/path/of/it.jinja"',
        )
    return None


def _matching(table: Mapping[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    """The keys that mean a model, exact ones first."""
    lower = [name.lower() for name in names]
    keys = {key: os.path.expanduser(key).lower() for key in table}
    yield from (key for key, pattern in keys.items() if pattern in lower)
    yield from (key for key, pattern in keys.items() if any(fnmatchcase(name, pattern) for name in lower))


def _text(key: str, value: Any) -> str:
    where = f'{_TABLE} "{key}"'
    if not isinstance(value, str):
        raise ConfigError(f"{where} = {value!r} must be a text: a Jinja template, or the path of a .jinja file")
    text: str = value
    if text.endswith(".jinja"):
        path = os.path.expanduser(text)
        if not os.path.isabs(path):
            raise ConfigError(
                f"{where}: the path {text} is relative, and nothing says to what", hint="begin with / or ~"
            )
        try:
            with open(path, encoding="utf-8") as stream:
                text = stream.read()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it isn't UTF-8"
            raise ConfigError(f"{where}: {path} can't be read: {reason}") from error
        where += f" ({path})"
    if "{" not in text:
        raise ConfigError(
            f"{where} is no Jinja template", hint="it is the text of one, with {{ and }}, or the path of a .jinja file"
        )
    return text
