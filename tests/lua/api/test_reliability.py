"""What scripts see of requests that failed and were sent again, to the same model or to another one."""

import pytest

from llmspell.errors import ProviderUnavailable, RateLimited
from llmspell.testing import ScriptedProvider

TOML = "[requests]\nfirst_wait = 0.001\n"


@pytest.fixture
def other():
    return ScriptedProvider(name="other", models=("spare",), answer=lambda request: ["from the spare"])


def test_attempts_are_told(lua, provider):
    provider.enqueue(RateLimited("slow down", provider="fake")).enqueue("there")
    source = """
      local r = Agent.create{}:execute("?")
      print(r.text, #r.attempts)
      for _, a in ipairs(r.attempts) do
        print(a.provider, a.model, a.error and a.error.type, a.ms >= 0, a.waited_ms >= 0)
      end
    """
    assert lua(source, toml=TOML) == [
        "there\t2",
        "fake\tmodel\trate_limited\ttrue\ttrue",
        "fake\tmodel\tnil\ttrue\ttrue",
    ]


@pytest.mark.parametrize("where", ["script", "settings"])
def test_another_model_answers_where_the_first_one_fails(lua, provider, other, where):
    provider.enqueue(ProviderUnavailable("gone", provider="fake"))
    own = 'fallback = { "other/spare" }' if where == "script" else ""
    toml = TOML if where == "script" else TOML + '[agent]\nfallback = ["other/spare"]\n'
    source = f"""
      local a = Agent.create{{ {own} }}
      local r = a:execute("?")
      print(r.text, r.provider, #r.attempts, r.attempts[1].error.message)
      print(table.concat(a:get_config().fallback, " "), #a:messages())
    """
    assert lua(source, provider, other, toml=toml) == ["from the spare\tother\t2\tgone", "other/spare\t2"]


def test_where_all_fail_the_error_names_each_and_why(lua, provider, other):
    provider.enqueue(ProviderUnavailable("the first is gone", provider="fake"))
    other.enqueue(ProviderUnavailable("the spare is gone too", provider="other"))
    source = """
      local a = Agent.create{ fallback = { "other/spare" } }
      local ok, e = pcall(a.execute, a, "?")
      print(ok, e.type, e.message, #a:last().attempts)
    """
    (line,) = lua(source, provider, other, toml=TOML)
    assert line.startswith("false\tprovider_unavailable\t")
    assert "the first is gone" in line and "the spare is gone too" in line
    assert line.endswith("\t2")


@pytest.mark.parametrize("fallback", ["'other/spare'", "5", "{ 5 }"])
def test_a_fallback_is_a_list_of_models(lua, fallback):
    (line,) = lua(f"local ok, e = pcall(Agent.create, {{ fallback = {fallback} }}) print(ok, e.type, e.message)")
    assert line.startswith("false\tinvalid_request\tfallback must be a list of names")
