"""`git mc jobs --watch`: drawn in place in a real terminal, printed anew into a pipe."""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gitmc.cli.live import fitted
from gitmc.model.columns import columns, cut
from tests.support.agents import Agent, observer
from tests.support.events import until
from tests.support.world import PATIENCE, World


class Pane:
    """A terminal in the test's own tmux server, in which `git mc jobs --watch` or another runs."""

    def __init__(self, world: World, folder: Path, *words: str) -> None:
        self.world, self.log = world, folder / "pane" / "written"
        self.log.parent.mkdir()
        self.log.touch()
        watch = f"{world.command} {shlex.join(words or ('jobs', '--watch'))}"
        line = f"trap : INT; read -r _; cd {world.repo.path}; {watch}; echo ended $?; exec cat"
        start = ["new-session", "-d", "-s", "viewer", "-x", "70", "-y", "9", "-P", "-F"]
        self.id = world.tmux(*start, "#{pane_id}", "--", "/bin/sh", "-c", line)
        world.tmux("pipe-pane", "-t", self.id, f"cat >>{shlex.quote(str(self.log))}")
        self.keys("Enter")

    def keys(self, *keys: str) -> None:
        self.world.tmux("send-keys", "-t", self.id, *keys)

    def asked(self, form: str) -> str:
        return self.world.tmux("display-message", "-p", "-t", self.id, form)

    def shown(self) -> list[str]:
        return self.world.tmux("capture-pane", "-p", "-t", self.id).split("\n")

    def until(self, holds: Callable[[list[str]], bool]) -> list[str]:
        """What is shown, once it is so."""
        try:
            until(lambda: holds(self.shown()), self.log.parent)
        except AssertionError as fault:
            raise AssertionError("\n".join(self.shown())) from fault
        return self.shown()


def rows(lines: list[str]) -> dict[str, str]:
    """By name: the state of each job in a table."""
    words = [line.split() for line in lines[1:] if len(line.split()) > 1]
    return {row[0]: row[1] for row in words}


def test_a_terminal_is_redrawn_as_things_happen_and_left_as_it_was(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    pane = Pane(world, tmp_path)
    pane.until(lambda lines: rows(lines) == {"one": "running"})
    assert pane.asked("#{alternate_on} #{cursor_flag}") == "1 0"
    assert agent.do(f"{world.command} report progress --progress 40 'half of it, {'x' * 80}'") == 0
    lines = pane.until(lambda lines: "40%" in lines[1])
    assert len(lines[1]) <= 70
    assert lines[2] == ""
    world.sh("two", "exit 3")
    pane.until(lambda lines: rows(lines) == {"one": "running", "two": "failed"})
    world.mc("cleanup", "two").ok()
    pane.until(lambda lines: rows(lines) == {"one": "running"})
    pane.keys("C-c")
    pane.until(lambda lines: "ended 130" in lines)
    assert pane.asked("#{alternate_on} #{cursor_flag}") == "0 1"
    assert "running" not in " ".join(pane.shown())


def test_a_list_is_cut_to_the_terminal_and_drawn_again_when_that_is_resized(
    world: World, tmp_path: Path
) -> None:
    for number in range(4):
        world.sh(f"job{number}", "exec sleep 1000")
    pane = Pane(world, tmp_path)
    pane.until(lambda lines: len(rows(lines)) == 4)
    world.tmux("resize-window", "-t", pane.id, "-x", "30", "-y", "4")
    lines = pane.until(lambda lines: lines[3] == "… 2 more")
    assert [line.split()[0] for line in lines] == ["NAME", "job0", "job1", "…"]
    world.tmux("resize-window", "-t", pane.id, "-x", "70", "-y", "9")
    pane.until(lambda lines: len(rows(lines)) == 4)


def test_a_pipe_gets_a_fresh_table_after_each_change_and_its_end_ends_it(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    observer(world)
    watching = world.start("jobs", "--watch")
    assert watching.stdout is not None
    head, row = watching.stdout.readline(), watching.stdout.readline()
    assert head.split()[:2] == [b"NAME", b"STATE"]
    assert row.split()[:2] == [b"one", b"running"]
    assert agent.do(f"{world.command} report blocked 'why?'") == 0
    # Whether it prints is seen too, and drawn before that.
    tables = iter(watching.stdout.readline, b"")
    assert next(tables) == b"\n"
    assert next(tables).split()[:2] == [b"NAME", b"STATE"]
    assert next(row for row in tables if row.split()[2:3] == [b"waiting"]).split()[0] == b"one"
    watching.stdout.close()
    assert watching.wait(PATIENCE) == 141, "it did not notice that nobody reads"
    assert watching.stderr is not None
    assert watching.stderr.read() == b""
    watching.stderr.close()


def test_json_comes_as_one_document_a_line_of_the_jobs_that_were_chosen(
    world: World, tmp_path: Path
) -> None:
    agent, other = Agent(world, "one", tmp_path), Agent(world, "two", tmp_path)
    watching = world.start("jobs", "--watch", "--json", "o*", "--status", "running")
    assert watching.stdout is not None
    first = json.loads(watching.stdout.readline())
    assert first["schema"] == "mc.jobs/1"
    assert [job["name"] for job in first["jobs"]] == ["one"]
    assert other.do(f"{world.command} report working 'none of your business'") == 0
    assert agent.do(f"{world.command} report working 'on it'") == 0
    second = json.loads(watching.stdout.readline())
    assert [job["report"]["message"] for job in second["jobs"]] == ["on it"]
    agent.tell("exit 0")
    assert json.loads(watching.stdout.readline())["jobs"] == []
    watching.send_signal(signal.SIGINT)
    watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 130


def test_it_wakes_at_the_end_of_a_run_with_no_observer(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    observer(world)
    world.end_observer()
    watching = world.start("jobs", "--watch")
    assert watching.stdout is not None
    assert [watching.stdout.readline() for _ in range(2)][1].split()[1] == b"running"
    agent.tell("exit 3")
    assert [watching.stdout.readline() for _ in range(3)][2].split()[1] == b"failed"
    watching.terminate()
    watching.communicate(timeout=PATIENCE)
    assert watching.returncode == 130


def test_an_empty_list_says_so_and_porcelain_is_refused(world: World) -> None:
    watching = world.start("jobs", "--watch")
    assert watching.stdout is not None
    assert watching.stdout.readline() == b"no jobs\n"
    watching.kill()
    watching.communicate(timeout=PATIENCE)
    world.mc("jobs", "--watch", "--porcelain").refused(129, "--watch shows a table")


def test_a_pipe_that_closes_before_anything_happens_ends_it(world: World) -> None:
    script = f"{world.command} jobs --watch; echo $? >&2"
    done = subprocess.run(
        ["/bin/sh", "-c", f"{{ {script}; }} | head -n 1"],
        cwd=world.repo.path,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert (done.stdout, done.stderr) == (b"no jobs\n", b"141\n")


@pytest.mark.parametrize(
    ("line", "width", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "abc"),
        ("", 3, ""),
        ("\x1b[31mred\x1b[0m", 3, "\x1b[31mred\x1b[0m"),
        ("\x1b[31mred\x1b[0m", 2, "\x1b[31mre\x1b[0m"),
        ("日本", 3, "日"),
        ("日本", 4, "日本"),
        ("e\u0301tat", 2, "e\u0301t"),
    ],
)
def test_a_line_is_cut_by_the_columns_that_it_takes(line: str, width: int, shown: str) -> None:
    assert cut(line, width) == shown
    assert columns(shown) <= width


def test_what_has_no_room_is_counted_and_warnings_keep_a_little() -> None:
    lines = ["HEAD", "a", "b", "c"]
    assert fitted(lines, [], 9, 4) == lines
    assert fitted(lines, [], 9, 3) == ["HEAD", "a", "… 2 more"]
    assert fitted(lines, [], 9, 1) == ["HEAD"]
    assert fitted(lines, ["warned"], 9, 4) == ["HEAD", "a", "… 2 more", "warned"]
