"""How a pull is shown on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

from llmspell.cli.output import is_terminal, size
from llmspell.providers.contract import PullProgress


async def show(events: AsyncIterator[PullProgress], name: str) -> bool:
    """Show a pull to its end; returns whether anything had to be fetched."""
    shown = Bar(name) if is_terminal(sys.stderr) else Lines(name)
    try:
        async for event in events:
            shown.take(event)
    finally:
        shown.close()
    return shown.fetched


class Lines:
    """A line at the start, at about every tenth, and at the end."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._tenths = 0
        self._verifying = False
        self.fetched = False

    def take(self, event: PullProgress) -> None:
        total = event.bytes_total
        if event.status == "downloading":
            if not self.fetched:
                self.fetched = True
                self._say(f"pulling {self._name}{f' ({size(total)})' if total else ''}")
            tenths = 10 * event.bytes_downloaded // total if total else 0
            if tenths > self._tenths:
                self._tenths = tenths
                self._say(f"{10 * tenths:3}%  {size(event.bytes_downloaded)} of {size(total)}")
        elif event.status == "verifying" and self.fetched and not self._verifying:
            self._verifying = True
            self._say("verifying")

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class Bar:
    """A bar with rate and remaining time."""

    def __init__(self, name: str) -> None:
        from rich.console import Console  # a tenth of a second, for those who look at it
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            DownloadColumn(),
            TransferSpeedColumn(),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._name = name
        self._task = self._progress.add_task(f"pulling {name}", total=None)
        self.fetched = False

    def take(self, event: PullProgress) -> None:
        if event.status == "downloading":
            if not self.fetched:
                self.fetched = True
                self._progress.start()
            self._progress.update(self._task, completed=event.bytes_downloaded, total=event.bytes_total)
        elif event.status == "verifying":
            self._progress.update(self._task, description=f"verifying {self._name}")
        elif event.status == "complete" and self.fetched:
            self._progress.update(self._task, description=f"pulled {self._name}")

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self.fetched:
            self._progress.stop()
