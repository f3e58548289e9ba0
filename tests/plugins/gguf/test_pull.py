"""The provider's own part of a pull: which names it takes, and what it says of the others."""

import pytest

from llmspell.errors import InvalidRequest, ModelNotFound, ModelNotUsable, PullFailed
from llmspell.models.catalogue import CATALOGUE
from llmspell.models.names import parse
from llmspell.models.store import Store
from llmspell.testing import drive
from llmspell_gguf.provider import GgufProvider


async def steps(provider, ref):
    return [step async for step in provider.pull(ref)]


@pytest.fixture
def empty(tmp_path):
    return GgufProvider(store=Store(tmp_path / "models"))


def test_what_is_there_is_not_fetched_again(llmspell_home):
    found = drive(steps(GgufProvider(), parse("local/SmolLM2")))
    assert [step.status for step in found] == ["starting", "complete"]
    assert found[-1].bytes_downloaded == found[-1].bytes_total == 98_362_432


def test_an_unknown_name_says_what_can_be_pulled(empty):
    with pytest.raises(ModelNotFound) as error:
        drive(steps(empty, parse("smollm:135m")))
    assert error.value.suggestions[0] == "smollm2:135m"
    assert "smollm2:135m" in error.value.hint


def test_a_file_of_the_user_is_taken_into_the_store(empty, tmp_path, model_file):
    path = tmp_path / "My Model.Q4_1.gguf"
    path.symlink_to(model_file)
    last = drive(steps(empty, parse(str(path))))[-1]
    assert (last.status, last.model) == ("complete", "my-model.q4_1")
    assert drive(empty.info(parse("my-model.q4_1"))).path.startswith(str(tmp_path / "models"))
    assert path.exists()


def test_what_is_no_model_is_not_taken(empty, tmp_path):
    (tmp_path / "some.gguf").write_text("<html>")
    with pytest.raises(ModelNotUsable):
        drive(steps(empty, parse(str(tmp_path / "some.gguf"))))
    assert drive(empty.models()) == []


@pytest.mark.parametrize(
    "spec", ["hf:owner/repo", "hf:owner/repo/model.gguf", "https://host/m.gguf", "llama3.2:1b-q8_0"]
)
def test_what_could_be_fetched_says_how(empty, spec):
    with pytest.raises(ModelNotFound) as error:
        drive(empty.info(parse(spec)))
    assert error.value.pull == spec
    assert error.value.size_bytes is None


def test_a_known_model_that_is_not_here_tells_its_size(empty):
    with pytest.raises(ModelNotFound) as error:
        drive(empty.info(parse("smollm2")))
    assert error.value.pull == "smollm2:135m"
    assert error.value.size_bytes == 92_871_040


def test_available_lists_the_catalogue(empty):
    models = {model.id: model for model in drive(empty.available())}
    assert models.keys() == CATALOGUE.keys()
    small, large = models["smollm2:135m"], models["gemma2:9b"]
    assert (small.size_bytes, small.path, "tools" in small.capabilities) == (98_362_432, None, False)
    assert "tools" in models["llama3.1:8b"].capabilities
    assert small.recommended
    assert large.recommended is None


def test_what_does_not_fit_this_machine_is_not_recommended(empty, monkeypatch):
    monkeypatch.setattr("llmspell_gguf.memory.budget", lambda: 1_000_000_000)
    recommended = [model.id for model in drive(empty.available()) if model.recommended]
    assert recommended == ["smollm2:135m"]


def test_a_damaged_model_is_listed_and_can_be_removed(llmspell_home):
    store = Store()
    file = store.find("smollm2:135m").path
    data = file.read_bytes()
    file.unlink()  # a link to the file of all tests
    file.write_bytes(data[:50_000_000])
    provider = GgufProvider()
    (model,) = drive(provider.models())
    assert (model.id, model.architecture) == ("smollm2:135m", None)
    drive(provider.remove(parse("smollm2:135m")))
    assert drive(provider.models()) == []


def test_a_file_of_the_user_is_not_removed(empty, tmp_path):
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"x")
    with pytest.raises(InvalidRequest):
        drive(empty.remove(parse(str(file))))
    assert file.exists()


def test_removing_what_is_not_here(empty):
    with pytest.raises(ModelNotFound):
        drive(empty.remove(parse("nothing:here")))


def test_a_damaged_file_is_not_taken(llmspell_home, tmp_path, model_file):
    (tmp_path / "cut.gguf").write_bytes(model_file.read_bytes()[:5_000_000])
    provider = GgufProvider()
    with pytest.raises(PullFailed, match=r"cut\.gguf is damaged or cut short at 5000000 bytes"):
        drive(steps(provider, parse(str(tmp_path / "cut.gguf"))))
    assert [model.id for model in drive(provider.models())] == ["smollm2:135m"]
