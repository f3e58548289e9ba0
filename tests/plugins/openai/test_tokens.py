"""What servers say that a request took."""

import pytest

from llmspell import Usage
from llmspell_openai.tokens import used

COUNTS = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


@pytest.mark.parametrize(
    ("more", "usage"),
    [
        ({}, Usage(10, 5)),
        ({"prompt_tokens_details": {"cached_tokens": 4}}, Usage(10, 5, 4)),
        ({"prompt_cache_hit_tokens": 4}, Usage(10, 5, 4)),
        ({"prompt_tokens_details": {"cached_tokens": 40}}, Usage(10, 5, 10)),
        ({"total_tokens": 22}, Usage(10, 12)),
        ({"completion_tokens": None, "prompt_tokens_details": None}, Usage(10, 5)),
    ],
)
def test_the_names_that_servers_use(more, usage):
    assert used({"usage": {**COUNTS, **more}}) == usage
    assert used({"x_groq": {"usage": {**COUNTS, **more}}}) == usage


@pytest.mark.parametrize("answer", [{}, {"usage": None}, {"usage": {}}, {"usage": {"prompt_tokens": "many"}}])
def test_a_server_that_counts_nothing(answer):
    assert used(answer) is None


@pytest.mark.parametrize(
    ("said", "cost"), [(0.00123, 0.00123), (0, 0.0), (None, None), ({"total": 1}, None), (True, None), (-1, None)]
)
def test_what_a_server_billed(said, cost):
    assert used({"usage": {**COUNTS, "cost": said}}).cost == cost
    assert used({"usage": COUNTS}).cost is None
