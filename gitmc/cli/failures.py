"""The one place where errors become words on stderr and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from gitmc.errors import Conflict, McError, of_system

INTERRUPTED = 130
BROKEN_PIPE = 141
FATAL = 128


def guard(action: Callable[[], int]) -> int:
    """What `action` returns, or the exit code for the error that ended it, said on stderr."""
    for stream in (sys.stdout, sys.stderr):
        # Paths are bytes, and need not be text.
        stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    try:
        code = action()
        sys.stdout.flush()
    except McError as error:
        return _say(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has read enough.
        _give_up_stdout()
        return BROKEN_PIPE
    except OSError as error:
        _give_up_stdout()
        return _say(of_system(error))
    except Exception as error:  # noqa: BLE001 - the last resort: say it, keep the trace for a report
        return _defect(error)
    return code


def _give_up_stdout() -> None:
    """Python flushes once more at its end, and would complain where that failed already."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _say(error: McError) -> int:
    _line(error.label, error.message)
    if isinstance(error, Conflict):
        for clash in error.clashes:
            _line("conflict", str(clash))
    if error.hint:
        _line("hint", error.hint)
    return error.exit_code


def _defect(error: Exception) -> int:
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile(
        "w", prefix="git-mc-", suffix=".log", delete=False, errors="backslashreplace"
    ) as log:
        traceback.print_exception(error, file=log)
    said = str(error).strip().partition("\n")[0]
    _line("fatal", f"a defect in git mc: {type(error).__name__}: {said}")
    _line("hint", f"please report it, with the file {log.name}")
    return FATAL


def _line(label: str, text: str) -> None:
    print(f"{label}: {text}", file=sys.stderr)
