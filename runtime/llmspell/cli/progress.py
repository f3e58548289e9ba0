"""How a pull is shown on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from llmspell.cli.output import is_terminal, size
from llmspell.providers.contract import PullProgress

if TYPE_CHECKING:
    from rich.progress import TaskID

WIDTH = 26
"""How many characters of a name fit beside the bar on a terminal of 80."""


async def show(events: AsyncIterator[PullProgress], name: str) -> Lines | Bar:
    """Show a pull to its end; returns what showed it, which knows how the pull ended."""
    shown = Bar(name) if is_terminal(sys.stderr) else Lines(name)
    try:
        async for event in events:
            shown.take(event)
    finally:
        shown.close()
    return shown


class Lines:
    """A line at the start, at about every tenth, and at the end.

    ``fetched`` says whether there was anything to do, ``model`` the id of what is there now, where the provider said
    it; both also of a `Bar`.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._tenths: int | None = None
        self._status = "starting"
        self.fetched = False
        self.model: str | None = None

    def take(self, event: PullProgress) -> None:
        self.model = event.model
        before, self._status = self._status, event.status
        if event.status == "downloading":
            self._downloading(event)
        elif event.status == "verifying" and before != "verifying":
            self._say("verifying" if self.fetched else f"verifying what is here of {self._name}")
        self.fetched = self.fetched or event.status in ("downloading", "verifying")

    def _downloading(self, event: PullProgress) -> None:
        total = event.bytes_total
        if self._tenths is None:
            self._tenths = 0
            self._say(f"pulling {self._name}{f' ({size(total)})' if total else ''}")
        tenths = 10 * event.bytes_downloaded // total if total else 0
        if tenths > self._tenths:
            self._tenths = tenths
            self._say(f"{10 * tenths:3}%  {size(event.bytes_downloaded)} of {size(total)}")

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _say(line: str) -> None:
        print(line, file=sys.stderr, flush=True)


class Bar:
    """A bar with rate and remaining time, for what is under way: a download, or the check of what came."""

    def __init__(self, name: str, clock: Callable[[], float] = time.monotonic) -> None:
        from rich.console import Console  # a tenth of a second, for those who look at it
        from rich.progress import (
            BarColumn,
            DownloadColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
            TransferSpeedColumn,
        )
        from rich.table import Column

        self._progress = Progress(
            TextColumn("{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=None),
            DownloadColumn(table_column=Column(no_wrap=True)),
            TransferSpeedColumn(table_column=Column(no_wrap=True)),
            TimeRemainingColumn(table_column=Column(no_wrap=True)),
            console=Console(stderr=True),
            expand=True,
            get_time=clock,
        )
        self._name = _short(name)
        self._status = "starting"
        self._task: TaskID | None = None
        self.fetched = False
        self.model: str | None = None

    def take(self, event: PullProgress) -> None:
        self.model = event.model
        if event.status in ("downloading", "verifying"):
            self._count(event)
        elif event.status == "complete" and self._task is not None:
            self._progress.update(self._task, description=f"pulled {self._name}")

    def _count(self, event: PullProgress) -> None:
        done, total = event.bytes_downloaded, event.bytes_total
        doing = f"{'pulling' if event.status == 'downloading' else 'verifying'} {self._name}"
        if self._task is None or (event.status != self._status and done != total):
            # What begins has a rate of its own, from where it begins: what an earlier pull received didn't come now.
            if self._task is not None:
                self._progress.remove_task(self._task)
            self._task = self._progress.add_task(doing, completed=done, total=total)
        else:
            self._progress.update(self._task, completed=done, total=total, description=doing)
        self._status = event.status
        if not self.fetched:
            self.fetched = True
            self._progress.start()

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self.fetched:
            self._progress.stop()


def _short(name: str) -> str:
    """The end of a name that would leave no room for the bar; a file's name says most of a repository's."""
    name = name.rpartition("/")[2] or name
    return name if len(name) <= WIDTH else f"…{name[1 - WIDTH :]}"
