"""How long something is, in words."""

import math

import pytest

from llmspell.config import load
from llmspell.config.durations import seconds_of
from llmspell.errors import ConfigError


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90), ("30m", 1800), ("1h", 3600), ("1.5h", 5400), ("7d", 604_800), (" 2 H ", 7200), (45, 45), (0.5, 0.5)],
)
def test_durations(given, seconds):
    assert seconds_of(given) == seconds


@pytest.mark.parametrize("given", [False, "false"])
def test_never(given):
    assert seconds_of(given) is None


@pytest.mark.parametrize(
    "given", ["", "1", "h", "1 hour", "-1h", "0s", "1h30m", True, "true", 0, -1, math.inf, None, []]
)
def test_what_is_none(given):
    with pytest.raises(ValueError):
        seconds_of(given)


@pytest.mark.parametrize("text", ['cache = "1 hour"', "cache = true", 'cache = "0s"', "cache = 60"])
def test_the_file_says_what_is_wrong(text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(f"[agent]\n{text}\n")
    with pytest.raises(ConfigError, match=r"agent\.cache must be text in quotes or false, not") as caught:
        load(environ={}, cwd=str(tmp_path))
    assert '"30m"' in caught.value.hint


def test_by_a_variable(tmp_path):
    assert load(environ={"LLMSPELL_AGENT_CACHE": "2d"}, cwd=str(tmp_path)).agent.cache == "2d"
    with pytest.raises(ConfigError, match=r'LLMSPELL_AGENT_CACHE must be .*"often"'):
        load(environ={"LLMSPELL_AGENT_CACHE": "often"}, cwd=str(tmp_path))


def test_prices(tmp_path):
    (tmp_path / "llmspell.toml").write_text('[models.prices]\n"a/*" = { input = 1, output = 2.5 }\n')
    price = load(environ={}, cwd=str(tmp_path)).models.prices["a/*"]
    assert (price.input, price.output, price.cached) == (1.0, 2.5, None)


@pytest.mark.parametrize(
    "price", ["{ input = 1 }", "{ input = -1, output = 1 }", "3", "{ input = 1, output = 1, x = 1 }"]
)
def test_prices_that_are_none(price, tmp_path):
    (tmp_path / "llmspell.toml").write_text(f'[models.prices]\n"a/*" = {price}\n')
    with pytest.raises(ConfigError, match=r"models\.prices\.a/\* must be a table such as \{ input"):
        load(environ={}, cwd=str(tmp_path))


def test_prices_stand_in_a_file_only(tmp_path):
    with pytest.raises(ConfigError, match="LLMSPELL_MODELS_PRICES"):
        load(environ={"LLMSPELL_MODELS_PRICES": "a=1"}, cwd=str(tmp_path))
