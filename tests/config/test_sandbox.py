"""What is granted: files, variables and programs. What a script sees of it is in tests/lua/test_files.py."""

import os
import sys

import pytest

from llmspell.config import load
from llmspell.config.sandbox import Grants
from llmspell.errors import InvalidRequest, SandboxError


@pytest.fixture
def place(tmp_path):
    """A granted folder beside one that isn't, with links from one to the other."""
    for name in ("inside", "inside/deep", "outside"):
        (tmp_path / name).mkdir()
    (tmp_path / "inside" / "file").write_text("x")
    (tmp_path / "outside" / "file").write_text("secret")
    (tmp_path / "inside" / "away").symlink_to(tmp_path / "outside")
    (tmp_path / "inside" / "here").symlink_to(tmp_path / "inside" / "file")
    return tmp_path


def test_nothing_is_granted_without_arguments(place):
    nothing = Grants()
    for ask in (nothing.readable, nothing.writable, nothing.removable):
        with pytest.raises(SandboxError):
            ask(str(place / "inside" / "file"))
    with pytest.raises(SandboxError):
        nothing.variable("HOME")
    with pytest.raises(SandboxError):
        nothing.host("https://example.org")
    with pytest.raises(SandboxError):
        nothing.program("ls")
    assert nothing.variables() == {}


def test_a_path_is_asked_for_where_its_links_lead(place):
    grants = Grants(read=[str(place / "inside")])
    assert grants.readable(str(place / "inside" / "here")) == str(place / "inside" / "file")
    for path in (
        "inside/away/file",
        "inside/../outside/file",
        "inside/deep/../../outside",
        "insidefile",
        "inside/away/new",
    ):
        with pytest.raises(SandboxError):
            grants.readable(str(place / path))
    with pytest.raises(SandboxError):
        grants.writable(str(place / "inside" / "file"))
    with pytest.raises(InvalidRequest, match="invalid file name"):
        grants.readable("a\0b")


def test_a_link_is_removed_itself_and_only_where_its_target_is_granted(place):
    grants = Grants(write=[str(place / "inside")])
    assert grants.removable(str(place / "inside" / "here")) == str(place / "inside" / "here")
    with pytest.raises(SandboxError):
        grants.removable(str(place / "inside" / "away"))
    with pytest.raises(SandboxError):
        grants.removable(str(place / "inside" / "away") + "/")


def test_a_granted_folder_is_not_removed_nor_one_that_holds_it(place):
    grants = Grants(write=[str(place / "inside"), str(place / "inside" / "deep" / "more")])
    for path in ("inside", "inside/deep/..", "inside/deep", "inside/deep/more", "inside/"):
        with pytest.raises(SandboxError, match="can't be removed"):
            grants.removable(str(place / path))
    assert grants.removable(str(place / "inside" / "file")) == str(place / "inside" / "file")


def test_the_folder_of_the_script_is_read_and_the_working_directory_written(place, monkeypatch):
    monkeypatch.chdir(place / "inside")
    grants = Grants.of(load(), str(place / "outside"))
    assert grants.readable(str(place / "outside" / "file"))
    assert grants.writable("new") == str(place / "inside" / "new")
    with pytest.raises(SandboxError):
        grants.writable(str(place / "outside" / "file"))
    with pytest.raises(SandboxError):
        Grants.of(load()).readable(str(place / "outside" / "file"))


def test_variables_are_shown_by_name_and_keys_never(monkeypatch):
    for name in ("SHOWN_ONE", "SHOWN_TWO", "SHOWN_API_KEY", "HIDDEN"):
        monkeypatch.setenv(name, name.lower())
    grants = Grants(env=["SHOWN_*", "UNSET"])
    assert grants.variables() == {"SHOWN_ONE": "shown_one", "SHOWN_TWO": "shown_two"}
    assert grants.variable("SHOWN_ONE") == "shown_one"
    assert grants.variable("UNSET") is None
    with pytest.raises(SandboxError) as denied:
        grants.variable("HIDDEN")
    assert denied.value.hint == ('add "HIDDEN" to `[sandbox] env` in llmspell.toml, or run with --allow-env HIDDEN')
    with pytest.raises(SandboxError, match="never shown") as denied:
        grants.variable("SHOWN_API_KEY")
    assert denied.value.hint is None, "no line of llmspell.toml would help"


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Write an executable file in a folder of the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f".{os.pathsep}{folder}")
    path = folder / "hello"
    path.write_text("#!/bin/sh\necho hello\n")
    path.chmod(0o755)
    return path


def test_a_program_is_granted_by_name_or_by_path(program, tmp_path, monkeypatch):
    assert Grants(programs=["hello"]).program("hello") == str(program)
    assert Grants(programs=["hello"]).program(str(program)) == str(program)
    assert Grants(programs=[str(program)]).program(str(program)) == str(program)
    monkeypatch.chdir(tmp_path)
    assert Grants(programs=[str(program)]).program("bin/hello") == str(program)
    (tmp_path / "link").symlink_to(program)
    assert Grants(programs=["hello"]).program(str(tmp_path / "link")) == str(program)


def test_what_only_looks_like_a_granted_program_is_denied(program, tmp_path, monkeypatch):
    work = tmp_path / "work"
    work.mkdir()
    (work / "hello").write_text("#!/bin/sh\necho fake\n")
    (work / "hello").chmod(0o755)
    monkeypatch.chdir(work)
    grants = Grants(programs=["hello"])
    assert grants.program("hello") == str(program), "the relative entry of the PATH is passed over"
    for name in ("./hello", str(work / "hello"), "hello2", "", "h*", "sh"):
        with pytest.raises(SandboxError) as denied:
            grants.program(name)
    assert denied.value.hint == 'add "sh" to `[sandbox] programs` in llmspell.toml, or run with --allow-program sh'
    with pytest.raises(SandboxError, match="no such program on the PATH"):
        Grants(programs=["not-installed"]).program("not-installed")


def test_a_program_keeps_the_name_by_which_it_was_granted(tmp_path, monkeypatch):
    """One that is a link may look at what it is called as, as the python of a virtual environment does."""
    (tmp_path / "python").symlink_to(sys.executable)
    assert Grants(programs=[str(tmp_path / "python")]).program(str(tmp_path / "python")) == str(tmp_path / "python")


def test_relative_programs_count_from_the_file_that_names_them(tmp_path):
    (tmp_path / "llmspell.toml").write_text('[sandbox]\nprograms = ["git", "bin/tool", "/bin/x"]\n')
    settings = load(environ={"LLMSPELL_HOME": str(tmp_path / "home")}, cwd=str(tmp_path))
    assert settings.sandbox.programs == ["git", str(tmp_path / "bin" / "tool"), "/bin/x"]


def test_a_variable_that_a_provider_takes_its_key_from_is_never_shown(tmp_path, monkeypatch):
    """Whatever it is called: the configuration says what it holds."""
    given = '[providers.office]\napi_key_env = "MY_OFFICE"\n[sandbox]\nenv = ["MY_*"]\n'
    (tmp_path / "llmspell.toml").write_text(given)
    monkeypatch.setenv("MY_OFFICE", "k3y")
    monkeypatch.setenv("MY_COLOUR", "green")
    monkeypatch.chdir(tmp_path)
    grants = Grants.of(load(cwd=str(tmp_path)))
    assert grants.variable("MY_COLOUR") == "green"
    with pytest.raises(SandboxError, match="never shown"):
        grants.variable("MY_OFFICE")
    assert grants.variables() == {"MY_COLOUR": "green"}
