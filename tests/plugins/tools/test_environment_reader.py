"""environment-reader: what is granted, and nothing else."""

import pytest

from llmspell import ToolContext
from llmspell.config.sandbox import Grants
from llmspell.errors import InvalidRequest, SandboxError, ToolError


@pytest.fixture
def read(tools, monkeypatch):
    for name in ("APP_ONE", "APP_TWO", "APP_KEY", "OTHER"):
        monkeypatch.setenv(name, f"value of {name}")

    def read(operation, *, env=("APP_*", "UNSET"), **arguments):
        context = ToolContext(grants=Grants(env=env))
        return tools["environment-reader"].run({"operation": operation, **arguments}, context)

    return read


def test_list_names_what_is_granted(read):
    assert read("list") == {"variables": ["APP_ONE", "APP_TWO"], "count": 2}


def test_get(read):
    assert read("get", variable_name="APP_ONE") == {
        "variable_name": "APP_ONE",
        "value": "value of APP_ONE",
        "exists": True,
    }
    assert read("get", variable_name="UNSET") == {"variable_name": "UNSET", "value": None, "exists": False}


def test_pattern(read):
    assert read("pattern", pattern="*_T*") == {"variables": {"APP_TWO": "value of APP_TWO"}, "count": 1}
    assert read("pattern", pattern="*KEY*", env=["*"])["variables"].get("APP_KEY") is None


@pytest.mark.parametrize("name", ["OTHER", "APP_KEY", "PATH"])
def test_what_is_not_granted(read, name):
    with pytest.raises(SandboxError, match=name):
        read("get", variable_name=name)


def test_without_grants_it_says_how_to_give_one(read):
    assert "`[sandbox] env`" in read("list", env=())["message"]
    assert "`[sandbox] env`" in read("pattern", pattern="*", env=())["message"]


@pytest.mark.parametrize(
    ("operation", "error", "said"),
    [
        ("set", ToolError, "can't be set"),
        ("get", InvalidRequest, "needs variable_name"),
        ("pattern", InvalidRequest, "needs pattern"),
        ("delete", InvalidRequest, "delete"),
    ],
)
def test_what_it_doesnt_do(read, operation, error, said):
    with pytest.raises(error, match=said):
        read(operation)
