"""The shipped llmspell.toml knows every key, with its default."""

import re

import pytest

import llmspell_gguf
import llmspell_ollama
import llmspell_openai
from llmspell.config import Settings, load
from llmspell.config.files import parse, shipped
from llmspell.config.schema import keys, section_names
from llmspell_ollama.settings import read

SECTION = re.compile(r"\[([a-z_.]+)\]$")
KEY = re.compile(r'#("[^"]+"|[a-z_]+) = ')


def entries():
    """(section, line of a commented key) of the file."""
    section, found = "", []
    for line in shipped().splitlines():
        if match := SECTION.match(line):
            section = match.group(1)
        elif KEY.match(line):
            found.append((section, line))
        else:
            assert not line or line.startswith("# ") or line == "#", f"neither a key nor a comment: {line}"
    return found


def loaded(text, tmp_path):
    (tmp_path / "llmspell.toml").write_text(text)
    return load(environ={"LLMSPELL_HOME": str(tmp_path / "home")}, cwd=str(tmp_path))


def test_as_it_is_it_changes_nothing(tmp_path):
    settings = loaded(shipped(), tmp_path)
    assert settings.public() == Settings().public()
    assert settings.origins == {}


@pytest.mark.parametrize(("section", "line"), entries())
def test_each_key_without_its_comment_sign_parses_and_is_the_default(section, line, tmp_path):
    settings = loaded(shipped().replace(f"\n{line}\n", f"\n{line[1:]}\n"), tmp_path)
    assert len(settings.origins) == 1, "one key, and only it, was uncommented"
    if section.startswith("providers."):
        return  # its defaults are the provider's
    key = keys().get(section) or keys()[f"{section}.{next(iter(settings.origins)).rpartition('.')[2]}"]
    top, _, name = key.name.partition(".")
    value = getattr(getattr(settings, top), name)
    if "# not set" in line:
        assert key.default in (None, {})
        assert value not in (None, {})
    else:
        assert value == key.default


def test_all_keys_together_are_good(tmp_path):
    text = re.sub(r'(?m)^#(?="|[a-z_]+ = )', "", shipped())
    assert len(loaded(text, tmp_path).origins) == len(entries())


def test_no_key_of_the_schema_is_missing():
    there = set(section_names()) & {section.partition(".")[0] for section in parse(shipped(), "shipped")}
    assert there == set(section_names())
    named = {section for section, _ in entries()}
    named |= {f"{section}.{KEY.match(line).group(1)}" for section, line in entries()}
    assert [key for key in keys() if key not in named and key != "providers"] == []


@pytest.mark.parametrize("plugin", [llmspell_gguf, llmspell_ollama, llmspell_openai])
def test_the_keys_of_bundled_providers_are_all_there(plugin):
    spec = next(iter(plugin.llmspell_providers()))
    there = {KEY.match(line).group(1) for section, line in entries() if section == f"providers.{spec.name}"}
    assert there == set(spec.settings)


def test_the_defaults_of_ollama_are_those_of_its_settings():
    lines = [line for section, line in entries() if section == "providers.ollama"]
    defaults = parse("\n".join(line[1:] for line in lines if "# not set" not in line), "defaults")
    unset = {KEY.match(line).group(1) for line in lines if "# not set" in line}
    settings = read({}, {})
    assert {name: getattr(settings, name) for name in defaults} == defaults
    assert {name for name in unset if getattr(settings, name, None) is None} == unset - {"host"}
