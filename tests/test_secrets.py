"""What is secret by its name or its value, and that no text shows it."""

import copy
import json
import os
import pickle
import subprocess
import sys
from urllib.parse import quote

import pytest

from llmspell.config.redaction import redacted
from llmspell.errors import LLMSpellError, ProviderError
from llmspell.secrets import HIDDEN, SecretText, is_known, names_a_secret, remember, remember_named, scrubbed

SECRET_NAMES = (
    "key", "api_key", "apiKey", "API-KEY", "x-api-key", "OPENAI_API_KEY", "OPENAI_API_KEY_2", "STRIPE_KEY_LIVE",
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "APIKEY", "MYAPIKEY", "DEPLOYKEY", "API_KEYS", "token", "HF_TOKEN",
    "GITHUBTOKEN", "access_tokens", "secret", "SECRET_KEY_BASE", "client_secret", "clientSecrets", "password",
    "PGPASSWORD", "MYSQL_PWD", "passwd", "passphrase", "credentials", "authorization", "Authorization",
    "Proxy-Authorization", "bearer",
)  # fmt: skip
OTHER_NAMES = (
    "api_key_env", "OPENAI_API_KEY_FILE", "key_path", "max_tokens", "maxTokens", "input_tokens", "tokens",
    "tokens_per_minute", "first_token_ms", "TOKENIZERS_PARALLELISM", "tokenizer", "token_count", "token_url",
    "monkey", "turkey", "hotkey", "KEYBOARD", "keyring", "keys", "keywords", "secretary", "PWD", "OLDPWD", "HOME",
    "PATH", "SSH_AUTH_SOCK", "name", "model",
)  # fmt: skip


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_names_of_secrets(name):
    assert names_a_secret(name)


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_names_of_other_things(name):
    assert not names_a_secret(name)


def test_a_secret_shows_itself_nowhere():
    secret = SecretText("planted-text-1")
    shown = f"{secret} {secret!r} {secret!s} {secret:>5} {[secret]} {secret.__dir__()}"
    assert "planted" not in shown
    assert secret.reveal() == "planted-text-1"
    assert copy.deepcopy([secret])[0] is secret
    assert copy.copy(secret) is secret
    assert secret == SecretText("planted-text-1")
    assert secret != SecretText("planted-text-2")
    assert secret != "planted-text-1"
    assert len({secret, SecretText("planted-text-1")}) == 1
    assert SecretText("x")
    assert not SecretText("")
    with pytest.raises(TypeError):
        pickle.dumps(secret)
    with pytest.raises(TypeError):
        json.dumps(secret)


def test_known_secrets_are_taken_out_of_texts_in_every_writing():
    SecretText('planted"with/signs+1')
    remember(["planted-inner", "planted-inner-and-more"])
    for written in ('planted"with/signs+1', json.dumps('planted"with/signs+1'), quote('planted"with/signs+1', safe="")):
        assert "planted" not in scrubbed(f"a {written} b")
    assert scrubbed("x planted-inner-and-more y planted-inner z") == "x *** y *** z"


def test_what_is_short_stays_since_it_stands_in_too_many_texts():
    SecretText("EMPTY")
    assert scrubbed("the answer is EMPTY") == "the answer is EMPTY"
    assert is_known(" EMPTY\n")
    assert not is_known("EMPT")
    SecretText("")
    assert not is_known("")


def test_plain_data_is_remembered_by_its_names():
    remember_named(
        {"headers": {"X-Api-Key": "planted-in-header", "Accept": "everything-else"}, "keys": ["planted-not"]}
    )
    assert scrubbed("planted-in-header everything-else planted-not") == "*** everything-else planted-not"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("key sk-abcdefgh12345678 used", "key *** used"),
        ("Authorization: Bearer abcdefgh.12345678", "Authorization: Bearer ***"),
        ("at https://me:word@box/x", "at https://***@box/x"),
        ("hf_hub_download_of_files", "hf_hub_download_of_files"),
    ],
)
def test_shapes(text, left):
    assert scrubbed(text) == left


def test_errors_are_freed_of_secrets_when_they_are_made():
    SecretText("planted-in-error")
    error = ProviderError("refused planted-in-error", hint="take planted-in-error away", provider="x")
    assert "planted" not in f"{error} {error!r} {error.message} {error.hint} {error.args} {error.plain()}"
    assert LLMSpellError("fine").hint is None


def test_plain_data_is_redacted():
    SecretText("planted-in-data")
    data = {"password": "x", "list": ["a planted-in-data b", {"token": "t"}], "n": 5, "none": None, "empty": ""}
    assert redacted(data) == {
        "password": HIDDEN, "list": ["a *** b", {"token": HIDDEN}], "n": 5, "none": None, "empty": "",
    }  # fmt: skip


def test_variables_of_the_environment_count_by_their_names():
    code = "from llmspell.secrets import scrubbed; print(scrubbed('planted-token planted-colour'))"
    env = {**os.environ, "SHOP_TOKEN": "planted-token", "COLOUR": "planted-colour"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    assert done.stdout == "*** planted-colour\n"
