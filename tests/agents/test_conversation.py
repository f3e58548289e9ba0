"""What is remembered."""

import pytest

from llmspell.agents.conversation import Conversation
from llmspell.providers.contract import Message


def turn(n):
    return Message("user", f"q{n}"), Message("assistant", f"a{n}")


def contents(messages):
    return [message.content for message in messages]


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        (None, ["q1", "a1", "q2", "a2", "q3", "a3"]),
        (6, ["q1", "a1", "q2", "a2", "q3", "a3"]),
        (5, ["q2", "a2", "q3", "a3"]),
        (4, ["q2", "a2", "q3", "a3"]),
        (3, ["q3", "a3"]),
        (1, ["q3", "a3"]),
        (0, []),
    ],
)
def test_a_limit_drops_whole_turns(limit, kept):
    conversation = Conversation(limit)
    for n in (1, 2, 3):
        conversation.add(*turn(n), version=0)
    assert contents(conversation.messages) == kept


def test_what_is_sent_keeps_the_limit_too():
    conversation = Conversation(3)
    conversation.add(*turn(1), version=0)
    assert contents(conversation.with_turn(Message("user", "q2"))) == ["q1", "a1", "q2"]
    conversation.add(*turn(2), version=0)
    assert contents(conversation.with_turn(Message("user", "q3"))) == ["q2", "a2", "q3"]


def test_a_fork_is_independent():
    conversation = Conversation()
    conversation.add(*turn(1), version=0)
    copy = conversation.fork()
    copy.add(*turn(2), version=0)
    conversation.reset()
    assert contents(copy.messages) == ["q1", "a1", "q2", "a2"] and conversation.messages == ()


def test_a_turn_from_before_a_reset_is_forgotten():
    conversation = Conversation()
    conversation.reset()
    conversation.add(*turn(1), version=0)
    assert conversation.messages == ()


def test_the_last_turn_is_taken_back_as_a_whole():
    conversation = Conversation()
    conversation.add(*turn(1), version=0)
    conversation.add(*turn(2), Message("tool", "t2"), Message("assistant", "b2"), version=0)
    assert contents(conversation.undo()) == ["q2", "a2", "t2", "b2"]
    assert contents(conversation.messages) == ["q1", "a1"]
    assert contents(conversation.undo()) == ["q1", "a1"]
    assert conversation.undo() == () and conversation.messages == ()
