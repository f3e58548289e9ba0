"""base64-encoder."""

import pytest

from llmspell.errors import InvalidRequest, SandboxError, ToolError


@pytest.fixture
def convert(call):
    return lambda operation, **arguments: call("base64-encoder", {"operation": operation, **arguments})


@pytest.mark.parametrize(
    ("text", "encoded"),
    [
        ("", ""),
        ("f", "Zg=="),
        ("foobar", "Zm9vYmFy"),
        ("Hello, LLMSpell!", "SGVsbG8sIExMTVNwZWxsIQ=="),
        ("é€", "w6nigqw="),
    ],
)
def test_both_ways(convert, text, encoded):
    assert convert("encode", input=text) == {"output": encoded}
    assert convert("decode", input=encoded) == {"output": text}


def test_the_url_safe_alphabet(convert):
    assert convert("encode", input="???>>>", variant="url-safe") == {"output": "Pz8_Pj4-"}
    assert convert("encode", input="???>>>") == {"output": "Pz8/Pj4+"}
    assert convert("decode", input="Pz8_Pj4-", variant="url-safe") == {"output": "???>>>"}


def test_white_space_and_missing_padding_are_no_errors(convert):
    assert convert("decode", input=" Zm9v\nYg ") == {"output": "foob"}


def test_bytes_are_written_as_hexadecimal(convert):
    assert convert("encode", input="ff 00", binary_input=True) == {"output": "/wA="}
    assert convert("decode", input="/wA=") == {"output": "ff00", "encoding": "hex", "bytes": 2}


def test_files(convert, tmp_path):
    (tmp_path / "in.bin").write_bytes(b"\xff\x00")
    there, back = str(tmp_path / "out.txt"), str(tmp_path / "back.bin")
    assert convert("encode", input_file=str(tmp_path / "in.bin"), output_file=there) == {
        "output_file": there,
        "bytes": 4,
    }
    assert convert("decode", input_file=there, output_file=back) == {"output_file": back, "bytes": 2}
    assert (tmp_path / "back.bin").read_bytes() == b"\xff\x00"


def test_files_that_it_may_not_or_can_not_use(convert, tmp_path):
    with pytest.raises(SandboxError):
        convert("encode", input_file="/etc/hostname")
    with pytest.raises(SandboxError):
        convert("encode", input="x", output_file="/tmp/elsewhere.txt")
    with pytest.raises(ToolError, match="no such file"):
        convert("encode", input_file=str(tmp_path / "nothing"))
    with pytest.raises(ToolError, match="cannot write"):
        convert("encode", input="x", output_file=str(tmp_path))
    with (tmp_path / "big").open("wb") as file:
        file.truncate(20_000_001)
    with pytest.raises(ToolError, match="more than 20,000,000 bytes"):
        convert("encode", input_file=str(tmp_path / "big"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input": "Zm9v!"}, "not base64"),
        ({"input": "Zm9vY"}, "not base64"),
        ({"input": "Z=9v"}, "not base64"),
        ({"input": "é"}, "not base64"),
        ({}, "nothing to convert"),
    ],
)
def test_what_is_no_base64(convert, arguments, message):
    with pytest.raises(InvalidRequest, match=message):
        convert("decode", **arguments)


def test_the_other_alphabet_is_told(convert):
    with pytest.raises(InvalidRequest) as caught:
        convert("decode", input="Pz8_Pj4-")
    assert 'variant = "url-safe"' in caught.value.hint


def test_what_is_no_hexadecimal(convert):
    with pytest.raises(InvalidRequest, match="not hexadecimal"):
        convert("encode", input="xyz", binary_input=True)


def test_ten_megabytes(convert):
    assert len(convert("encode", input="x" * 10_000_000)["output"]) == 13_333_336
