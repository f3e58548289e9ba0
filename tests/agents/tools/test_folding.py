"""The view of a conversation for a model without tools."""

from llmspell.agents.tools.folding import folded, has_results
from llmspell.providers.contract import Image, Message, ToolCall


def called(name, id):
    return Message("assistant", "Let me see.", (ToolCall(id, name, {"x": 1}),))


def result(text, id):
    return Message("tool", text, tool_call_id=id)


TALK = (Message("system", "Be brief."), Message("user", "Hi"), Message("assistant", "Hello"))


def said(messages):
    return [(message.role, message.content) for message in messages]


def test_a_conversation_without_tools_stays_as_it_is():
    assert folded(TALK) == TALK


def test_a_result_stands_in_the_turn_of_the_user():
    view = folded([*TALK, Message("user", "How cold is it?"), called("weather", "a"), result('{"t": 3}', "a")])
    assert said(view) == [
        *said(TALK),
        ("user", 'How cold is it?\n\nResult of weather: {"t": 3}\n\nAnswer the request with this result.'),
    ]


def test_several_results_stand_in_order_a_line_each():
    both = Message("assistant", "", (ToolCall("a", "add", {}), ToolCall("b", "multiply", {})))
    view = folded([Message("user", "Go"), both, result("5", "a"), result('{"error": "no"}', "b")])
    assert said(view) == [
        (
            "user",
            'Go\n\nResult of add: 5\nResult of multiply: {"error": "no"}\n\nAnswer the request with these results.',
        )
    ]


def test_earlier_turns_are_folded_too_and_keep_their_answers():
    history = [Message("user", "One"), called("add", "a"), result("1", "a"), Message("assistant", "It is 1.")]
    view = folded([*history, Message("user", "Two"), called("add", "b"), called("add", "c"), result("2", "c")])
    assert said(view) == [
        ("user", "One\n\nResult of add: 1\n\nAnswer the request with this result."),
        ("assistant", "It is 1."),
        ("user", "Two\n\nResult of add: 2\n\nAnswer the request with this result."),
    ]


def test_the_stored_messages_stay_native_and_images_stay_with_their_message():
    picture = Image(b"x", "image/png")
    history = [Message("user", "What is it?", images=(picture,)), called("look", "a"), result("a cat", "a")]
    view = folded(history)
    assert view[0].images == (picture,)
    assert history[0].content == "What is it?" and history[1].tool_calls


def test_a_result_of_an_unknown_call_is_told_without_a_name():
    assert folded([Message("user", "Go"), result("5", "x")])[0].content.startswith("Go\n\nResult: 5\n")


def test_whether_the_running_turn_has_results():
    done = [Message("user", "Go"), called("add", "a"), result("5", "a")]
    assert has_results(done)
    assert not has_results([*done, Message("assistant", "5"), Message("user", "And?")])
    assert not has_results([])
