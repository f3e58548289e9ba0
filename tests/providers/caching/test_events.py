"""Answers as JSON."""

import pytest

from llmspell.providers.caching.events import dump, load
from llmspell.providers.contract import Finish, Notice, PromptProgress, ReasoningDelta, TextDelta, ToolCall, Usage

FINISH = Finish("tool_calls", "model-1", Usage(7, 3, 2, 0.25), {"fake": {"signature": "x"}})


def test_an_answer_comes_back_in_whole_pieces():
    events = load(
        dump(
            [
                *(
                    PromptProgress(1, 2),
                    ReasoningDelta("let "),
                    ReasoningDelta("me"),
                    TextDelta("Bl"),
                    TextDelta("ue\udcff"),
                ),
                *(Usage(1, 1), ToolCall("a", "f", {"x": [1, None]}), ToolCall(None, "g", '{"y":')),
                *(Notice("slow"), TextDelta("."), FINISH),
            ]
        )
    )
    assert events == (
        *(ReasoningDelta("let me"), TextDelta("Blue\udcff")),
        *(ToolCall("a", "f", {"x": [1, None]}), ToolCall(None, "g", '{"y":')),
        *(Notice("slow"), TextDelta(".")),
        Finish("tool_calls", "model-1", Usage(7, 3, 2), {"fake": {"signature": "x"}}, cached=True),
    )
    assert events[-1].usage.cost == 0.0


@pytest.mark.parametrize("text", ["", "{}x", '[["text"]]', '[["nothing", 1]]', "[1]", '[["finish", "stop"]]'])
def test_anything_else_is_an_error(text):
    with pytest.raises((ValueError, KeyError, TypeError, IndexError)):
        load(text)


def test_what_is_no_json_is_an_error():
    with pytest.raises(TypeError):
        dump([Finish("stop", "m", Usage(), {"fake": object()})])
