"""The one place where errors become words on stderr and an exit code."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

import click

from gitmc.errors import Conflict, McError

USAGE = 129
INTERRUPTED = 130
FATAL = 128


def run(group: click.Group, argv: list[str]) -> int:
    """Run `group` with `argv`; the exit code."""
    for stream in (sys.stdout, sys.stderr):
        # Paths are bytes, and need not be text.
        stream.reconfigure(errors="surrogateescape")  # type: ignore[union-attr]
    try:
        code = group.main(
            argv, prog_name="git mc", standalone_mode=False, complete_var="_GIT_MC_COMPLETE"
        )
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except McError as error:
        return _say(error)
    except click.UsageError as error:
        return _usage(error)
    except click.ClickException as error:
        return _usage(click.UsageError(error.format_message()))
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read us has read enough. Python would complain once more while flushing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        _line("fatal", f"{where}{error.strerror or error}")
        return FATAL
    except Exception as error:  # noqa: BLE001 - the last resort: say it, keep the trace for a report
        return _defect(error)


def _say(error: McError) -> int:
    _line(error.label, error.message)
    if isinstance(error, Conflict):
        for path in error.files:
            click.echo(f"conflict: {path}", err=True)
    if error.hint:
        _line("hint", error.hint)
    return error.exit_code


def _usage(error: click.UsageError) -> int:
    message = error.format_message().rstrip(".")
    _line("error", message[:1].lower() + message[1:])
    if error.ctx is not None:
        words = error.ctx.command_path.split()
        _line("hint", f"{' '.join(words)} -h shows how it is used")
    return USAGE


def _defect(error: Exception) -> int:
    with tempfile.NamedTemporaryFile(
        "w", prefix="git-mc-", suffix=".log", delete=False, errors="backslashreplace"
    ) as log:
        traceback.print_exception(error, file=log)
    said = str(error).strip().partition("\n")[0]
    _line("fatal", f"a defect in git mc: {type(error).__name__}: {said}")
    _line("hint", f"please report it, with the file {Path(log.name)}")
    return FATAL


def _line(label: str, text: str) -> None:
    click.echo(f"{label}: {text}", err=True)
