"""No exception of a library that llmspell uses leaves it: each is provoked where it would come up.

The first test lists the exception classes that those libraries have, so that a release with a new one is noticed.
"""

import sys

import jinja2
import jsonschema_rs
import lupa.lua54
import msgspec
import pluggy
import pytest
import simpleeval
import yaml
from dateutil import parser as dateutil_parser

from llmspell import ChatRequest, Message, hookimpl
from llmspell.agents.skills import prompt_skill, skill_md
from llmspell.agents.skills.templates import render
from llmspell.config import load
from llmspell.errors import (
    ConfigError,
    LLMSpellError,
    ModelNotUsable,
    OutOfMemory,
    ScriptError,
    SkillError,
    UnsupportedOption,
)
from llmspell.lua.driver import Driver
from llmspell.lua.effects import Live
from llmspell.lua.vm import Vm
from llmspell.models.names import parse
from llmspell.plugins.host import PluginHost
from llmspell.providers.schemas import check_schema
from llmspell.testing import drive
from llmspell_gguf.provider import GgufProvider

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KNOWN = {
    dateutil_parser: {"ParserError"},
    jinja2: {
        "TemplateAssertionError",
        "TemplateError",
        "TemplateNotFound",
        "TemplateRuntimeError",
        "TemplateSyntaxError",
        "TemplatesNotFound",
        "UndefinedError",
    },
    jsonschema_rs: {"ReferencingError", "ValidationError"},
    lupa.lua54: {"LuaError", "LuaMemoryError", "LuaSyntaxError"},
    msgspec: {"DecodeError", "EncodeError", "MsgspecError", "ValidationError"},
    pluggy: {"HookCallError", "PluginValidationError"},
    simpleeval: {
        "AttributeDoesNotExist",
        "FeatureNotAvailable",
        "FunctionNotDefined",
        "InvalidExpression",
        "IterableTooLong",
        "NameNotDefined",
        "NumberTooHigh",
        "OperatorNotDefined",
        "TypeNotSpecified",
    },
    tomllib: {"TOMLDecodeError"},
    yaml: {"MarkedYAMLError", "YAMLError"},
}


def test_these_are_all_there_are():
    for module, known in KNOWN.items():
        raised = {
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, Exception) and not issubclass(value, Warning)
        }
        assert raised == known, module.__name__


@pytest.fixture
def run():
    def run(source, memory_mb=64):
        effects = Live({})
        driver = Driver(None, effects)
        driver.vm = Vm(driver.call, memory_mb=memory_mb)
        root = driver.vm.load(source, "main.lua")
        driver.run()
        if driver.fatal:
            raise driver.fatal
        return driver.ended[root]

    return run


def test_lupa_syntax_error(run):
    with pytest.raises(ScriptError, match=r"^main\.lua:1: unexpected symbol"):
        run(b"x = = 1")


@pytest.mark.parametrize("value", [b"'text'", b"{}", b"nil", b"print", b"setmetatable({}, {__tostring = error})"])
def test_lupa_error(run, value):
    assert run(b"error(" + value + b")").message


def test_lupa_memory_error(run):
    with pytest.raises(OutOfMemory, match="more memory than its limit of 8 MB"):
        run(b"local t = {} for i = 1, 1e9 do t[i] = {} end", memory_mb=8)


def test_toml_decode_error(tmp_path):
    (tmp_path / "llmspell.toml").write_text("[models\n")
    with pytest.raises(ConfigError, match=r"llmspell\.toml:1: not valid TOML"):
        load(str(tmp_path / "llmspell.toml"))


def test_msgspec_validation_error(tmp_path):
    (tmp_path / "llmspell.toml").write_text("[sandbox]\nmemory_mb = 'much'\n")
    with pytest.raises(ConfigError, match=r"llmspell\.toml:2: sandbox\.memory_mb must be"):
        load(str(tmp_path / "llmspell.toml"))


def test_pluggy_validation_error():
    class Plugin:
        @hookimpl
        def llmspell_providers(self, no_such_argument):
            return []

    host = PluginHost({"odd": Plugin()}, points=[], warn=lambda line: None)
    with pytest.raises(LLMSpellError, match="no_such_argument"):
        host.check("odd")


@pytest.mark.parametrize("schema", [{"type": "nothing"}, {"$ref": "https://127.0.0.1:1/none.json"}, {"pattern": "("}])
def test_jsonschema_errors(schema):
    with pytest.raises(LLMSpellError):
        check_schema(schema)


@pytest.mark.parametrize(
    "text", ["a: [", "a: \0", "a: !!set {b}", "a: *b", "? {}\n: x", "%YAML 9.9\n---\na: 1", "a: 1e"]
)
def test_yaml_errors(tmp_path, text):
    prompt = tmp_path / "x.yaml"
    prompt.write_text(text)
    with pytest.raises(SkillError, match=r"x\.yaml"):
        prompt_skill.read_skill(str(prompt), "user")
    (tmp_path / "SKILL.md").write_text(f"---\n{text}\n---\n")
    with pytest.raises(SkillError, match=r"SKILL\.md"):
        skill_md.read_skill(str(tmp_path), "user")


@pytest.mark.parametrize(
    "template", ["{{", "{{ a }}", "{{ 1 | a }}", "{% include 'a' %}", "{{ ''.a.b }}", "{{ [] | first + 1 }}"]
)
def test_jinja2_errors(template):
    with pytest.raises(SkillError):
        render(prompt_skill.PromptSkill("x", "x", "x.yaml", "user", None, template), {})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("calculator", {"input": "nothing + 1"}),
        ("datetime-handler", {"operation": "parse", "input": "the day after"}),
        ("json-processor", {"input": "{}", "query": ".["}),
        ("template-creator", {"input": "{% if %}"}),
        ("data-validator", {"input": 1, "rules": {"type": "string", "pattern": "("}}),
    ],
)
def test_errors_of_the_libraries_of_tools(name, arguments):
    with pytest.raises(LLMSpellError):
        PluginHost().tools()[name].run(arguments, None)


def test_engine_errors(tmp_path, model_file):
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(model_file.read_bytes()[: 1 << 20])
    provider = GgufProvider({"threads": 1})

    async def chat(path, **request):
        async for _ in provider.chat(ChatRequest(parse(str(path)), (Message("user", "Hi"),), **request)):
            pass

    with pytest.raises(ModelNotUsable, match="broken"):
        drive(chat(broken))
    with pytest.raises(UnsupportedOption):
        drive(chat(model_file, options={"no_such_option": 1}))
    drive(provider.aclose())
