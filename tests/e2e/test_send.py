"""Messages to running agents: what arrives, what is refused, and what counts as delivered."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from gitmc.control.send import checked
from gitmc.errors import Refused, Usage
from gitmc.events import markers
from gitmc.model.job import Activity, Job
from gitmc.model.marker import Marker
from gitmc.store.lock import hold
from tests.e2e.test_merge import finished
from tests.support.agents import Agent, stored, without_observer
from tests.support.events import until
from tests.support.world import PATIENCE, World

TUI = Path(__file__).parents[1] / "support" / "tui.py"
BEGIN, END = b"\x1b[200~", b"\x1b[201~"

HOSTILE = {
    "quotes": "a \"q\" 'r' `s` \\ $HOME $(touch x) ${y}",
    "formats": "#{pane_id} #(touch x) ## #[fg=red] %H {} ",
    "semicolons": "one ; two \\; three;",
    "dashes": "-t %0 -X",
    "unicode": "é 日本語 👩\u200d💻 \u00a0 \udcff",
    "lines": "one\n\n\tthree\nfour\n",
}


class Tui:
    """A job whose agent has a user interface, and logs what it is typed."""

    def __init__(self, world: World, folder: Path, name: str = "one", *manners: str) -> None:
        self.log = folder / f"{name}.log"
        argv = (sys.executable, str(TUI), str(folder), name, *manners)
        options = ("--placement", "session")
        world.launch(name, *argv, options=options)
        until(self.log.exists, folder)

    def got(self) -> bytes:
        """The bytes that it was typed so far."""
        return self.log.read_bytes()

    def gets(self, typed: bytes) -> None:
        """Wait until it was typed that much, which must be `typed`."""
        until(lambda: len(self.got()) >= len(typed), self.log.parent)
        assert self.got() == typed


def change(world: World, name: str, how: Callable[[Job], Job]) -> None:
    """Change what is stored of the job."""
    store = world.mission.store
    with store.locked() as held:
        store.save(held, how(world.mission.job(name)))


def speaks(world: World, state: str = "idle", source: str = "agent") -> None:
    """Let the job `one` have an agent whose hooks have said `state`."""
    # The observer would take the markers that the commands under test are to see.
    without_observer(world)

    def how(job: Job) -> Job:
        assert job.run is not None
        activity = Activity(state, world.mission.now(), source)
        return job._replace(run=job.run._replace(signals=True), activity=activity)

    change(world, "one", how)


def asks(world: World, source: str) -> Activity:
    """Let the job `one` wait for a person, as `source` has it."""
    activity = Activity("waiting", world.mission.now(), source)
    change(world, "one", lambda job: job._replace(activity=activity))
    return activity


def says(world: World, state: str, pid: int = 1) -> None:
    """Leave the marker by which an agent's hook says what it does."""
    run = world.mission.job("one").run
    assert run is not None
    markers.drop(world.mission.store.events, Marker(run.id, "activity", "agent", f"{state}-{pid}"))


def paste(text: bytes) -> bytes:
    """What a terminal makes of a paste of `text` that is submitted."""
    return BEGIN + text.replace(b"\n", b"\r") + END + b"\r"


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_arrives_byte_for_byte_and_is_submitted(
    world: World, tmp_path: Path, text: str
) -> None:
    tui = Tui(world, tmp_path)
    world.mc("send", "one", "-F", "-", stdin=text).ok()
    tui.gets(paste(os.fsencode(text.removesuffix("\n"))))
    assert world.tmux("list-buffers") == ""


def test_words_are_joined_and_a_beginning_names_the_job(world: World, tmp_path: Path) -> None:
    tui = Tui(world, tmp_path, "feature-login")
    ran = world.mc("send", "feat", "--json", "two", "words;").ok()
    assert ran.json == {
        "schema": "mc.send/1",
        "sent": [{"name": "feature-login", "confirmed": None}],
    }
    assert ran.stderr == "feature-login: sent\n"
    tui.gets(paste(b"two words;"))


def test_a_text_of_100_kilobytes_arrives_whole(world: World, tmp_path: Path) -> None:
    tui = Tui(world, tmp_path)
    text = "".join(f"line {number}: é #{{x}} $(y)\r\n" for number in range(4400))
    assert len(text) > 100_000
    (tmp_path / "message").write_bytes(text.encode())
    world.mc("send", "one", "-F", str(tmp_path / "message")).ok()
    tui.gets(paste(text.replace("\r\n", "\n").removesuffix("\n").encode()))


@pytest.mark.parametrize("placement", ["session", "window"])
def test_a_pane_in_any_mode_gets_the_text_too(
    world: World, tmp_path: Path, placement: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if placement == "window":
        world.tmux("new-session", "-d", "-s", "mine", "cat")
        monkeypatch.setenv("TMUX", f"{world.socket},1,0")
        monkeypatch.setenv("TMUX_PANE", world.tmux("list-panes", "-a", "-F", "#{pane_id}"))
    agent = Agent(world, "one", tmp_path, options=("--placement", placement))
    world.tmux("copy-mode", "-t", agent.pane)
    world.tmux("choose-tree", "-t", agent.pane)
    agent.tell("read -r said && test \"$said\" = 'hello there'")
    world.mc("send", "one", "hello there").ok()
    assert agent.do("true") == 0, "it read something else"


def test_two_texts_at_once_do_not_mix(world: World, tmp_path: Path) -> None:
    tui = Tui(world, tmp_path)
    texts = [f"{n} ".encode() * 30_000 for n in range(3)]
    for number, text in enumerate(texts):
        (tmp_path / str(number)).write_bytes(text)
    sending = [world.start("send", "one", "-F", str(tmp_path / str(n))) for n in range(3)]
    for one in sending:
        one.communicate(timeout=PATIENCE)
        assert one.returncode == 0
    size = sum(len(paste(text)) for text in texts)
    until(lambda: len(tui.got()) >= size, tmp_path)
    assert sorted(tui.got().split(b"\r")) == sorted(
        [b"", *(paste(text).removesuffix(b"\r") for text in texts)]
    )


def test_a_sender_waits_for_another_and_gives_up_the_lock_with_its_life(
    world: World, tmp_path: Path
) -> None:
    tui = Tui(world, tmp_path)
    run = world.mission.job("one").run
    assert run is not None
    lock = world.mission.store.send_lock(run.id)
    with hold(lock):
        waiting = world.start("send", "one", "later")
        world.mc("jobs").ok()
        assert (waiting.poll(), tui.got()) == (None, b"")
    waiting.communicate(timeout=PATIENCE)
    tui.gets(paste(b"later"))
    world.mc("kill", "one").ok()
    assert not lock.exists()


CONTROLS = {
    "escape": (b"a\n\x1b[201~rm -rf\r", "U+001B in line 2"),
    "return": (b"a\rb", "U+000D in line 1"),
    "nul": (b"a\0", "U+0000"),
    "delete": (b"a\x7f", "U+007F"),
    "c1": ("a\u009b".encode(), "U+009B"),
    "raw c1": (b"a\x9b201~", "0x9b"),
}


@pytest.mark.parametrize(("raw", "said"), CONTROLS.values(), ids=CONTROLS)
def test_control_characters_are_refused(raw: bytes, said: str) -> None:
    with pytest.raises(Refused, match="the text has the control character") as caught:
        checked(raw)
    assert said in caught.value.message


@pytest.mark.parametrize("raw", [b"", b"\n", b"\r\n", b" \t\n\n"])
def test_nothing_to_send_is_a_usage_error(raw: bytes) -> None:
    with pytest.raises(Usage):
        checked(raw)


def test_one_newline_is_dropped_and_line_ends_are_made_the_same() -> None:
    assert checked(b"a\r\nb\n\n") == b"a\nb\n"
    assert checked(b"\xff\xe9 \tx\r\n") == b"\xff\xe9 \tx"


def test_a_wrong_command_line_sends_nothing(world: World) -> None:
    world.mc("send").refused(129, "give the job and the text")
    world.mc("send", "one").refused(129, "there is no text to send")
    world.mc("send", "--all").refused(129, "there is no text to send")
    world.mc("send", "one", "x", "-F", "-").refused(129, "not from both")
    world.mc("send", "one", "x").refused(1, "there is no job called 'one'")
    assert world.mc("send", "--all", "x").ok().stderr == "no job is running\n"


def test_a_job_that_does_not_run_is_refused_with_the_way_on(world: World) -> None:
    finished(world, "one", "echo hi")
    ran = world.mc("send", "one", "hello")
    ran.refused(1, "the job 'one' is not running: it is completed", "git mc relaunch one")
    # What is asked to paste into a pane that is dead must not end its server.
    assert world.mc("capture", "one").ok().stdout == "hi\n"


def test_a_terminal_that_is_gone_or_switched_off_is_refused(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path, options=("--placement", "session"))
    activity = asks(world, "report")
    world.tmux("select-pane", "-d", "-t", agent.pane)
    world.mc("send", "one", "x").refused(1, "takes no input", "tmux select-pane -e")
    world.tmux("select-pane", "-e", "-t", agent.pane)
    # As in a server that was started anew, where another pane has the old number.
    world.tmux("set-option", "-p", "-t", agent.pane, "@mc_run", "feed")
    world.mc("send", "one", "x").refused(1, "the terminal of 'one' is gone", "git mc log one")
    assert agent.job.activity == activity, "a person is still waited for"
    assert world.tmux("list-buffers") == ""


def test_a_dry_run_sends_nothing(world: World, tmp_path: Path) -> None:
    tui = Tui(world, tmp_path)
    assert world.mc("send", "one", "é", "--dry-run").ok().stdout == "would send 2 bytes to one\n"
    world.mc("send", "one", "real").ok()
    tui.gets(paste(b"real"))


def test_all_reaches_those_that_run_and_one_failure_stops_no_other(
    world: World, tmp_path: Path
) -> None:
    finished(world, "done", ":")
    tuis = [Tui(world, tmp_path, name) for name in ("one", "two", "zoo")]
    pane = world.job("one")["tmux"]["pane"]
    world.tmux("set-option", "-p", "-t", pane, "@mc_run", "feed")
    ran = world.mc("send", "--all", "--json", "all", "of", "you")
    ran.refused(1, "the terminal of 'one' is gone", "two: sent", "zoo: sent")
    assert [one["name"] for one in ran.json["sent"]] == ["two", "zoo"]
    for tui in tuis[1:]:
        tui.gets(paste(b"all of you"))
    assert tuis[0].got() == b""


def test_an_agent_that_asked_is_no_longer_waited_for(world: World, tmp_path: Path) -> None:
    tui = Tui(world, tmp_path, "one", "mute")
    for source in ("report", "bell"):
        asks(world, source)
        world.mc("send", "one", "blue").ok()
        found = world.job("one")["activity"]
        # The observer may have seen by now that the agent prints something, and says the same.
        assert found["state"] == "working"
        assert found["source"] in ("send", "output")
    tui.gets(paste(b"blue") * 2)


def test_an_agent_of_which_nothing_is_known_stays_so(world: World, tmp_path: Path) -> None:
    Tui(world, tmp_path, "one", "mute")
    without_observer(world)
    change(world, "one", lambda job: job._replace(activity=None))
    world.mc("send", "one", "x").ok()
    assert world.mission.job("one").activity is None


def test_an_agent_with_hooks_confirms_that_it_took_the_message(
    world: World, tmp_path: Path
) -> None:
    tui = Tui(world, tmp_path)
    speaks(world)
    ran = world.mc("send", "one", "--json", "go on").ok()
    assert ran.json["sent"] == [{"name": "one", "confirmed": True}]
    assert ran.stderr == "one: sent, and the agent took it\n"
    assert tui.got() == paste(b"go on")


@pytest.mark.slow
def test_return_is_pressed_once_more_where_the_first_did_nothing(
    world: World, tmp_path: Path
) -> None:
    tui = Tui(world, tmp_path, "one", "deaf=1")
    speaks(world)
    ran = world.mc("send", "one", "--json", "go on").ok()
    assert ran.json["sent"] == [{"name": "one", "confirmed": True}]
    assert tui.got() == paste(b"go on") + b"\r"


@pytest.mark.slow
def test_a_message_that_is_never_confirmed_is_a_failure_that_says_where_it_is(
    world: World, tmp_path: Path
) -> None:
    tui = Tui(world, tmp_path, "one", "mute")
    speaks(world, "waiting")
    ran = world.mc("send", "one", "--json", "--wait", "go on")
    ran.refused(1, "did not say that it took the text, which is in its input", "git mc attach one")
    assert ran.json["sent"] == [{"name": "one", "confirmed": False}]
    assert tui.got() == paste(b"go on") + b"\r"
    assert world.job("one")["activity"]["state"] == "waiting"


@pytest.mark.slow
def test_an_agent_that_is_at_work_need_not_say_so_again(world: World, tmp_path: Path) -> None:
    Tui(world, tmp_path, "one", "mute")
    speaks(world, "working")
    ran = world.mc("send", "one", "--json", "and on").ok()
    assert ran.json["sent"] == [{"name": "one", "confirmed": None}]
    assert world.job("one")["activity"]["source"] == "agent"


def test_an_agent_that_asks_at_once_is_not_pressed_to_agree(world: World, tmp_path: Path) -> None:
    tui = Tui(world, tmp_path, "one", "mute")
    speaks(world)
    sending = world.start("send", "one", "go on")
    tui.gets(paste(b"go on"))
    says(world, "waiting")
    _, said = sending.communicate(timeout=PATIENCE)
    assert sending.returncode == 1, said
    assert tui.got() == paste(b"go on")


@pytest.mark.parametrize("word", ["idle", "waiting"])
def test_wait_ends_when_the_agent_has_dealt_with_it(
    world: World, tmp_path: Path, word: str
) -> None:
    tui = Tui(world, tmp_path)
    speaks(world)
    sending = world.start("send", "one", "--wait", "go on")
    assert sending.stderr is not None
    assert sending.stderr.readline() == b"one: sent, and the agent took it\n"
    assert sending.poll() is None
    says(world, word)
    sending.communicate(timeout=PATIENCE)
    assert sending.returncode == 0
    assert tui.got() == paste(b"go on")


@pytest.mark.parametrize(("end", "status"), [("exit 0", 0), ("exit 3", 1)])
def test_wait_ends_with_the_run(world: World, tmp_path: Path, end: str, status: int) -> None:
    agent = Agent(world, "one", tmp_path)
    agent.tell(f"read -r said; {end}")
    sending = world.start("send", "one", "--wait", "go on")
    _, said = sending.communicate(timeout=PATIENCE)
    assert sending.returncode == status, said
    assert (b"the job 'one' is failed: exit status 3" in said) == bool(status)


def test_a_report_ends_the_wait_for_an_agent_without_hooks(world: World, tmp_path: Path) -> None:
    agent = Agent(world, "one", tmp_path)
    without_observer(world)
    asks(world, "report")
    sending = world.start("send", "one", "--wait", "go on")
    stored(world, "one", lambda job: job.activity is not None and job.activity.source == "send")
    silent = Activity("idle", world.mission.now() - timedelta(minutes=10), "output")
    change(world, "one", lambda job: job._replace(activity=silent))
    world.mc("jobs").ok()
    assert sending.poll() is None, "a silence from before the message is no answer to it"
    assert agent.do(f"read -r said; {world.command} report blocked again") == 0
    sending.communicate(timeout=PATIENCE)
    assert sending.returncode == 0
