"""Hints in the REPL name its commands."""

import re

import pytest

from llmspell.cli.grammar import VERBS
from llmspell.repl import hints, registry
from llmspell.repl.hints import as_commands, habit


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("fetch it (98 MB) with `llmspell model pull smollm2:135m`", "fetch it (98 MB) with `.pull smollm2:135m`"),
        ("`llmspell plugin list` shows them", "`.plugins` shows them"),
        ("`llmspell model pull X --quantization Q4_1`", "`llmspell model pull X --quantization Q4_1`"),
        ("`llmspell keys set NAME` asks for it", "`llmspell keys set NAME` asks for it"),
        ("`llmspell model list`, `llmspell model available`", "`.models`, `.models available`"),
    ],
)
def test_verbs_become_commands_where_there_are_such(hint, said):
    assert as_commands(hint) == said


def test_both_sides_are_there():
    assert set(hints._COMMANDS) <= {verb.name for verb in VERBS}
    assert {re.match(r"\S+", name)[0] for name in hints._COMMANDS.values()} <= {one.name for one in registry.commands()}


@pytest.mark.parametrize(
    ("typed", "command"),
    [("exit", ".exit"), ("quit()", ".exit"), ("/bye", ".exit"), ("?", ".help"), (" help ", ".help"), ("exits", None)],
)
def test_habits_of_other_tools(typed, command):
    assert habit(typed) == command


def test_habits_name_commands():
    assert set(hints._HABITS.values()) <= {one.name for one in registry.commands()}
