"""The fields of an agent, those of the Rust llmspell's scripts among them."""

import pytest

from llmspell import Tool
from llmspell.agents.config import AgentConfig, Defaults, read_config
from llmspell.agents.context import ContextPolicy
from llmspell.config import load
from llmspell.errors import InvalidRequest

DEFAULTS = Defaults("local/small", "Be kind.", 0.3, 64, 30.0)


def read(**fields):
    return read_config(fields, DEFAULTS)


def test_defaults_fill_what_is_not_said():
    config = read()
    assert config == AgentConfig(
        "local/small", system_prompt="Be kind.", options={"temperature": 0.3, "max_tokens": 64}, timeout=30.0
    )


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({"model": "a/b"}, "a/b"),
        ({"model": "b", "provider": "a"}, "a/b"),
        ({"model": "a/b", "provider": "a"}, "a/b"),
        ({"model": "x/b", "provider": "a"}, "a/x/b"),
        ({"model": {"provider": "a", "model_id": "b"}}, "a/b"),
        ({"model": {"model_id": "a/b"}}, "a/b"),
    ],
)
def test_a_model_is_named_in_several_ways(fields, model):
    assert read(**fields).model == model


def test_the_forms_of_the_rust_scripts():
    config = read(
        name="helper",
        description="helps",
        agent_type="llm",
        model={
            "provider": "openai",
            "model_id": "gpt-4",
            "temperature": 0.7,
            "max_tokens": 10,
            "settings": {"seed": 1},
        },
        custom_config={"system_prompt": "You help.", "max_conversation_length": 20.0, "other": 1},
        resource_limits={"max_execution_time_secs": 60, "max_memory_mb": 512, "max_tool_calls": 5},
        allowed_tools={},
        capabilities=["talk"],
    )
    assert config.model == "openai/gpt-4"
    assert config.options == {"temperature": 0.7, "max_tokens": 10, "seed": 1}
    assert (config.system_prompt, config.max_conversation_length, config.timeout) == ("You help.", 20, 60.0)
    assert config.capabilities == ("talk",) and config.unused == ()


def test_the_nearest_setting_wins():
    config = read(
        temperature=0.1,
        options={"temperature": 0.2, "top_p": 0.9},
        model={"model_id": "m", "temperature": 0.4},
        system_prompt="own",
        custom_config={"system_prompt": "other"},
        timeout=5,
        resource_limits={"max_execution_time_secs": 60},
    )
    assert (config.options["temperature"], config.options["top_p"]) == (0.1, 0.9)
    assert (config.system_prompt, config.timeout) == ("own", 5.0)


def test_prompt_is_another_name_of_system_prompt():
    assert read(prompt="Be brief.").system_prompt == "Be brief."
    assert read(prompt="one", system_prompt="two").system_prompt == "two"


def test_an_agent_without_memory():
    assert read(memory_enabled=False, max_conversation_length=5).max_conversation_length == 0
    assert read(memory_enabled=True).max_conversation_length is None


def test_what_an_agent_has_beside_its_model():
    own = Tool("own", "Does.", {"type": "object"}, print)
    config = read(
        tools=["calculator", own],
        allowed_tools=["clock"],
        max_rounds=3.0,
        tool_mode="schema",
        tool_timeout=5,
        max_retries=0,
        context={"policy": "summarize", "keep": 1},
        skills=["pdf"],
        logs=False,
        approve=print,
    )
    assert config.tools == ("calculator", "own", "clock") and config.max_rounds == 3
    assert (config.tool_mode, config.tool_timeout, config.max_retries, config.logs) == ("schema", 5.0, 0, False)
    assert config.context == ContextPolicy("summarize", keep=1) and config.skills == ("pdf",)
    assert read(skills=True).skills is True and read(skills=False).skills == () and read(tools={}).tools == ()


def test_the_configuration_says_what_holds_otherwise(tmp_path):
    (tmp_path / "llmspell.toml").write_text(
        """
        [agent]
        max_retries = 5
        context = "drop_oldest"
        [tools]
        max_rounds = 4
        result_share = 0.5
        """
    )
    settings = load(environ={"LLMSPELL_MODEL": "local/other"}, cwd=str(tmp_path))
    config = read_config({}, Defaults.of(settings))
    assert (config.model, config.max_retries, config.max_rounds, config.result_share) == ("local/other", 5, 4, 0.5)
    assert config.context == ContextPolicy("drop_oldest")
    assert read_config({"max_rounds": 2}, Defaults.of(settings, "a/b")).model == "a/b"


@pytest.mark.parametrize(
    ("fields", "told", "hint"),
    [
        ({"systm_prompt": "x"}, "no field 'systm_prompt'", "did you mean 'system_prompt'?"),
        ({"qqq": 1}, "no field 'qqq'", "its fields are"),
        ({"model": 3}, "model must be a model name, not 3", None),
        ({"model": {"id": "x"}}, "model has no field 'id'", "model_id"),
        ({"model": {"model_id": 3}}, "model.model_id must be a text", None),
        ({"name": 3}, "name must be a text, not 3", None),
        ({"system_prompt": ["x"]}, "system_prompt must be a text, not a table", None),
        ({"provider": "a"}, "provider 'a' without a model", "a/"),
        ({"temperature": "hot"}, "temperature must be a number", None),
        ({"options": 3}, "options must be a table", None),
        ({"options": {"seed": "x"}}, "seed must be an integer", None),
        ({"timeout": 0}, "timeout must be a number of seconds above 0", None),
        ({"timeout": "5"}, "timeout must be", None),
        ({"format": "json"}, "format must be a JSON schema", "type = "),
        ({"format": {"type": "objekt"}}, "not a JSON schema", None),
        ({"max_conversation_length": -1}, "max_conversation_length", None),
        ({"max_conversation_length": 1.5}, "max_conversation_length", None),
        ({"resource_limits": {"max_time": 1}}, "resource_limits has no field 'max_time'", "its fields are"),
        ({"resource_limits": {"max_execution_time_secs": "x"}}, "max_execution_time_secs", None),
        ({"allowed_tools": "calculator"}, "allowed_tools must be a list of names", None),
        ({"api_key": "sk-1"}, "api_key", "environment variable"),
    ],
)
def test_a_wrong_field_is_named(fields, told, hint):
    with pytest.raises(InvalidRequest) as caught:
        read(**fields)
    assert told in str(caught.value)
    if hint is not None:
        assert hint in caught.value.hint


def test_a_key_is_never_repeated():
    with pytest.raises(InvalidRequest) as caught:
        read(api_key="sk-secret")
    assert "sk-secret" not in f"{caught.value}{caught.value.hint}"
