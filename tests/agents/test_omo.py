"""Oh-My-OpenCode: every way to name it in a configuration, its version, and how work begins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmc.agents.omo import (
    LONGEST_GOAL,
    Omo,
    detect,
    entries,
    goes_on,
    opening,
    plain_json,
    plans_in,
)

NEW, OLD = Omo((4, 19, 4)), Omo((3, 17, 15))
NAMED = '{"plugin": ["oh-my-opencode"]}'


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (NAMED, ["oh-my-opencode"]),
        ('{"plugin": ["x", ["oh-my-openagent@4.1", {"a": 1}]]}', ["oh-my-openagent@4.1"]),
        ('{// c\n"plugin": [/* d */ "oh-my-opencode@latest",],}', ["oh-my-opencode@latest"]),
        ('{"plugin": ["file:///a%20b/oh-my-opencode/dist/index.js"]}',
         ["file:///a%20b/oh-my-opencode/dist/index.js"]),
        ('{"plugin": ["./oh-my-opencode"]}', ["./oh-my-opencode"]),
        ('{"plugin": ["oh-my-opencode-slim", "not-oh-my-opencode", "/x/my", 3, [], {}]}', []),
        ('{"plugin": "oh-my-opencode"}', []),
        ('{"a": "// no comment: \\" oh-my-opencode", "plugin": []}', []),
        ('["oh-my-opencode"]', []),
        ("{", []),
        ("", []),
    ],
)  # fmt: skip
def test_an_entry_is_found_in_every_spelling_and_nothing_else_is(
    text: str, found: list[str]
) -> None:
    assert list(entries(text)) == found


@settings(max_examples=100, deadline=None)
@given(st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_json_without_comments_means_what_it_did(value: object) -> None:
    assert json.loads(plain_json(json.dumps(value))) == value


@pytest.mark.parametrize(
    "place",
    [
        *("home/.config/opencode/opencode.json", "home/.config/opencode/opencode.jsonc"),
        *("home/.config/opencode/config.json", "home/.opencode/opencode.json"),
        *("repo/opencode.json", "repo/.opencode/opencode.jsonc", "own/opencode.json", "some.json"),
    ],
)
def test_it_is_found_wherever_opencode_looks(tmp_path: Path, place: str) -> None:
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(NAMED)
    environment = {
        "HOME": str(tmp_path / "home"),
        "OPENCODE_CONFIG_DIR": str(tmp_path / "own"),
        "OPENCODE_CONFIG": str(tmp_path / "some.json"),
    }
    assert detect(environment, [tmp_path / "repo"]) == Omo(None)
    file.unlink()
    assert detect(environment, [tmp_path / "repo"]) is None
    there = environment | {"OPENCODE_CONFIG_CONTENT": NAMED}
    assert detect(there, [tmp_path / "repo"]) == Omo(None)


@pytest.mark.parametrize(
    ("entry", "package", "version"),
    [
        ("oh-my-opencode@3.17.15", None, (3, 17, 15)),
        ("oh-my-opencode@latest", None, None),
        ("oh-my-opencode", ".cache/opencode/node_modules/oh-my-opencode", (3, 2)),
        ("oh-my-opencode@latest",
         ".cache/opencode/packages/oh-my-opencode@latest/node_modules/oh-my-opencode", (3, 2)),
        ("oh-my-openagent", ".config/opencode/node_modules/oh-my-openagent", (3, 2)),
        ("file://HOME/it/oh-my-opencode/dist/index.js", "it/oh-my-opencode", (3, 2)),
    ],
)  # fmt: skip
def test_its_version_is_read_where_it_is_installed(
    tmp_path: Path, entry: str, package: str | None, version: tuple[int, ...] | None
) -> None:
    if package is not None:
        folder = tmp_path / package
        folder.mkdir(parents=True)
        name = "oh-my-openagent" if "openagent" in package else "oh-my-opencode"
        (folder / "package.json").write_text(json.dumps({"name": name, "version": "3.2"}))
    content = json.dumps({"plugin": [entry.replace("HOME", str(tmp_path))]})
    environment = {"HOME": str(tmp_path), "OPENCODE_CONFIG_CONTENT": content}
    assert detect(environment, []) == Omo(version)


@pytest.mark.parametrize(
    ("omo", "mode", "task", "prompt", "file"),
    [
        (OLD, "ralph", "do it", "/ralph-loop do it", None),
        (OLD, "ulw", "do\nit", "/ulw-loop do\nit", None),
        (OLD, "ralph", '"do" it', "/ralph-loop Read .sisyphus/task-a.md and do what it says.",
         ".sisyphus/task-a.md"),
        (OLD, "ralph", "do --it", "/ralph-loop Read .sisyphus/task-a.md and do what it says.",
         ".sisyphus/task-a.md"),
        (NEW, "ralph", "do --it", "/goal do --it", None),
        (NEW, "ulw", "do it", "/goal ulw do it", None),
        (NEW, "ralph", "Pause", "/goal Read .omo/task-a.md and do what it says.",
         ".omo/task-a.md"),
        (NEW, "ralph", "x" * LONGEST_GOAL, "/goal Read .omo/task-a.md and do what it says.",
         ".omo/task-a.md"),
        (Omo(None), "ralph", "do it", "/goal do it", None),
    ],
)  # fmt: skip
def test_a_loop_begins_by_its_versions_command(
    omo: Omo, mode: str, task: str, prompt: str, file: str | None
) -> None:
    found = opening(omo, mode, "a", task, None)
    assert (found.prompt, found.files) == (prompt, {} if file is None else {file: task})


def test_a_plan_is_put_where_its_version_looks_for_it() -> None:
    assert opening(OLD, "plan", "a", "", "- [ ] x") == (
        "/start-work a", {".sisyphus/plans/a.md": "- [ ] x"},
    )  # fmt: skip
    assert opening(NEW, "plan", "a", "", "x").files == {".omo/plans/a.md": "x"}


def test_the_plans_of_both_folders_are_found_and_the_newer_ones_count(tmp_path: Path) -> None:
    for folder, name in ((".omo", "a"), (".sisyphus", "a"), (".sisyphus", "b")):
        path = tmp_path / folder / "plans" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(folder)
    found = {name: path.read_text() for name, path in plans_in(tmp_path).items()}
    assert found == {"a": ".omo", "b": ".sisyphus"}


def test_a_loop_goes_on_until_its_own_files_say_that_it_is_over(tmp_path: Path) -> None:
    assert not goes_on(tmp_path, "vanilla", "one")
    assert not goes_on(tmp_path, "ralph", "one")
    state = tmp_path / ".sisyphus" / "ralph-loop.local.md"
    state.parent.mkdir()
    state.write_text("active: true")
    assert goes_on(tmp_path, "ralph", "one")
    state.unlink()
    goal = tmp_path / ".omo" / "goal" / "ses_1.json"
    goal.parent.mkdir(parents=True)
    for text, more in (
        ('{"goal": {"status": "active"}}', True),
        ('{"goal": {"st', True),
        ('{"goal": {"status": "complete"}}', False),
        ("[]", False),
    ):
        goal.write_text(text)
        assert goes_on(tmp_path, "ulw", "one") is more
    plan = tmp_path / ".omo" / "plans" / "one.md"
    plan.parent.mkdir()
    plan.write_text("- [x] a\n- [ ] b\n")
    assert goes_on(tmp_path, "plan", "one")
    plan.write_text("- [x] a\n- [x] b\n")
    assert not goes_on(tmp_path, "plan", "one")
