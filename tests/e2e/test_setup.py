"""What a new worktree is given: copies, links, and commands whose words are kept."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.agents import Pipe, names, script_at
from tests.support.events import gone
from tests.support.world import PATIENCE, Ran, World

NOTHING = ("--", "/bin/sh", "-c", ":")


def write(world: World, *paths: str) -> None:
    """Make files in the main worktree that hold their own path."""
    for name in paths:
        path = world.repo.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def ignore(world: World, *patterns: str) -> None:
    """Commit what git is to ignore."""
    world.repo.commit({".gitignore": "".join(f"{pattern}\n" for pattern in patterns)})


def launched(world: World, *options: str) -> Path:
    """The worktree of a new job, in which nothing is to be committed."""
    tree = Path(world.mc("launch", "one", *options, "--json", *NOTHING).ok().json["worktree"])
    assert world.repo.git("-C", str(tree), "status", "--porcelain") == ""
    return tree


def brought(tree: Path) -> set[str]:
    """The files of a worktree that are not in git, by their path."""
    found = (path.relative_to(tree).as_posix() for path in tree.rglob("*") if not path.is_dir())
    return set(found) - {".git", ".gitignore", "README.md"}


def test_a_copy_keeps_modes_times_and_links_and_passes_over_what_is_no_file(
    world: World,
) -> None:
    ignore(world, "kept/", ".env", "link")
    top = world.repo.path
    write(world, "kept/deep/a", "kept/run", ".env")
    (top / "kept/run").chmod(0o750)
    (top / ".env").chmod(0o600)
    for name in ("kept/deep/a", "kept/run", "kept/deep", "kept"):
        os.utime(top / name, (1_000_000_000, 1_000_000_000))
    (top / "kept/deep").chmod(0o555)
    (top / "link").symlink_to("/nowhere/at all")
    (top / "kept/into").symlink_to("deep", target_is_directory=True)
    os.mkfifo(top / "kept/pipe")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(top / "kept/s"))
    os.utime(top / "kept", (1_000_000_000, 1_000_000_000))
    tree = launched(world, "--copy", "kep*", "--copy", ".env", "--copy", "link", "--copy", "no*")
    assert brought(tree) == {"kept/deep/a", "kept/run", ".env", "link"}
    assert (tree / "kept/into").readlink() == Path("deep")
    assert (tree / "link").readlink() == Path("/nowhere/at all")
    for name in ("kept", "kept/deep", "kept/deep/a", "kept/run", ".env"):
        one, other = (top / name).stat(), (tree / name).stat()
        assert (one.st_mode, one.st_mtime_ns) == (other.st_mode, other.st_mtime_ns), name
    assert (tree / "kept/run").read_text() == "kept/run"


def test_a_large_file_is_copied_whole(world: World) -> None:
    ignore(world, "large")
    content = os.urandom(3_000_001)
    (world.repo.path / "large").write_bytes(content)
    assert (launched(world, "--copy", "large") / "large").read_bytes() == content


def test_a_folder_of_ten_thousand_files_is_copied(world: World) -> None:
    ignore(world, "many/")
    for folder in range(100):
        (world.repo.path / f"many/{folder}").mkdir(parents=True)
        for name in range(100):
            (world.repo.path / f"many/{folder}/{name}").touch()
    tree = launched(world, "--copy", "many")
    assert sum(len(files) for _, _, files in os.walk(tree / "many")) == 10_000


SHARED = """
set -e
truncate -s 400M {image}; mkfs.{kind} -q {image}; mount -o loop {image} {disk}
cd {disk}; git init -q r; cd r; echo big >.gitignore; git add .gitignore; git commit -qm first
head -c 50000000 /dev/urandom >big; sync
{mc} launch one --copy big -- /bin/sh -c : || exit 7
{mc} wait one; cmp big {disk}/w/*/one/big; sync; df --output=used -k {disk} | tail -1
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_a_copy_shares_its_blocks_where_the_file_system_can(
    world: World, tmp_path: Path, kind: str
) -> None:
    if shutil.which(f"mkfs.{kind}") is None or os.geteuid() != 0:
        pytest.skip(f"needs mkfs.{kind}, and the right to mount what it makes")
    disk = tmp_path / "disk"
    disk.mkdir()
    script = SHARED.format(image=tmp_path / "image", kind=kind, disk=disk, mc=world.command)
    done = subprocess.run(
        ["unshare", "-m", "/bin/sh", "-c", script],
        env={**os.environ, "GIT_MC_WORKTREE_BASE": f"{disk}/w"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert int(done.stdout.split()[-1]) < 90_000


LEADING_OUT = ["away/*", "away/secret", "*/secret", "inside/git/config"]


@pytest.mark.parametrize("pattern", LEADING_OUT)
@pytest.mark.parametrize("option", ["--copy", "--symlink"])
def test_a_path_that_a_link_leads_out_of_the_repository_is_refused(
    world: World, tmp_path: Path, pattern: str, option: str
) -> None:
    (tmp_path / "out/secret").mkdir(parents=True)
    (world.repo.path / "away").symlink_to(tmp_path / "out")
    (world.repo.path / "inside").mkdir()
    (world.repo.path / "inside/git").symlink_to("../.git")
    ignore(world, "away", "inside/")
    if option == "--symlink":
        pattern = pattern.replace("*", "secret" if pattern[0] == "a" else "away")
        pattern = pattern.replace("config", "info")
    ran = world.mc("launch", "one", option, pattern, *NOTHING)
    ran.refused(1, "setting up the worktree", "bad set-up path", "leads out, to /")
    assert names(world.mc("jobs", "--json")) == []


@pytest.mark.parametrize("option", ["--copy", "--symlink"])
def test_nothing_is_written_through_a_link_that_leads_out_of_the_new_worktree(
    world: World, tmp_path: Path, option: str
) -> None:
    (tmp_path / "out").mkdir()
    world.repo.git("checkout", "-q", "-b", "bad")
    (world.repo.path / "deps").symlink_to(tmp_path / "out")
    world.repo.commit({"x": "y"})
    world.repo.git("checkout", "-q", "main")
    ignore(world, "deps/")
    write(world, "deps/a/b")
    ran = world.mc("launch", "one", "--base", "bad", option, "deps/a", *NOTHING)
    ran.refused(1, "bad set-up path 'deps/a'", f"leads out, to {tmp_path / 'out'}")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    ("pattern", "word"),
    [("**/../x", "stay inside"), (".GIT/config", "stay inside"), ("a/.git", "stay inside"),
     ("", "stay inside"), ("a**b", "bad set-up path 'a**b'")],
)  # fmt: skip
def test_a_pattern_that_leads_out_or_is_none_is_refused(
    world: World, pattern: str, word: str
) -> None:
    if pattern == "a**b" and sys.version_info >= (3, 13):
        pytest.skip("newer Pythons take ** anywhere")
    world.mc("launch", "one", "--copy", pattern, *NOTHING).refused(1, word)
    assert not world.root.exists()


def test_two_stars_find_files_at_every_depth_but_none_of_gits_and_no_worktree(
    world: World,
) -> None:
    ignore(world, "*.env", "config", ".trees/")
    world.repo.git("config", "mc.worktreeBase", ".trees")
    write(world, "a.env", "b/c/d.env", "b/config")
    first = Path(
        world.mc("launch", "zero", "--copy", "a.env", "--json", *NOTHING).ok().json["worktree"]
    )
    assert brought(first) == {"a.env"}
    tree = launched(world, "--copy", "**/*.env", "--copy", "**/config", "--copy", ".t*")
    assert brought(tree) == {"a.env", "b/c/d.env", "b/config"}
    assert first.is_relative_to(world.repo.path)


def test_what_git_does_not_ignore_is_not_brought_and_what_is_there_is_kept(world: World) -> None:
    ignore(world, ".env")
    write(world, ".env", "plain")
    world.mc("launch", "one", "--copy", "plain", *NOTHING).refused(1, "does not ignore 'plain'")
    world.repo.git("checkout", "-q", "-b", "with")
    world.repo.git("add", "-f", ".env")
    world.repo.git("commit", "-qm", "with")
    world.repo.git("checkout", "-q", "main")
    write(world, ".env")
    (world.repo.path / ".env").write_text("mine")
    tree = launched(world, "--base", "with", "--copy", ".env")
    assert (tree / ".env").read_text() == ".env"


INCLUDED = {
    "files": (".env\n", {".env"}),
    "not ignored": ("*.env\n/notes\n", {".env", "all/a.env", "some/a.env", "cfg/local.env"}),
    "folder": ("deps/\n", {"deps/x", "deps/y/z"}),
    "negated": ("deps/*\n!deps/x\n", {"deps/y/z"}),
    "tracked": ("cfg/*\nREADME.md\n", {"cfg/local.env"}),
    "nothing": ("# no more than this\n\n", set()),
    "no such": ("missing\n", set()),
    "all": (
        "*\n", {".env", "all/a.env", "some/a.env", "cfg/local.env", "deps/x", "deps/y/z", "ün ï"}
    ),
    "odd": ("ün*\n", {"ün ï"}),
    "up": ("../*\n/../*\n", set()),
}  # fmt: skip


@pytest.mark.parametrize(("patterns", "expected"), INCLUDED.values(), ids=INCLUDED)
def test_what_worktreeinclude_matches_and_git_ignores_is_copied(
    world: World, patterns: str, expected: set[str]
) -> None:
    world.repo.commit({"cfg/tracked": "t", ".gitignore": "*.env\ndeps/\nün*\n.trees\n"})
    world.repo.git("config", "mc.worktreeBase", ".trees")
    write(world, ".env", "all/a.env", "some/a.env", "some/b.txt", "cfg/local.env", "notes")
    write(world, "deps/x", "deps/y/z", "ün ï")
    (world.repo.path / "cfg/tracked").write_text("changed here")
    (world.repo.path / ".worktreeinclude").write_text(patterns)
    tree = launched(world)
    assert brought(tree) == {*expected, "cfg/tracked"}
    assert (tree / "cfg/tracked").read_text() == "t"


def test_a_linked_folder_is_not_copied_as_well(world: World) -> None:
    ignore(world, "deps/", ".worktreeinclude")
    write(world, "deps/x", "deps/y/z")
    (world.repo.path / ".worktreeinclude").write_text("deps/\ndeps/x\n")
    tree = launched(world, "--symlink", "deps")
    assert (tree / "deps").readlink() == world.repo.path / "deps"


def log_of(world: World) -> Path:
    """Where the words of the set-up commands are."""
    return world.root / "logs/one.setup.log"


def test_what_set_up_commands_say_is_kept(world: World) -> None:
    runs = ["echo to-stdout; printf to-stderr >&2", "true", "pwd; echo ${MC_RUN:+set}"]
    tree = launched(world, *(word for run in runs for word in ("--run", run)))
    assert log_of(world).read_text() == (
        f"$ {runs[0]}\nto-stdout\nto-stderr\n$ true\n$ {runs[2]}\n{tree}\nset\n"
    )
    assert stat.S_IMODE(log_of(world).stat().st_mode) == 0o600
    world.wait("one").ok()
    world.mc("cleanup", "one").ok()
    launched(world)
    assert not log_of(world).exists()


def test_a_set_up_command_that_fails_names_its_log_which_stays(world: World) -> None:
    script = "echo first; seq 100000; echo last; exit 3"
    ran = world.mc("launch", "one", "--run", "echo before", "--run", script, *NOTHING)
    ran.refused(128, "exit 3", "100000\nlast", "kept in", str(log_of(world)))
    assert "first" not in ran.stderr.replace(script, "")
    assert len(ran.stderr) < 6000
    assert log_of(world).read_text().startswith(f"$ echo before\nbefore\n$ {script}\nfirst\n1\n")
    assert names(world.mc("jobs", "--json")) == []


def test_what_a_set_up_command_leaves_running_holds_up_no_launch(
    world: World, tmp_path: Path
) -> None:
    said = Pipe(tmp_path / "said")
    child = script_at(tmp_path / "child", f"echo $$ >{said}; exec sleep 1000")
    launched(world, "--run", f"{child} &")
    pid = int(said.read())
    world.wait("one").ok()
    assert gone(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_set_up_command_ends_with_a_launch_that_is_told_to_end(
    world: World, tmp_path: Path, number: int
) -> None:
    said, never = Pipe(tmp_path / "said"), Pipe(tmp_path / "never")
    command = f"trap '' HUP TERM INT; echo $$ >{said}; read -r _ <{never}"
    launch = world.start("launch", "one", "--run", command, *NOTHING)
    child = int(said.read())
    assert os.getsid(child) == child
    launch.send_signal(number)
    launch.communicate(timeout=PATIENCE)
    assert launch.returncode == 130
    assert gone(child)
    assert world.mission.store.job_names() == []
    assert world.repo.git("worktree", "list").count("\n") == 0


@pytest.mark.parametrize("source", ["setting", "option", "both"])
def test_settings_come_first_and_each_thing_is_done_once(world: World, source: str) -> None:
    ignore(world, "ran")
    if source != "option":
        for value in ("echo a >>ran", "echo b >>ran"):
            world.repo.git("config", "--add", "mc.worktreeSetup.commands", value)
    own = {"setting": [], "option": ["echo a >>ran"], "both": ["echo c >>ran", "echo a >>ran"]}
    tree = launched(world, *(word for run in own[source] for word in ("--run", run)))
    ran = (tree / "ran").read_text().split()
    assert ran == {"setting": ["a", "b"], "option": ["a"], "both": ["a", "b", "c"]}[source]


def test_a_full_disk_is_said_where_a_set_up_command_meets_it(world: World) -> None:
    words = shlex.join([sys.executable, "-m", "gitmc", "launch", "one", "--run", "seq 1000000"])
    script = f"ulimit -f 600; {words} -- /bin/sh -c :"
    done = subprocess.run(
        ["/bin/sh", "-c", script], cwd=world.repo.path, capture_output=True, text=True, check=False
    )
    ran = Ran(done.returncode, done.stdout, done.stderr)
    ran.refused(128, "setting up the worktree", "seq 1000000", str(log_of(world)))
    assert names(world.mc("jobs", "--json")) == []
