"""Oh-My-OpenCode: every way to name it in a configuration, its version, and how work begins."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gitmc.agents.catalog import ARGUMENT_LIMIT
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

NEW, MIDDLE, OLD = Omo((4, 19, 4)), Omo((4, 11, 1)), Omo((3, 17, 15))
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
        ("oh-my-opencode@4", None, None),
        ("oh-my-opencode@^3.17.15", None, None),
        ("oh-my-opencode@3.0.0-beta.11", None, (3, 0, 0)),
        ("oh-my-opencode", ".cache/opencode/node_modules/oh-my-opencode", (3, 2, 1)),
        ("oh-my-opencode",
         ".cache/opencode/packages/oh-my-opencode@latest/node_modules/oh-my-opencode", (3, 2, 1)),
        ("oh-my-opencode",
         ".cache/opencode/packages/oh-my-opencode@4.1.0/node_modules/oh-my-opencode", None),
        ("oh-my-opencode@4",
         ".cache/opencode/packages/oh-my-opencode@4/node_modules/oh-my-opencode", (3, 2, 1)),
        ("oh-my-opencode@latest",
         ".cache/opencode/packages/oh-my-opencode@latest/node_modules/oh-my-opencode", (3, 2, 1)),
        ("oh-my-openagent", ".config/opencode/node_modules/oh-my-openagent", (3, 2, 1)),
        ("file://HOME/it/oh-my-opencode/dist/index.js", "it/oh-my-opencode", (3, 2, 1)),
    ],
)  # fmt: skip
def test_its_version_is_read_where_it_is_installed(
    tmp_path: Path, entry: str, package: str | None, version: tuple[int, ...] | None
) -> None:
    if package is not None:
        folder = tmp_path / package
        folder.mkdir(parents=True)
        name = "oh-my-openagent" if "openagent" in package else "oh-my-opencode"
        (folder / "package.json").write_text(json.dumps({"name": name, "version": "3.2.1"}))
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
        (OLD, "ralph", "Continue",
         "/ralph-loop Read .sisyphus/task-a.md and do what it says.", ".sisyphus/task-a.md"),
        (MIDDLE, "ralph", "do it", "/ralph-loop do it", None),
        (MIDDLE, "ulw", "--do it", "/ulw-loop Read .omo/task-a.md and do what it says.",
         ".omo/task-a.md"),
        (OLD, "ralph", "do --it", "/ralph-loop Read .sisyphus/task-a.md and do what it says.",
         ".sisyphus/task-a.md"),
        (NEW, "ralph", "do --it", "/goal do --it", None),
        (NEW, "ulw", "do it", "/goal ulw do it", None),
        (NEW, "ralph", "Pause", "/goal Read .omo/task-a.md and do what it says.",
         ".omo/task-a.md"),
        (NEW, "ralph", "x" * LONGEST_GOAL, f"/goal {'x' * LONGEST_GOAL}", None),
        (NEW, "ulw", "x" * LONGEST_GOAL, "/goal ulw Read .omo/task-a.md and do what it says.",
         ".omo/task-a.md"),
        (NEW, "ralph", "\N{LLAMA}" * (LONGEST_GOAL // 2 + 1),
         "/goal Read .omo/task-a.md and do what it says.", ".omo/task-a.md"),
        (Omo(None), "ralph", "do it", "/goal do it", None),
    ],
)  # fmt: skip
def test_a_loop_begins_by_its_versions_command(
    omo: Omo, mode: str, task: str, prompt: str, file: str | None
) -> None:
    found = opening(omo, mode, "a", task, None, ARGUMENT_LIMIT)
    assert (found.prompt, found.files) == (prompt, {} if file is None else {file: task})


@pytest.mark.parametrize("omo", [OLD, NEW])
def test_a_task_that_is_too_long_for_a_word_goes_into_a_file(omo: Omo) -> None:
    assert opening(omo, "ulw", "a", "\N{LLAMA}\udcff", None, 5).files == {}
    found = opening(omo, "ulw", "a", "\N{LLAMA}\udcff", None, 4)
    assert list(found.files.values()) == ["\N{LLAMA}\udcff"]
    assert "\N{LLAMA}" not in found.prompt


def test_a_plan_is_put_where_its_version_looks_for_it() -> None:
    assert opening(OLD, "plan", "a", "", "- [ ] x", 0) == (
        "/start-work a", {".sisyphus/plans/a.md": "- [ ] x"},
    )  # fmt: skip
    for omo in (NEW, MIDDLE, Omo((4, 2, 0)), Omo(None)):
        assert opening(omo, "plan", "a", "", "x", 0).files == {".omo/plans/a.md": "x"}
    assert opening(Omo((4, 1, 2)), "plan", "a", "", "x", 0).files == {".sisyphus/plans/a.md": "x"}


def test_the_plans_of_both_folders_are_found_and_the_newer_ones_count(tmp_path: Path) -> None:
    for folder, name in ((".omo", "a"), (".sisyphus", "a"), (".sisyphus", "b")):
        path = tmp_path / folder / "plans" / f"{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(folder)
    found = {name: path.read_text() for name, path in plans_in(tmp_path).items()}
    assert found == {"a": ".omo", "b": ".sisyphus"}


def test_a_loop_goes_on_until_its_own_files_say_that_it_is_over(tmp_path: Path) -> None:
    for mode in ("vanilla", "ralph", "plan"):
        assert not goes_on(tmp_path, mode, "one", "ses_1")
    state = tmp_path / ".sisyphus" / "ralph-loop.local.md"
    state.parent.mkdir()
    for text, more in (
        ('---\nactive: true\nsession_id: "ses_1"\n---\n', True),
        ('---\nactive: true\n---\nactive: false\nsession_id: "ses_0"\n', True),
        ("", True),
        ('---\nactive: true\nsession_id: "ses_0"\n---\n', False),
        ('---\nactive: false\nsession_id: "ses_1"\n---\n', False),
    ):
        state.write_text(text)
        assert goes_on(tmp_path, "ralph", "one", "ses_1") is more
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
        for mode in ("ulw", "vanilla"):
            assert goes_on(tmp_path, mode, "one", "ses_1") is more
        assert goes_on(tmp_path, "ulw", "one", None) is more
        assert not goes_on(tmp_path, "ulw", "one", "ses_2")


@pytest.mark.parametrize(
    ("plan", "more"),
    [
        ("- [x] a\n- [ ] b\n", True),
        ("* [] b\n", True),
        ("- [x] a\n- [x] b\n", False),
        ("- [x] a\n  - [ ] a point of it\n", False),
        ("- [x] a\n- [~] blocked\n", False),
        ("- [x] a\n```\n- [ ] an example\n```\n", False),
        ("## Done when\n- [ ] a\n## TODOs\n- [x] 1. b\n## Notes\n- [ ] 2. c\n", False),
        ("## Done when\n- [ ] a\n## TODOs\n- [x] 1. b\n- [ ] 2. c\n", True),
        ("## TODOs\n- [x] 1. b\n- [ ] not a task\n### More\n- [ ] 2. c\n", True),
        ("## TODOs\n- [x] 1. b\n## Final Verification Wave\n- [ ] F1. c\n", True),
        ("", False),
    ],
)
def test_a_plan_goes_on_while_a_box_is_left_that_the_plugin_counts(
    tmp_path: Path, plan: str, more: bool
) -> None:
    path = tmp_path / ".omo" / "plans" / "one.md"
    path.parent.mkdir(parents=True)
    path.write_text(plan)
    # Copied at its start from here, where nothing is checked any more.
    old = tmp_path / ".sisyphus" / "plans" / "one.md"
    old.parent.mkdir(parents=True)
    old.write_text("- [ ] a\n")
    if plan:
        assert goes_on(tmp_path, "plan", "one", None) is more
    assert not goes_on(tmp_path, "plan", "other", None)
    assert not goes_on(tmp_path, "ralph", "one", None)
