"""uuid-generator."""

import re
import uuid

import pytest

from llmspell.errors import InvalidRequest


@pytest.fixture
def make(call):
    return lambda **arguments: call("uuid-generator", arguments)


def test_a_random_one(make):
    first, second = make(), make(operation="generate")
    assert first["uuid"] != second["uuid"]
    assert uuid.UUID(first["uuid"]).version == 4 and len(first["uuid"]) == 36
    assert first["version"] == "v4" and "uuids" not in first


@pytest.mark.parametrize(
    ("format", "pattern"),
    [
        ("standard", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("hyphenated", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
        ("simple", r"[0-9a-f]{32}"),
        ("urn", r"urn:uuid:[0-9a-f-]{36}"),
        ("braced", r"\{[0-9a-f-]{36}\}"),
    ],
)
def test_formats(make, format, pattern):
    assert re.fullmatch(pattern, make(format=format)["uuid"])


def test_several(make):
    made = make(count=20)
    assert len(set(made["uuids"])) == 20
    assert made["uuid"] == made["uuids"][0]


def test_version_1_tells_nothing_of_the_machine(make):
    nodes = {uuid.UUID(make(version="v1")["uuid"]).node for _ in range(3)}
    assert len(nodes) == 3
    assert all(node >> 40 & 1 for node in nodes)  # multicast: no network card has such an address
    assert uuid.UUID(make(version="v1")["uuid"]).version == 1


def test_those_made_from_a_name(make):
    # from RFC 9562, appendix A.2 and A.4
    example = {"namespace": "dns", "name": "www.example.com"}
    assert make(operation="deterministic", **example)["uuid"] == "2ed6657d-e927-568b-95e1-2665a8aea6a2"
    assert make(version="v3", **example)["uuid"] == "5df41881-3aed-3515-88a7-2f4a814cf09e"
    space = str(uuid.NAMESPACE_DNS)
    assert make(version="v5", namespace=space, name="www.example.com")["uuid"] == "2ed6657d-e927-568b-95e1-2665a8aea6a2"


def test_ids(make):
    assert re.fullmatch(r"tool_[0-9a-f]{8}", make(operation="component_id", prefix="tool", short=True)["id"])
    assert re.fullmatch(r"component_[0-9a-f-]{36}", make(operation="component_id")["id"])
    custom = make(operation="custom", prefix="order", suffix="eu", short=True, timestamp=True)["id"]
    assert re.fullmatch(r"order-\d{13}-[0-9a-f]{8}-eu", custom)
    assert re.fullmatch(r"[0-9a-f]{32}", make(operation="custom", format="simple")["id"])


def test_validate(make):
    known = "2ed6657d-e927-568b-95e1-2665a8aea6a2"
    for written in (known, known.upper(), f"{{{known}}}", f"urn:uuid:{known}", f" {known.replace('-', '')}\n"):
        assert make(operation="validate", uuid=written) == {"valid": True, "uuid": known, "version": "v5"}
    assert make(operation="validate", uuid="not-a-uuid") == {"valid": False}
    nil = "00000000-0000-0000-0000-000000000000"
    assert make(operation="validate", uuid=nil) == {"valid": True, "uuid": nil, "version": None}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"operation": "validate"}, "validate needs uuid"),
        ({"operation": "deterministic"}, "made from a name"),
        ({"version": "v5"}, "made from a name"),
        ({"version": "v5", "namespace": "nowhere", "name": "x"}, "namespace is 'nowhere'"),
    ],
)
def test_what_is_missing_or_wrong(make, arguments, message):
    with pytest.raises(InvalidRequest, match=message):
        make(**arguments)
