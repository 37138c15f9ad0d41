"""opencode as it is, in jobs, with a model that the test plays."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.model import Model, fail, hold, say, shell
from tests.support.real import Real
from tests.support.world import World

pytestmark = pytest.mark.slow

WORK = "echo hello >hello && git add hello && git commit --quiet -m 'Say hello'"


@pytest.fixture
def real(world: World, seal: Path, model: Model) -> Real:
    """A user of opencode."""
    return Real("opencode", world, seal, model)


def test_what_it_does_is_known_at_once(real: Real, model: Model) -> None:
    model.plays("say hello", shell(WORK), shell("touch asked"), say("I did."))
    model.plays("fail now", *[fail(400)] * 9)
    model.plays("go on", hold(last := say("It works again.")))
    real.launch("one", "say hello to the llama")
    real.becomes("one", "working")
    lags = [real.lag("one", "waiting")]
    real.shows("one", "Permission required")
    real.keys("one", "Enter")
    lags.append(real.lag("one", "idle"))
    assert real.log("one") == ["Say hello"]
    real.mc("send", "one", "fail now").ok()
    lags.append(real.lag("one", "error"))
    real.mc("send", "one", "go on").ok()
    last.wait()
    lags.append(real.lag("one", "working"))
    last.let_go()
    lags.append(real.lag("one", "idle"))
    print("lags", lags)
    assert max(lags) < 1
    assert model.unknown == []
