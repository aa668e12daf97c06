"""Pages remember some counts for seconds; no test hears of another's."""

import pytest
from django.core.cache import cache


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()
