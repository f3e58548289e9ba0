"""Lua in colour, and texts of others made harmless."""

import re

import pytest
from prompt_toolkit.styles import Style

from llmspell.repl.highlight import LONGEST_LINE, MOST_COLOURED, STYLE, coloured, harmless

CODE = re.compile(r"\x1b\[\d*m")


def colours(text):
    """Each piece of a text with the code that it gets."""
    pieces = re.split(r"\x1b\[(\d+)m", "\x1b[0m" + coloured(text))[1:]
    return [(code, piece) for code, piece in zip(pieces[::2], pieces[1::2], strict=True) if piece]


def test_words_have_the_colours_of_their_kind():
    assert colours('local x = "a\\n" -- why') == [
        ("35", "local "), ("0", "x = "), ("32", '"a\\n" '), ("90", "-- why"),
    ]  # fmt: skip
    assert colours("not nil, 1.5, f") == [("35", "not "), ("36", "nil"), ("0", ", "), ("36", "1.5"), ("0", ", f")]


def test_colour_ends_with_the_text():
    assert coloured("return nil").endswith("\x1b[0m")
    assert coloured("x") == "x"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n  x = 1\n\n",
        "'never closed",
        "[[long\nstring]] --[[ comment\n over lines ]] x",
        "<table 1>{ … 9,990 more }\tis ¿no? Lua: 漢字 $ \\ `",
        "#! /usr/bin/env lua",
        "x\r",
    ],
)
def test_nothing_but_colour_is_added(text):
    assert CODE.sub("", coloured(text)) == text


def test_texts_beyond_the_limits_stay_plain():
    line = 'name = "text",\n'
    assert coloured(line * (MOST_COLOURED // len(line))) != line
    long = line * (MOST_COLOURED // len(line) + 1)
    assert coloured(long) == long
    wide = "x = " + "a<" * (LONGEST_LINE // 2)
    assert coloured(wide) == wide


def test_the_style_is_one_of_prompt_toolkit():
    style = Style.from_dict(dict(STYLE))
    assert style.get_attrs_for_style_str("class:pygments.literal.string.double").color == "ansigreen"
    assert style.get_attrs_for_style_str("class:pygments.name.variable").color == ""


def test_texts_of_others_move_no_cursor_and_hide_nothing():
    assert harmless("\x1b]0;t\x07 \x9b31m \x00\x7f\r \u202egnp.exe \u200b\ufeff\U000e0041") == (
        r"\x1B]0;t\x07 \u{9B}31m \x00\x7F\x0D \u{202E}gnp.exe \u{200B}\u{FEFF}\u{E0041}"
    )
    assert harmless("a\udc80b\ud83d") == "a�b�"
    plain = "two\nlines\tof «text» 漢字 👨‍👩‍👧 é"
    assert harmless(plain) == plain
