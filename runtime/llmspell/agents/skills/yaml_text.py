"""YAML as skills may write it: the plain data of YAML 1.2's core schema, and nothing that grows while it is read."""

from __future__ import annotations

import re
from typing import Any

import yaml

MOST_CHARACTERS = 64 * 1024
"""A prompt or the head of a skill is shorter; PyYAML reads this much in about a second."""


class YamlFault(Exception):
    """A text can't be read as YAML; says why and where."""


class _Texts(yaml.SafeLoader):  # type: ignore[misc]  # the package has no types
    """Takes every scalar for text. Refuses aliases, by which a few lines become gigabytes, and keys that come twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the base class has it
    yaml_constructors = {  # noqa: RUF012 - without dates, sets and bytes, which JSON has not
        tag: make
        for tag, make in yaml.SafeLoader.yaml_constructors.items()
        if tag is None or tag.rpartition(":")[2] in ("str", "map", "seq", "null", "bool")
    }

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.YAMLError(f"line {event.start_mark.line + 1}: an alias (*{event.anchor}) is not allowed here")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str":
                raise yaml.YAMLError(f"line {key.start_mark.line + 1}: a key must be a text")
            if key.value in seen:
                raise yaml.YAMLError(f"line {key.start_mark.line + 1}: the key '{key.value}' comes twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


class _Data(_Texts):
    """Takes scalars for what YAML 1.2 does: ``no`` and ``on`` are texts, and so is a date."""


# The core schema: https://yaml.org/spec/1.2.2/#103-core-schema
for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ("~", "n", "N", "")),
    ("bool", r"true|True|TRUE|false|False|FALSE", tuple("tTfF")),
    ("int", r"[-+]?[0-9]{1,30}", tuple("-+0123456789")),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", tuple("-+.0123456789")),
):
    _Data.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"^(?:{_pattern})$"), list(_first))


def _integer(loader: yaml.SafeLoader, node: Any) -> int:
    return int(loader.construct_scalar(node))


def _float(loader: yaml.SafeLoader, node: Any) -> float:
    return float(loader.construct_scalar(node))


_Data.add_constructor("tag:yaml.org,2002:int", _integer)
_Data.add_constructor("tag:yaml.org,2002:float", _float)


def read_data(text: str) -> dict[str, Any]:
    """The mapping that a text is, with numbers and booleans in it; raises as `read_texts` does."""
    return _read(text, _Data)


def read_texts(text: str) -> dict[str, Any]:
    """The mapping that a text is, all of whose scalars are texts.

    Raises:
        YamlFault: it is no YAML, no mapping, too long, nested too deeply, or has an alias or a key that comes twice.
    """
    return _read(text, _Texts)


def _read(text: str, loader: type[_Texts]) -> dict[str, Any]:
    if len(text) > MOST_CHARACTERS:
        raise YamlFault(f"it has {len(text):,} characters of YAML; {MOST_CHARACTERS:,} are the most")
    try:
        value = yaml.load(text, loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f"line {mark.line + 1}: " if mark else ""
        raise YamlFault(where + " ".join(filter(None, (error.context, error.problem)))) from None
    except RecursionError:
        raise YamlFault("it is nested too deeply") from None
    except (yaml.YAMLError, ValueError) as error:
        raise YamlFault(" ".join(str(error).split())) from None
    if not isinstance(value, dict):
        raise YamlFault("it is no mapping of keys to values")
    return value
