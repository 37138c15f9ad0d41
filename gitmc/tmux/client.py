"""The clients of a tmux server: the terminals at which people sit."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from gitmc.errors import CommandFailed
from gitmc.tmux.run import NoServer, Tmux

SHOWN = 5000
"""Milliseconds that a message stays."""

_NOT_PLAIN = re.compile(r"[^\w.: -]")


class Client(NamedTuple):
    """A client that is attached; `tty` is the device of its terminal."""

    name: str
    tty: str


def clients(tmux: Tmux) -> list[Client]:
    """The clients of the server; none where there is no server."""
    try:
        printed = tmux("list-clients", "-F", "#{client_name}\t#{client_tty}")
    except NoServer:
        return []
    return [Client(*line.split("\t")) for line in printed.splitlines()]


def say(tmux: Tmux, client: Client, text: str) -> None:
    """Show `text` in the client's status line.

    tmux reads formats in it, commands to run among them, so only letters, digits and `.:-_` of it
    are shown as they are.
    """
    plain = _NOT_PLAIN.sub("?", text)
    try:
        tmux("display-message", "-c", client.name, "-d", str(SHOWN), plain)
    except NoServer:
        return
    except CommandFailed as failed:
        if "can't find client" not in failed.stderr:
            raise


def ring(client: Client) -> None:
    """Ring the bell of the client's terminal."""
    # A terminal whose output is stopped would hold us up.
    descriptor = os.open(client.tty, os.O_WRONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.write(descriptor, b"\a")
    finally:
        os.close(descriptor)
