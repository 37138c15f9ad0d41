"""Following what a running agent prints."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

from gitmc.store.recording import Recording
from tests.e2e.test_merge import finished
from tests.support.agents import Agent, closed, world_at
from tests.support.events import gone, until
from tests.support.world import PATIENCE, World


class Talker(Agent):
    """A job whose agent has printed `begin`, and prints what it is told."""

    def __init__(self, world: World, folder: Path, *, options: tuple[str, ...] = ()) -> None:
        super().__init__(world, "one", folder, before="echo begin", options=options)

    @property
    def folder(self) -> Path:
        """Where a recorder keeps what it prints."""
        return self.world.mission.store.recording(self.run)

    def recorder(self) -> int:
        """The process that records it."""
        found = Recording(self.folder).recorder()
        assert found is not None
        return found[0]

    def follow(self, *options: str) -> subprocess.Popen[bytes]:
        """Someone who follows, and has seen `begin`."""
        following = self.world.start("capture", "one", "--follow", *options)
        self.world.later(lambda: stop(following))
        assert following.stdout is not None
        line = following.stdout.readline()
        assert line.startswith(b"begin"), (line, following.poll())
        return following

    def piped(self) -> str:
        """Whether the pane has a pipe, and whether that is ours."""
        form = "#{pane_pipe}#{@mc_pipe}"
        return self.world.tmux("display-message", "-p", "-t", self.pane, form)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours, if it has not ended."""
    process.kill()
    process.communicate(timeout=PATIENCE)


def line(following: subprocess.Popen[bytes]) -> bytes:
    """The next line that it prints."""
    assert following.stdout is not None
    return following.stdout.readline()


def rest(following: subprocess.Popen[bytes]) -> bytes:
    """All that it prints until it ends, which must be well."""
    printed, said = following.communicate(timeout=PATIENCE)
    assert (following.returncode, said) == (0, b"")
    return printed


@pytest.mark.parametrize("placement", ["session", "window"])
def test_it_prints_what_was_shown_and_what_comes_until_the_end(
    world: World, tmp_path: Path, placement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if placement == "window":
        world.tmux("new-session", "-d", "-s", "mine", "cat")
        monkeypatch.setenv("TMUX", f"{world.socket},1,0")
        monkeypatch.setenv("TMUX_PANE", world.tmux("list-panes", "-a", "-F", "#{pane_id}"))
    agent = Talker(world, tmp_path, options=("--placement", placement))
    following = agent.follow()
    agent.do(r"printf '\033[31mred\033[0m\n 1%%\r 2%%\n'; seq 1 3")
    assert [line(following) for _ in range(5)] == [b"red\n", b" 2%\n", b"1\n", b"2\n", b"3\n"]
    agent.tell("printf 'the end'; exit 0")
    assert rest(following) == b"the end\n"
    closed(world, "one")
    until(lambda: not agent.folder.exists(), agent.folder.parent)


def test_an_open_line_goes_on_where_it_was(world: World, tmp_path: Path) -> None:
    agent = Talker(world, tmp_path)
    agent.do("printf 'half '")
    following = agent.follow("-n", "2")
    agent.do("echo whole")
    assert line(following) == b"half whole\n"


def test_only_the_last_lines_are_shown_at_first(world: World, tmp_path: Path) -> None:
    agent = Talker(world, tmp_path)
    agent.do("seq 1 200; echo beginning")
    following = agent.follow("-n", "1")
    agent.do("echo next")
    assert line(following) == b"next\n"


def test_with_ansi_the_bytes_pass_as_they_are(world: World, tmp_path: Path) -> None:
    agent = Talker(world, tmp_path)
    following = agent.follow("--ansi")
    agent.tell(r"printf '\033[31mred\r\033[0m'; exit 0")
    assert rest(following) == b"\x1b[31mred\r\x1b[0m"


def test_several_follow_at_once_and_the_last_closes_the_pipe(world: World, tmp_path: Path) -> None:
    agent = Talker(world, tmp_path)
    first, second = agent.follow(), agent.follow()
    recorder = agent.recorder()
    agent.do("echo both")
    assert line(first) == line(second) == b"both\n"
    first.send_signal(signal.SIGINT)
    assert first.wait(PATIENCE) == 130
    agent.do("echo one")
    assert line(second) == b"one\n"
    assert (agent.recorder(), agent.piped()) == (recorder, "11")
    second.send_signal(signal.SIGINT)
    assert second.wait(PATIENCE) == 130
    assert gone(recorder)
    assert agent.piped() == "0"
    assert not agent.folder.exists()


def test_a_follower_that_is_killed_leaves_nothing(world: World, tmp_path: Path) -> None:
    agent = Talker(world, tmp_path)
    following = agent.follow()
    recorder = agent.recorder()
    following.kill()
    assert gone(recorder)
    assert agent.piped() == "0"
    assert not agent.folder.exists()
    again = agent.follow()
    agent.tell("echo bye; exit 0")
    assert rest(again) == b"bye\n"


def test_a_follower_and_its_recorder_that_are_killed_leave_nothing_for_ever(
    world: World, tmp_path: Path
) -> None:
    agent = Talker(world, tmp_path)
    following = agent.follow()
    recorder = agent.recorder()
    following.send_signal(signal.SIGSTOP)
    os.kill(recorder, signal.SIGKILL)
    following.kill()
    following.communicate(timeout=PATIENCE)
    assert gone(recorder)
    assert agent.folder.exists()
    # tmux has not noticed yet, since nothing was printed; the pipe is known to have been ours.
    assert agent.piped() == "11"
    again = agent.follow()
    agent.do("echo here")
    assert line(again) == b"here\n"
    again.send_signal(signal.SIGSTOP)
    os.kill(agent.recorder(), signal.SIGKILL)
    again.kill()
    again.communicate(timeout=PATIENCE)
    agent.tell("exit 0")
    closed(world, "one")
    assert not agent.folder.exists()


def test_a_recorder_that_is_killed_or_a_pipe_that_is_closed_is_made_anew(
    world: World, tmp_path: Path
) -> None:
    agent = Talker(world, tmp_path)
    following = agent.follow()
    first = agent.recorder()
    os.kill(first, signal.SIGKILL)
    assert gone(first)
    until(lambda: Recording(agent.folder).recorder() is not None, agent.folder)
    second = agent.recorder()
    assert second != first
    agent.do("echo again")
    assert line(following) == b"again\n"
    world.tmux("pipe-pane", "-t", agent.pane)
    assert gone(second)
    until(lambda: Recording(agent.folder).recorder() is not None, agent.folder)
    agent.tell("echo and again; exit 0")
    assert rest(following) == b"and again\n"


def test_a_pipe_of_the_user_is_left_to_him(world: World, tmp_path: Path) -> None:
    agent = Talker(world, tmp_path)
    mine = tmp_path / "mine"
    world.tmux("pipe-pane", "-O", "-t", agent.pane, f"cat >{mine}")
    world.mc("capture", "one", "--follow").refused(1, "the terminal of 'one' is piped elsewhere")
    assert not agent.folder.exists()
    world.tmux("pipe-pane", "-t", agent.pane)
    following = agent.follow()
    world.tmux("pipe-pane", "-O", "-t", agent.pane, f"cat >{mine}; touch {mine}.end")
    _, said = following.communicate(timeout=PATIENCE)
    assert (following.returncode, b"is piped elsewhere" in said) == (1, True)
    agent.tell("echo mine; exit 0")
    until(lambda: mine.read_bytes() == b"mine\r\n", tmp_path)


def test_a_path_is_never_read_as_code(world: World, tmp_path: Path) -> None:
    odd = world_at(world, tmp_path / "a'b \"$(touch x) #(touch y) ##{z} %H %% #[c];\n\té`d`")
    agent = Talker(odd, tmp_path)
    following = agent.follow()
    agent.tell("echo here; exit 0")
    assert rest(following) == b"here\n"
    assert not [name for name in ("x", "y") if list(tmp_path.rglob(name))]


@pytest.mark.slow
def test_an_agent_that_prints_20_megabytes_is_followed_to_the_last_byte(
    world: World, tmp_path: Path
) -> None:
    agent = Talker(world, tmp_path)
    following = agent.follow()
    agent.tell("seq 1 2700000; exit 0")
    printed = rest(following)
    wanted = "".join(f"{number}\n" for number in range(1, 2_700_001)).encode()
    assert len(wanted) > 20_000_000
    assert hashlib.sha256(printed).digest() == hashlib.sha256(wanted).digest()


@pytest.mark.slow
def test_a_follower_that_does_not_read_holds_nothing_up(world: World, tmp_path: Path) -> None:
    agent = Talker(world, tmp_path)
    following = agent.follow("--ansi")
    following.send_signal(signal.SIGSTOP)
    agent.do("yes a-line-that-is-somewhat-longer | head -c 80M")
    kept = sum(path.stat().st_size for path in agent.folder.iterdir())
    assert kept <= 17 * 4 * 1024 * 1024
    agent.tell("exit 0")
    closed(world, "one")
    following.send_signal(signal.SIGCONT)
    printed, said = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0
    assert b"bytes could not be kept or read in time" in said
    assert printed.endswith(b"longer\r\n") or b"a-line" in printed[-40:]
    until(lambda: not agent.folder.exists(), agent.folder.parent)


def test_an_agent_that_ends_at_once_is_printed_whole(world: World) -> None:
    for number in range(4):
        world.sh(f"quick{number}", "seq 1 50; printf last")
        printed = world.mc("capture", f"quick{number}", "--follow").ok().stdout
        assert printed.splitlines() == [*map(str, range(1, 51)), "last"]
        assert world.state(f"quick{number}") == "completed"


def test_a_job_that_is_over_is_printed_from_what_was_kept(world: World) -> None:
    finished(world, "one", "seq 1 10")
    assert world.mc("capture", "one", "--follow", "-n", "2").ok().stdout == "9\n10\n"
    closed(world, "one")
    world.tmux("kill-server")
    assert world.mc("capture", "one", "--follow", "-n", "2").ok().stdout == "9\n10\n"


def test_it_ends_when_the_job_is_killed_or_its_terminal_goes(world: World, tmp_path: Path) -> None:
    agent = Talker(world, tmp_path)
    following = agent.follow()
    world.mc("kill", "one").ok()
    assert rest(following) == b""
    world.mc("cleanup", "one").ok()
    (tmp_path / "more").mkdir()
    another = Talker(world, tmp_path / "more")
    following = another.follow()
    world.tmux("kill-server")
    assert rest(following) == b""


def test_a_recorder_that_cannot_write_leaves_a_gap_that_is_told(
    world: World, tmp_path: Path
) -> None:
    agent = Talker(world, tmp_path)
    following = agent.follow()
    agent.do("echo first")
    assert line(following) == b"first\n"
    subprocess.run(
        ["prlimit", "--pid", str(agent.recorder()), "--fsize=7"], check=True, capture_output=True
    )
    agent.do("echo second")
    agent.tell("echo third; exit 0")
    printed, said = following.communicate(timeout=PATIENCE)
    assert following.returncode == 0
    assert b"bytes could not be kept or read in time" in said
    assert b"second" not in printed


def test_json_and_follow_do_not_go_together(world: World) -> None:
    world.mc("capture", "one", "--follow", "--json").refused(129, "do not go together")


def test_a_job_that_has_not_started_is_refused(world: World) -> None:
    up = world.socket.parent / "up"
    launching = world.start("launch", "one", "--run", f"touch {up}; exec sleep 1000", "--", "true")
    world.later(lambda: launching.communicate(timeout=PATIENCE))
    until(up.exists, up.parent)
    world.mc("capture", "one", "--follow").refused(1, "has not started: it is queued")
    world.mc("kill", "one").ok()
