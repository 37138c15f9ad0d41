"""The environment as it was before we started an agent in it. Pure.

What we set for an agent is for that agent alone: a nested launch has its own. So what a variable
held before is kept in one of ours, and put back before anything else is started.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

KEPT = "MC_BEFORE"
"""A JSON object: what each variable that we have set held, or null where it was not set."""


def before(environment: Mapping[str, str]) -> dict[str, str]:
    """`environment` without what an agent was given by us."""
    own = {key: value for key, value in environment.items() if not key.startswith("MC_")}
    for key, value in _kept(environment).items():
        if isinstance(value, str):
            own[key] = value
        else:
            own.pop(key, None)
    return own


def _kept(environment: Mapping[str, str]) -> dict[str, Any]:
    try:
        kept = json.loads(environment.get(KEPT, "{}"))
    except ValueError:
        # Somebody else's: it is left to him.
        return {}
    return kept if isinstance(kept, dict) else {}


def remembering(environment: Mapping[str, str], ours: Mapping[str, str]) -> dict[str, str]:
    """`environment` with `ours`, from which `before` finds back to it."""
    if not ours:
        return dict(environment)
    return {**environment, **ours, KEPT: json.dumps({key: environment.get(key) for key in ours})}
