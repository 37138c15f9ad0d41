"""Pull requests: by the real gh, by plain pushes, and nobody's commits overwritten."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gitmc.model.job import Job, Landed, PullRequest, State
from tests.support.events import file_appears, gone
from tests.support.forge import (
    GITHUB,
    GitHub,
    add_hook,
    gitea,
    gitlab,
    options_of,
    server,
    settings_for_gh,
)
from tests.support.world import PATIENCE, Ran, Repo, World

pytestmark = pytest.mark.slow

PLAIN = "https://user:secret@git.example/acme/demo"
needs_gh = pytest.mark.skipif(shutil.which("gh") is None, reason="gh is not installed")


def done(
    world: World,
    tmp_path: Path,
    *files: str,
    name: str = "one",
    prompt: str = "",
    state: State = State.COMPLETED,
    **more: Any,
) -> Repo:
    """A job that committed each of `files` and is over, as a launch would have left it."""
    branch = more.setdefault("branch", f"mc/{name}")
    path = tmp_path / "worktrees" / name
    base = world.repo.head()
    world.repo.git("worktree", "add", "-q", "--no-track", "-b", branch, str(path))
    worktree = Repo(path)
    for file in files:
        worktree.commit({file: "x\n"}, f"add {file}")
    store = world.mission.store
    store.make()
    if prompt:
        store.write_prompt(store.prompt_path(name), prompt.encode("utf-8", "surrogateescape"))
    about = {
        "agent": "command",
        "base": "main",
        "base_commit": base,
        "worktree": str(path),
        "placement": "session",
        "created_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    with store.locked() as held:
        store.save(held, Job(name=name, state=state, **{**about, **more}))
    return worktree


def stored(world: World, name: str = "one") -> Job:
    """The job as it is stored now."""
    return world.mission.job(name)


def opened(ran: Ran) -> dict[str, Any]:
    """What a command that succeeded says in JSON."""
    found: dict[str, Any] = ran.ok().json
    assert found.pop("schema") == "mc.pr/1"
    return found


def program(folder: Path, name: str, script: str) -> None:
    """Put a program on PATH, which is `folder` first."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for programs, and PATH without any that belongs to a forge."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "tmux", "python3", "cat", "env", "kill", "touch"):
        found = shutil.which(name)
        assert found, name
        (folder / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def origin(world: World, tmp_path: Path, programs: Path) -> Repo:
    """A server on a forge that nobody knows."""
    return server(world.repo, PLAIN, tmp_path / "origin.git")


@pytest.fixture
def github(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitHub]:
    """A GitHub with the repository, and a gh that is logged in there."""
    folder = Path(tempfile.mkdtemp(prefix="mc-"))
    made = GitHub(folder / "s")
    try:
        for name, value in settings_for_gh(folder / "gh", folder / "s").items():
            monkeypatch.setenv(name, value)
        server(world.repo, GITHUB, tmp_path / "github.git")
        yield made
    finally:
        made.close()
        shutil.rmtree(folder)


# gh


@needs_gh
def test_gh_opens_a_pull_request_for_a_job_that_really_ran(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    script = "for f in a b; do echo x >$f; git add $f; git commit -qm add-$f; done; echo y >c"
    world.launch("two", "/bin/sh", "-c", script, prompt="Do both\nand more")
    world.wait("two").ok()
    ran = world.mc("pr", "two").ok()
    assert ran.stdout == "https://github.com/acme/demo/pull/7\n"
    (made,) = github.opened
    assert (made["title"], made["headRefName"], made["baseRefName"], made["draft"]) == (
        *("Do both", "mc/two", "main", False),
    )
    assert made["body"] == ("Do both\nand more\n\n* add-a\n* add-b\n* two: Do both\n\nMc-Job: two")
    head = world.repo.head("mc/two")
    assert Repo(tmp_path / "github.git").head("mc/two") == head
    assert world.job("two")["pr"] == {
        "forge": "gh",
        "remote": "origin",
        "branch": "mc/two",
        "base": "main",
        "head": head,
        "url": "https://github.com/acme/demo/pull/7",
    }
    assert world.job("two")["state"] == "completed"
    assert "https://github.com/acme/demo/pull/7" in world.mc("status", "two").ok().stdout


@needs_gh
def test_an_open_pull_request_is_found_and_its_branch_updated(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    worktree = done(world, tmp_path, "a")
    first = opened(world.mc("pr", "one", "--draft", "--json"))
    assert (first["created"], first["pushed"], first["draft"]) == (True, True, True)
    worktree.commit({"b": "x\n"})
    second = opened(world.mc("pr", "one", "--json"))
    assert (second["created"], second["pushed"], second["draft"]) == (False, True, True)
    assert second["url"] == first["url"]
    ran = world.mc("pr", "one", "--title", "Other").ok()
    assert "was open already, and is left as it is" in ran.stderr
    assert len(github.opened) == github.asked.count("mutation PullRequestCreate") == 1


@needs_gh
def test_a_fork_with_a_branch_of_that_name_is_somebody_elses(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    github.add("mc/one", "main", fork=True)
    done(world, tmp_path, "a")
    assert opened(world.mc("pr", "one", "--json"))["created"] is True
    assert len(github.opened) == 2


@needs_gh
def test_title_body_base_and_draft_are_what_was_asked_for(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    world.repo.git("push", "-q", "origin", "main:release")
    done(world, tmp_path, "a", prompt="Something")
    body = "-- \nbody: $(touch x) `x` \"'\\ é\n" + "long\n" * 20_000
    ran = world.mc(
        *("pr", "one", "--title", '-t --title "it\'s" $HOME\n é', "-F", "-", "--draft"),
        *("--base", "release"),
        stdin=body,
    ).ok()
    assert ran.stdout.startswith("https://github.com/")
    assert "the body is longer than forges take" in ran.stderr
    (made,) = github.opened
    assert made["title"] == '-t --title "it\'s" $HOME é'
    assert made["body"].startswith("-- \nbody: $(touch x) `x` \"'\\ é\nlong\nlong\n")
    assert 30_000 < len(made["body"]) < 65_536
    assert (made["baseRefName"], made["draft"]) == ("release", True)


@needs_gh
def test_what_gh_says_of_a_failure_is_shown_and_trying_again_goes_on(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    done(world, tmp_path, "a")
    github.fails = "something about permissions"
    ran = world.mc("pr", "one").refused(
        *(128, "gh pr create", "something about permissions", "hint: the branch is pushed"),
        "https://github.com/acme/demo/compare/main...mc/one?expand=1",
    )
    assert ran.stdout == ""
    pr = stored(world).pr
    assert pr is not None
    assert (pr.forge, pr.head, pr.url) == ("gh", world.repo.head("mc/one"), None)
    assert "none yet; mc/one was pushed to origin" in world.mc("status", "one").ok().stdout
    github.fails = None
    again = opened(world.mc("pr", "one", "--json"))
    assert (again["created"], again["pushed"]) == (True, False)


@needs_gh
def test_without_a_login_the_hint_is_to_log_in(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    done(world, tmp_path, "a")
    ran = world.mc("pr", "one", GH_TOKEN="")
    ran.refused(128, "hint: log in: gh auth login --hostname github.com; then try again")


@needs_gh
def test_killed_after_the_push_the_next_one_goes_on(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    worktree = done(world, tmp_path, "a")
    reached = tmp_path / "reached"
    # The server's last hook runs while git still waits for it: that is between push and record.
    hook = f"#!/bin/sh\n: >{reached}\nread -r _ <{tmp_path}/never\n"
    os.mkfifo(tmp_path / "never")
    bare = Repo(tmp_path / "github.git")
    add_hook(bare, "post-receive", hook)
    process = world.start("pr", "one")
    file_appears(reached)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=PATIENCE)
    assert gone(process.pid)
    with (tmp_path / "never").open("w") as stream:
        stream.write("\n")
    (bare.path / "hooks/post-receive").unlink()
    assert stored(world).pr is None
    assert bare.head("mc/one") == worktree.head()
    # Rebased meanwhile, as by a sync: what is on the remote is nobody's but the job's.
    world.repo.commit({"other": "y\n"})
    worktree.git("rebase", "-q", "main")
    ran = opened(world.mc("pr", "one", "--json"))
    assert (ran["created"], ran["pushed"]) == (True, True)
    assert bare.head("mc/one") == worktree.head()


@needs_gh
def test_killed_after_it_was_opened_the_next_one_finds_it(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    worktree = done(world, tmp_path, "a")
    worktree.git("push", "-q", "origin", "mc/one")
    url = github.add("mc/one", "main")
    ran = opened(world.mc("pr", "one", "--json"))
    assert (ran["url"], ran["created"], ran["pushed"]) == (url, False, False)
    pr = stored(world).pr
    assert pr is not None
    assert pr.url == url


@needs_gh
def test_web_shows_it_in_a_browser(
    world: World, github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done(world, tmp_path, "a")
    program(tmp_path / "browsers", "browser", f'echo "$1" >>{tmp_path}/shown')
    ran = world.mc("pr", "one", "--web", BROWSER=str(tmp_path / "browsers/browser")).ok()
    assert (tmp_path / "shown").read_text() == ran.stdout
    ran = world.mc("pr", "one", "--web", BROWSER=str(tmp_path / "browsers/none")).ok()
    assert "warning: no browser was opened" in ran.stderr


@needs_gh
def test_one_that_somebody_opens_at_that_moment_is_found(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    done(world, tmp_path, "a")
    github.meanwhile = lambda: github.add("mc/one", "main")
    found = opened(world.mc("pr", "one", "--json"))
    assert (found["url"], found["created"]) == (github.opened[0]["url"], False)


@needs_gh
def test_gh_is_asked_whether_a_host_is_a_github(
    world: World, github: GitHub, tmp_path: Path
) -> None:
    done(world, tmp_path, "a")
    world.repo.git("config", f"url.{tmp_path}/github.git.insteadOf", PLAIN)
    world.repo.git("remote", "set-url", "origin", PLAIN)
    ran = world.mc("pr", "one").ok()
    assert (ran.stdout, github.asked) == ("", [])
    (Path(os.environ["GH_CONFIG_DIR"]) / "hosts.yml").write_text(
        "git.example:\n    user: ada\n    oauth_token: x\n    git_protocol: https\n"
    )
    assert opened(world.mc("pr", "one", "--json"))["forge"] == "gh"
    assert len(github.opened) == 1


# no program for it


def test_without_a_program_the_page_to_open_it_on_is_printed(
    world: World, tmp_path: Path, programs: Path
) -> None:
    bare = server(world.repo, "git@github.com:acme/demo.git", tmp_path / "github.git")
    done(world, tmp_path, "a")
    ran = world.mc("pr", "one").ok()
    assert ran.stdout == "https://github.com/acme/demo/compare/main...mc/one?expand=1\n"
    assert "hint: " in ran.stderr
    assert bare.head("mc/one") == world.repo.head("mc/one")
    found = opened(world.mc("pr", "one", "--json"))
    assert (found["url"], found["forge"], found["pushed"]) == (None, "none", False)


def test_where_no_forge_is_known_it_is_pushed_and_no_secret_is_shown(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    done(world, tmp_path, "a")
    ran = world.mc("pr", "one").ok()
    assert (ran.stdout, origin.head("mc/one")) == ("", world.repo.head("mc/one"))
    assert "by hand" in ran.stderr
    found = opened(world.mc("pr", "one", "--json"))
    assert found == {
        "name": "one",
        "url": None,
        "compare_url": None,
        "forge": "none",
        "remote": "origin",
        "branch": "mc/one",
        "base": "main",
        "head": origin.head("mc/one"),
        "created": False,
        "pushed": False,
        "draft": False,
    }
    world.repo.git("config", "--unset", f"url.{origin.path}.insteadOf")
    world.repo.git("config", "http.proxy", "http://127.0.0.1:1")
    ran = world.mc("pr", "one").refused(128, "git.example/acme/demo")
    everything = world.mc("log").stdout + ran.stderr + world.mc("status", "one").stdout
    assert "secret" not in everything + world.mission.store.job_path("one").read_text()


def test_what_was_opened_once_is_remembered_without_its_program(
    world: World, tmp_path: Path, programs: Path
) -> None:
    server(world.repo, GITHUB, tmp_path / "github.git")
    made = PullRequest("gh", "origin", "mc/one", "main", "1" * 40, "https://github.com/o/r/pull/1")
    worktree = done(world, tmp_path, "a", pr=made)
    assert opened(world.mc("pr", "one", "--json"))["url"] is None
    assert stored(world).pr == made._replace(head=worktree.head())


def test_the_setting_overrides_the_host(world: World, origin: Repo, tmp_path: Path) -> None:
    done(world, tmp_path, "a")
    world.repo.git("config", "mc.forge", "github")
    ran = world.mc("pr", "one").ok()
    assert ran.stdout == "https://git.example/acme/demo/compare/main...mc/one?expand=1\n"


def test_a_branch_that_is_pushed_is_pulled_from_there(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    worktree = done(world, tmp_path, "a")
    world.mc("pr", "one").ok()
    assert worktree.git("rev-parse", "--abbrev-ref", "@{upstream}") == "origin/mc/one"
    world.repo.git("config", "branch.mc/one.merge", "refs/heads/elsewhere")
    worktree.commit({"b": "x\n"})
    world.mc("pr", "one").ok()
    assert world.repo.git("config", "branch.mc/one.merge") == "refs/heads/elsewhere"


def test_a_branch_that_is_deleted_leaves_no_word_of_where_it_was_pushed(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    done(world, tmp_path, "a")
    world.mc("pr", "one").ok()
    world.mc("merge", "one").ok()
    world.mc("cleanup", "one", "--delete-branch").ok()
    assert "branch.mc/one" not in world.repo.git("config", "--list")
    assert origin.head("mc/one")


# whose commits


def test_after_a_rebase_the_branch_is_replaced(world: World, origin: Repo, tmp_path: Path) -> None:
    worktree = done(world, tmp_path, "a")
    world.mc("pr", "one").ok()
    world.repo.commit({"other": "y\n"})
    worktree.git("rebase", "-q", "main")
    # Without git's own memory there is still ours.
    world.repo.git("reflog", "expire", "--expire=all", "--all")
    found = opened(world.mc("pr", "one", "--json"))
    assert (found["pushed"], found["head"]) == (True, worktree.head())
    assert origin.head("mc/one") == worktree.head()


def test_somebody_elses_commits_are_never_overwritten(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    worktree = done(world, tmp_path, "a")
    world.mc("pr", "one").ok()
    clone = tmp_path / "clone"
    world.repo.git("clone", "-q", "-b", "mc/one", str(origin.path), str(clone))
    theirs = Repo(clone).commit({"theirs": "y\n"})
    Repo(clone).git("push", "-q", "origin", "mc/one")
    worktree.commit({"b": "x\n"})
    for _ in range(2):
        ran = world.mc("pr", "one").refused(1, "has commits that the job has not", "hint: take")
        assert origin.head("mc/one") == theirs
        # Even when they have been fetched.
        world.repo.git("fetch", "-q", "origin")
    hint = ran.stderr.partition("git pull ")[2].strip()
    worktree.git("pull", *hint.split())
    world.mc("pr", "one").ok()
    assert {"theirs", "b"} <= set(origin.files("mc/one"))


def test_a_branch_of_that_name_that_was_there_before_is_not_overwritten(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    clone = tmp_path / "clone"
    world.repo.git("clone", "-q", str(origin.path), str(clone))
    theirs = Repo(clone).commit({"theirs": "y\n"})
    Repo(clone).git("push", "-q", "origin", "HEAD:mc/one")
    done(world, tmp_path, "a")
    world.mc("pr", "one").refused(1, "has commits that the job has not")
    assert origin.head("mc/one") == theirs


@pytest.mark.parametrize("late", [False, True], ids=["before git looks", "after git looked"])
@pytest.mark.parametrize("ours", [True, False], ids=["to what is ours", "to what is not"])
def test_a_branch_that_moves_while_it_is_pushed_is_looked_at_again(
    world: World, origin: Repo, tmp_path: Path, programs: Path, ours: bool, late: bool
) -> None:
    worktree = done(world, tmp_path, "a")
    first = worktree.head()
    worktree.commit({"b": "x\n"})
    theirs = world.repo.commit({"theirs": "y\n"})
    world.repo.git(
        "push", "-q", "origin", f"{theirs}:refs/heads/theirs", f"{first}:refs/heads/ours"
    )
    git = os.path.realpath(programs / "git")
    moved = first if ours else theirs
    move = (
        f"if [ ! -e {tmp_path}/once ]; then touch {tmp_path}/once; "
        f"env -u GIT_DIR {git} -C {origin.path} update-ref refs/heads/mc/one {moved}; fi"
    )
    if late:
        # git runs this when it knows what is there, and before it pushes.
        hook = world.repo.path / ".git/hooks/pre-push"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\n{move}\n")
        hook.chmod(0o755)
    else:
        (programs / "git").unlink()
        program(programs, "git", f'[ "$1" = push ] && {{ {move}; }}\nexec {git} "$@"')
    ran = world.mc("pr", "one")
    assert (tmp_path / "once").exists()
    if ours:
        ran.ok()
        assert origin.head("mc/one") == worktree.head()
    else:
        ran.refused(1, "has commits that the job has not")
        assert origin.head("mc/one") == theirs


# hooks


def test_a_hook_that_forbids_the_push_is_heard(world: World, origin: Repo, tmp_path: Path) -> None:
    done(world, tmp_path, "a")
    add_hook(origin, "pre-receive", "#!/bin/sh\necho not on a Friday >&2\nexit 1\n")
    ran = world.mc("pr", "one").refused(1, "was not pushed", "not on a Friday", "hint: cure that")
    assert "secret" not in ran.stderr
    assert stored(world).pr is None
    (origin.path / "hooks/pre-receive").unlink()
    hook = world.repo.path / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho no secrets please >&2\nexit 1\n")
    hook.chmod(0o755)
    world.mc("pr", "one").refused(1, "no secrets please")
    events = [entry for _, entry in world.mission.store.journal.entries()]
    pushes = [entry for entry in events if entry.get("action") == "Push"]
    assert [entry["ref"] for entry in pushes] == ["refs/heads/mc/one"] * 2
    assert [entry["event"] for entry in events if "failed" in entry] == ["pr", "pr"]


def test_the_remotes_own_git_variables_lead_nowhere_else(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    done(world, tmp_path, "a")
    ran = world.mc("pr", "one", GIT_INDEX_FILE=str(tmp_path / "none"), GIT_PREFIX="x/")
    ran.ok()
    assert origin.head("mc/one")


# GitLab and Gitea, by a push alone


def test_gitlab_opens_a_merge_request_by_options(
    world: World, tmp_path: Path, programs: Path
) -> None:
    page = "https://gitlab.example/group/sub/demo"
    bare = gitlab(world.repo, tmp_path / "gitlab.git", page)
    worktree = done(world, tmp_path, "a", prompt="It's \\ -o\nand more")
    found = opened(world.mc("pr", "one", "--draft", "--json"))
    url = f"{page}/-/merge_requests/3"
    assert (found["url"], found["forge"], found["created"]) == (url, "gitlab", True)
    assert options_of(bare) == [
        [
            "merge_request.create",
            "merge_request.target=main",
            "merge_request.title=add a",
            r"merge_request.description=It's \ -o\nand more\n\n* add a\n\nMc-Job: one",
            "merge_request.draft",
        ]
    ]
    worktree.commit({"b": "x\n"})
    again = opened(world.mc("pr", "one", "--json"))
    assert (again["url"], again["created"], again["pushed"]) == (url, False, True)
    # What a person has written there since is left alone.
    assert options_of(bare)[1] == ["merge_request.create", "merge_request.target=main"]
    third = opened(world.mc("pr", "one", "--json"))
    assert (third["url"], third["pushed"], third["created"]) == (url, False, False)


def test_a_merge_request_that_was_not_recorded_is_found_by_its_head(
    world: World, tmp_path: Path, programs: Path
) -> None:
    page = "https://gitlab.example/group/demo"
    gitlab(world.repo, tmp_path / "gitlab.git", page)
    worktree = done(world, tmp_path, "a")
    worktree.git("push", "-q", "-o", "merge_request.create", "origin", "mc/one")
    found = opened(world.mc("pr", "one", "--json"))
    url = f"{page}/-/merge_requests/3"
    assert (found["url"], found["created"], found["pushed"]) == (url, False, False)


def test_a_branch_that_gitlab_has_already_is_opened_by_a_person(
    world: World, tmp_path: Path, programs: Path
) -> None:
    page = "https://gitlab.example/group/demo"
    gitlab(world.repo, tmp_path / "gitlab.git", page)
    worktree = done(world, tmp_path, "a")
    worktree.git("push", "-q", "origin", "mc/one")
    assert world.mc("pr", "one").ok().stdout == (
        f"{page}/-/merge_requests/new?merge_request[source_branch]=mc/one"
        "&merge_request[target_branch]=main\n"
    )


def test_a_server_that_takes_no_options_is_pushed_to_without(
    world: World, tmp_path: Path, programs: Path
) -> None:
    page = "https://gitlab.example/group/demo"
    bare = server(world.repo, f"{page}.git", tmp_path / "gitlab.git")
    done(world, tmp_path, "a")
    ran = world.mc("pr", "one").ok()
    assert ran.stdout.startswith(f"{page}/-/merge_requests/new?")
    assert "warning: 'origin' takes no options with a push" in ran.stderr
    assert bare.head("mc/one") == world.repo.head("mc/one")


@pytest.mark.parametrize(
    "forgejo", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["gitea", "forgejo"]
)
def test_gitea_opens_a_pull_request_by_a_push_to_refs_for(
    world: World, tmp_path: Path, programs: Path, forgejo: bool
) -> None:
    page = "https://codeberg.org/acme/demo" if forgejo else "https://gitea.example/acme/demo"
    bare = gitea(world.repo, tmp_path / "gitea.git", page, forgejo=forgejo)
    worktree = done(world, tmp_path, "a", prompt="Two\nlines")
    found = opened(world.mc("pr", "one", "--draft", "--json"))
    url = f"{page}/pulls/7"
    assert (found["url"], found["forge"], found["created"]) == (url, "gitea", True)
    asked = [
        "topic=mc/one",
        "title=WIP: add a",
        "description=Two<br>lines<br><br>* add a<br><br>Mc-Job: one",
    ]
    assert options_of(bare) == [asked]
    assert "mc/one" not in bare.git("branch", "--list")
    same = opened(world.mc("pr", "one", "--json"))
    assert (same["url"], same["created"], same["pushed"]) == (url, False, False)
    world.repo.commit({"other": "y\n"})
    worktree.git("rebase", "-q", "main")
    after = opened(world.mc("pr", "one", "--json"))
    assert (after["url"], after["created"], after["pushed"]) == (url, False, True)
    assert "force-push=true" in options_of(bare)[-1]
    assert bare.head("refs/pull/7/head") == worktree.head()


def test_a_server_that_is_no_gitea_is_pushed_to_as_any_other(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    world.repo.git("config", "mc.forge", "gitea")
    origin.git("config", "receive.advertisePushOptions", "true")
    done(world, tmp_path, "a")
    ran = world.mc("pr", "one").ok()
    assert ran.stdout == "https://git.example/acme/demo/compare/main...mc/one\n"
    assert "warning: to 'origin', refs/for/main is a branch like any other" in ran.stderr
    assert origin.head("mc/one") == world.repo.head("mc/one")


def test_a_topic_that_somebody_else_moved_on_is_not_overwritten(
    world: World, tmp_path: Path, programs: Path
) -> None:
    page = "https://gitea.example/acme/demo"
    bare = gitea(world.repo, tmp_path / "gitea.git", page)
    done(world, tmp_path, "a")
    theirs = world.repo.commit({"theirs": "y\n"})
    world.repo.git("push", "-q", "-o", "topic=mc/one", "origin", "HEAD:refs/for/main")
    world.mc("pr", "one").refused(1, "was not pushed", "force-push")
    assert bare.head("refs/pull/7/head") == theirs


def test_a_pull_request_that_was_not_recorded_is_found_by_its_head(
    world: World, tmp_path: Path, programs: Path
) -> None:
    page = "https://gitea.example/acme/demo"
    gitea(world.repo, tmp_path / "gitea.git", page)
    worktree = done(world, tmp_path, "a")
    worktree.git("push", "-q", "-o", "topic=mc/one", "origin", "HEAD:refs/for/main")
    found = opened(world.mc("pr", "one", "--json"))
    assert (found["url"], found["pushed"]) == (f"{page}/pulls/7", False)


def test_glab_is_given_all_that_it_would_ask_for(
    world: World, tmp_path: Path, programs: Path
) -> None:
    # This script stands in for glab, which Debian does not have: it shows what glab is given.
    page = "https://gitlab.example/group/sub/demo"
    server(world.repo, f"{page}.git", tmp_path / "gitlab.git")
    log = tmp_path / "asked"
    url = f"{page}/-/merge_requests/3"
    listed = json.dumps(
        [{"web_url": url, "draft": False, "source_project_id": 1, "target_project_id": 1}]
    )
    program(
        *(programs, "glab"),
        f'for word; do echo "$word" >>{log}; done\necho >>{log}\n'
        f"case $2 in list) [ -e {tmp_path}/made ] && echo '{listed}' || echo \"[]\" ;;\n"
        f'create) touch {tmp_path}/made; echo "Creating"; echo; echo {url} ;; esac',
    )
    done(world, tmp_path, "a", prompt="Do it")
    found = opened(world.mc("pr", "one", "--draft", "--json"))
    assert (found["url"], found["forge"], found["created"]) == (url, "glab", True)
    asked = [call.split("\n") for call in log.read_text().strip("\n").split("\nmr\n")]
    assert asked[0] == [
        *("mr", "list", f"--repo={page}", "--source-branch=mc/one", "--target-branch=main"),
        *("--output=json", ""),
    ]
    assert asked[1] == [
        *("create", f"--repo={page}", "--source-branch=mc/one", "--target-branch=main"),
        *("--title=add a", "--description=Do it", "", "* add a", "", "Mc-Job: one"),
        *("--yes", "--draft"),
    ]
    assert opened(world.mc("pr", "one", "--json"))["created"] is False
    program(programs, "glab", "echo '401 Unauthorized' >&2; exit 1")
    world.mc("pr", "one").refused(128, "401", "hint: log in: glab auth login --hostname gitlab")


# what it says


def test_the_template_of_the_repository_comes_first(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    world.repo.commit({"docs/Pull_Request_Template.md": "## Why\n\n<!-- say -->\n"})
    world.repo.git("push", "-q", "origin", "main")
    done(world, tmp_path, "a", prompt="Do it")
    found = opened(world.mc("pr", "one", "--dry-run", "--json"))
    assert found["body"] == "## Why\n\n<!-- say -->\n\nDo it\n\n* add a\n\nMc-Job: one"
    assert found["title"] == "add a"
    assert (found["url"], found["pushed"], found["created"]) == (None, False, False)


def test_commits_of_the_base_that_are_not_pushed_are_not_the_jobs(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    world.repo.commit({"mine": "1\n"}, "mine alone")
    done(world, tmp_path, "a")
    found = opened(world.mc("pr", "one", "--dry-run", "--json"))
    assert (found["title"], found["body"]) == ("add a", "* add a\n\nMc-Job: one")


def test_a_dry_run_does_nothing(world: World, origin: Repo, tmp_path: Path) -> None:
    worktree = done(world, tmp_path, "a")
    (worktree.path / "left").write_text("x\n")
    head, journal = worktree.head(), world.mission.store.journal.path
    ran = world.mc("pr", "one", "--dry-run").ok()
    assert ran.stdout.startswith("would push mc/one")
    assert "would commit first" in ran.stderr
    assert (worktree.head(), "mc/one" in origin.git("branch")) == (head, False)
    assert (stored(world).pr, journal.exists()) == (None, False)


def test_what_an_agent_wrote_is_text_and_nothing_else(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    done(world, tmp_path, "a", "b", prompt="\n\x1b[31m-e\x00 \udcff it\r\nsecond\n" + "x" * 200_000)
    found = opened(world.mc("pr", "one", "--dry-run", "--json"))
    assert found["title"] == "[31m-e \N{REPLACEMENT CHARACTER} it"
    assert len(found["body"].encode()) <= 60_000
    assert found["body"].endswith("\n…\n\n* add a\n* add b\n\nMc-Job: one")


# refusals


def test_a_running_agent_keeps_what_it_has_not_committed(world: World, origin: Repo) -> None:
    script = "echo x >a; git add a; git commit -qm a; echo y >b; git mc-none; read -r _"
    world.sh("one", script)
    worktree = world.worktree("one")
    file_appears(worktree / "b")
    ran = world.mc("pr", "one").ok()
    assert "warning: the agent of 'one' still runs" in ran.stderr
    assert "what it has not committed stays behind" in ran.stderr
    assert set(origin.files("mc/one")) == {"README.md", "a"}


def test_an_agent_may_open_its_own(world: World, origin: Repo, tmp_path: Path) -> None:
    script = f"echo x >a; git add a; git commit -qm a; {world.command} pr one >{tmp_path}/said 2>&1"
    world.sh("one", script)
    world.wait("one").ok()
    assert "pushed mc/one" in (tmp_path / "said").read_text()
    assert origin.head("mc/one") == world.repo.head("mc/one")


def test_nothing_to_propose_is_refused(world: World, origin: Repo, tmp_path: Path) -> None:
    done(world, tmp_path)
    world.mc("pr", "one").refused(1, "has no commits that 'main' on 'origin' has not")
    assert "mc/one" not in origin.git("branch")


@pytest.mark.parametrize(
    ("state", "said"), [(State.QUEUED, "has not started"), (State.MERGED, "has landed on 'main'")]
)
def test_a_job_with_nothing_to_show_has_none(
    world: World, origin: Repo, tmp_path: Path, state: State, said: str
) -> None:
    landed = Landed("main", "c", "h") if state is State.MERGED else None
    done(world, tmp_path, "a", state=state, landed=landed)
    world.mc("pr", "one").refused(1, said, "hint: ")
    assert "mc/one" not in origin.git("branch")


@pytest.mark.parametrize("state", [State.FAILED, State.CONFLICT])
def test_work_that_did_not_come_to_its_end_may_be_shown(
    world: World, origin: Repo, tmp_path: Path, state: State
) -> None:
    done(world, tmp_path, "a", state=state, reason="exit status 1")
    ran = world.mc("pr", "one").ok()
    assert ("what it did is pushed" in ran.stderr) is (state is State.FAILED)
    assert origin.head("mc/one")


def test_the_remote_and_the_base_are_those_of_the_jobs_base(
    world: World, origin: Repo, tmp_path: Path
) -> None:
    other = Repo(tmp_path / "other.git")
    world.repo.git("init", "-q", "--bare", str(other.path))
    world.repo.git("remote", "add", "fork", str(other.path))
    world.repo.git("push", "-q", "fork", "main:trunk")
    done(world, tmp_path, "a")
    world.repo.git("config", "branch.main.remote", "fork")
    world.repo.git("config", "branch.main.merge", "refs/heads/trunk")
    found = opened(world.mc("pr", "one", "--json"))
    assert (found["remote"], found["base"]) == ("fork", "trunk")
    assert other.head("mc/one")
    # And a base may be asked for as the remote has it.
    found = opened(world.mc("pr", "one", "--base", "origin/main", "--json"))
    assert (found["remote"], found["base"]) == ("origin", "main")


def test_without_a_remote_or_a_base_there_it_is_said_what_to_type(
    world: World, tmp_path: Path, programs: Path
) -> None:
    done(world, tmp_path, "a")
    world.mc("pr", "one").refused(1, "no remote to push to", "hint: git remote add origin URL")
    server(world.repo, PLAIN, tmp_path / "origin.git")
    world.repo.git("branch", "local")
    world.mc("pr", "one", "--base", "local").refused(1, "hint: git push origin local")
    world.mc("pr", "one", "--base", "--x").refused(1, "has no branch '--x'", "hint: name one")
    world.mc("pr", "one", "--base", "mc/one").refused(1, "the job's own branch")
    world.mc("pr", "one", "--title", " \n").refused(1, "the title is empty")
    world.mc("pr", "one", "--body", "x", "-F", "-").refused(129, "two bodies")
    world.mc("pr", "one", "-F", "missing").refused(129, "missing")
    world.mc("pr", "two").refused(1, "no job called 'two'")
    assert stored(world).pr is None


def test_a_branch_with_an_odd_name_is_pushed_under_it(
    world: World, tmp_path: Path, programs: Path
) -> None:
    bare = server(world.repo, "git@github.com:acme/demo.git", tmp_path / "github.git")
    branch = "é'\"$(x)`#%&;+"
    done(world, tmp_path, "a", branch=branch)
    ran = world.mc("pr", "one").ok()
    assert bare.head(branch) == world.repo.head(branch)
    quoted = "%C3%A9%27%22%24%28x%29%60%23%25%26%3B%2B"
    assert ran.stdout == f"https://github.com/acme/demo/compare/main...{quoted}?expand=1\n"
