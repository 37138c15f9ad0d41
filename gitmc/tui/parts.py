"""What the screen is made of, as the commands have it: lines with styles for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from gitmc.control.mission import Mission
from gitmc.model.ask import Ask
from gitmc.model.job import Job
from gitmc.model.picker import Act, Picker


class Size(NamedTuple):
    """Columns and lines."""

    width: int
    height: int


class Parts(NamedTuple):
    """The words of the commands, and their deeds. Deeds are done in a thread, and do not raise."""

    head: Callable[[Picker], str]
    rows: Callable[[Picker, Size], list[str]]
    """The list in at most that many lines, the first job of which is that of `first`."""
    first: Callable[[Picker, Size], int]
    asked: Callable[[Picker, int], list[str]]
    """What an agent asks while the answer is typed."""
    foot: Callable[[Picker, str, int], str]
    """The last line; the text is what keeps the screen from being as it should."""
    diff: Callable[[Mission, Job], str]
    plans: Callable[[Mission, Sequence[Job]], str]
    trains: Callable[[Mission], str]
    find_ask: Callable[[str], Ask | str]
    do: Callable[[Act], str]
