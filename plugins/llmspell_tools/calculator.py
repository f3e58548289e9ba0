"""calculator: arithmetic and formulas, worked out by simpleeval."""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal

from llmspell import tool
from llmspell.errors import InvalidRequest

_LONGEST = 2000
"""Characters of an expression, which bounds how deep it nests too."""
_BITS = 1023
"""Size of the largest whole number, which a float can hold too. Without a limit 9**9**9 would never end."""
_LARGEST = 1000
"""Argument of factorial, comb and perm, whose results grow fastest."""

Number = int | float


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let only real numbers of a bounded size come out of a step, so that the next one ends too."""

    def step(*values: Any) -> Any:
        try:
            result = function(*values)
        except OverflowError:
            raise ValueError("a number gets too large") from None
        if isinstance(result, complex):
            raise ValueError("the result is not a real number")
        if isinstance(result, int) and result.bit_length() > _BITS:
            raise ValueError("a number gets too large")
        return result

    return step


def _power(base: Number, exponent: Number) -> Any:
    if isinstance(base, int) and isinstance(exponent, int) and base.bit_length() * exponent > 2 * _BITS:
        raise OverflowError
    return base**exponent


def _small(function: Callable[..., int]) -> Callable[..., int]:
    def bounded(*values: Any) -> int:
        if any(value > _LARGEST for value in values):
            raise ValueError(f"{function.__name__} takes numbers up to {_LARGEST}")
        return function(*values)

    return bounded


def _sum(*values: Number) -> Number:
    return sum(values)


def _mean(*values: Number) -> Number:
    return sum(values) / len(values)


_CONSTANTS = {"pi": math.pi, "e": math.e, "tau": math.tau}
_FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    **{
        name: getattr(math, name) for name in ("acos", "asin", "atan", "atan2", "ceil", "cos", "cosh", "degrees", "exp")
    },
    **{
        name: getattr(math, name)
        for name in ("floor", "gcd", "hypot", "log", "log10", "log2", "radians", "sin", "sinh")
    },
    **{name: getattr(math, name) for name in ("sqrt", "tan", "tanh", "trunc")},
    **{name: _small(getattr(math, name)) for name in ("comb", "factorial", "perm")},
    "abs": abs,
    "avg": _mean,
    "ln": math.log,
    "max": lambda *values: max(values),
    "mean": _mean,
    "min": lambda *values: min(values),
    "pow": _power,
    "round": round,
    "sum": _sum,
}
_OPERATORS: Mapping[type[ast.AST], tuple[str, Callable[..., Any]]] = {
    ast.Add: ("+", operator.add),
    ast.Sub: ("-", operator.sub),
    ast.Mult: ("*", operator.mul),
    ast.Div: ("/", operator.truediv),
    ast.FloorDiv: ("//", operator.floordiv),
    ast.Mod: ("%", operator.mod),
    ast.Pow: ("**", _power),
    ast.USub: ("-", operator.neg),
    ast.UAdd: ("+", operator.pos),
    ast.Not: ("not", operator.not_),
    ast.Eq: ("==", operator.eq),
    ast.NotEq: ("!=", operator.ne),
    ast.Lt: ("<", operator.lt),
    ast.LtE: ("<=", operator.le),
    ast.Gt: (">", operator.gt),
    ast.GtE: (">=", operator.ge),
}
_SHAPES = (ast.Name, ast.Load, ast.Constant, ast.UnaryOp, ast.BinOp, ast.BoolOp, ast.And, ast.Or, ast.Compare)
_NODES = (*_SHAPES, ast.IfExp, ast.Call, *_OPERATORS)
_SIGNS = str.maketrans({"×": "*", "·": "*", "÷": "/", "−": "-", "–": "-"})


@tool(
    name="calculator",
    category="math",
    parallel=True,
    examples=[
        ("What is the area of a circle whose radius r is 2.5?", {"input": "pi * r ** 2", "variables": {"r": 2.5}}),
        ("Take 20 percent of 150.", {"input": "150 * 20 / 100"}),
        ("How much is 48 times 12?", {"input": "48 * 12"}),
        ("Is sqrt(16 + 2 written correctly?", {"input": "sqrt(16 + 2", "operation": "validate"}),
    ],
)
def calculator(
    input: str = "",
    operation: Literal["evaluate", "validate", "functions"] = "evaluate",
    variables: dict[str, float] | None = None,
) -> dict[str, Any]:
    """Calculate with numbers: sums, differences, products, quotients, percentages, powers, roots and formulas.

    Args:
        input: The expression to calculate, with + - * / // % ** and functions like sqrt, sin, log, round, min and max.
        operation: evaluate it, validate how it is written, or list the functions.
        variables: Values of the names in the expression.
    """
    if operation == "functions":
        symbols = sorted({symbol for symbol, _ in _OPERATORS.values()} | {"and", "or"})
        return {"functions": sorted(_FUNCTIONS), "constants": sorted(_CONSTANTS), "operators": symbols}
    if operation == "validate":
        try:
            _parsed(input)
        except InvalidRequest as error:
            return {"valid": False, "error": error.message}
        return {"valid": True}
    return {"result": _evaluate(input, variables or {})}


def _parsed(text: str) -> ast.expr:
    """
    Raises:
        InvalidRequest: it is not an expression of numbers, names, operators and functions.
    """
    if not text.strip():
        raise InvalidRequest("input is empty", hint='give an expression, as in "2 + 3 * 4"')
    if len(text) > _LONGEST:
        raise InvalidRequest(f"the expression has {len(text)} characters; up to {_LONGEST} are taken")
    shown = text if len(text) < 100 else text[:100] + "…"
    try:
        # "^" is a power to most people; replaced as text it binds like one
        tree = ast.parse(text.strip().translate(_SIGNS).replace("^", "**"), mode="eval").body
    except SyntaxError as error:
        raise InvalidRequest(f"'{shown}' is not an expression: {error.msg}") from error
    except (RecursionError, MemoryError, ValueError) as error:
        raise InvalidRequest(f"'{shown}' is not an expression that can be read") from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Tuple):
            raise InvalidRequest(f"'{shown}' has a comma outside of a function: write 1250, not 1,250")
        if not isinstance(node, _NODES) or (isinstance(node, ast.Constant) and not isinstance(node.value, Number)):
            raise InvalidRequest(f"'{shown}' has something in it that is neither number, name, operator nor function")
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else "what stands before a bracket"
            if name not in _FUNCTIONS:
                raise InvalidRequest(f"'{name}' is not a function", hint=f"there are {', '.join(_FUNCTIONS)}")
    return tree


def _evaluate(text: str, variables: Mapping[str, float]) -> Number | bool:
    from simpleeval import InvalidExpression, NameNotDefined, SimpleEval

    tree = _parsed(text)
    evaluator = SimpleEval(
        operators={kind: _checked(function) for kind, (_, function) in _OPERATORS.items()},
        functions={name: _checked(function) for name, function in _FUNCTIONS.items()},
        names={**_CONSTANTS, **variables},
    )
    try:
        result = evaluator.eval(text, previously_parsed=tree)
    except NameNotDefined as error:
        raise InvalidRequest(f"'{error.name}' has no value", hint="give it in variables") from error
    except ZeroDivisionError as error:
        raise InvalidRequest(f"'{text}' divides by zero") from error
    except (InvalidExpression, ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise InvalidRequest(f"'{text[:100]}' can't be calculated: {error}") from error
    if not isinstance(result, Number):
        raise InvalidRequest(f"'{text[:100]}' is not a number")
    return _plain(result, text)


def _plain(result: Number, text: str) -> Number | bool:
    """As people would write it: 12 and not 12.0, 0.3 and not 0.30000000000000004, and nothing that JSON hasn't."""
    if isinstance(result, int) and result.bit_length() <= _BITS:
        return result
    rounded = math.inf if isinstance(result, int) else float(f"{result:.15g}")
    if not math.isfinite(rounded):
        raise InvalidRequest(f"the result of '{text[:100]}' is too large")
    return int(rounded) if rounded.is_integer() and abs(rounded) < 1 << 53 else rounded
