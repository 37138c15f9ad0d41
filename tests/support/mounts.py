"""Whether tests may mount file systems, which breaking some of them takes."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def may_mount() -> bool:
    """Whether we may mount in a namespace of our own."""
    words = ["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"]
    return (
        bool(shutil.which("unshare"))
        and not subprocess.run(words, capture_output=True, check=False).returncode
    )


can_mount = pytest.mark.skipif(
    not may_mount(), reason="needs the right to mount a file system in a namespace of its own"
)
