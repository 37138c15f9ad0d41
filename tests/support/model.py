"""A model that says what a test tells it to, for real agents that reach it over loopback.

It speaks chat completions, Responses, Anthropic's messages and Gemini's contents; see `wire`. A
test gives it a script for what a prompt says, and every request of a conversation in which a user
said that takes the next turn of that script; of several the one counts that was said last. Requests
that agents make for themselves, which offer no tools, are answered harmlessly and take no turn.
After its last turn a script says that it is done.

    model.plays("write hello", shell("echo hello >hello"), say("Done."))
"""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support import wire
from tests.support.world import PATIENCE

DONE = "All done."


@dataclass
class Turn:
    """What the model does when it is asked once."""

    says: Callable[[wire.Asked], wire.Said]
    status: int = 200
    held: bool = False
    """Whether it stops in the middle of its answer, until it is `let go`."""
    reached: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def wait(self) -> None:
        """Wait until an agent has come to this turn."""
        assert self.reached.wait(PATIENCE), "no agent came to this turn"

    def let_go(self) -> None:
        """Have the model go on from the middle of this answer."""
        self.go.set()


def say(text: str) -> Turn:
    """It says `text`, which ends the agent's turn."""
    return Turn(lambda asked: wire.Said(text))


def call(tool: str, **arguments: Any) -> Turn:
    """It calls a tool of the agent's."""
    return Turn(lambda asked: wire.Said("Calling it.", tool, arguments))


def shell(line: str) -> Turn:
    """It has the agent run a line of shell, by whichever tool the agent offers for that."""
    return Turn(lambda asked: wire.shell(asked.tools, line))


def fail(status: int, message: str = "the scripted model fails") -> Turn:
    """It answers with an error's status. Agents ask again after 429 and 5xx: each is a turn."""
    return Turn(lambda asked: wire.Said(message), status)


def hold(turn: Turn) -> Turn:
    """The turn, which stops in the middle of its answer, or before it fails, until it is let go."""
    turn.held = True
    return turn


def hang() -> Turn:
    """It stops in the middle of its answer; for ever, unless it is let go."""
    return hold(say("This answer takes its time."))


class Script:
    """The turns of one conversation, taken in order."""

    def __init__(self, turns: tuple[Turn, ...]) -> None:
        self.turns = turns
        self.taken = 0


class Model:
    """The server, on a port of loopback of its own."""

    def __init__(self) -> None:
        self._scripts: dict[str, Script] = {}
        self._changed = threading.Condition()
        self.asked: list[wire.Asked] = []
        """Every request so far."""
        self.unknown: list[str] = []
        """The requests that no language of a model's has: method and path."""
        self.headers: list[Mapping[str, str]] = []
        """The headers of every request so far."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def plays(self, prompt: str, *turns: Turn) -> None:
        """Play `turns` for a conversation in which a user says `prompt`."""
        with self._changed:
            self._scripts[prompt] = Script(turns)

    def wait(self, holds: Callable[[list[wire.Asked]], bool]) -> None:
        """Wait until `holds` of the requests so far."""
        with self._changed:
            assert self._changed.wait_for(lambda: holds(self.asked), PATIENCE), self.asked

    def close(self) -> None:
        """End it, and every answer that it has not come to the end of."""
        for script in self._scripts.values():
            for turn in script.turns:
                turn.let_go()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def heard(self, asked: wire.Asked, headers: Mapping[str, str]) -> tuple[Turn, int]:
        """The turn that a request gets, and the request's number."""
        with self._changed:
            self.asked.append(asked)
            self.headers.append(headers)
            turn = self._turn(asked)
            number = len(self.asked)
            self._changed.notify_all()
        turn.reached.set()
        return turn, number

    def _turn(self, asked: wire.Asked) -> Turn:
        if asked.schema is not None:
            return say(json.dumps(wire.instance(asked.schema)))
        said = [
            (place, text.rfind(prompt), script)
            for prompt, script in self._scripts.items()
            for place, text in enumerate(asked.users)
            if prompt in text
        ]
        if asked.side or not said:
            return say("A title")
        script = max(said, key=lambda one: one[:2])[2]
        if script.taken == len(script.turns):
            return say(DONE)
        script.taken += 1
        return script.turns[script.taken - 1]


def _handler(model: Model) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            one = {"id": "scripted", "object": "model", "name": "models/scripted"}
            if self.path.partition("?")[0].endswith("/models"):
                self._answer(200, {"object": "list", "data": [one], "models": [one]})
            else:
                self._not_known()

        def do_HEAD(self) -> None:
            self._begin(200, "text/plain", 0)

        def do_POST(self) -> None:
            data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if self.headers.get("Content-Encoding") == "gzip":
                data = gzip.decompress(data)
            if self.path.partition("?")[0].endswith(("/count_tokens", ":countTokens")):
                self._answer(200, {"input_tokens": wire.USAGE, "totalTokens": wire.USAGE})
                return
            name = wire.language(self.path)
            if name is None:
                self._not_known()
                return
            asked = wire.read(name, self.path, json.loads(data))
            turn, number = model.heard(asked, dict(self.headers))
            try:
                self._speak(asked, turn, number)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def _speak(self, asked: wire.Asked, turn: Turn, number: int) -> None:
            said = turn.says(asked)
            if turn.status != 200:
                if turn.held:
                    turn.go.wait()
                failure = wire.failure(asked.language, turn.status, said.text)
                self._answer(turn.status, failure)
                return
            if not asked.stream:
                if turn.held:
                    turn.go.wait()
                self._answer(200, wire.whole(asked, said, number))
                return
            parts = wire.stream(asked, said, number)
            self._begin(200, "text/event-stream", None)
            self._send(parts.before)
            if turn.held:
                turn.go.wait()
            self._send(parts.after)
            self.close_connection = True

        def _send(self, parts: tuple[bytes, ...]) -> None:
            self.wfile.write(b"".join(parts))
            self.wfile.flush()

        def _not_known(self) -> None:
            model.unknown.append(f"{self.command} {self.path}")
            self._answer(404, {"error": {"message": f"there is no {self.path}"}})

        def _answer(self, status: int, body: Any) -> None:
            data = json.dumps(body).encode()
            self._begin(status, "application/json", len(data))
            self.wfile.write(data)

        def _begin(self, status: int, kind: str, length: int | None) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            if length is None:
                self.send_header("Connection", "close")
            else:
                self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            return

    return Handler
