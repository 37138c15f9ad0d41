"""What the tests of real agents are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.model import Model
from tests.support.real import Real
from tests.support.world import World


@pytest.fixture
def model() -> Iterator[Model]:
    """A model that a test plays."""
    made = Model()
    yield made
    made.close()


@pytest.fixture
def user_of(world: World, seal: Path, model: Model) -> Callable[[str], Real]:
    """A user of the agent that is named."""
    return lambda agent: Real(agent, world, seal, model)
