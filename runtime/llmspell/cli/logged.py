"""Has the requests of a command written down, where the settings say so."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from llmspell.config import Settings
    from llmspell.providers.hub import Hub


def log_requests(hub: Hub, settings: Settings, program: str) -> None:
    """Let a log watch a hub; ``program`` is the script or the command. The first request opens the file."""
    if not settings.logs.requests:
        return
    from llmspell.agents.history.run_log import RunLog
    from llmspell.config.redaction import known_secrets

    hub.observer = RunLog(
        os.path.abspath(program) if os.path.isfile(program) else program,
        keep_days=settings.logs.keep_days,
        keep_mb=settings.logs.keep_mb,
        secrets=known_secrets(os.environ, settings.providers),
    )
