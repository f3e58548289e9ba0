"""Has the requests of a command watched, as the settings say: written down, said on stderr, told to a collector."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell.config import Settings
    from llmspell.providers.hub import Hub
    from llmspell.providers.observing import Observer


def watch(hub: Hub, settings: Settings, program: str) -> None:
    """Listen to a hub, and watch its requests; ``program`` is the script or the command.

    The file of the log is opened by the first request.
    """
    import logging

    from llmspell.cli.listening import Listener
    from llmspell.cli.log_lines import LogLines
    from llmspell.providers.observing import together

    lines = LogLines(settings.logs)
    hub.on_event = Listener(lines)
    observers: list[Observer] = []
    if settings.logs.requests:
        from llmspell.agents.history.run_log import RunLog

        shown = os.path.abspath(program) if os.path.isfile(program) else program
        observers.append(RunLog(shown, keep_days=settings.logs.keep_days, keep_mb=settings.logs.keep_mb))
    if lines.wants(logging.INFO):
        from llmspell.cli.request_lines import RequestLines

        observers.append(RequestLines(lines, hub.ledger.totals))
    if settings.logs.telemetry:
        from llmspell.providers.telemetry.exporting import is_wanted, telemetry

        told = telemetry(program) if is_wanted() else None
        if told is not None:
            observers.append(told)
            hub.turn_observer = told
    hub.observer = together(observers)
