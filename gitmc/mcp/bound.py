"""A command of the server's that ends with it: `python -m gitmc.mcp.bound PID WORD…`.

A server that is told to end hangs up on its commands. One that is killed cannot, and a `git mc
wait` that nobody waits for would go on for as long as its job does. So the command asks Linux to
hang up on it once its parent is gone, before it does anything else; then it is `git mc WORD…`. What
it starts itself does not ask, so observers and trains that run by themselves go on.

The signal comes at the end of the thread that started us; in the server, that is the main thread.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys

PR_SET_PDEATHSIG = 1


def end_with(server: int) -> None:
    """See that we end when our parent does, which is the process `server`."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGHUP), 0, 0, 0)
    if os.getppid() != server:
        # It had ended before we asked.
        signal.raise_signal(signal.SIGHUP)


if __name__ == "__main__":
    end_with(int(sys.argv.pop(1)))
    runpy.run_module("gitmc", run_name="__main__", alter_sys=True)
