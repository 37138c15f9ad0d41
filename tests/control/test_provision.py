"""Set-up commands: what tells us to end while one of them starts."""

from __future__ import annotations

import signal

import pytest

from gitmc.control.provision import held


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_waits_until_the_command_is_known(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    known = False
    with pytest.raises(KeyboardInterrupt), held():
        signal.raise_signal(number)
        known = True
    assert known
    assert signal.getsignal(number) == before


def test_what_is_not_to_be_heard_is_not_heard() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with held():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
