"""What there is, what is known of it and what is in memory, from recorded answers of a real server."""

import socket

import pytest
from replay import answer

from llmspell import ChatRequest, EmbedRequest, Message, ModelRef
from llmspell.errors import ModelError, ModelNotFound, ModelNotUsable
from llmspell.models.names import parse
from llmspell.testing import drive
from llmspell.testing.streams import collect
from llmspell_ollama import describing, managing

SMOLLM2 = parse("ollama/smollm2")


def question(ref):
    return ChatRequest(ref, (Message("user", "Hi"),))


def sent(replay):
    """Method, path and body of what was asked, in order."""
    return [(one.method, one.path, one.json if one.body else None) for one in replay.requests]


# ── how the server is ─────────────────────────────────────────────────────────────────────────────────────────────


def test_status(replay, ollama):
    replay.play("version", "tags", "ps-two")
    status = drive(ollama.status())
    assert (status.ready, status.version, status.models, status.error) == (True, "0.33.0", 8, None)
    assert status.loaded == ("all-minilm:latest", "smollm2:latest")


def test_the_version_of_a_server_built_from_source_is_unknown(replay, ollama):
    replay.play(answer("GET", "/api/version", {"version": "0.0.0"}), "tags-empty", "ps-empty")
    status = drive(ollama.status())
    assert (status.ready, status.version, status.models, status.loaded) == (True, None, 0, ())


def test_nobody_listens(provide):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    status = drive(provide(host=url).status())
    assert not status.ready
    assert f"cannot reach Ollama at {url} (connection refused)" in status.error
    assert "[providers.ollama] host" in status.error


@pytest.mark.parametrize(
    "exchanges",
    [
        [answer("GET", "/api/version", "404 page not found", status=404)],
        [answer("GET", "/api/version", {"version": "2.0"}), answer("GET", "/api/tags", {"object": "list"})],
        [answer("GET", "/api/version", "<html>It works</html>"), "tags-empty"],
    ],
)
def test_another_server_at_the_port_is_no_ollama(replay, ollama, exchanges):
    replay.match(*exchanges, "tags-empty", "ps-empty")
    status = drive(ollama.status())
    assert not status.ready
    assert "no Ollama" in status.error


def test_a_server_that_says_nothing_is_not_waited_for(replay, ollama, monkeypatch):
    monkeypatch.setattr(managing, "STATUS_SECONDS", 0.2)
    replay.play("version", "tags", "ps-none", hold=0)
    status = drive(ollama.status())
    assert not status.ready
    assert "did not answer within 0.2 s" in status.error


# ── which models there are ────────────────────────────────────────────────────────────────────────────────────────


def test_the_list(replay, ollama):
    replay.play("tags")
    models = {model.id: model for model in drive(ollama.models())}
    assert len(models) == 8
    smollm2 = models["smollm2:latest"]
    assert (smollm2.provider, smollm2.size_bytes, smollm2.quantization) == ("ollama", 98_362_745, "Q4_1")
    assert (smollm2.parameter_count, smollm2.context_length, smollm2.format) == ("134.52M", 8192, "gguf")
    assert smollm2.modified_at == pytest.approx(1795262682.600989)
    assert smollm2.source == f"Ollama at {replay.url}"
    encoder = models["all-minilm:latest"]  # which the list takes for a chat model
    assert (encoder.capabilities, encoder.context_length) == (None, None)


@pytest.mark.parametrize("id", ["old-tags", "newer-tags-extra"])
def test_the_lists_of_other_servers(replay, ollama, id):
    replay.play(id)
    models = drive(ollama.models())
    assert len(models) == 8
    assert {model.capabilities for model in models} == {None}


def test_a_list_with_little_in_it(replay, ollama):
    replay.play(answer("GET", "/api/tags", {"models": [{"name": "bare"}, {"model": "x:1"}, {"size": 3}, None, 7]}))
    bare, other = drive(ollama.models())
    assert (bare.id, bare.size_bytes, bare.modified_at, other.id) == ("bare:latest", None, None, "x:1")


def test_a_name_with_a_port_is_listed_as_it_can_be_asked_for(replay, ollama):
    replay.play("tags-after-pull", "show-smollm2", "tags-after-pull", "ps-none")
    (model,) = drive(ollama.models())
    assert model.id == "127.0.0.1+5000/library/smollm2:latest"
    assert drive(ollama.info(parse(f"ollama/{model.id}"))).id == model.id
    assert sent(replay)[1][2] == {"model": "127.0.0.1:5000/library/smollm2:latest"}


# ── what is known of one ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("id", "name", "able"),
    [
        ("show-smollm2", "smollm2", {"chat", "json_schema"}),
        ("show-tools", "smol-tools", {"chat", "json_schema", "tools"}),
        ("show-jinja-tools", "smol-jinja", {"chat", "json_schema", "tools"}),
        ("show-think", "smol-think", {"chat", "json_schema", "thinking"}),
        ("show-embedding", "all-minilm", {"embed"}),
        ("old-show", "smol-tools", None),
    ],
)
def test_info_knows_what_a_model_can(replay, ollama, id, name, able):
    replay.play(id, "tags", "ps-one")
    info = drive(ollama.info(ModelRef(name)))
    assert (info.id, info.capabilities) == (f"{name}:latest", able)
    assert info.size_bytes == (45_949_364 if name == "all-minilm" else info.size_bytes)
    assert info.context_length == (512 if name == "all-minilm" else 8192)
    assert info.architecture == ("bert" if name == "all-minilm" else "llama")
    assert info.size_bytes > 40_000_000
    assert info.loaded is (True if name == "smollm2" else None)
    assert info.window == {"smollm2": 2048, "all-minilm": None}.get(name, info.window)


def test_what_is_not_in_memory(replay, ollama):
    replay.play("show-smollm2", "tags", "ps-none")
    info = drive(ollama.info(SMOLLM2))
    assert (info.loaded, info.window) == (False, 8192)


def test_the_window_is_what_is_set(replay, provide):
    for wanted, window in ((512, 512), (100_000, 8192), (0, None)):
        replay.play("show-smollm2", "tags", "ps-one")
        assert drive(provide(context_length=wanted).info(SMOLLM2)).window == window


def test_an_unknown_model_names_what_is_near(replay, ollama):
    replay.play("show-unknown", "tags")
    with pytest.raises(ModelNotFound) as error:
        drive(ollama.info(parse("ollama/smolm2")))
    assert error.value.suggestions[0] == "smollm2:latest"
    assert "smollm2:latest" in error.value.hint


def test_a_chat_with_an_unknown_model_names_what_is_near(replay, provide):
    replay.play("chat-unknown-model", "tags")
    with pytest.raises(ModelNotFound) as error:
        drive(collect(provide(context_length=0), question(parse("ollama/smolm2"))))
    assert error.value.suggestions[0] == "smollm2:latest"


# ── in memory ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_loaded(replay, ollama):
    replay.play("ps-two")
    encoder, smollm2 = drive(ollama.loaded())
    assert (encoder.id, encoder.provider, encoder.memory_bytes) == ("all-minilm:latest", "ollama", 51_359_251)
    assert (encoder.context_length, encoder.engine, smollm2.context_length) == (512, "Ollama, CPU", 2048)
    assert encoder.expires_at == pytest.approx(1795271002.259446)


def test_loaded_for_ever_and_by_an_old_server(replay, ollama):
    replay.play("ps-forever", "old-ps")
    (model,) = drive(ollama.loaded())
    assert (model.expires_at, model.context_length) == (None, 2048)
    (model,) = drive(ollama.loaded())
    assert model.context_length is None


@pytest.mark.parametrize(
    ("on_gpu", "engine"), [(0, "Ollama, CPU"), (610, "Ollama, 61% GPU"), (1000, "Ollama, GPU"), (None, "Ollama")]
)
def test_where_a_model_runs(on_gpu, engine):
    assert describing.running({"name": "x", "size": 1000, "size_vram": on_gpu}).engine == engine


def test_load_takes_the_context_of_the_chats(replay, provide):
    replay.respond = lambda request: answer("GET", "/api/ps", {"models": []}) if request.path == "/api/ps" else None
    replay.match("show-smollm2")
    replay.play("show-smollm2", "show-smollm2", "chat-load", "chat-stream")
    ollama = provide(keep_alive="1h")
    drive(ollama.load(SMOLLM2))
    drive(collect(ollama, question(SMOLLM2)))
    load, chat = (body for _, path, body in sent(replay) if path == "/api/chat")
    assert load == {
        "model": "smollm2",
        "messages": [],
        "stream": False,
        "keep_alive": "1h",
        "options": {"num_ctx": chat["options"]["num_ctx"]},
    }


def test_load_of_an_embedding_model(replay, provide):
    replay.play("show-embedding", "show-embedding", "embed-empty-list")
    drive(provide(context_length=512).load(parse("ollama/all-minilm")))
    assert sent(replay)[-1] == ("POST", "/api/embed", {"model": "all-minilm", "input": []})


def test_unload_waits_until_the_model_is_gone(replay, ollama):
    replay.play("ps-one", "chat-unload", "ps-one", "ps-one", "ps-after-unload")
    assert drive(ollama.unload(SMOLLM2)) is True
    assert sent(replay)[1][2] == {"model": "smollm2", "messages": [], "keep_alive": 0, "stream": False}
    assert replay.left() == []


def test_unload_of_what_is_not_loaded(replay, ollama):
    replay.play("ps-one", "show-think")
    assert drive(ollama.unload(parse("ollama/smol-think"))) is False
    replay.play("ps-none", "show-unknown", "tags")
    with pytest.raises(ModelNotFound):
        drive(ollama.unload(parse("ollama/nope")))
    assert "/api/chat" not in [path for _, path, _ in sent(replay)]


def test_unload_of_a_model_that_still_answers(replay, ollama, monkeypatch):
    monkeypatch.setattr(managing, "UNLOAD_SECONDS", 0.1)
    replay.match("ps-one", "chat-unload")
    replay.respond = lambda request: answer("POST", "/api/chat", {"done": True}) if request.method == "POST" else None
    with pytest.raises(ModelError) as error:
        drive(ollama.unload(SMOLLM2))
    assert "still in use" in error.value.message


# ── taking away ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_remove(replay, ollama):
    replay.play("ps-none", "delete", "ps-none", "delete-unknown", "tags")
    drive(ollama.remove(parse("ollama/corsair:v2")))
    assert sent(replay)[-1] == ("DELETE", "/api/delete", {"model": "corsair:v2"})
    with pytest.raises(ModelNotFound):
        drive(ollama.remove(parse("ollama/corsair:v2")))


def test_a_removed_model_leaves_the_memory_too(replay, ollama):
    replay.play("ps-one", "chat-unload", "delete")
    drive(ollama.remove(SMOLLM2))
    assert [path for _, path, _ in sent(replay)] == ["/api/ps", "/api/chat", "/api/delete"]


def test_a_model_that_is_gone_and_still_in_memory(replay, ollama):
    replay.play("ps-one", answer("POST", "/api/chat", {"error": "model 'smollm2' not found"}, status=404), "tags-empty")
    with pytest.raises(ModelNotFound):
        drive(ollama.remove(SMOLLM2))


# ── the cloud ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_models_of_the_cloud_are_marked(replay, ollama):
    replay.play("tags-remote-stub")
    stub = next(model for model in drive(ollama.models()) if model.id == "giant:cloud-stub")
    assert (stub.source, stub.size_bytes) == ("the cloud, https://ollama.com:443", None)


def test_local_only_hides_them(replay, provide):
    replay.play("tags-remote-stub", "version", "tags-remote-stub", "ps-none")
    ollama = provide(local_only=True)
    assert "giant:cloud-stub" not in [model.id for model in drive(ollama.models())]
    assert drive(ollama.status()).models == 4


async def listed(events):
    return [event async for event in events]


@pytest.mark.parametrize("verb", ["chat", "embed", "info", "pull", "load"])
def test_local_only_refuses_names_of_the_cloud_and_asks_nobody(replay, provide, verb):
    ollama, ref = provide(local_only=True), parse("ollama/gpt-oss:120b-cloud")
    with pytest.raises(ModelNotUsable) as error:
        drive(asked(ollama, verb, ref))
    assert "local_only" in error.value.message
    assert replay.requests == []


def asked(ollama, verb, ref):
    return {
        "chat": lambda: collect(ollama, question(ref)),
        "embed": lambda: ollama.embed(EmbedRequest(ref, ("x",))),
        "pull": lambda: listed(ollama.pull(ref)),
        "info": lambda: ollama.info(ref),
        "load": lambda: ollama.load(ref),
    }[verb]()


@pytest.mark.parametrize("verb", ["chat", "embed", "info", "load"])
def test_local_only_refuses_a_model_that_is_elsewhere_whatever_its_name(replay, provide, verb):
    show = answer("POST", "/api/show", {"remote_host": "https://ollama.com:443", "remote_model": "giant"})
    replay.match(show, "tags-remote-stub", "ps-none")
    replay.respond = lambda request: show if request.path == "/api/show" else None
    with pytest.raises(ModelNotUsable) as error:
        drive(asked(provide(local_only=True), verb, parse("ollama/harmless")))
    assert "https://ollama.com:443" in error.value.message
    assert not {"/api/chat", "/api/embed"} & {path for _, path, _ in sent(replay)}


def test_local_only_lets_models_of_the_machine_answer_and_looks_once(replay, provide):
    ollama = provide(local_only=True, context_length=0)
    replay.play("show-smollm2", "chat-stream", "chat-stream")
    for _ in range(2):
        assert drive(collect(ollama, question(SMOLLM2)))[-1].reason == "stop"
    assert [path for _, path, _ in sent(replay)] == ["/api/show", "/api/chat", "/api/chat"]


# ── times ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-11-21T13:04:44.970255491+01:00", 1795262684.970255),
        ("2026-11-21T12:04:44Z", 1795262684.0),
        ("2026-11-21T12:04:44.5Z", 1795262684.5),
        ("0001-01-01T00:00:00Z", None),
        ("yesterday", None),
        (None, None),
    ],
)
def test_times_as_go_writes_them(text, seconds):
    assert describing.moment(text) == (seconds if seconds is None else pytest.approx(seconds, abs=1e-5))
