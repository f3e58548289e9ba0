"""How a pull is shown: what the bar says on a terminal, and the lines elsewhere."""

import asyncio
import contextlib
import io
import os
import pty
import re
import subprocess
import sys

import pytest

from llmspell.cli import progress
from llmspell.providers.contract import PullProgress

MB = 1_000_000


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def shown(monkeypatch):
    """``shown(event, …)`` shows events on a terminal, each a second after the one before, and gives the last frame as
    words, and the bar."""
    for name, value in {"TERM": "xterm", "NO_COLOR": "1", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)

    def shown(*events, name="llama3.2:1b"):
        clock, stream = Clock(), Terminal()
        with contextlib.redirect_stderr(stream):
            bar = progress.Bar(name, clock)
            for event in events:
                bar.take(event)
                clock.now += 1
            bar.close()
        plain = re.sub(r"\x1b\[[?0-9;]*[A-Za-z]|━|╸|╺", "", stream.getvalue())
        frames = [line.split() for line in re.split(r"[\r\n]+", plain) if line.strip()]
        return frames[-1] if frames else None, bar

    return shown


def test_the_rate_counts_only_what_comes_now(shown):
    frame, _ = shown(
        PullProgress("starting", 0, 100 * MB),
        PullProgress("downloading", 60 * MB, 100 * MB),  # an earlier pull received these
        PullProgress("downloading", 62 * MB, 100 * MB),
        PullProgress("downloading", 64 * MB, 100 * MB),
    )
    assert frame == ["pulling", "llama3.2:1b", "64.0/100.0", "MB", "2.0", "MB/s", "0:00:18"]


def test_what_is_here_is_verified_with_a_rate_of_its_own(shown):
    first = [PullProgress("verifying", count * MB, 60 * MB) for count in (20, 40, 60)]
    frame, _ = shown(PullProgress("starting"), *first)
    assert frame == ["verifying", "llama3.2:1b", "60.0/60.0", "MB", "20.0", "MB/s", "0:00:00"]
    frame, _ = shown(
        *first,
        PullProgress("downloading", 60 * MB, 100 * MB),
        PullProgress("downloading", 61 * MB, 100 * MB),
        PullProgress("downloading", 62 * MB, 100 * MB),
    )
    assert frame == ["pulling", "llama3.2:1b", "62.0/100.0", "MB", "1.0", "MB/s", "0:00:38"]


def test_the_end_shows_the_download(shown):
    frame, bar = shown(
        *(PullProgress("downloading", count * MB, 30 * MB) for count in (10, 20, 30)),
        PullProgress("verifying", 30 * MB, 30 * MB),
        PullProgress("complete", 30 * MB, 30 * MB, "llama3.2:1b-q8_0"),
    )
    assert frame == ["pulled", "llama3.2:1b", "30.0/30.0", "MB", "10.0", "MB/s", "0:00:00"]
    assert (bar.fetched, bar.model) == (True, "llama3.2:1b-q8_0")


def test_a_size_that_nobody_knows(shown):
    frame, _ = shown(
        PullProgress("verifying", 5 * MB, 6 * MB),
        PullProgress("downloading", 6 * MB),
        PullProgress("downloading", 7 * MB),
        PullProgress("downloading", 8 * MB),
    )
    assert frame == ["pulling", "llama3.2:1b", "8.0/?", "MB", "1.0", "MB/s"]


def test_a_wait_for_another_process_that_ends_in_a_download_of_our_own(shown):
    frame, _ = shown(
        *(PullProgress("downloading", count * MB) for count in (30, 33, 36)),
        *(PullProgress("downloading", count * MB, 98 * MB) for count in (36, 38, 40)),
    )
    assert frame == ["pulling", "llama3.2:1b", "40.0/98.0", "MB", "2.0", "MB/s", "0:00:29"]


def test_a_long_name_leaves_room(shown):
    name = "hf:bartowski/Llama-3.2-1B-Instruct-GGUF/Llama-3.2-1B-Instruct-Q4_K_M.gguf"
    frame, _ = shown(PullProgress("downloading", 1, 100), name=name)
    assert frame[:3] == ["pulling", "…2-1B-Instruct-Q4_K_M.gguf", "1/100"]


def test_a_model_that_is_here_shows_nothing(shown):
    frame, bar = shown(PullProgress("starting"), PullProgress("complete", 5, 5, "a:1b"))
    assert (bar.fetched, bar.model, frame) == (False, "a:1b", None)


async def resumed():
    yield PullProgress("starting", 0, 100 * MB)
    yield PullProgress("verifying", 30 * MB, 60 * MB)
    yield PullProgress("verifying", 60 * MB, 60 * MB)
    yield PullProgress("downloading", 65 * MB, 100 * MB)
    yield PullProgress("downloading", 100 * MB, 100 * MB)
    yield PullProgress("verifying", 100 * MB, 100 * MB)
    yield PullProgress("complete", 100 * MB, 100 * MB, "a:1b")


def test_lines_elsewhere(capsys):
    shown = asyncio.run(progress.show(resumed(), "a:1b"))
    assert (shown.fetched, shown.model) == (True, "a:1b")
    assert capsys.readouterr().err.splitlines() == [
        "verifying what is here of a:1b",
        "pulling a:1b (100 MB)",
        " 60%  65 MB of 100 MB",
        "100%  100 MB of 100 MB",
        "verifying",
    ]


def test_lines_of_a_size_that_nobody_knows(capsys):
    lines = progress.Lines("a:1b")
    for done in (1, 2):
        lines.take(PullProgress("downloading", done))
    assert capsys.readouterr().err == "pulling a:1b\n"


def test_the_command_on_a_terminal(llmspell):
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "llmspell", "model", "pull", "tiny:1b"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        env=llmspell.environment({"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}),
        cwd=llmspell.cwd,
    ) as child:
        os.close(theirs)
        said = b""
        try:
            while piece := os.read(ours, 65536):
                said += piece
        except OSError:  # nobody writes any more
            pass
        assert (child.wait(30), child.stdout.read()) == (0, "shop/tiny:1b\n")
    os.close(ours)
    text = said.decode()
    assert "94.0/94.0 MB" in text
    assert re.search("pulled tiny:1b ━+", text)
    assert "\x1b[?25h" in text, "the cursor is back"
