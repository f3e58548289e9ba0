"""What is said on stderr while a program runs: which lines, by their level, and how they look.

``warning`` is what a user should know, ``info`` what was chosen and why (what ``-v`` shows), ``debug`` each
request too.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from llmspell.config.log_line import json_line
from llmspell.secrets import scrubbed

if TYPE_CHECKING:
    from llmspell.config.schema import Logs

LEVELS: Final[Mapping[str, int]] = {
    "error": logging.ERROR,
    "warning": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
}


def level_of(logs: Logs) -> int:
    """The least level that is said; ``verbose`` asks for ``info`` at least."""
    level = LEVELS[logs.level]
    return min(level, logging.INFO) if logs.verbose else level


class LogLines:
    """Says lines on stderr."""

    def __init__(self, logs: Logs) -> None:
        # A logger of its own: what other packages log in this process, and where, is no concern of ours.
        self._logger = logging.Logger("llmspell", level_of(logs))
        handler = _Stderr()
        handler.setFormatter(_Json() if logs.format == "json" else _Text())
        self._logger.addHandler(handler)

    def wants(self, level: int) -> bool:
        """Whether lines of a level are said."""
        return self._logger.isEnabledFor(level)

    def say(self, level: int, about: str, message: str, **fields: Any) -> None:
        """Say a line about something, a model say; ``fields`` stand only in JSON."""
        self._logger.log(level, "%s", message, extra={"about": about, "fields": fields})


class _Stderr(logging.Handler):
    """Writes to what stderr is now; where nobody reads it any more, whoever says something hears of it."""

    def emit(self, record: logging.LogRecord) -> None:
        print(self.format(record), file=sys.stderr, flush=True)


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return scrubbed(f"{record.__dict__['about']}: {record.getMessage()}")


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        more: dict[str, Any] = record.__dict__["fields"]
        about = record.__dict__["about"]
        return json_line(record.levelname.lower(), record.getMessage(), at=record.created, about=about, **more)
