"""What may be shown of the settings."""

from llmspell.config import Settings
from llmspell.config.schema import Models, Sandbox, Sections


def test_public_holds_every_section_as_plain_tables():
    public = Settings(models=Models(aliases={"a": "b"}), sandbox=Sandbox(read=["/x"])).public()
    assert set(public) == set(Sections.__struct_fields__)
    assert public["models"] == {
        "default": "local/smollm2:135m",
        "embedding": None,
        "aliases": {"a": "b"},
        "remap": {},
        "prices": {},
    }
    assert public["sandbox"]["read"] == ["/x"]


def test_what_looks_like_a_secret_is_hidden_wherever_it_stands():
    table = {
        "api_key_env": "OPENAI_API_KEY",
        "max_tokens": 5,
        "monkey": "see",
        "api_key": "abc",
        "headers": {"Authorization": "Bearer abcdefghijk", "X-Trace": "sk-abcdefghijk", "Accept": "text"},
        "base_url": "https://user:pass@host/v1",
        "fallbacks": ["http://a:b@c/", "plain"],
    }
    assert Settings(providers={"x": table}).public()["providers"]["x"] == {
        "api_key_env": "OPENAI_API_KEY",
        "max_tokens": 5,
        "monkey": "see",
        "api_key": "***",
        "headers": {"Authorization": "***", "X-Trace": "***", "Accept": "text"},
        "base_url": "https://***@host/v1",
        "fallbacks": ["http://***@c/", "plain"],
    }
