"""Pictures in a turn: files that a script may read, as bytes for a model that sees them."""

import pytest

from llmspell.testing import ScriptedProvider

PICTURES = {
    "a.png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "image/png"),
    "b.jpg": (b"\xff\xd8\xff\xe0 JFIF \xc3\xa9 \xff", "image/jpeg"),
    "c.gif": (b"GIF89a\0\n", "image/gif"),
    "d.webp": (b"RIFF\x0a\n\0\0WEBPVP8 ", "image/webp"),
}


class Seeing(ScriptedProvider):
    sees_images = True


@pytest.fixture
def seeing():
    return Seeing(name="fake", answer=lambda request: ["a cat"])


@pytest.fixture(autouse=True)
def pictures(folder):
    for name, (data, _) in PICTURES.items():
        (folder / name).write_bytes(data)
    (folder / "notes.txt").write_text("text")


def images(request, message=-1):
    return [(image.data, image.media_type) for image in request.messages[message].images]


def test_files_come_as_they_are(lua, seeing):
    lua('Agent.create{}:execute{ text = "?", images = { "a.png", "b.jpg", "c.gif", "d.webp" } }', seeing)
    assert images(seeing.requests[0]) == list(PICTURES.values())


@pytest.mark.parametrize(
    "call",
    [
        'agent:execute{ text = "?", images = "a.png" }',
        'agent:complete("?", { images = { "a.png" } })',
        'agent:invoke("?", { images = { "a.png" } })',
        'for _ in agent:stream{ text = "?", images = { "a.png" } } do end',
        'agent:invokeStream({ text = "?", images = { "a.png" } }, function() end)',
    ],
)
def test_every_kind_of_turn_takes_them(lua, seeing, call):
    lua(f"local agent = Agent.create{{}} {call}", seeing)
    assert images(seeing.requests[0]) == [PICTURES["a.png"]]


def test_they_stay_in_the_conversation(lua, seeing):
    lua('local a = Agent.create{} a:execute{ text = "?", images = { "a.png" } } a:execute("And now?")', seeing)
    assert images(seeing.requests[1], 0) == [PICTURES["a.png"]]
    assert images(seeing.requests[1]) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ('{ "no-such.png" }', "cannot open no-such.png"),
        ('{ "notes.txt" }', "notes.txt is no picture"),
        ('{ "/etc/passwd" }', "not granted by the sandbox"),
        ("{ 1 }", "at 1 it has a number"),
        ('{ front = "a.png" }', "at front it has a string"),
        ("7", "not a number"),
    ],
)
def test_what_is_no_picture_is_refused_before_anything_is_sent(lua, seeing, given, words):
    (line,) = lua(
        f"""local ok, why = pcall(function() Agent.create{{}}:execute{{ text = "?", images = {given} }} end)
        print(ok, why.type, why)""",
        seeing,
    )
    assert line.startswith("false\tinvalid_request\t")
    assert words in line
    assert seeing.requests == []


def test_no_pictures_are_no_pictures(lua, provider):
    assert lua('print(Agent.create{}:execute{ text = "Hi", images = {} }.text)') == ["Hi"]


def test_a_provider_whose_models_see_none_refuses_them(lua, provider):
    (line,) = lua(
        """
        local agent = Agent.create{}
        local ok, why = pcall(agent.execute, agent, { text = "?", images = { "a.png" } })
        print(why.type, why.option, why.message)
        """
    )
    assert line == "unsupported_option\timages\tfake can't show images to a model"
    assert provider.requests == []
