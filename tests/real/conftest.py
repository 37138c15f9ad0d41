"""What the tests of real agents are given."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.model import Model


@pytest.fixture
def model() -> Iterator[Model]:
    """A model that a test plays."""
    made = Model()
    yield made
    made.close()
