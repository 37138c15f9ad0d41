"""The wheel: what users install, which is not the checkout that all other tests run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

pytestmark = pytest.mark.slow


def run(*argv: str | Path, path: str | None = None, timeout: float = 120) -> str:
    """What a command prints; it must succeed. `path` goes before the others on PATH."""
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if path:
        environment["PATH"] = f"{path}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(
        argv, env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=timeout
    )
    assert done.returncode == 0, f"{argv}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    # With the build backend at hand there is no need of the network.
    here = ["--no-build-isolation"] if importlib.util.find_spec("hatchling") else []
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", *here, ROOT, "-w", folder)
    (made,) = folder.glob("git_mc-*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it, which borrows its dependencies from ours."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / "bin" / "python"
    pip: list[str | Path] = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "-q",
        "--no-index",
    ]
    run(*pip, "--no-deps", wheel)
    (site,) = folder.glob("lib/python*/site-packages")
    ours = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "borrowed.pth").write_text("\n".join(sorted(ours)) + "\n")
    return folder


def test_the_wheel_holds_all_that_is_read_at_run_time(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        modes = {entry.filename: entry.external_attr >> 16 for entry in archive.infolist()}
        (points,) = (name for name in modes if name.endswith("dist-info/entry_points.txt"))
        assert "git-mc = gitmc.cli:main" in archive.read(points).decode().splitlines()
    hooks = [path for path in (ROOT / "hooks").rglob("*") if path.is_file()]
    for path in hooks:
        name = f"gitmc/_hooks/{path.relative_to(ROOT / 'hooks').as_posix()}"
        # A plugin is loaded, and is no program.
        run_by_path = path.suffix != ".js"
        assert bool(modes[name] & 0o111) == run_by_path, f"{name} is run by its path"
    assert "gitmc/_hooks/tmux/marker" in modes
    agents = {path.name for path in (ROOT / "gitmc" / "agents").glob("*.toml")}
    assert {"opencode.toml", "command.toml"} <= agents
    assert {f"gitmc/agents/{name}" for name in agents} <= set(modes)
    assert {"gitmc/agents/scripted", "gitmc/py.typed", "gitmc/tmux/launcher.py"} <= set(modes)
    plugins = ("opencode/git-mc.js", "claude/.mcp.json", "tmux/git-mc.tmux")
    assert {f"gitmc/_share/{name}" for name in plugins} <= set(modes)
    tops = {name.partition("/")[0] for name in modes}
    assert len(tops) == 3, f"the package, what is said about it, what is shared: {tops}"
    shared = {name.partition(".data/data/share/")[2] for name in modes} - {""}
    assert shared == {
        "man/man1/git-mc.1",
        "bash-completion/completions/git-mc",
        "zsh/site-functions/_git-mc",
        "fish/vendor_completions.d/git-mc.fish",
    }


def test_what_was_installed_runs_its_own_files(installed: Path) -> None:
    code = "import gitmc.control.spec as l; print(l.__file__); print(l.hooks_folder())"
    module, hooks = map(Path, run(installed / "bin" / "python", "-c", code).splitlines())
    assert module.is_relative_to(installed)
    assert hooks.is_relative_to(installed)
    assert os.access(hooks / "tmux" / "marker", os.X_OK)


@pytest.fixture
def on_path(installed: Path, tmp_path: Path) -> Path:
    """A folder for PATH with `git-mc` alone in it: a link, as pipx and uv make it."""
    (tmp_path / "git-mc").symlink_to(installed / "bin" / "git-mc")
    return tmp_path


def test_files_for_shells_and_man_can_be_linked_from_where_it_is(
    on_path: Path, installed: Path, tmp_path: Path
) -> None:
    repo, share = tmp_path / "repo", tmp_path / "share"
    run("git", "init", "-q", repo)
    run("git", "-C", repo, "mc", "init", "-q", "--share", share, path=str(on_path))
    page = (share / "man/man1/git-mc.1").resolve()
    assert page.is_relative_to(installed)
    assert page.read_bytes() == (ROOT / "contrib/man/git-mc.1").read_bytes()


def test_git_help_finds_the_page(installed: Path) -> None:
    if shutil.which("man") is None:
        pytest.skip("man is not installed")
    # Where man looks for pages is told from PATH.
    path = str(installed / "bin")
    for words in (["help", "mc"], ["mc", "--help"]):
        assert "GIT-MC(1)" in run("git", "--no-pager", *words, path=path)


def test_the_demo_runs_as_installed(on_path: Path) -> None:
    printed = run("git", "mc", "demo", path=str(on_path), timeout=15)
    assert "colour: failed, exit 3" in printed.splitlines()
    assert printed.count("Merge branch 'mc/") == 2
