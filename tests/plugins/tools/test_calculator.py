"""calculator."""

import math

import pytest

from llmspell.errors import InvalidRequest


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("17 * 23", 391),
        ("2 + 3 * 4 - 1", 13),
        ("144 / 12", 12),
        ("7 // 2", 3),
        ("7 % 3", 1),
        ("0.1 + 0.2", 0.3),
        ("1 / 3", 0.333333333333333),
        ("2 ** 10", 1024),
        ("2^10", 1024),
        ("2 * 3^2", 18),
        ("6 × 7 ÷ 2 − 1", 20),
        ("sqrt(16) + sin(0)", 4),
        ("round(2.567, 1)", 2.6),
        ("max(1, 5, 3) - min(4, 2)", 3),
        ("log(100, 10)", 2),
        ("ln(e)", 1),
        ("mean(1, 2, 6)", 3),
        ("sum(1, 2, 6)", 9),
        ("factorial(25)", 15511210043330985984000000),
        ("comb(49, 6)", 13983816),
        ("2 * pi", 6.28318530717959),
        ("3 > 2", True),
        ("not (3 > 2 and 1 > 2)", True),
        ("10 if 2 > 1 else 20", 10),
        ("-3 + +5", 2),
        ("1e3", 1000),
        (" 2\t+ 2 ", 4),
    ],
)
def test_evaluate(call, expression, result):
    got = call("calculator", {"operation": "evaluate", "input": expression})
    assert got == {"result": result}
    assert type(got["result"]) is type(result)


def test_variables(call):
    assert call("calculator", {"input": "a * b", "variables": {"a": 2.5, "b": 4}}) == {"result": 10}
    assert call("calculator", {"input": "pi", "variables": {"pi": 3}}) == {"result": 3}


def test_validate(call):
    def validate(text):
        return call("calculator", {"operation": "validate", "input": text})

    assert validate("2 + sqrt(x)") == {"valid": True}
    assert validate("2 +")["valid"] is False
    assert "is not an expression" in validate("(3 + 4")["error"]
    assert "'foo' is not a function" in validate("foo(1)")["error"]


def test_functions(call):
    told = call("calculator", {"operation": "functions"})
    assert {"sqrt", "sin", "round"} <= set(told["functions"])
    assert "pi" in told["constants"]
    assert {"+", "**", "<="} <= set(told["operators"])
    for name in told["functions"]:
        arguments = {"atan2": "1, 2", "comb": "3, 2", "pow": "2, 3", "gcd": "4, 6", "hypot": "3, 4"}.get(name, "1")
        result = call("calculator", {"input": f"{name}({arguments})"})["result"]
        assert math.isfinite(result), name


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("", "input is empty"),
        ("2 +", "is not an expression"),
        ("1; 2", "is not an expression"),
        ("x = 1", "is not an expression"),
        ("x + 1", "'x' has no value"),
        ("1 / 0", "divides by zero"),
        ("5 % 0", "divides by zero"),
        ("sqrt(-1)", "can't be calculated"),
        ("(-8) ** 0.5", "not a real number"),
        ("1,250 - 389", "write 1250, not 1,250"),
        ("log(0)", "can't be calculated"),
        ("sin", "is not a number"),
        ("min()", "can't be calculated"),
        ("1e308 * 10", "too large"),
        ("nothing(1)", "'nothing' is not a function"),
        ("\x00", "is not an expression"),
    ],
)
def test_what_can_not_be_calculated(call, expression, message):
    with pytest.raises(InvalidRequest) as caught:
        call("calculator", {"input": expression})
    assert message in caught.value.message


@pytest.mark.parametrize(
    "expression",
    [
        "9**9**9",
        "9^9^9^9",
        "pow(9, pow(9, 9))",
        "2**1023 * 2**1023",
        "factorial(100000)",
        "factorial(factorial(20))",
        "comb(10**9, 10**8)",
        "(-9)**(9**9)",
        "10.0**400",
    ],
)
def test_numbers_that_would_never_end_are_refused(call, expression):
    with pytest.raises(InvalidRequest, match=r"too large|takes numbers up to 1000"):
        call("calculator", {"input": expression})


@pytest.mark.parametrize(
    "expression", ["(" * 900 + "1" + ")" * 900, "-" * 1900 + "1", "1" * 2000, "1+" * 3000 + "1", "abs" + "(1)" * 600]
)
def test_deep_and_long_expressions_end(call, expression):
    try:
        assert math.isfinite(call("calculator", {"input": expression})["result"])
    except InvalidRequest as error:
        assert len(error.message) < 300


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').getcwd()",
        "().__class__",
        "'a' * 3",
        "[1][0]",
        "{1: 2}",
        "[x for x in (1, 2)]",
        "lambda: 1",
        "f'{1}'",
        "max.__self__",
        "1j",
        "None",
        "sqrt(*[4])",
        "round(number=2.5)",
        "(y := 3)",
        "await x",
    ],
)
def test_only_numbers_are_known(call, expression):
    with pytest.raises(InvalidRequest):
        call("calculator", {"input": expression})
