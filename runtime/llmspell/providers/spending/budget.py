"""How much may be spent, and what is set aside for requests under way."""

from __future__ import annotations

from llmspell.errors import BudgetExceeded


class Budget:
    """An amount in USD that requests share; ``owner`` says in messages whose it is."""

    def __init__(self, limit: float, owner: str) -> None:
        self.limit = limit
        self.owner = owner
        self.spent = 0.0
        self._aside = 0.0

    def set_aside(self, amount: float) -> None:
        """Take a request in that may cost so much.

        What is set aside for others counts: all of them may need it. Nobody waits for them, since one that a script
        holds open may wait for the very request that asks.

        Raises:
            BudgetExceeded: it may cost more than is left.
        """
        if self.spent + self._aside + amount > self.limit * (1 + 1e-9):  # sums of floats are not exact
            others = f", {dollars(self._aside)} is set aside for requests under way" if self._aside > 1e-9 else ""
            raise BudgetExceeded(
                f"the next request may cost {dollars(amount)}, and the max_cost of {self.owner}, "
                f"{dollars(self.limit)}, doesn't allow that: {dollars(self.spent)} is spent{others}",
                limit=self.limit,
                spent=self.spent,
                estimate=amount,
                hint="raise max_cost, set a smaller max_tokens, or take a cheaper model",
            )
        self._aside += amount

    def settle(self, amount: float, cost: float) -> None:
        """Give back what was set aside for a request, and take in what it has cost."""
        self._aside -= amount
        self.spent += cost


def dollars(amount: float) -> str:
    """An amount with two places, or as many as show two figures of it."""
    places = 2
    while places < 9 and 0 < abs(amount) < 10.0 ** (1 - places):
        places += 1
    return f"${amount:.{places}f}"
