"""`llmspell config`."""

import json

import pytest

from llmspell.config.files import parse, shipped


@pytest.fixture
def project(llmspell):
    (llmspell.cwd / "llmspell.toml").write_text(
        '[models]\ndefault = "a/b"\n[models.remap]\n"openai/gpt-4.1*" = "c"\n[providers.shop]\nhost = "http://u:p@h"\n'
    )
    return llmspell


def test_show_prints_what_can_be_read_again(project):
    shown = parse(project("config", "show").stdout, "stdout")
    assert shown["models"] == {"default": "a/b", "remap": {"openai/gpt-4.1*": "c"}}
    assert shown["providers"] == {"shop": {"host": "http://***@h"}}
    assert shown["sandbox"]["memory_mb"] == 512
    assert "# temperature is not set" in project("config", "show", "agent").stdout


def test_show_with_origins(project):
    done = project("-m", "x", "config", "show", "models", "--origin", env={"LLMSPELL_MODELS_ALIASES": "f=g"})
    assert done.stdout.splitlines() == [
        "[models]",
        'default = "x"            # flag --model',
        "# embedding is not set   # default",
        "",
        "[models.aliases]",
        'f = "g"                  # environment LLMSPELL_MODELS_ALIASES',
        "",
        "[models.remap]",
        '"openai/gpt-4.1*" = "c"  # project ./llmspell.toml',
    ]
    found = json.loads(project("config", "show", "--origin", "--json").stdout)
    assert found["models.default"] == {"value": "a/b", "origin": "project ./llmspell.toml"}
    assert found["sandbox.memory_mb"] == {"value": 512, "origin": "default"}


def test_show_a_part(project):
    assert project("config", "show", "models.default").stdout == '[models]\ndefault = "a/b"\n'
    assert json.loads(project("config", "show", "sandbox.memory_mb", "--json").stdout) == 512
    assert json.loads(project("config", "show", "models.remap", "--json").stdout) == {"openai/gpt-4.1*": "c"}
    assert json.loads(project("config", "show", "--json").stdout)["models"]["default"] == "a/b"
    done = project("config", "show", "models.defalt")
    assert (done.returncode, done.stdout) == (2, "")
    assert "did you mean 'models.default'?" in done.stderr
    assert project("config", "show", "tools").returncode == 0


def test_path(project):
    assert project("config", "path").stdout.splitlines() == [
        f"user     {project.home}/config/llmspell.toml (not there)",
        f"project  {project.cwd}/llmspell.toml",
    ]
    assert json.loads(project("config", "path", "--json").stdout)[1] == {
        "kind": "project",
        "path": f"{project.cwd}/llmspell.toml",
        "read": True,
    }


def test_check(project):
    done = project("config", "check", env={"LLMSPELL_SANDBOX_MEMROY": "1"})
    assert (done.returncode, done.stdout) == (0, f"{project.cwd}/llmspell.toml is good\n")
    assert "warning: the variable LLMSPELL_SANDBOX_MEMROY sets nothing" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[providers.shoop]\nhost = "x"', "no provider is called 'shoop'"),
        (
            '[providers.shop]\nhots = "x"',
            "providers.shop.hots (project ./llmspell.toml): the provider 'shop' takes no such",
        ),
        ("[providers.shop]\nhost = 1", "providers.shop.host (project ./llmspell.toml) must be text in quotes, not 1"),
        ('[models]\ndefault = "a b"', "models.default (project ./llmspell.toml): 'a b' is not a model name"),
        ('[models.aliases]\nx = "a b"', "models.aliases.x (project ./llmspell.toml): 'a b' is not a model name"),
    ],
)
def test_check_finds_what_only_plugins_and_names_tell(llmspell, text, message):
    (llmspell.cwd / "llmspell.toml").write_text(text)
    done = llmspell("config", "check")
    assert done.returncode == 3
    assert message in done.stderr


@pytest.mark.parametrize("flags", [[], ["--user"]])
def test_init_writes_the_shipped_file_and_never_over_another(llmspell, flags):
    done = llmspell("config", "init", *flags)
    target = llmspell.home / "config" / "llmspell.toml" if flags else llmspell.cwd / "llmspell.toml"
    assert (done.returncode, done.stdout) == (0, f"{target}\n")
    assert target.read_text() == shipped()
    assert llmspell("config", "check").stdout == f"{target} is good\n"
    target.write_text("# mine")
    done = llmspell("config", "init", *flags)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert target.read_text() == "# mine"
