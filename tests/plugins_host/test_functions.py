"""Functions as tools."""

from __future__ import annotations

import asyncio
import dataclasses
import enum
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypedDict  # noqa: F401 - in annotations that are text

import jsonschema_rs
import msgspec
import pytest

import llmspell
from llmspell.errors import InvalidRequest
from llmspell.plugins.validation import fault

if TYPE_CHECKING:
    from llmspell import ToolContext


class Unit(enum.Enum):
    CELSIUS = "celsius"
    FAHRENHEIT = "fahrenheit"


@dataclasses.dataclass
class Place:
    city: str
    country: str = "IT"


class Range(TypedDict, total=False):
    low: float
    high: float


class Tree(msgspec.Struct):
    title: str
    children: list[Tree] = []


class Opaque:
    pass


@llmspell.tool(
    name="get-weather",
    category="web",
    tags=["outside"],
    parallel=True,
    timeout=5,
    examples=[("Is it cold in Rome?", {"city": "Rome"})],
)
def weather(city: str, days: int = 3, unit: Literal["celsius", "fahrenheit"] | None = None) -> dict[str, Any]:
    """Say how warm it is
    in a city.

    This paragraph is for those who read the code.

    Args:
        city (str): Name of the city,
            without its country.
        days: How many days: at most a week.

    Returns:
        nothing: of this is a parameter.
    """
    return {"city": city, "days": days, "unit": unit}


def test_the_fields_come_from_the_function():
    assert dataclasses.replace(weather, run=None) == llmspell.Tool(
        name="get-weather",
        description="Say how warm it is in a city.",
        parameters={
            "type": "object",
            "properties": {
                "city": {"type": "string", "description": "Name of the city, without its country."},
                "days": {"type": "integer", "default": 3, "description": "How many days: at most a week."},
                "unit": {"enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city"],
            "additionalProperties": False,
        },
        run=None,
        examples=(("Is it cold in Rome?", {"city": "Rome"}),),
        category="web",
        tags=("outside",),
        parallel=True,
        timeout=5,
    )
    assert fault(weather) is None


def test_it_runs_with_defaults_filled_in():
    assert weather.run({"city": "Rome"}, None) == {"city": "Rome", "days": 3, "unit": None}
    assert weather.run({"city": "Rome", "unit": "celsius", "days": 1}, None)["unit"] == "celsius"


def test_without_arguments_of_its_own_the_decorator_takes_the_functions_name():
    @llmspell.tool
    def say_hello() -> str:
        """Say hello."""
        return "hello"

    assert (say_hello.name, say_hello.parameters["properties"], say_hello.run({}, None)) == ("say_hello", {}, "hello")


SCHEMAS = {
    "str": ("text", {"type": "string"}),
    "float": (1.5, {"type": "number"}),
    "bool": (True, {"type": "boolean"}),
    "Any": ([None], {}),
    "list[int]": ([1, 2], {"type": "array", "items": {"type": "integer"}}),
    "dict[str, float]": ({"x": 1.0}, {"type": "object", "additionalProperties": {"type": "number"}}),
    "int | str": ("x", {"anyOf": [{"type": "integer"}, {"type": "string"}]}),
    "str | None": (None, {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    "Annotated[int, msgspec.Meta(ge=1, le=9)]": (9, {"type": "integer", "minimum": 1, "maximum": 9}),
}


@pytest.mark.parametrize("annotation", SCHEMAS)
def test_types(annotation):
    value, schema = SCHEMAS[annotation]

    def give(x):
        """Give it back."""
        return x

    give.__annotations__ = {"x": annotation}
    made = llmspell.tool(give)
    assert made.parameters["properties"] == {"x": schema}
    assert made.run({"x": value}, None) == value


@pytest.mark.parametrize("annotation", ["str | None", "Literal['a', 'b'] | None", "int | str | None"])
def test_what_may_be_left_out_need_not_be_null_too(annotation):
    def give(x=None):
        """Give it back."""
        return x

    give.__annotations__ = {"x": annotation}
    made = llmspell.tool(give)
    assert "null" not in str(made.parameters) and "None" not in str(made.parameters)
    assert made.run({}, None) is made.run({"x": None}, None) is None


def test_values_of_classes_arrive_as_such_and_leave_as_plain_ones():
    @llmspell.tool
    def describe(place: Place, unit: Unit, range: Range, more: list[Place]) -> Any:
        """Describe a place."""
        assert isinstance(place, Place) and unit is Unit.CELSIUS
        return {"place": place, "unit": unit, "range": range, "more": more}

    place = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "country": {"type": "string", "default": "IT"}},
        "required": ["city"],
        "additionalProperties": False,
    }
    bounds = {
        "type": "object",
        "properties": {"low": {"type": "number"}, "high": {"type": "number"}},
        "required": [],
        "additionalProperties": False,
    }
    assert describe.parameters["properties"] == {
        "place": place,
        "unit": {"enum": ["celsius", "fahrenheit"]},
        "range": bounds,
        "more": {"type": "array", "items": place},
    }
    arguments = {"place": {"city": "Rome", "country": "IT"}, "unit": "celsius", "range": {"low": 1}, "more": []}
    assert describe.run(arguments, None) == {
        "place": {"city": "Rome", "country": "IT"},
        "unit": "celsius",
        "range": {"low": 1.0},
        "more": [],
    }


def test_a_type_may_refer_to_itself():
    @llmspell.tool
    def width(tree: Tree) -> int:
        """Measure a tree."""
        return len(tree.children)

    assert width.parameters["properties"]["tree"]["properties"]["children"]["items"] == {"$ref": "#/$defs/Tree"}
    assert width.parameters["$defs"]["Tree"]["properties"]["title"] == {"type": "string"}
    jsonschema_rs.validator_for(width.parameters).validate({"tree": {"title": "a", "children": [{"title": "b"}]}})
    assert width.run({"tree": {"title": "a", "children": [{"title": "b"}]}}) == 1


def test_an_underscore_at_the_end_keeps_a_name_apart_from_pythons_words():
    @llmspell.tool(examples=[("From Rome", {"from": "Rome"})])
    def travel(from_: str) -> str:
        """Travel.

        Args:
            from_: Where it begins.
        """
        return from_

    assert travel.parameters["properties"] == {"from": {"type": "string", "description": "Where it begins."}}
    assert travel.run({"from": "Rome"}, None) == "Rome"


def test_the_context_is_handed_in_and_no_parameter():
    @llmspell.tool
    def see(name: str, around: ToolContext) -> Any:
        """See."""
        return [name, around]

    @llmspell.tool
    def look(around: llmspell.ToolContext) -> Any:
        """Look."""
        return around

    assert list(see.parameters["properties"]) == ["name"]
    assert see.run({"name": "x"}, "the context") == ["x", "the context"]
    assert look.run({}, "the context") == "the context"


def test_a_coroutine_function_is_awaited():
    @llmspell.tool
    async def wait(place: Place) -> Place:
        """Wait."""
        await asyncio.sleep(0)
        return place

    assert asyncio.iscoroutinefunction(wait.run)
    assert asyncio.run(wait.run({"place": {"city": "Rome", "country": "IT"}}, None))["country"] == "IT"


@pytest.mark.parametrize("arguments", [{}, {"city": 1}, {"city": "Rome", "town": "x"}, {"city": "Rome", "unit": "k"}])
def test_arguments_that_break_the_schema_are_an_invalid_request(arguments):
    with pytest.raises(InvalidRequest, match="get-weather: "):
        weather.run(arguments, None)


def undocumented(x: int):
    pass


def no_annotation(x: int, y):
    """Work."""


def stars(*words: str):
    """Work."""


def named_stars(**words: str):
    """Work."""


def positional(x: int, /):
    """Work."""


def unreadable(x: Nowhere):  # noqa: F821
    """Work."""


def unknown_class(x: int, y: Opaque):
    """Work."""


def ambiguous(y: Place | Range):
    """Work."""


def unknown_parameter(x: int):
    """Work.

    Args:
        z: What isn't there.
    """


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (undocumented, "tool 'undocumented' has no docstring"),
        (no_annotation, "tool 'no_annotation': its parameter 'y' has no annotation"),
        (stars, "tool 'stars': a model can't know what '*words' takes"),
        (named_stars, "tool 'named_stars': a model can't know what '**words' takes"),
        (positional, "tool 'positional': its parameter 'x' is positional only"),
        (unreadable, "tool 'unreadable': the annotation of 'x' can't be used: name 'Nowhere'"),
        (unknown_class, "tool 'unknown_class': the type of 'y' can't be used: "),
        (ambiguous, "tool 'ambiguous': the type of 'y' can't be used: "),
        (unknown_parameter, "tool 'unknown_parameter': its docstring describes 'z', which isn't a parameter"),
    ],
)
def test_what_is_wrong_with_a_function_is_said_where_it_is_decorated(function, message):
    with pytest.raises(TypeError) as caught:
        llmspell.tool(function)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("example", [("Hi", {"x": "one"}), ("Hi", {}), ("Hi", {"x": 1, "y": 2}), "Hi", ("Hi", 3)])
def test_an_example_must_fit(example):
    def count(x: int):
        """Count."""

    with pytest.raises(TypeError, match="tool 'count': its example"):
        llmspell.tool(examples=[example])(count)
