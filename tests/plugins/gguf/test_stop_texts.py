"""Stop texts that come in pieces."""

import random

import pytest

from llmspell_gguf.stop_texts import StopTexts


def shown(stops, pieces):
    """What is shown of an answer that comes in pieces, and what of it before the last piece was there."""
    texts, parts = StopTexts(stops), []
    for piece in pieces:
        parts.append(texts.add(piece))
        if texts.found:
            break
    return "".join(parts) + texts.rest(), "".join(parts)


@pytest.mark.parametrize(
    ("stops", "pieces", "expected"),
    [
        (["END"], ["one E", "N", "D two"], "one "),
        (["END"], ["one EN", "ough"], "one ENough"),
        (["aab"], ["aa", "aab", "x"], "aa"),
        (["cd", "bcde"], ["ab", "c", "de"], "a"),
        (["\n\n"], ["a\n", "b\n", "\nc"], "a\nb"),
        ([], ["END"], "END"),
    ],
)
def test_an_answer_ends_before_its_stop_text(stops, pieces, expected):
    assert shown(stops, pieces)[0] == expected


def test_only_what_may_begin_a_stop_text_is_held_back():
    assert shown(["END"], ["an E"]) == ("an E", "an ")
    assert shown(["END"], ["an E", "x"]) == ("an Ex", "an Ex")


def test_where_it_is_cut_makes_no_difference():
    chance = random.Random(4)
    for _ in range(2000):
        text = "".join(chance.choices("ab", k=12))
        stop = "".join(chance.choices("ab", k=3)) + "a"
        cuts = sorted(chance.choices(range(13), k=4))
        pieces = [text[one:other] for one, other in zip([0, *cuts], [*cuts, 12], strict=True)]
        assert shown([stop], pieces)[0] == text.partition(stop)[0]
