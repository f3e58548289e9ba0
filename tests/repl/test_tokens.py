"""The words of Lua, finished or not."""

import random
from pathlib import Path

import pytest

from llmspell.repl.tokens import Token, tokenized, tokens

ROOT = Path(__file__).parents[2]


def words(source):
    return [(token.kind, token.text) for token in tokens(source) if token.kind != "space"]


@pytest.mark.parametrize(
    ("source", "kinds"),
    [
        ("local x = 1", "keyword name symbol number"),
        ("a.b:c()", "name symbol name symbol name symbol symbol"),
        ("x<<1 >= y ~= z // w :: ...", "name symbol number symbol name symbol name symbol name symbol symbol"),
        ("0x1p-3+1", "number symbol number"),
        ("1e+5-.5", "number symbol number"),
        ("a..1", "name symbol number"),
        ("endx end_ end", "name name keyword"),
        ("x -- why\ny", "name comment name"),
        ("--[[ a\n]] b", "comment name"),
        ("--[ a\nb", "comment name"),
        ("--[==[ ]] ]=] ]==] b", "comment name"),
        ("[=[ ]] ]=]..b", "string symbol name"),
        ("t[i]", "name symbol name symbol"),
        (r"'it\'s' x", "string name"),
        ("'a\\\nb' x", "string name"),
        ("'a\\z  \n  b' x", "string name"),
        ("#!/usr/bin/env llmspell\nx", "comment name"),
        ("é = 1", "symbol symbol number"),
        ("", ""),
    ],
)
def test_kinds(source, kinds):
    assert [kind for kind, _ in words(source)] == kinds.split()


@pytest.mark.parametrize("source", ["'abc", '"abc\\', "'a\\z \n ", "[[ a ]", "[==[ a ]=]", "--[[ a", "x = 'a\\\n"])
def test_what_the_source_cuts_is_not_finished(source):
    *before, last = tokens(source)
    assert not last.finished
    assert all(token.finished for token in before)


def test_a_string_that_its_line_cuts_ends_with_the_line():
    assert [token for token in tokens("'a\nb") if token.kind != "space"] == [
        Token("string", "'a", 0, False),
        Token("name", "b", 3),
    ]


def test_the_words_are_the_source_whatever_it_is():
    letters = "ab0.9eExp \n\t\r'\"\\[]=-#!{}z;<>~/:é\x00"
    chance = random.Random(4)
    for _ in range(3000):
        source = "".join(chance.choice(letters) for _ in range(chance.randrange(30)))
        found = list(tokens(source))
        assert "".join(token.text for token in found) == source
        assert [token.start for token in found] == [0, *(token.end for token in found)][: len(found)]


def test_files_of_this_project_are_finished_words():
    files = [*ROOT.glob("runtime/**/*.lua"), *ROOT.glob("scripts/**/*.lua")]
    assert len(files) > 30
    for file in files:
        source = file.read_text(encoding="utf-8")
        assert all(token.finished for token in tokens(source)), file
        assert "".join(token.text for token in tokens(source)) == source


def test_a_string_of_many_escapes_takes_no_longer_for_being_cut():
    assert [token.finished for token in tokens('"' + r"\x" * 20_000)] == [False]


def test_asked_again_the_same_words_are_given():
    assert tokenized("x = 1") is tokenized("x = 1")
