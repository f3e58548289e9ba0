"""How much is left."""

import pytest

from llmspell.errors import BudgetExceeded
from llmspell.providers.contract import Usage
from llmspell.providers.spending.budget import Budget, dollars
from llmspell.providers.spending.totals import Totals


def test_what_is_set_aside_comes_back_and_what_was_spent_does_not():
    budget = Budget(1.0, "the run")
    budget.set_aside(0.7)
    with pytest.raises(BudgetExceeded, match=r"\$0\.70 is set aside for requests under way"):
        budget.set_aside(0.4)
    budget.settle(0.7, 0.2)
    budget.set_aside(0.8)
    budget.settle(0.8, 0.8)
    with pytest.raises(BudgetExceeded) as caught:
        budget.set_aside(0.001)
    error = caught.value
    assert error.message == (
        "the next request may cost $0.0010, and the max_cost of the run, $1.00, doesn't allow that: $1.00 is spent"
    )
    assert (error.limit, error.spent, error.estimate, error.exit_code) == (1.0, 1.0, 0.001, 1)
    assert error.type == "budget_exceeded" and not error.retryable
    assert error.plain()["spent"] == 1.0


def test_ten_times_a_tenth_is_one():
    budget = Budget(1.0, "the run")
    for _ in range(10):
        budget.set_aside(0.1)
        budget.settle(0.1, 0.1)


def test_what_costs_nothing_is_always_allowed():
    budget = Budget(0.0, "the run")
    budget.set_aside(0.0)
    with pytest.raises(BudgetExceeded):
        budget.set_aside(1e-7)


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "$0.00"),
        (12.348, "$12.35"),
        (0.1, "$0.10"),
        (0.042, "$0.042"),
        (0.000197, "$0.00020"),
        (1e-12, "$0.000000000"),
    ],
)
def test_amounts(amount, text):
    assert dollars(amount) == text


def test_totals_in_a_line():
    totals = Totals()
    assert totals.sentence() is None
    totals.add("a/b", Usage(1000, 20, 300, 0.25))
    assert totals.sentence() == "1 request, 1,000 tokens in (300 of them cached), 20 out, $0.25"
    totals.add("c/d", Usage(5, 5))
    totals.cached += 1
    assert totals.sentence() == (
        "2 requests, 1 answer from the cache, 1,005 tokens in (300 of them cached), 25 out, $0.25, "
        "1 without a known price (c/d)"
    )
    assert totals.plain()["cost"] == 0.25 and totals.plain()["unpriced"] == 1


def test_a_run_without_any_known_price_claims_none():
    totals = Totals()
    totals.add("c/d", Usage(5, 5))
    assert totals.sentence() == "1 request, 5 tokens in, 5 out, 1 without a known price (c/d)"


@pytest.mark.parametrize(
    ("parts", "cost"),
    [
        ([], None),
        ([Usage(1, 1, cost=0.5), Usage(1, 1, cost=0.25)], 0.75),
        ([Usage(1, 1, cost=0.5), Usage(1, 1)], None),
        ([Usage(1, 1), Usage(1, 1, cost=0.5)], None),
        ([Usage(), Usage(1, 1, cost=0.5), Usage()], 0.5),
    ],
)
def test_a_sum_is_known_where_all_its_parts_are(parts, cost):
    assert sum(parts, Usage()).cost == cost
