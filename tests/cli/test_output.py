"""Tables, sizes, colour."""

import io
import sys

import pytest

from llmspell.cli.output import as_json, has_colour, size, table
from llmspell.providers.contract import ModelInfo


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, None),
        (0, "0 B"),
        (999, "999 B"),
        (1_000, "1.0 kB"),
        (9_960, "10 kB"),
        (94_000_000, "94 MB"),
        (999_600_000, "1.0 GB"),
        (4_661_224_676, "4.7 GB"),
        (43_000_000_000, "43 GB"),
    ],
)
def test_sizes(count, text):
    assert size(count) == text


def test_numbers_and_sizes_stand_on_the_right(monkeypatch):
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    rows = [("a", 5, size(94_000_000)), ("long", None, size(4_700_000_000))]
    assert table(("NAME", "COUNT", "SIZE"), rows).splitlines() == [
        "NAME  COUNT    SIZE",
        "a         5   94 MB",
        "long      -  4.7 GB",
    ]


class Stream(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self.terminal = terminal

    def isatty(self):
        return self.terminal


@pytest.mark.parametrize(
    ("terminal", "environment", "colour"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_where_it_is_welcome(terminal, environment, colour, monkeypatch):
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert has_colour(Stream(terminal)) is colour


def test_json_of_the_contracts_values():
    text = as_json([ModelInfo("ä", "p", capabilities=frozenset({"tools", "chat"}))])
    assert '"id": "ä"' in text
    assert '"capabilities": [\n      "chat",\n      "tools"\n    ]' in text
