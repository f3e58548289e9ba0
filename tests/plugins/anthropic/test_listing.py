"""Which models there are, as the API lists them and as other servers do; and the status, and counting."""

import pytest
from small_claude import MODEL, described

from fault_server import Fault, status
from llmspell import ChatRequest, Message, ModelInfo, ModelRef
from llmspell.errors import ModelNotFound, ProviderError, ProviderUnavailable
from llmspell.testing import drive

REF = ModelRef(MODEL, "anthropic")


def page(*entries, more=False):
    return Fault(body={"data": list(entries), "has_more": more, "last_id": entries[-1]["id"] if entries else None})


def test_what_is_known_of_a_model(faults, made):
    provider = made(faults.url, name="office")
    faults.enqueue(Fault(body=described(MODEL)))
    assert drive(provider.info(REF)) == ModelInfo(
        MODEL,
        "office",
        context_length=200000,
        capabilities=frozenset({"chat", "tools", "json_schema", "vision", "thinking"}),
        modified_at=1759104000.0,
        source=f"office at {faults.url}, Claude Sonnet 4.5",
    )
    assert faults.requests[0].path == f"/v1/models/{MODEL}"


def test_what_is_not_known(faults, made):
    faults.enqueue(
        page(
            {"id": "a", "type": "model", "created_at": "1970-01-01T00:00:00Z", "capabilities": None},
            {"id": "b", "type": "model", "created_at": 7, "capabilities": {"thinking": {"supported": False}}},
            {"id": "c", "type": "model", "lifecycle": "deprecated", "retires_at": "2027-01-01T00:00:00Z"},
        )
    )
    a, b, c = drive(made(faults.url).models())
    assert (a.context_length, a.capabilities, a.modified_at) == (None, None, None)
    assert b.capabilities == {"chat", "tools", "json_schema"}
    assert c.source.endswith(", retires 2027-01-01")


def test_retired_models_and_names_that_nobody_can_write_are_left_out(faults, made):
    faults.enqueue(
        page({"id": "old", "type": "model", "lifecycle": "retired"}, {"id": "a b", "type": "model"}, described(MODEL))
    )
    assert [info.id for info in drive(made(faults.url).models())] == [MODEL]


def test_a_list_of_several_pages(faults, made):
    faults.enqueue(page(described("claude-a"), more=True), page(described("claude-b")))
    assert [info.id for info in drive(made(faults.url).models())] == ["claude-a", "claude-b"]


def test_a_list_without_end(faults, made):
    faults.enqueue(*[page(described("claude-a"), more=True)] * 30)
    assert len(drive(made(faults.url).models())) == 1
    assert len(faults.requests) == 20


def test_servers_that_have_only_a_list(faults, made):
    faults.enqueue(
        status(404, "File Not Found"), Fault(body={"object": "list", "data": [{"id": "x", "object": "model"}]})
    )
    assert drive(made(faults.url).info(ModelRef("x"))).id == "x"


def test_a_model_that_is_not_there(faults, made, talk):
    faults.enqueue(status(404, "model: claude-sonet-4-5"), page(described(MODEL)))
    with pytest.raises(ModelNotFound) as caught:
        talk(made(faults.url), ChatRequest(ModelRef("claude-sonet-4-5"), (Message("user", "Hi"),)))
    assert caught.value.suggestions == (MODEL,)
    assert f"did you mean {MODEL}?" in caught.value.hint
    assert "has no model 'claude-sonet-4-5'" in caught.value.message


def test_a_model_that_is_not_there_on_a_server_without_a_list(faults, made, talk):
    faults.enqueue(status(404, "model: x"), status(500))
    with pytest.raises(ModelNotFound) as caught:
        talk(made(faults.url), ChatRequest(ModelRef("x"), (Message("user", "Hi"),)))
    assert caught.value.suggestions == ()


@pytest.mark.parametrize("body", [{"hello": "world"}, [1], "plain"])
def test_what_is_no_list(faults, made, body):
    faults.enqueue(Fault(body=body))
    with pytest.raises(ProviderUnavailable, match="has no list of models"):
        drive(made(faults.url).models())


def test_status(faults, made):
    state = drive(made(faults.url).status())
    assert (state.ready, state.models) == (True, 2)
    faults.enqueue(status(401))
    state = drive(made(faults.url).status())
    assert not state.ready
    assert "doesn't accept the key" in state.error


def test_status_of_a_server_that_does_not_answer(faults, made, monkeypatch):
    monkeypatch.setattr("llmspell_anthropic.provider.STATUS_SECONDS", 0.05)
    faults.enqueue(Fault(before_headers=float("inf")))
    state = drive(made(faults.url).status())
    assert "did not answer within 0.05 s" in state.error


def test_counting(faults, made):
    request = ChatRequest(ModelRef("good"), (Message("user", "Hello!"),))
    assert drive(made(faults.url).count(request)) == 5
    faults.enqueue(Fault(body={"oops": 1}))
    with pytest.raises(ProviderError, match="counts no tokens"):
        drive(made(faults.url).count(request))
