"""Names, paths, prompts, commands and settings that would like to be read as something else."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from pathlib import Path

import pytest

from gitmc.model.job import State
from tests.support.agents import (
    Agent,
    closed,
    make_repo,
    script_at,
    some_slow,
    without_observer,
    world_at,
)
from tests.support.events import gone, until
from tests.support.world import Repo, World

pytestmark = pytest.mark.slow

NASTY = {
    "spaces": "two  words ",
    "quotes": 'it\'s "so"',
    "dollar": "$(touch $CANARY)",
    "backtick": "`touch $CANARY`",
    "hash": "#(touch $CANARY)",
    "format": "#{pane_id} #{q:socket_path}#S#{?1,a,b}",
    "style": "#[fg=red]##",
    "newline": "first\ntouch $CANARY\n",
    "tab": "a\tb",
    "unicode": "ünï-日本-\U0001f409",
    "semicolon": "a;",
    "only a semicolon": ";",
    "sequence": "; touch $CANARY ;",
    "backslash": "a\\",
    "escapes": "\\n\\033[31m%s%n",
    "escape": "\x1b[31mred\x07",
    "glob": "[ab]*?{x,y}",
    "dash": "-rf",
    "tilde": "~",
    "exclamation": "!touch $CANARY!",
    "percent": "%1 %hidden X=1",
    "target": "=a:b.c",
    "quotes nested": "'\"'\"'$(touch $CANARY)'\"'\"'",
}
"""Were any of these given to a shell, be it through tmux, `$CANARY` would be a file."""

FIRST = (
    "spaces",
    "quotes",
    "dollar",
    "hash",
    "format",
    "style",
    "newline",
    "tab",
    "unicode",
    "semicolon",
)


@pytest.fixture(autouse=True)
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that must not come to be."""
    monkeypatch.setenv("CANARY", str(tmp_path / "canary"))
    return tmp_path / "canary"


def test_the_canary_would_sing(canary: Path) -> None:
    assert os.system("exit $(touch $CANARY)") == 0
    assert canary.exists()


@pytest.mark.parametrize("name", some_slow(NASTY, FIRST))
def test_paths_are_never_read_as_anything_but_paths(
    world: World, tmp_path: Path, canary: Path, name: str
) -> None:
    here = world_at(world, tmp_path / "repos" / name)
    here.repo.git("config", "mc.worktreeBase", str(tmp_path / "trees" / name))
    agent = Agent(here, "one", tmp_path)
    tree = here.worktree("one")
    assert tree.is_relative_to((tmp_path / "trees" / name).resolve())
    without_observer(here)
    assert agent.do("pwd -P >where; echo x >new; git add new; git commit -qm 'add new'") == 0
    assert (tree / "where").read_text() == f"{tree}\n"
    assert agent.do("rm where") == 0
    agent.tell("exit 0")
    # tmux is a second witness, whatever the path of the folder that it leaves its word in.
    assert gone(agent.launcher)
    here.tmux("run-shell", "true")
    os.kill(int(here.tmux("display-message", "-p", "#{pid}")), signal.SIGCHLD)
    new = here.root / "events/new"
    until(lambda: any(new.glob("*.died.tmux.0")), new)
    assert here.mc("jobs", "--json").ok().json["jobs"][0]["state"] == "completed"
    assert str(tree) in here.mc("jobs", "-z").ok().stdout
    assert here.mc("capture", "one").ok().stderr == ""
    assert here.mc("status", "one").ok().stderr == ""
    here.mc("merge", "one").ok()
    assert (here.repo.path / "new").read_text() == "x\n"
    here.mc("cleanup", "one", "--delete-branch").ok()
    assert not tree.exists()
    assert here.repo.git("status", "--porcelain") == ""
    assert not canary.exists()


def test_a_tmux_socket_and_a_session_with_odd_names_are_used_as_they_are(
    world: World, tmp_path: Path, canary: Path
) -> None:
    socket = world.socket.parent / "a #(touch $CANARY) '#{pid}"
    here = World(world.repo, socket)
    started = {"GIT_MC_TMUX_SOCKET": str(socket)}
    agent = Agent(
        here, "one", tmp_path, launch=lambda *words: here.mc(*words, cwd=None, **started).ok()
    )
    assert here.job("one")["tmux"]["socket"] == str(socket)
    assert str(socket) in here.mc("attach", "one", "--print").ok().stdout.replace("'\"'\"'", "'")
    agent.tell("exit 3")
    closed(here, "one")
    assert here.job("one")["exit_status"] == 3
    here.tmux("kill-server")
    assert not canary.exists()


def test_set_up_files_with_odd_names_arrive_and_stay_out_of_git(
    world: World, tmp_path: Path, canary: Path
) -> None:
    world.repo.commit({".gitignore": "kept/\nfolder/*/\n"})
    odd = [name for name in NASTY.values() if name not in ("~",)]
    for name in odd:
        (world.repo.path / "kept" / name).parent.mkdir(exist_ok=True)
        (world.repo.path / "kept" / name).write_text(name)
        (world.repo.path / "folder" / name).mkdir(parents=True)
    links = [word for name in odd for word in ("--symlink", f"folder/{name}")]
    world.launch("one", "/bin/sh", "-c", "exit 0", options=["--copy", "kept/*", *links])
    world.wait("one").ok()
    tree = world.worktree("one")
    assert {path.name: path.read_text() for path in (tree / "kept").iterdir()} == {
        name: name for name in odd
    }
    assert {path.name for path in (tree / "folder").iterdir() if path.is_symlink()} == set(odd)
    assert world.repo.git("-C", str(tree), "status", "--porcelain", "--untracked-files=all") == ""
    assert not canary.exists()


SHELL = "$(touch $CANARY) `touch $CANARY` #(touch $CANARY) #{pane_id} ; '\"\\ %s \x1b[31m !! ~ * \n"
PROMPTS = {
    "one word": b"hello",
    "shell syntax": SHELL.encode(),
    "100 KB of shell syntax": (SHELL * 2000).encode()[:100_000],
    "1 MB": (SHELL * 20000).encode()[:1_000_000],
    "trailing newlines": b"do it\n\n\n",
    "leading dash": b"--help",
    "not UTF-8": bytes(range(1, 256)) * 3,
    "no newline": b"a\r\nb\rc",
    "empty": b"",
    "only the placeholder": b"{prompt}",
}
HARD = ("100 KB of shell syntax", "trailing newlines", "not UTF-8", "empty")
WORDY = ("100 KB of shell syntax", "leading dash", "not UTF-8", "only the placeholder")
AS_WORD = {name: text for name, text in PROMPTS.items() if text and len(text) <= 100_000}


@pytest.mark.parametrize("prompt", some_slow(PROMPTS, HARD))
def test_a_prompt_from_a_file_arrives_byte_for_byte(
    world: World, tmp_path: Path, canary: Path, prompt: bytes
) -> None:
    (tmp_path / "prompt").write_bytes(prompt)
    got = tmp_path / "got"
    script = 'cp "$MC_PROMPT_FILE" "$0"'
    world.mc(
        "launch", "one", "-F", str(tmp_path / "prompt"), "--", "/bin/sh", "-c", script, str(got)
    ).ok()
    world.wait("one").ok()
    assert got.read_bytes() == prompt
    assert os.fsencode(world.job("one")["prompt"]) == prompt
    assert not canary.exists()


def test_a_prompt_from_standard_input_arrives_byte_for_byte(world: World, tmp_path: Path) -> None:
    prompt = PROMPTS["not UTF-8"]
    script = 'cp "$MC_PROMPT_FILE" "$0"'
    words = ["launch", "one", "-F", "-", "--", "/bin/sh", "-c", script, str(tmp_path / "got")]
    world.mc(*words, stdin=os.fsdecode(prompt)).ok()
    world.wait("one").ok()
    assert (tmp_path / "got").read_bytes() == prompt


def test_prompts_on_the_command_line_arrive_byte_for_byte(
    world: World, tmp_path: Path, canary: Path
) -> None:
    script = 'cp "$MC_PROMPT_FILE" "$0"'
    prompts = [text for text in AS_WORD.values() if not text.startswith(b"-")]
    for number, text in enumerate(prompts):
        got = str(tmp_path / str(number))
        words = ["launch", f"n{number}", os.fsdecode(text), "--", "/bin/sh", "-c", script, got]
        world.mc(*words).ok()
    world.wait("n*").ok()
    assert [(tmp_path / str(n)).read_bytes() for n in range(len(prompts))] == prompts
    assert not canary.exists()


@pytest.fixture
def opencode(tmp_path: Path) -> str:
    """A PATH with a program called opencode, which writes down what it is given."""
    out = shlex.quote(str(tmp_path))
    script_at(
        tmp_path / "bin/opencode",
        f"cd {out}; printf '%s\\0' \"$@\" >argv; if [ -t 0 ]; then :; else cat >stdin; fi",
    )
    return f"{tmp_path / 'bin'}:{os.environ['PATH']}"


@pytest.mark.parametrize(
    "prompt", [AS_WORD[name] for name in WORDY], ids=[name.replace(" ", "-") for name in WORDY]
)
def test_opencode_is_given_the_prompt_as_one_word(
    world: World, tmp_path: Path, opencode: str, canary: Path, prompt: bytes
) -> None:
    (tmp_path / "prompt").write_bytes(prompt)
    world.mc("launch", "one", "-F", str(tmp_path / "prompt"), PATH=opencode).ok()
    world.wait("one").ok()
    assert (tmp_path / "argv").read_bytes() == b"--prompt\0" + prompt + b"\0"
    assert not (tmp_path / "stdin").exists()
    assert not canary.exists()


def test_opencode_is_told_of_a_file_when_the_prompt_is_too_long_for_a_word(
    world: World, tmp_path: Path, opencode: str
) -> None:
    prompt = PROMPTS["100 KB of shell syntax"] + b"."
    (tmp_path / "prompt").write_bytes(prompt)
    world.mc("launch", "one", "-F", str(tmp_path / "prompt"), PATH=opencode).ok()
    world.wait("one").ok()
    option, words, end = (tmp_path / "argv").read_bytes().split(b"\0")
    assert (option, end) == (b"--prompt", b"")
    told = Path(os.fsdecode(words).removeprefix("Read ").removesuffix(" and do what it says."))
    assert told.read_bytes() == prompt


@pytest.mark.parametrize("name", ["100 KB of shell syntax", "1 MB", "not UTF-8"])
def test_opencode_without_its_interface_reads_the_prompt_from_standard_input(
    world: World, tmp_path: Path, opencode: str, name: str
) -> None:
    (tmp_path / "prompt").write_bytes(PROMPTS[name])
    options = ["--headless", "-F", str(tmp_path / "prompt")]
    world.mc("launch", "one", *options, PATH=opencode).ok()
    world.wait("one").ok()
    assert (tmp_path / "argv").read_bytes() == b"run\0"
    assert (tmp_path / "stdin").read_bytes() == PROMPTS[name]


WORDS = [
    "a;", ";", ";;", "\\;", "a\\;", "$HOME", "$(touch $CANARY)", "#{x}", "#(touch $CANARY)", "",
    " ", "a\nb", "'", '"', "\\", "--", "-h", "--json", "{}", "~", "*", "%1", "\x1b[31m", "ünï",
    "x" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("placeholder", [[], ["{prompt}", "{prompt_file}"]], ids=["", "braces"])
def test_a_command_is_run_word_for_word(
    world: World, tmp_path: Path, canary: Path, placeholder: list[str]
) -> None:
    words = [*WORDS, *placeholder]
    program = script_at(tmp_path / "dump $(touch $CANARY);", 'printf "%s\\0" "$@" >"$OUT"')
    out = tmp_path / "words"
    world.mc("launch", "one", "a prompt", "--", str(program), *words, OUT=str(out)).ok()
    world.wait("one").ok()
    assert out.read_bytes() == b"".join(os.fsencode(word) + b"\0" for word in words)
    assert list(world.mission.job("one").command) == [str(program), *words]
    assert not canary.exists()


def test_words_that_no_state_file_could_hold_are_refused(world: World) -> None:
    before = world.repo.git("for-each-ref")
    world.mc("launch", "one", "--", "/bin/echo", "\udcff").refused(1, "UTF-8")
    world.mc("launch", "one", "--branch", "a\udcff", "--", "true").refused(1, "UTF-8")
    assert world.repo.git("for-each-ref") == before
    assert world.repo.git("worktree", "list").count("\n") == 0
    assert world.mc("jobs", "--json").ok().json["jobs"] == []


def test_a_report_in_bytes_that_are_no_text_is_taken_or_refused(
    world: World, tmp_path: Path
) -> None:
    agent = Agent(world, "one", tmp_path)
    said = world.mc("report", "blocked", "a\udcffb", cwd=world.worktree("one"))
    assert said.status in (0, 1), said.stderr
    assert "defect" not in said.stderr
    assert agent.do(":") == 0


def test_the_agent_sees_the_environment_of_its_launch_and_nothing_that_points_git_elsewhere(
    world: World, tmp_path: Path, canary: Path
) -> None:
    out = tmp_path / "environment"
    odd = {"ODD": "$(touch $CANARY)\n#{x};", "MC_RUN": "feed", "MC_JOB": "another"}
    git_dir = str(world.repo.path / ".git")
    script = 'env -0 >"$0"; git rev-parse --show-toplevel'
    words = ["launch", "one", "--", "/bin/sh", "-c", script, str(out)]
    world.mc(*words, cwd=None, GIT_DIR=git_dir, GIT_WORK_TREE=str(world.repo.path), **odd).ok()
    world.wait("one").ok()
    seen = dict(v.split("=", 1) for v in os.fsdecode(out.read_bytes()).split("\0") if v)
    assert seen["ODD"] == odd["ODD"]
    assert seen["MC_JOB"] == "one"
    run = world.mission.job("one").run
    assert run is not None
    assert seen["MC_RUN"] == run.id
    assert {"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} & set(seen) == set()
    assert Path(seen["MC_DIR"]) == world.root
    assert str(world.worktree("one")) in world.mc("capture", "one").ok().stdout
    assert not canary.exists()


BAD_NAMES = {
    "empty": ("", "it is empty"),
    "up": ("../x", "'/' is not a letter"),
    "space": ("a b", "' ' is not a letter"),
    "two dots": ("a..b", "git forbids '..'"),
    "dot": (".x", "it must begin with"),
    "lock": ("x.lock", "git forbids a branch that ends in '.' or '.lock'"),
    "last dot": ("x.", "git forbids a branch that ends in '.' or '.lock'"),
    "slash": ("a/b", "'/' is not a letter"),
    "long": ("x" * 61, "longer than 60 characters"),
    "newline": ("a\nb", "'\\n' is not a letter"),
    "last newline": ("a\n", "'\\n' is not a letter"),
    "decomposed": ("u\u0308", "normal form C"),
    "at": ("@{1}", "'@' is not a letter"),
    "shell": ("$(touch canary)", "'$' is not a letter"),
    "semicolon": ("a;", "';' is not a letter"),
    "emoji": ("\U0001f409", "is not a letter"),
    "not UTF-8": ("\udcff", "is not a letter"),
    "right to left": ("a\u202eb", "is not a letter"),
}


@pytest.mark.parametrize(("name", "rule"), BAD_NAMES.values(), ids=BAD_NAMES)
def test_a_bad_job_name_is_refused_with_the_rule_it_breaks(
    world: World, name: str, rule: str
) -> None:
    world.mc("launch", name, "--", "true").refused(1, "bad job name", rule, "hint: use letters")
    assert world.repo.git("for-each-ref", "refs/heads/mc") == ""
    assert not (world.repo.path / ".git/mission-control/jobs").exists() or not list(
        (world.repo.path / ".git/mission-control/jobs").iterdir()
    )


def test_a_name_that_begins_with_a_dash_is_an_option_that_does_not_exist(world: World) -> None:
    world.mc("launch", "-x", "--", "true").refused(129, "-x")


@pytest.mark.parametrize("twin", ["FIX-Ü", "fix-ü"], ids=["upper", "same"])
def test_a_name_that_differs_in_case_only_is_refused(world: World, twin: str) -> None:
    world.sh("fix-ü", "exit 0")
    world.mc("launch", twin, "--", "true").refused(1, "a job called 'fix-ü' exists already")


@pytest.mark.parametrize("name", ["ünï", "日本語", "x" * 60, "_a.b_c-1", "ǆß"])
def test_letters_of_any_script_make_a_name(world: World, name: str) -> None:
    world.sh(name, "exit 0")
    world.wait(name).ok()
    assert world.job(name)["branch"] == f"mc/{name}"
    world.mc("cleanup", name, "--delete-branch").ok()


@pytest.mark.parametrize(
    "branch",
    ["a b", "x..y", "refs~1", "@{", "x.lock", "", "a\nb", "a//b", "-x", "/a", "HEAD", "a:b"],
)
def test_a_bad_branch_name_is_refused(world: World, branch: str) -> None:
    before = world.repo.git("for-each-ref")
    refused = world.mc("launch", "one", f"--branch={branch}", "--", "true")
    refused.refused(1, "branch")
    assert world.repo.git("for-each-ref") == before
    assert world.mc("jobs", "--json").ok().json["jobs"] == []


CONFIGS = {
    "destroy-unattached": "set -g destroy-unattached on",
    "base-index": "set -g base-index 7\nset -g pane-base-index 3",
    "default-shell": "set -g default-shell FISH",
    "default-command": "set -g default-command 'exit 9'",
    "remain-on-exit off": "set -g remain-on-exit off",
    "own pane-died hook": "set -g remain-on-exit on\nset-hook -g pane-died 'kill-pane'",
    "own pane-exited hook": "set-hook -g pane-exited 'kill-server'",
    "renumber-windows": "set -g renumber-windows on",
    "renaming windows": "set-hook -g after-new-window 'rename-window hacked'",
    "renaming sessions": "set-hook -g after-new-session 'rename-session r#{session_id}'",
    "automatic-rename": "set -g automatic-rename on\nset -g allow-rename on",
    "a command alias": "set -s command-alias[50] kill-pane='display-message no'",
    "a broken line": "no-such-command -x",
}
COMMON = (
    "destroy-unattached",
    "base-index",
    "default-shell",
    "own pane-died hook",
    "renaming sessions",
)


@pytest.fixture(params=some_slow(CONFIGS, COMMON))
def configured(world: World, tmp_path: Path, request: pytest.FixtureRequest) -> tuple[World, str]:
    """A world whose tmux server was started by a user with settings of his own, and his pane.

    By his session: of a file with a broken line tmux takes nothing, `exit-empty` neither, and a
    server without a session would end.
    """
    fish = script_at(tmp_path / "fish", 'echo "fish: not a shell you know" >&2; exit 99')
    settings = str(request.param).replace("FISH", str(fish))
    (tmp_path / "tmux.conf").write_text(f"set -g exit-empty off\n{settings}\n")
    user = ["new-session", "-d", "-P", "-F", "#{pane_id}", "/bin/cat", "-", ";"]
    keep = ["set-option", "destroy-unattached", "off"]
    return world, world.tmux("-f", str(tmp_path / "tmux.conf"), *user, *keep)


def test_jobs_end_in_the_right_state_whatever_the_user_has_set_in_tmux(
    configured: tuple[World, str], tmp_path: Path
) -> None:
    world, pane = configured
    inside = {"TMUX": f"{world.socket},1,0", "TMUX_PANE": pane}
    world.sh("good", "exit 0")
    world.sh("bad", "exit 7")
    words = ["launch", "window", "--placement", "window", "--", "/bin/sh", "-c", "exit 4"]
    world.mc(*words, cwd=None, **inside).ok()
    agent = Agent(world, "lost", tmp_path)
    os.kill(agent.launcher, signal.SIGKILL)
    for name in ("good", "bad", "window", "lost"):
        closed(world, name)
    jobs = world.mc("jobs", "--json").ok().json["jobs"]
    assert {job["name"]: (job["state"], job["exit_status"]) for job in jobs} == {
        "good": ("completed", 0),
        "bad": ("failed", 7),
        "window": ("failed", 4),
        "lost": ("failed", None),
    }
    assert world.tmux("display-message", "-p", "-t", pane, "#{pane_dead}") == "0"


def test_a_window_is_put_behind_the_others_of_the_session_one_is_in(
    world: World, tmp_path: Path
) -> None:
    pane = world.tmux("new-session", "-d", "-s", "mine", "-P", "-F", "#{pane_id}", "/bin/cat")
    before = world.tmux("list-windows", "-t", "mine", "-F", "#{window_id} #{window_active}")
    git_mc = f"{shlex.quote(sys.executable)} -m gitmc"
    line = (
        f"cd {shlex.quote(str(world.repo.path))} && {git_mc} launch one --placement window"
        f" -- /bin/sh -c 'exit 4' >{shlex.quote(str(tmp_path / 'said'))} 2>&1;"
        f" tmux wait-for -S launched"
    )
    world.tmux("new-window", "-d", "-t", "mine", line)
    world.tmux("wait-for", "launched")
    assert "launched one" in (tmp_path / "said").read_text()
    closed(world, "one")
    job = world.job("one")
    assert (job["state"], job["exit_status"], job["placement"]) == ("failed", 4, "window")
    assert job["tmux"]["session"] == world.tmux("display", "-p", "-t", "mine", "#{session_id}")
    windows = world.tmux("list-windows", "-t", "mine", "-F", "#{window_id} #{window_active}")
    assert before in windows
    assert f"{job['tmux']['window']} 0" in windows
    world.mc("cleanup", "one").ok()
    windows = world.tmux("list-windows", "-t", "mine", "-F", "#{window_id}")
    assert job["tmux"]["window"] not in windows.splitlines()
    assert world.tmux("display-message", "-p", "-t", pane, "#{pane_dead}") == "0"


def test_window_placement_follows_tmux_where_no_socket_is_set(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pane = world.tmux("new-session", "-d", "-P", "-F", "#{pane_id}", "/bin/cat")
    monkeypatch.delenv("GIT_MC_TMUX_SOCKET")
    inside = {"TMUX": f"{world.socket},1,0", "TMUX_PANE": pane}
    words = ["launch", "one", "--placement", "window", "--", "/bin/sh", "-c", "exit 4"]
    world.mc(*words, cwd=None, **inside).ok()
    closed(world, "one")
    job = world.job("one")
    assert (job["exit_status"], job["tmux"]["socket"]) == (4, str(world.socket))


def test_window_placement_outside_tmux_is_refused(world: World) -> None:
    refused = world.mc("launch", "one", "--placement", "window", "--", "true")
    refused.refused(1, "window placement needs a tmux session", "--placement session")
    world.repo.git("config", "mc.defaultPlacement", "window")
    world.mc("launch", "one", "--", "true").refused(1, "window placement needs a tmux session")
    assert world.repo.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize("branch", ["$(touch$IFS$CANARY)/it's", 'q"t;ünï', "#{x}`y`&|>z"])
def test_bases_and_branches_with_odd_names_are_landed_on(
    world: World, canary: Path, branch: str
) -> None:
    repo: Repo = world.repo
    target = branch
    repo.git("branch", target)
    script = "echo x >new; git add new; git commit -qm 'add new'"
    world.sh("one", script, "--base", target, "--branch", f"job-{target}")
    world.wait("one").ok()
    world.mc("merge", "one").ok()
    assert repo.files(target)["new"] == "x"
    world.mc("cleanup", "one", "--delete-branch").ok()
    assert repo.git("branch", "--list", f"job-{target}") == ""
    assert not canary.exists()


def test_two_repositories_of_odd_names_share_a_server(world: World, tmp_path: Path) -> None:
    for name in ("a;", "a#{x}"):
        path = tmp_path / name / "same"
        here = World(make_repo(path), world.socket)
        world.adopt(path)
        here.sh("one", "exit 5")
        closed(here, "one")
        assert here.job("one")["exit_status"] == 5


def test_no_module_of_the_repository_s_is_taken_for_one_of_ours(
    world: World, tmp_path: Path
) -> None:
    canary = tmp_path / "imported"
    trap = f"open({str(canary)!r}, 'w').close()\n"
    world.repo.commit({"gitmc/__init__.py": trap, "click.py": trap, "filelock.py": trap})
    world.sh("one", "git commit --allow-empty -qm done")
    assert closed(world, "one").state is State.COMPLETED
    lock = world.root / "run" / "observer.lock"
    until(lambda: canary.exists() or world.mission.store.observed(), lock.parent)
    assert not canary.exists()
    assert world.mission.store.observed()
