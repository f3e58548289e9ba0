"""Which value wins, and where it is said to come from."""

import os
import sys

import pytest

from llmspell.config import Settings, load
from llmspell.config import files as config_files
from llmspell.errors import ConfigError, UsageError


@pytest.fixture
def place(tmp_path):
    """A home, a project and a folder inside it; `place.load()` reads from there."""

    class Place:
        home = tmp_path / "home"
        project = tmp_path / "project"
        inside = project / "deep" / "er"

        def write(self, folder, text, name="llmspell.toml"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
            return folder / name

        def user(self, text):
            return self.write(self.home / "config", text)

        def load(self, cwd=None, environ=None, **more):
            return load(
                environ={"LLMSPELL_HOME": str(self.home), **(environ or {})}, cwd=str(cwd or self.inside), **more
            )

    Place.inside.mkdir(parents=True)
    return Place()


def test_without_anything_every_value_is_the_default(place):
    settings = place.load()
    assert settings == Settings()
    assert settings.models.default == "local/smollm2:135m"
    assert settings.sandbox.memory_mb == 512
    assert settings.origin("models.default") == "default"
    assert settings.files == ()


def test_each_layer_beats_the_one_below_it(place):
    def default(**more):
        settings = place.load(**more)
        return settings.models.default, settings.origin("models.default")

    user = place.user('[models]\ndefault = "of-user"')
    assert default() == ("of-user", f"user {user}")
    project = place.write(place.project, '[models]\ndefault = "of-project"')
    assert default() == ("of-project", f"project {project}")
    assert default(cwd=place.project) == ("of-project", "project ./llmspell.toml")
    long = {"LLMSPELL_MODELS_DEFAULT": "of-variable"}
    assert default(environ=long) == ("of-variable", "environment LLMSPELL_MODELS_DEFAULT")
    both = {**long, "LLMSPELL_MODEL": "of-short"}
    assert default(environ=both) == ("of-short", "environment LLMSPELL_MODEL")
    flags = {"models.default": ("--model", "of-flag")}
    assert default(environ=both, flags=flags) == ("of-flag", "flag --model")


def test_sections_merge_key_by_key(place):
    place.user("[sandbox]\nmemory_mb = 64\n[agent]\nmax_tokens = 7\ntemperature = 1")
    place.write(place.project, "[sandbox]\nmemory_mb = 128")
    settings = place.load()
    assert (settings.sandbox.memory_mb, settings.agent.max_tokens, settings.agent.temperature) == (128, 7, 1.0)


def test_tables_of_names_merge_entry_by_entry(place):
    place.user('[models.aliases]\na = "user"\nb = "user"\n[providers.x]\nhost = "user"\nport = 1')
    place.write(
        place.project,
        '[models.aliases]\nb = "project"\n[models.remap]\n"openai/gpt-4.1*" = "m"\n[providers.x]\nport = 2\n',
    )
    settings = place.load(
        environ={"LLMSPELL_MODELS_ALIASES": "c=variable, d=variable", "LLMSPELL_PROVIDERS_X_TLS": "true"},
        flags={"models.remap": ("--remap", {"openai/*": "n"})},
    )
    assert settings.models.aliases == {"a": "user", "b": "project", "c": "variable", "d": "variable"}
    assert settings.models.remap == {"openai/gpt-4.1*": "m", "openai/*": "n"}
    assert settings.providers == {"x": {"host": "user", "port": 2, "tls": True}}
    assert settings.origin("models.remap.openai/gpt-4.1*").startswith("project ")
    assert settings.origin("providers.x.tls") == "environment LLMSPELL_PROVIDERS_X_TLS"
    assert settings.origin("models.remap").endswith(", flag --remap")


def test_a_list_is_replaced_by_files_and_variables_and_extended_by_flags(place):
    file = place.write(place.project, '[sandbox]\nread = ["data", "~/notes", "/etc"]\nenv = ["HOME"]')
    flags = {"sandbox.read": ("--allow-read", ["here"]), "sandbox.env": ("--allow-env", ["USER"])}
    settings = place.load(flags=flags)
    assert settings.sandbox.read == [
        str(place.project / "data"),
        os.path.expanduser("~/notes"),
        "/etc",
        str(place.inside / "here"),
    ]
    assert settings.sandbox.env == ["HOME", "USER"]
    assert settings.origin("sandbox.env") == f"project {file}, flag --allow-env"
    assert place.load(environ={"LLMSPELL_SANDBOX_ENV": "A, B_*"}).sandbox.env == ["A", "B_*"]


def test_the_nearest_project_file_counts(place):
    place.write(place.project, '[models]\ndefault = "far"\n[agent]\nmax_tokens = 1')
    place.write(place.project / "deep", '[models]\ndefault = "near"')
    settings = place.load()
    assert settings.models.default == "near"
    assert settings.agent.max_tokens is None


def test_a_file_above_that_belongs_to_somebody_else_does_not_count(place, monkeypatch):
    place.write(place.project, '[models]\ndefault = "planted"')
    assert place.load().models.default == "planted"
    owner = place.project.stat().st_uid
    real = os.stat

    def stat(path, *more, **named):
        found = real(path, *more, **named)
        if os.fspath(path) == str(place.project / "llmspell.toml"):
            return os.stat_result((*found[:4], owner + 4321, *found[5:]))
        return found

    monkeypatch.setattr(config_files.os, "stat", stat)
    assert place.load().models.default == "local/smollm2:135m"
    assert place.load(cwd=place.project).models.default == "planted"


@pytest.mark.parametrize("by", ["--config", "LLMSPELL_CONFIG"])
def test_a_named_file_stands_for_the_projects(place, by):
    place.user("[agent]\nmax_tokens = 7")
    place.write(place.project, '[models]\ndefault = "of-project"')
    place.write(place.inside, '[models]\ndefault = "of-file"', "other.toml")
    how = {"file": "other.toml"} if by == "--config" else {"environ": {"LLMSPELL_CONFIG": "other.toml"}}
    settings = place.load(**how)
    assert (settings.models.default, settings.agent.max_tokens) == ("of-file", 7)
    assert settings.origin("models.default") == f"file other.toml ({by})"


def test_a_named_file_must_be_there(place):
    with pytest.raises(ConfigError, match=r"cannot read no\.toml \(--config\): there is no such file"):
        place.load(file="no.toml")
    with pytest.raises(ConfigError, match=r"\(LLMSPELL_CONFIG\): it is a folder"):
        place.load(environ={"LLMSPELL_CONFIG": str(place.project)})


@pytest.mark.parametrize(
    ("name", "text", "section", "key", "value"),
    [
        ("LLMSPELL_SANDBOX_MEMORY_MB", "64", "sandbox", "memory_mb", 64),
        ("LLMSPELL_SANDBOX_COMPUTE_SECONDS", "1.5", "sandbox", "compute_seconds", 1.5),
        ("LLMSPELL_AGENT_SYSTEM_PROMPT", "17", "agent", "system_prompt", "17"),
        ("LLMSPELL_AGENT_CONTEXT", "summarize", "agent", "context", "summarize"),
        ("LLMSPELL_TOOLS_RESULT_SHARE", "1", "tools", "result_share", 1.0),
        ("LLMSPELL_LOGS_DEBUG", "true", "logs", "debug", True),
        ("LLMSPELL_LOGS_VERBOSE", "1", "logs", "verbose", True),
        ("LLMSPELL_RUNS_TIMEOUT", "60", "runs", "timeout", 60.0),
    ],
)
def test_a_variable_is_read_as_the_type_of_its_key(place, name, text, section, key, value):
    found = getattr(getattr(place.load(environ={name: text}), section), key)
    assert found == value
    assert type(found) is type(value)


def test_an_empty_variable_counts_as_not_set(place):
    assert place.load(environ={"LLMSPELL_MODEL": "", "LLMSPELL_SANDBOX_MEMORY_MB": ""}) == Settings()


def test_the_name_of_a_provider_in_a_variable_may_have_underscores(place):
    place.write(place.project, '[providers.my-own_one]\ntype = "openai"')
    settings = place.load(environ={"LLMSPELL_PROVIDERS_MY_OWN_ONE_BASE_URL": "http://x"})
    assert settings.providers["my-own_one"] == {"type": "openai", "base_url": "http://x"}


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        (
            "LLMSPELL_SANDBOX_MEMORY_MB",
            "lots",
            'LLMSPELL_SANDBOX_MEMORY_MB must be a whole number of at least 8, not "lots"',
        ),
        ("LLMSPELL_SANDBOX_MEMORY_MB", "1", "LLMSPELL_SANDBOX_MEMORY_MB must be a whole number of at least 8"),
        ("LLMSPELL_AGENT_TIMEOUT", "inf", "LLMSPELL_AGENT_TIMEOUT must be a number above 0"),
        ("LLMSPELL_LOGS_DEBUG", "maybe", "LLMSPELL_LOGS_DEBUG must be true or false"),
        ("LLMSPELL_MODELS_ALIASES", "fast", 'LLMSPELL_MODELS_ALIASES: cannot read "fast"'),
        ("LLMSPELL_PROVIDERS", "x", "LLMSPELL_PROVIDERS can't be set as a whole"),
        ("LLMSPELL_PROVIDERS_X", "x", "LLMSPELL_PROVIDERS_X names no key"),
        ("LLMSPELL_PROVIDERS_OPENAI_API_KEY", "abc", "LLMSPELL_PROVIDERS_OPENAI_API_KEY: secrets don't belong"),
    ],
)
def test_a_wrong_variable_is_named(place, name, text, message):
    with pytest.raises(ConfigError) as caught:
        place.load(environ={name: text})
    assert caught.value.message.startswith(message)
    assert "abc" not in f"{caught.value} {caught.value.hint}"


def test_a_wrong_flag_is_a_usage_error(place):
    with pytest.raises(UsageError, match=r"^--timeout must be a number above 0, not -1"):
        place.load(flags={"runs.timeout": ("--timeout", -1)})


def test_no_toml_reader_is_imported_without_a_file_or_with_one_that_says_nothing(place, monkeypatch):
    for name in ("tomllib", "tomli"):
        monkeypatch.setitem(sys.modules, name, None)  # an import would raise
    assert place.load() == Settings()
    place.write(place.project, config_files.shipped())
    settings = place.load()
    assert (settings.models, settings.providers, len(settings.files)) == (Settings().models, {}, 1)
    place.write(place.project, "[models]\ndefault = 'x'")
    with pytest.raises(ImportError):
        place.load()


def test_a_working_directory_that_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(ConfigError, match="the working directory no longer exists"):
        load(environ={})
