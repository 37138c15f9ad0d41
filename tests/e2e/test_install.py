"""git mc install: a plugin comes and goes; nobody's own file is written over."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path

import pytest

from gitmc.control.install import Place
from gitmc.control.installcopy import Copy, put
from tests.support.events import gone
from tests.support.world import World

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parent.parent.parent
PLACES = {"opencode": "config/opencode/plugin/git-mc.js", "claude": ".claude/skills/mc"}


@pytest.fixture
def alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own tmux is one of this test's, and does not run."""
    monkeypatch.setenv("TMUX_TMPDIR", str(world.socket.parent))


@pytest.mark.parametrize("agent", PLACES)
def test_a_plugin_comes_and_goes(world: World, seal: Path, agent: str) -> None:
    link = seal / PLACES[agent]
    assert str(link) in world.mc("install", agent, "--dry-run").ok().stdout
    assert not link.is_symlink()
    world.mc("install", agent).ok()
    assert link.resolve().is_relative_to(ROOT / "contrib" / agent)
    world.mc("install", agent).ok()
    world.mc("install", agent, "--remove").ok()
    assert not link.is_symlink()
    world.mc("install", agent, "--remove").ok()


def test_what_is_there_already_stays(world: World, seal: Path) -> None:
    own = seal / PLACES["opencode"]
    own.parent.mkdir(parents=True)
    own.write_text("// mine\n")
    world.mc("install", "opencode").refused(1, "git-mc.js is there already", "mv ")
    world.mc("install", "opencode", "--remove").ok()
    assert own.read_text() == "// mine\n"


@pytest.mark.usefixtures("alone")
def test_only_folders_that_were_made_go_and_only_empty_ones(world: World, seal: Path) -> None:
    def there() -> set[str]:
        return {str(path.relative_to(seal)) for path in seal.rglob("*")}

    before = there()
    world.mc("install", "opencode").ok()
    world.mc("install", "tmux").ok()
    (seal / "config/opencode/mine").touch()
    world.mc("install", "opencode", "--remove").ok()
    assert there() >= {"config/opencode/mine", "config/tmux/tmux.conf"}
    assert "config/opencode/plugin" not in there()
    (seal / "config/opencode/mine").unlink()
    (seal / "config/opencode").rmdir()
    world.mc("install", "tmux", "--remove").ok()
    assert there() == before


@pytest.mark.parametrize(
    ("agent", "place", "inside"),
    [
        ("opencode", ".opencode/plugin/git-mc.js", ""),
        ("claude", ".claude/skills/mc", "skills/parallel-jobs/SKILL.md"),
    ],
)
def test_a_project_gets_a_copy_that_is_made_new_unless_it_was_edited(
    world: World, agent: str, place: str, inside: str
) -> None:
    words = ("install", agent, "--project")
    path = world.repo.path / place
    world.mc(*words).ok()
    assert not any(one.is_symlink() for one in (path, *path.rglob("*")))
    told = path if path.is_file() else path / "ORIGIN.md"
    assert f"update: git mc {' '.join(words)}; undo:" in told.read_text()
    assert "is there" in world.mc(*words).ok().stderr
    content = (path / inside).read_bytes()
    (path / inside).write_bytes(content.replace(b"\n", b"\r\n"))
    assert "is there" in world.mc(*words).ok().stderr
    (path / inside).write_bytes(content + b"mine")
    world.mc(*words).refused(1, "was edited", f"mv {path}")
    world.mc(*words, "--remove").refused(1, "was edited")
    assert (path / inside).read_bytes() == content + b"mine"
    (path / inside).write_bytes(content)
    world.mc(*words, "--remove").ok()
    assert world.repo.git("status", "--short") == ""
    assert not (world.repo.path / place.partition("/")[0]).exists()


def test_an_older_copy_is_made_new(world: World, tmp_path: Path) -> None:
    for name in ("opencode/git-mc.js", "claude"):
        agent = name.partition("/")[0]
        (source := tmp_path / name).parent.mkdir(exist_ok=True)
        if agent == "opencode":
            source.write_text("// old")
        else:
            (source / "sub").mkdir(parents=True)
            (source / "sub" / "gone").write_text("old")
        path = tmp_path / f"copy of {agent}"
        put(Copy(agent, Place(path, source)))
        now = Copy(agent, Place(path, ROOT / "contrib" / name))
        assert now.state == "older"
        put(now)
        assert now.state == "current"
        assert not (path / "sub").exists()


def test_the_user_s_own_empty_folders_stay(world: World, seal: Path) -> None:
    own = seal / "config/opencode/plugin"
    own.mkdir(parents=True)
    for agent in PLACES:
        world.mc("install", agent).ok()
    for agent in PLACES:
        world.mc("install", agent, "--remove").ok()
    assert own.is_dir()
    assert not (seal / ".claude").exists()
    assert not (seal / "data").exists()


def test_the_manifests_are_json() -> None:
    folder = ROOT / "contrib" / "claude"
    manifest = json.loads((folder / ".claude-plugin" / "plugin.json").read_text())
    servers = json.loads((folder / ".mcp.json").read_text())["mcpServers"]
    assert manifest["name"] == "mc"
    assert servers["mc"] == {"command": "git", "args": ["mc", "mcp"]}


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("config/tmux/tmux.conf", None),
        (".tmux.conf", b""),
        (".tmux.conf", b"set -g @a b\n\n"),
        ("config/tmux/tmux.conf", b"set -g @a '\xff'\r\nset -g @b c"),
    ],
)
@pytest.mark.usefixtures("alone")
def test_a_line_comes_into_the_configuration_of_tmux_and_goes(
    world: World, seal: Path, place: str, text: bytes | None
) -> None:
    path = seal / place
    if text is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)
        path.chmod(0o660)
    changed = world.mc("install", "tmux").ok().stderr
    assert '+source-file -q "' in changed
    assert path.read_bytes().startswith(text or b"#")
    world.mc("install", "tmux", "--remove").ok()
    assert (path.read_bytes() if path.exists() else None) == text
    assert text is None or path.stat().st_mode & 0o777 == 0o660


@pytest.mark.usefixtures("alone")
def test_a_configuration_that_is_kept_elsewhere_stays_a_link(
    world: World, seal: Path, tmp_path: Path
) -> None:
    kept, link = tmp_path / "kept", seal / ".tmux.conf"
    kept.write_text("set -g @a b\n")
    link.symlink_to(kept)
    world.mc("install", "tmux").ok()
    assert link.is_symlink()
    once = kept.read_text()
    assert "source-file" in once
    assert "it is in" in world.mc("install", "tmux").ok().stderr
    assert kept.read_text() == once


@pytest.mark.usefixtures("alone")
def test_what_is_torn_or_only_asked_about_is_left_alone(world: World, seal: Path) -> None:
    path = seal / ".tmux.conf"
    for text, fault in (("# >>> git mc >>>\n", "no pair"), ("a \\\n", "backslash")):
        path.write_text(text)
        world.mc("install", "tmux").refused(1, fault, "$EDITOR")
        assert path.read_text() == text
    path.unlink()
    path.mkdir()
    world.mc("install", "tmux").refused(1, "is not a file", f"mv {path}")
    path.rmdir()
    world.mc("install", "tmux", "--project").refused(129, "by project")
    path.write_text("set -g @a b\n")
    assert "+source-file" in world.mc("install", "tmux", "--dry-run").ok().stdout
    assert path.read_text() == "set -g @a b\n"


@pytest.mark.usefixtures("alone")
def test_tmux_reads_it_at_its_start_and_where_it_runs_by_the_command_told(world: World) -> None:
    def tmux(*words: str) -> str:
        argv = ["tmux", *words]
        return subprocess.run(argv, capture_output=True, text=True, check=True).stdout

    def has_keys() -> bool:
        return "git mc pick" in tmux("list-keys")

    def end() -> None:
        server = int(tmux("display-message", "-p", "#{pid}"))
        tmux("kill-server")
        assert gone(server)

    tmux("new-session", "-d", "cat")
    try:
        assert not has_keys()
        said = world.mc("install", "tmux").ok().stderr
        (line,) = [one for one in said.splitlines() if one.startswith("to have it in the tmux")]
        subprocess.run(shlex.split(line.partition(": ")[2]), check=True)
        assert has_keys()
    finally:
        end()
    tmux("new-session", "-d", "cat")
    try:
        assert has_keys()
    finally:
        end()
