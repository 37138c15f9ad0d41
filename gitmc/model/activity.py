"""What a running agent does: `working`, `waiting` (for a person), `idle`, `error` or unknown. Pure.

Seven sources tell, the best first:

    agent    its own hooks signal                report   it says so, by `git mc report`
    title    its terminal's title says so        bell     it rang its terminal's bell
    commit   it made one, as good as output      output   it printed lately, or has long been silent
    screen   a pattern of its catalog file is shown

The first two are words: the later one counts, whatever the clock says. A title is one too, of the
agents whose catalog file says how to read theirs: while it says something, nobody guesses. The
others are guesses: they are made only about an agent that has no hooks, and never replace a word.
Where two sources agree, `since` stays, and the better one is named. Beyond that:

- `waiting` by a report stays until the agent says that it works: that a turn ends, or that a dialog
  is open, does not answer its question.
- An `error` that its hooks or title tell stays until they say that it works: a turn that failed
  ends, too.
- `waiting` by a bell stays until there is output later than SETTLE seconds after it. A bell that
  rings again counts from then.
- No silence ends a `waiting`: who waits for a person is silent. A screen that shows otherwise does.
- A bell counts after a report that the agent works: it is rung when that is over.
- A title ends no `waiting` by a report but by a turn that begins after it.
- Some agents' hooks are silent when a turn fails. So a title that contradicts them is believed in
  the end: BELIEVED after both, and about a `waiting` or an `idle` only if it came after them.
  About an error, which the screen below it shows, at once if it did.
- A title that says nothing any more leaves what it said to be guessed about.
- A screen is only believed once it stands still, so output comes first; but for a dialog, which is
  believed for as long as it is seen.
- Of commits `since` tells the latest: silence counts from there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from gitmc.model.job import Activity

SOURCES = ("screen", "output", "commit", "bell", "title", "report", "agent")

RANK = {source: rank for rank, source in enumerate(SOURCES)}

ORDER = ("working", "idle", "waiting", "error")
"""Of signals that came at the same moment the last of these counts: a person may be needed."""

RECENT = timedelta(seconds=10)
"""How long an agent that printed something counts as working."""

SETTLE = timedelta(seconds=3)
"""How long what an agent prints may belong to the bell that it rang."""

BELIEVED = timedelta(seconds=1)
"""How long a title must contradict an agent's hooks: the two do not come at the same moment."""

LAST_LINES = 12
"""How many lines of a screen are read, empty ones aside: programs show what they do at its end."""

Patterns = Mapping[str, Sequence[str]]
"""By state: regular expressions, one of which is on the screen in that state."""


def guessed(activity: Activity | None) -> bool:
    """Whether no word of the agent's own stands behind `activity`."""
    return activity is None or RANK.get(activity.source, 0) <= RANK["bell"]


def titled(stored: Activity | None, state: str, at: datetime, now: datetime) -> Activity | None:
    """The activity of an agent whose title has been showing `state` since `at`."""
    new = Activity(state, at, "title")
    if stored is None or guessed(stored) or stored.state == state:
        return _merged(stored, new)
    if stored.state == "error" and state == "idle":
        return stored
    if stored.source == "title":
        return new
    later = at > stored.since
    if stored.source == "report":
        return new if later and (stored.state != "waiting" or state == "working") else stored
    if state == "error" and later:
        return new
    contradicts = stored.state == "working" or later
    return new if contradicts and now - max(at, stored.since) >= BELIEVED else stored


def untitled(stored: Activity | None) -> Activity | None:
    """The activity once the agent's title says nothing: a guess, if a title said it."""
    if stored is None or stored.source != "title":
        return stored
    return stored._replace(source="screen")


def hears_bells(activity: Activity | None) -> bool:
    """Whether a bell is news after `activity`."""
    reports = activity is not None and activity.source == "report"
    return guessed(activity) or (reports and activity is not None and activity.state != "waiting")


def signalled(stored: Activity | None, state: str, at: datetime) -> Activity:
    """The activity after the agent's hooks signalled `state`."""
    lasting = ("waiting", "report"), ("error", "agent")
    if stored and (stored.state, stored.source) in lasting and state != "working":
        return stored
    return _merged(stored, Activity(state, at, "agent"))


def reported(stored: Activity | None, state: str, at: datetime) -> Activity:
    """The activity after a report that means `state`."""
    after = _merged(stored, Activity(state, at, "report"))
    # It outlasts a signal of the same, so it is named even where the better source agreed.
    return after._replace(source="report") if state == "waiting" else after


def rung(stored: Activity | None, at: datetime) -> Activity | None:
    """The activity after the bell of an agent without hooks rang."""
    if not hears_bells(stored):
        return stored
    if stored and stored.state == "waiting" and stored.source == "bell" and _near(stored, at):
        return stored
    return Activity("waiting", at, "bell")


def committed(stored: Activity | None, at: datetime) -> Activity | None:
    """The activity after an agent without hooks made a commit."""
    if not guessed(stored) or (stored and stored.source == "bell" and at <= stored.since + SETTLE):
        return stored
    return Activity("working", at, "commit")


def looked(
    stored: Activity | None,
    output: datetime,
    now: datetime,
    idle_after: timedelta,
    screen: str | None = None,
    patterns: Patterns = MappingProxyType({}),
) -> Activity | None:
    """The activity of an agent without hooks, whose last output came at `output`.

    `screen` is what it shows, or None where nobody looked. The same object where nothing changes.
    """
    if stored is not None and (stored.state, stored.source) == ("working", "commit"):
        output = max(output, stored.since)
    silent = now - output
    if not guessed(stored) or silent < timedelta(0):
        return stored
    by_bell = stored is not None and stored.source == "bell"
    shown = None if screen is None else state_of_screen(screen, patterns)
    if is_recent(silent, idle_after):
        if stored is not None and by_bell and output <= stored.since + SETTLE:
            return stored
        if shown == "waiting":
            return _merged(stored, Activity("waiting", output, "screen"))
        return _merged(stored, Activity("working", output, "output"))
    if by_bell:
        return stored
    waiting = stored is not None and stored.state == "waiting" and shown is None
    if silent >= idle_after and not waiting and shown != "waiting":
        return _merged(stored, Activity("idle", output, "output"))
    return stored if shown is None else _merged(stored, Activity(shown, output, "screen"))


def state_of_title(title: str, patterns: Patterns) -> str | None:
    """The state that a terminal's title shows, or None."""
    return _shown(title, patterns)


def is_recent(silent: timedelta, idle_after: timedelta) -> bool:
    """Whether an agent that has been silent for so long still counts as working."""
    return silent <= min(RECENT, idle_after / 2)


def state_of_screen(text: str, patterns: Patterns) -> str | None:
    """The state that the last lines of `text` show, or None."""
    lines = [line for line in text.split("\n") if line.strip()]
    return _shown("\n".join(lines[-LAST_LINES:]), patterns)


def _shown(text: str, patterns: Patterns) -> str | None:
    for state in ("waiting", "working", "error", "idle"):
        if any(re.search(pattern, text) for pattern in patterns.get(state, ())):
            return state
    return None


def _near(stored: Activity, at: datetime) -> bool:
    return abs(at - stored.since) <= SETTLE


def _merged(stored: Activity | None, new: Activity) -> Activity:
    if stored is None or stored.state != new.state:
        return new
    if RANK.get(new.source, 0) > RANK.get(stored.source, 0):
        return stored._replace(source=new.source)
    return stored
