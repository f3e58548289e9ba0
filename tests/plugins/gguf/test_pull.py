"""The provider's own part of a pull: which names it takes, and what it says of the others."""

import pytest

from llmspell.errors import InvalidRequest, ModelNotFound, PullFailed
from llmspell.models.names import ModelRef, parse
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
    assert error.value.suggestions == ("smollm2:135m",)
    assert "smollm2:135m" in error.value.hint


@pytest.mark.parametrize("spec", ["hf:owner/repo", "./some.gguf"])
def test_what_this_provider_cannot_fetch(empty, spec):
    with pytest.raises(PullFailed) as error:
        drive(steps(empty, parse(spec)))
    assert "smollm2:135m" in error.value.hint


def test_a_quantization_that_there_is_not(empty):
    with pytest.raises(PullFailed) as error:
        drive(steps(empty, ModelRef("smollm2", variant="135m", quantization="Q8_0")))
    assert "Q4_1" in error.value.message


def test_a_known_model_that_is_not_here_tells_its_size(empty):
    with pytest.raises(ModelNotFound) as error:
        drive(empty.info(parse("smollm2")))
    assert error.value.pull == "smollm2:135m"
    assert error.value.size_bytes == 92_871_040


def test_available_lists_the_catalogue(empty):
    (model,) = drive(empty.available())
    assert (model.id, model.size_bytes, model.path) == ("smollm2:135m", 98_362_432, None)


def test_a_file_of_the_user_is_not_removed(empty, tmp_path):
    file = tmp_path / "mine.gguf"
    file.write_bytes(b"x")
    with pytest.raises(InvalidRequest):
        drive(empty.remove(parse(str(file))))
    assert file.exists()


def test_removing_what_is_not_here(empty):
    with pytest.raises(ModelNotFound):
        drive(empty.remove(parse("nothing:here")))
