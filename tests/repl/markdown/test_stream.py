"""Answers in pieces on a screen: what stands there in the end, whichever way they came."""

import random
import re

import pyte
import pytest

from llmspell.repl.markdown import MarkdownStream, SharedStream
from llmspell.repl.markdown.rendering import Renderer

WHOLE = """
# A heading with **bold** and `code`

A paragraph of words that goes on for a while so that it has to be wrapped at the edge of a terminal, as paragraphs are.
A second line. See [the docs](https://example.org/x) and <b>tags</b>.

1. a first item with a long text that has to be wrapped somewhere because it is so long that it doesn't fit in a row
2. second
   - nested one
   - nested two
3. third

* a
* b
which goes on here

| Name | Value |
|------|------:|
| 中文字符 | 1 |
| emoji 🎉 | 22 |

> a quote
> goes on

日本語のテキストはとても長いので、端末の幅で折り返さなければなりません。そうですよね、はい、そうです。🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉🎉

Setext
======

~~struck~~ *em* &amp; the end
"""

WITH_CODE = (
    WHOLE
    + """
1. loose

2. also loose, with code

   ```lua
   print("nested")
   ```

Some Lua:

```lua
-- a comment
local x = [[long

string]]
print("a line that is longer than the terminal is wide, which code is at times, though rarely", "isn't it, really?")

return x
```
right below

---

    indented

    too

~~~
no language
"""
)


class Screen:
    """A terminal; ``rows`` are all that were ever written, also those that have scrolled off."""

    def __init__(self, width=80, height=24, **more):
        self.width, self.height = width, height
        self.screen = pyte.HistoryScreen(width, height, history=10_000, ratio=0.5)
        self.screen.set_mode(pyte.modes.LNM)
        feed = self.feed = pyte.Stream(self.screen).feed
        self.written = []

        def write(text):
            self.written.append(text)
            feed(text)

        self.stream = SharedStream(write, lambda: self.width, lambda: self.height, more.pop("colour", True), **more)

    def show(self, *pieces):
        for piece in pieces:
            self.stream.text(piece)
        self.stream.end()
        return self.rows

    @property
    def rows(self):
        above = ["".join(row[x].data for x in range(self.screen.columns)) for row in self.screen.history.top]
        return "\n".join(row.rstrip() for row in (*above, *self.screen.display)).rstrip("\n")


def screen_of(text, width):
    """What a text with escape sequences looks like."""
    screen = pyte.HistoryScreen(width, 300)
    screen.set_mode(pyte.modes.LNM)
    pyte.Stream(screen).feed(text)
    return "\n".join(row.rstrip() for row in screen.display).rstrip("\n")


@pytest.mark.parametrize("width", [40, 80, 200])
def test_blocks_look_as_they_do_in_the_whole_text(width):
    whole = screen_of(Renderer().block(WHOLE, width), width)
    assert Screen(width).show(*WHOLE) == re.sub("\n{3,}", "\n\n", whole)  # a table has empty edges


@pytest.mark.parametrize("width", [40, 80, 200])
def test_where_the_pieces_end_makes_no_difference(width):
    whole = Screen(width).show(WITH_CODE)
    assert 'print("nested")' in whole and "no language" in whole
    assert Screen(width).show(*WITH_CODE) == whole
    for cut in range(0, len(WITH_CODE), 11):
        assert Screen(width).show(WITH_CODE[:cut], WITH_CODE[cut:]) == whole, cut
    for seed in range(10):
        chance = random.Random(seed)
        cuts = sorted(chance.sample(range(len(WITH_CODE)), 60))
        pieces = [WITH_CODE[a:b] for a, b in zip([0, *cuts], [*cuts, None], strict=True)]
        assert Screen(width).show(*pieces) == whole, seed


def test_text_is_there_as_soon_as_it_comes():
    screen = Screen()
    screen.stream.text("**Hel")
    assert screen.rows == "**Hel"
    screen.stream.text("lo**\nwor")
    assert screen.rows == "**Hello**\nwor"
    screen.stream.text("ld\n\nne")
    assert screen.rows == "Hello\nworld\n\nne"


def test_code_is_done_line_by_line_and_coloured():
    screen = Screen(height=5)
    screen.stream.text("```lua\nx = [[ one\n")
    screen.stream.text("two ]] local y\nretu")
    assert screen.rows == "```lua\nx = [[ one\ntwo ]] local y\nretu"
    colours = [screen.screen.buffer[row][column].fg for row, column in ((2, 0), (2, 7), (3, 0))]
    assert len(set(colours)) == 3 and colours[2] == "default"
    lines = "".join(f"print({number})\n" for number in range(50))
    assert screen.show("rn\n" + lines + "```\nend").endswith("print(49)\n```\n\nend")
    assert "print(0)" in screen.rows


def test_a_block_that_is_taller_than_the_screen_stays_as_it_came():
    tall = "".join(f"**word{number}** and more\n" for number in range(30))
    rows = Screen(height=10).show("*above*\n\n", *tall, "\n*below*")
    assert rows == "above\n\n" + tall + "\nbelow"
    long = " ".join(f"*word{number}*" for number in range(300))
    rows = Screen(height=10).show("*above*\n\n", *long, "\n\n*below*")
    assert rows.replace("\n", "").replace(" ", "") == "above" + long.replace(" ", "") + "below"


def test_what_follows_a_tall_block_is_rendered_again():
    tall = "1. " + "\n   ".join(f"**word{number}**" for number in range(20)) + "\n"
    rows = Screen(height=10).show(*(tall + "2. *two*\n3. *three*\n```lua\nreturn\n```\n"))
    assert rows == tall + " 2 two\n 3 three\n\n```lua\nreturn\n```"


def test_a_screen_that_shrinks_loses_nothing_above():
    screen = Screen(width=60)
    screen.stream.text("*one*\n\n" + "some *words* of a paragraph " * 5)
    screen.screen.resize(24, 30)  # pyte cuts the rows; a terminal breaks them
    screen.width = 30
    screen.stream.text("and its end\n\n*two*")
    screen.stream.end()
    assert screen.rows.startswith("one\n\nsome *words*") and screen.rows.endswith("two")
    assert "\x1b[J" not in "".join(screen.written[2:-1])


def test_a_screen_that_grows_is_no_reason_to_stop():
    screen = Screen(width=40)
    screen.stream.text("*one* " * 15)
    screen.screen.resize(24, 80)
    screen.width = 80
    assert screen.show() == ("one " * 15).rstrip()


def test_thoughts_stand_before_the_answer_and_calls_between():
    screen = Screen(40)
    screen.stream.reasoning("\n\nI ")
    screen.stream.reasoning("think.\n\nYes.\n")
    screen.stream.reasoning("\n")
    screen.stream.text("\n\n")
    screen.stream.text("Let me **see**")
    screen.stream.note("⚙ calculator(6 * 7)\n → 42")
    screen.stream.note("  another")
    assert (
        screen.show("It is *42*.")
        == "I think.\n\nYes.\n\nLet me see\n\n⚙ calculator(6 * 7) → 42\n  another\n\nIt is 42."
    )
    written = "".join(screen.written)
    assert "\x1b[2mI \x1b[22m" in written and "\x1b[2m  another\x1b[22m" in written


def test_what_others_print_goes_above_what_is_pending():
    screen = Screen(40)
    screen.stream.text("some **wor")
    screen.stream.aside("from a task\n")
    assert screen.rows == "from a task\nsome **wor"
    screen.stream.text("ds** and\nmore")
    screen.stream.aside("half")
    assert screen.rows == "from a task\nsome **words** and\nmore"
    screen.stream.aside(" a line\nand another")
    assert screen.rows == "from a task\nhalf a line\nsome **words** and\nmore"
    screen.stream.text("!\n\n*next*")
    assert screen.show() == "from a task\nhalf a line\nsome words and\nmore!\n\nnext\nand another"
    assert screen.screen.cursor.x == 0


@pytest.mark.parametrize("text", ["", "some **words**", "x" * 37 + "**y", "x" * 38, "one\n\n"])
def test_what_the_terminal_writes_itself_takes_nothing_away(text):
    screen = Screen(40)
    screen.stream.text("*above*\n\n")
    screen.stream.text(text)
    screen.feed("^C")
    screen.stream.echoed(2)
    screen.stream.end()
    lines = screen.rows.splitlines()
    assert lines[0] == "above" and screen.screen.cursor.x == 0
    assert "".join(lines[1:]).replace("^C", "").replace("*", "") == text.replace("*", "").strip()


def test_a_question_of_others_is_seen():
    screen = Screen(40)
    screen.stream.text("some **words**")
    screen.stream.aside("told\n")
    screen.stream.reveal()
    assert screen.rows == "told\nsome **words**"
    screen.stream.aside("sure? ")
    assert screen.rows == "told\nsome **words**"
    screen.stream.reveal()
    assert screen.rows == "told\nsome words\nsure?"
    assert screen.show("*yes*") == "told\nsome words\nsure?\nyes"


def test_what_others_print_is_not_lost_in_what_is_too_tall():
    tall = "".join(f"word{number}\n" for number in range(20))
    screen = Screen(40, height=8)
    screen.stream.text(tall + "half")
    screen.stream.aside("from a task\n")
    assert screen.show(" a line\n\n*end*") == tall + "half\nfrom a task\n a line\n\nend"


def test_what_others_print_between_blocks():
    screen = Screen(40)
    screen.stream.text("*one*\n\n")
    screen.stream.aside("half")
    screen.stream.aside(" a line")
    assert screen.rows == "one\nhalf a line"
    assert screen.show("*two*") == "one\nhalf a line\n\ntwo"
    screen = Screen(40)
    screen.stream.reasoning("hm")
    screen.stream.aside("half")
    screen.stream.end()
    assert screen.rows == "hm\nhalf" and screen.screen.cursor.x == 0


def test_a_pause_renders_what_is_there():
    screen = Screen(40)
    screen.stream.text("some **words**")
    screen.stream.pause()
    assert screen.rows == "some words" and screen.screen.cursor.x == 0
    screen.stream.note("note")
    assert screen.show("*next*") == "some words\n\nnote\n\nnext"


def test_a_screen_that_shrinks_at_the_end_shows_nothing_twice():
    screen = Screen(60)
    screen.stream.text("*one* " * 15)
    screen.width = 30
    assert screen.show().count("*one*") == 15


def test_a_very_narrow_screen():
    assert "1 a" in Screen(8).show("1. a\n   - b\n\n| x | y |\n|---|---|\n| z | w |\n")


@pytest.mark.parametrize("colour", [True, False])
def test_control_characters_never_get_through(colour):
    evil = "a\x1b[2Jb\x07\x9b31m &#27;[31m &#13;x\rc\x00\n\n```lua\n\x1b]0;title\x07\n```\n[x](http://a/\x1b[0m)\x7f"
    for pieces in ([evil], evil):
        screen = Screen(colour=colour)
        screen.stream.reasoning("\x1b[2J")
        screen.stream.note("tool(\x1b[2J\r)")
        screen.show(*pieces)
        written = "".join(screen.written)
        allowed = written.replace("\x1b[2m", "").replace("\x1b[22m", "").replace("\x1b[J", "")
        assert "\x1b[2J" not in allowed and "\x1b]" not in allowed and "\x9b" not in allowed and "\x07" not in allowed
        assert "a␛[2Jb␇" in screen.rows
        if not colour:
            assert "\x1b" not in written and "\r" not in written


def test_without_colour_the_text_is_as_it_came():
    text = "# Head\r\n\n**bold**  \n```lua\nx\n"
    screen = Screen(colour=False)
    assert screen.show(*text) == "# Head\n\n**bold**\n```lua\nx"
    written = []
    stream = MarkdownStream(written.append, lambda: 80, lambda: 24, True, terminal=False)
    for piece in ("# He\x1b[1mad\r", "\n\n**bold**  \n", "no end"):
        stream.text(piece)
    stream.end()
    assert "".join(written) == "# He\x1b[1mad\r\n\n**bold**  \nno end\n"


def test_nothing_is_nothing():
    screen = Screen()
    assert screen.show("", "\n", "  ") == "" and screen.written == []


def test_what_is_only_for_the_parser_is_shown():
    assert Screen().show("[1]: http://example.org\n") == "[1]: http://example.org"
