"""hash-calculator."""

import os

import pytest

from llmspell.errors import InvalidRequest, SandboxError, ToolError


@pytest.fixture
def compute(call):
    return lambda **arguments: call("hash-calculator", arguments)


@pytest.mark.parametrize(
    ("algorithm", "hash"),
    [
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "sha512",
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
            "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        ),
    ],
)
def test_the_hashes_of_abc(compute, algorithm, hash):
    assert compute(operation="hash", algorithm=algorithm, input="abc") == {"hash": hash, "algorithm": algorithm}
    assert compute(operation="verify", algorithm=algorithm, input="abc", expected_hash=hash.upper())["valid"] is True
    assert compute(operation="verify", algorithm=algorithm, input="abd", expected_hash=hash)["valid"] is False


def test_as_base64(compute):
    hash = "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="
    assert compute(input="abc", format="base64") == {"hash": hash, "algorithm": "sha256"}
    assert compute(operation="verify", input="abc", format="base64", expected_hash=hash)["valid"] is True
    assert compute(operation="verify", input="abc", format="base64", expected_hash=hash.lower())["valid"] is False


def test_the_empty_text_has_one_too(compute):
    assert compute(input="")["hash"].startswith("e3b0c442")


def test_bytes_of_lua_are_hashed_as_they_are(compute):
    assert compute(input=b"\xff".decode("utf-8", "surrogateescape"))["hash"].startswith("a8100ae6aa1940d0b663bb31cd")
    assert len(compute(input="\ud800")["hash"]) == 64


def test_a_file(compute, tmp_path):
    (tmp_path / "big.bin").write_bytes(b"abc" * 1_000_000)
    by_path = compute(input_type="file", file=str(tmp_path / "big.bin"))
    assert by_path == compute(input="abc" * 1_000_000) == compute(file=str(tmp_path / "big.bin"))


def test_files_that_it_may_not_or_can_not_read(compute, tmp_path):
    with pytest.raises(SandboxError):
        compute(input_type="file", file="/etc/hostname")
    with pytest.raises(ToolError, match="no such file"):
        compute(input_type="file", file=str(tmp_path / "nothing"))
    with pytest.raises(ToolError, match="not a file"):
        compute(input_type="file", file=str(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ToolError, match="not a file"):
        compute(input_type="file", file=str(tmp_path / "pipe"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({}, "nothing to hash"), ({"operation": "verify", "input": "abc"}, "verify needs expected_hash")],
)
def test_what_is_missing(compute, arguments, message):
    with pytest.raises(InvalidRequest, match=message):
        compute(**arguments)
