"""Quoting for the readers that a command passes through inside tmux."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence


def for_shell(words: Sequence[str]) -> str:
    """`words` as a command for sh, in a text that tmux expands as a format before."""
    # The format leaves hashes before a bracket as they are: #[ begins a style there, if anywhere.
    return re.sub(r"#+(?![#\[])", lambda run: run[0] * 2, shlex.join(words))


def for_parser(text: str) -> str:
    """`text` as one word of a command that tmux parses."""
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$")):
        text = text.replace(plain, escaped)
    for plain, escaped in (("\n", "\\n"), ("\t", "\\t"), ("\r", "\\r")):
        text = text.replace(plain, escaped)
    return f'"{text}"'
