"""Every public function says what it does, takes and returns, in LuaCATS."""

import re
from pathlib import Path

import pytest

from llmspell.lua import api

FILES = sorted(Path(api.__file__).parent.glob("*.lua"))
FUNCTION = re.compile(
    r"^function (?P<name>[A-Za-z]\w*[.:]\w+)\((?P<parameters>[^)]*)\)(?P<body> .* end$|\n(?:.*\n)*?end$)", re.M
)


def functions(file):
    """Name, parameters, annotation lines and body of each public function."""
    source = file.read_text()
    for match in FUNCTION.finditer(source):
        if match["name"].split(".")[0].endswith("Meta") or ".__" in match["name"]:
            continue
        above = []
        for line in reversed(source[: match.start()].splitlines()):
            if not line.startswith("---"):
                break
            above.insert(0, line)
        yield match["name"], [p for p in re.split(r",\s*", match["parameters"]) if p], above, match["body"]


CASES = [pytest.param(file, *case, id=case[0]) for file in FILES for case in functions(file)]


def test_the_functions_are_found():
    names = {case.id for case in CASES}
    assert {"Agent.create", "agent:stream", "builder:build", "Embedding.embed", "LocalLLM.pull"} <= names
    assert {"Provider.get", "Config.get"} <= names
    assert {"agent", "config", "embedding", "local_llm", "provider", "tool"} <= {file.stem for file in FILES}


@pytest.mark.parametrize(("file", "name", "parameters", "above", "body"), CASES)
def test_a_function_is_annotated(file, name, parameters, above, body):
    assert any(re.match(r"---[A-Z]", line) for line in above), f"{file.name}: {name} has no description"
    said = [match[1] for line in above if (match := re.match(r"---@param (\w+)\??\s+\S", line))]
    assert said == parameters, f"{file.name}: {name}"
    assert ("return" in body) == any(line.startswith("---@return ") for line in above), f"{file.name}: {name}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_module_writes_no_globals_and_calls_no_string_methods(file):
    source = file.read_text()
    code = re.sub(r'"[^"\n]*"|--.*', "", source)
    assert not re.findall(r"^(?!local|function|return|end|\s|\}|\))[a-z_]\w*\s*=", code, re.M)
    assert not re.findall(
        r":(?:format|sub|find|gsub|match|gmatch|rep|lower|upper|byte)\(", code.replace("builder:format(", "")
    )
