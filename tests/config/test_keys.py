"""Where the key of a provider comes from, and how keys are kept."""

import json
import multiprocessing
import os
import stat

import pytest

from llmspell import ProviderSettings
from llmspell.config import keyring as system_keyring
from llmspell.config.key_store import KeyStore
from llmspell.config.keys import find, origin_of
from llmspell.errors import AuthError, ConfigError, StorageError
from llmspell.keys import SecretText, key_for, no_key


@pytest.fixture
def warnings():
    return []


@pytest.fixture
def store(tmp_path, warnings):
    return KeyStore(str(tmp_path / "config" / "keys.json"), warn=warnings.append)


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# ── which one ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_environment_comes_before_the_file(store):
    store.set("openai", "from-file")
    key = find("openai", ("OPENAI_API_KEY",), environ={"OPENAI_API_KEY": " from-env\n"}, store=store)
    assert (key.value.reveal(), key.origin, key.named) == ("from-env", "environment OPENAI_API_KEY", False)
    assert origin_of("openai") == "environment OPENAI_API_KEY"
    key = find("openai", ("OPENAI_API_KEY",), environ={"OPENAI_API_KEY": " "}, store=store)
    assert (key.value.reveal(), key.origin, key.named) == ("from-file", f"file {store.path}", True)
    assert origin_of("openai") == f"file {store.path}"
    store.remove("openai")
    assert find("openai", ("OPENAI_API_KEY",), environ={}, store=store) is None
    assert origin_of("openai") is None


def test_the_variable_that_the_configuration_names_takes_the_place_of_the_usual_ones(store):
    environ = {"FIRST": "one", "SECOND": "two", "MINE": "three"}
    assert find("x", ("NONE", "SECOND", "FIRST"), environ=environ, store=store).value.reveal() == "two"
    key = find("x", ("FIRST",), "MINE", environ=environ, store=store)
    assert (key.value.reveal(), key.named) == ("three", True)
    assert find("x", ("FIRST",), "UNSET", environ=environ, store=store) is None, "a key for another server"


@pytest.mark.parametrize("text", ["planted key", "planted\x00key", "plántedkey", "planted\nkey: x"])
def test_what_can_be_no_key_is_refused_and_not_repeated(store, text):
    with pytest.raises(ConfigError) as refused:
        find("x", ("KEY_OF_X",), environ={"KEY_OF_X": text}, store=store)
    assert "KEY_OF_X" in refused.value.message
    assert "planted" not in refused.value.message + refused.value.hint
    store.set("x", text)
    with pytest.raises(ConfigError, match="the key that is kept for x") as refused:
        find("x", environ={}, store=store)
    assert "planted" not in refused.value.message + refused.value.hint


def test_a_plugin_asks_by_the_name_of_its_instance(monkeypatch, tmp_path):
    monkeypatch.setenv("LLMSPELL_HOME", str(tmp_path))
    monkeypatch.setenv("USUAL", "usual-key")
    monkeypatch.setenv("OFFICE", "office-key")
    settings = ProviderSettings("office", {"api_key_env": "OFFICE"})
    assert key_for(settings.name, "USUAL", settings=settings).value == SecretText("office-key")
    assert key_for("other", "USUAL", settings={}).value == SecretText("usual-key")
    assert key_for("other", settings={}) is None
    with pytest.raises(ConfigError, match=r"\[providers.office\] api_key_env"):
        key_for("office", settings={"api_key_env": " "})


def test_what_is_said_where_there_is_no_key():
    error = no_key("openai", "OPENAI_API_KEY", settings={})
    assert isinstance(error, AuthError)
    assert error.message == "there is no key for openai: OPENAI_API_KEY is not set, and `llmspell keys list` has none"
    assert error.hint == "set OPENAI_API_KEY, or run `llmspell keys set openai`"
    assert "MINE is not set" in no_key("a", "USUAL", settings={"api_key_env": "MINE"}).message
    assert no_key("box", settings={}).hint == "name its variable by `api_key_env`, or run `llmspell keys set box`"


# ── the file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_file_is_for_its_owner_alone(store, warnings):
    mask = os.umask(0)
    try:
        store.set("openai", "one")
    finally:
        os.umask(mask)
    assert mode(store.path) == 0o600
    assert mode(os.path.dirname(store.path)) == 0o700
    store.set("groq", "two")
    assert mode(store.path) == 0o600
    assert store.names() == {"groq": f"file {store.path}", "openai": f"file {store.path}"}
    assert store.remove("openai")
    assert not store.remove("openai")
    assert store.get("openai") is None
    assert store.get("groq").text == "two"
    assert sorted(os.listdir(os.path.dirname(store.path))) == ["keys.json", "keys.json.lock"]
    assert warnings == []


def test_rights_of_others_are_taken_away_and_said(store, warnings):
    store.set("openai", "planted-key")
    os.chmod(store.path, 0o644)
    assert store.get("openai").text == "planted-key"
    assert mode(store.path) == 0o600
    (warning,) = warnings
    assert "others could read the keys" in warning
    assert "644" in warning
    assert "planted" not in warning
    store.get("openai")
    assert len(warnings) == 1, "it is said once"


def test_rights_that_cannot_be_taken_away_make_the_file_unusable(store, monkeypatch):
    store.set("openai", "planted-key")
    os.chmod(store.path, 0o604)

    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "fchmod", refuse)
    with pytest.raises(ConfigError, match="others can read the keys") as refused:
        store.get("openai")
    assert refused.value.hint.startswith("chmod 600")


def test_a_file_of_somebody_else_is_not_used(store, monkeypatch):
    store.set("openai", "planted-key")
    owner = os.stat(store.path).st_uid
    if owner == 0:
        os.chown(store.path, 12345, -1)
    else:
        monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    with pytest.raises(ConfigError, match="belongs to somebody else"):
        store.get("openai")


@pytest.mark.parametrize("content", ["{", '{"openai": "planted-key"}', '["planted-key"]', "\ud800"])
def test_a_damaged_file_is_named_and_not_shown(store, content):
    store.set("openai", "x")
    with open(store.path, "w", encoding="utf-8", errors="surrogatepass") as file:
        file.write(content)
    for work in (lambda: store.get("openai"), lambda: store.set("groq", "y"), store.names):
        with pytest.raises(ConfigError, match="damaged") as error:
            work()
        assert store.path in error.value.message
        assert "planted" not in error.value.message
        assert error.value.__context__ is None or error.value.__suppress_context__
    with open(store.path, encoding="utf-8", errors="surrogatepass") as file:
        assert file.read() == content, "nothing was overwritten"


def test_a_link_to_the_file_stays_one(store, tmp_path):
    real = tmp_path / "elsewhere.json"
    real.write_text("{}")
    real.chmod(0o600)
    os.makedirs(os.path.dirname(store.path))
    os.symlink(real, store.path)
    store.set("openai", "one")
    assert os.path.islink(store.path)
    assert json.loads(real.read_text()) == {"openai": {"key": "one"}}


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "config").write_text("a file")
    with pytest.raises(StorageError, match="cannot write the keys"):
        KeyStore(str(tmp_path / "config" / "keys.json")).set("openai", "x")


def test_what_a_crash_left_is_in_nobodys_way(store):
    store.set("openai", "one")
    with open(f"{store.path}.part", "w") as left:
        left.write('{"openai": {"key": "ha')
    assert store.get("openai").text == "one"
    store.set("groq", "two")
    assert sorted(store.names()) == ["groq", "openai"]
    assert not os.path.exists(f"{store.path}.part")


def set_some(path, worker):
    store = KeyStore(path)
    for number in range(10):
        store.set(f"p{worker}-{number}", f"key-{worker}-{number}")


def test_processes_that_set_keys_at_once_lose_none(store):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=set_some, args=(store.path, worker)) for worker in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert len(store.names()) == 30
    assert store.get("p2-9").text == "key-2-9"


# ── the keyring of the system ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ring(tmp_path, monkeypatch):
    """A backend of `keyring` that is one file of this test."""
    keyring = pytest.importorskip("keyring")
    alternatives = pytest.importorskip("keyrings.alt.file")
    backend = alternatives.PlaintextKeyring()
    backend.file_path = str(tmp_path / "ring")
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    yield keyring
    keyring.set_keyring(before)


def test_a_key_in_the_keyring_is_not_in_the_file(store, ring):
    assert store.set("openai", "planted-key", in_keyring=True) == system_keyring.ORIGIN
    with open(store.path, encoding="utf-8") as file:
        assert json.load(file) == {"openai": {"keyring": True}}
    assert ring.get_password("llmspell", "openai") == "planted-key"
    assert find("openai", environ={}, store=store).origin == "system keyring"
    assert store.names() == {"openai": "system keyring"}
    store.set("openai", "now-in-the-file")
    assert ring.get_password("llmspell", "openai") is None, "the old one is not left behind"
    store.set("groq", "x", in_keyring=True)
    ring.delete_password("llmspell", "groq")
    assert store.get("groq") is None
    assert store.remove("groq"), "it is gone from the keyring already"


def test_a_keyring_that_fails_says_so_without_the_key(store, ring, monkeypatch):
    def fail(service, name, text):
        raise RuntimeError(f"no room for {text}")

    monkeypatch.setattr(ring, "set_password", fail)
    with pytest.raises(ConfigError, match=r"cannot write the system's keyring \(RuntimeError\)") as error:
        store.set("openai", "planted-key", in_keyring=True)
    assert error.value.__suppress_context__
    assert store.names() == {}


def test_no_package_for_the_keyring(store, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "keyring", None)
    with pytest.raises(ConfigError, match="needs a package") as error:
        store.set("openai", "planted-key", in_keyring=True)
    assert "llmspell[keyring]" in error.value.hint
