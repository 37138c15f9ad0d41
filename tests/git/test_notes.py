"""Notes: whoever writes at the same time, nothing that was written is lost."""

from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from gitmc.errors import CommandFailed
from gitmc.git import notes
from gitmc.git.run import Git
from tests.support.world import Repo

REF = "refs/notes/mine"


def put(repo: Repo, name: str, text: str) -> None:
    notes.edit(Git(repo.path), REF, {name: lambda _: text.encode()}, "write a note")


def appending(text: bytes) -> notes.Change:
    return lambda before: before + text


def shown(repo: Repo, name: str = "HEAD") -> str:
    return repo.git("notes", "--ref", REF, "show", name)


def test_git_reads_what_was_written_and_the_other_way_round(repo: Repo) -> None:
    put(repo, repo.head(), "one\n")
    assert shown(repo) == "one"
    repo.git("notes", "--ref", REF, "add", "-f", "-m", "two")
    found = notes.read(Git(repo.path), REF, [repo.head(), "1" * 40])
    assert found == {repo.head(): b"two\n"}
    put(repo, repo.head(), "three\n")
    assert shown(repo) == "three"
    assert repo.git("log", "-1", "--format=%s", REF) == "write a note"


def test_what_is_there_is_given_to_whoever_changes_it(repo: Repo) -> None:
    git, head = Git(repo.path), repo.head()
    for letter in (b"a", b"b"):
        notes.edit(git, REF, {head: appending(letter + b"\n")}, "add")
    assert shown(repo) == "a\nb"


def test_the_same_text_again_writes_nothing(repo: Repo) -> None:
    put(repo, repo.head(), "one\n")
    before = repo.head(REF)
    put(repo, repo.head(), "one\n")
    assert repo.head(REF) == before


def test_no_ref_is_made_but_the_one(repo: Repo) -> None:
    before = repo.git("for-each-ref", "--format=%(refname)")
    put(repo, repo.head(), "x")
    assert repo.git("for-each-ref", "--format=%(refname)").splitlines() == [
        *before.splitlines(),
        REF,
    ]
    assert repo.git("status", "--porcelain") == ""


def test_a_tree_can_have_a_note(repo: Repo) -> None:
    tree = repo.head("HEAD^{tree}")
    put(repo, tree, "it passed\n")
    assert shown(repo, tree) == "it passed"


@pytest.mark.parametrize("text", ["", "\n\n", "a\0b", "data 3\n\ndone\n", "ü" * 5000, "no newline"])
def test_any_text_comes_back_to_the_byte(repo: Repo, text: str) -> None:
    put(repo, repo.head(), "something")
    put(repo, repo.head(), text)
    assert notes.read(Git(repo.path), REF, [repo.head()]) == {repo.head(): text.encode()}


def test_notes_that_git_has_put_deeper_are_found_and_replaced(repo: Repo) -> None:
    """With some hundred notes git itself puts them into folders of folders."""
    head = repo.head()
    for place in (head, f"{head[:2]}/{head[2:4]}/{head[4:]}"):
        blob = repo.git("hash-object", "-w", "--stdin", stdin="by git")
        stream = f"commit {REF}\ncommitter A <a@example.invalid> 1 +0000\ndata 1\nxdeleteall\n"
        repo.git("fast-import", "--quiet", "--force", stdin=f"{stream}M 100644 {blob} {place}\n")
        assert notes.read(Git(repo.path), REF, [head]) == {head: b"by git"}
        put(repo, head, "by us")
        assert shown(repo) == "by us"
        names = repo.git("ls-tree", "-r", "--name-only", REF).splitlines()
        assert names == [f"{head[:2]}/{head[2:]}"]


def test_a_repository_of_sha256_has_notes_too(tmp_path: Path) -> None:
    Repo(tmp_path).git("init", "--quiet", "--object-format=sha256")
    repo = Repo(tmp_path)
    repo.commit({"a": "1"})
    put(repo, repo.head(), "one\n")
    assert shown(repo) == "one"


def test_a_ref_that_cannot_be_written_is_an_error_with_its_command(repo: Repo) -> None:
    repo.git("update-ref", "refs/notes/mine/below", "HEAD")
    with pytest.raises(CommandFailed, match="update-ref"):
        put(repo, repo.head(), "one")


def write_many(path: Path, objects: list[str], who: int) -> None:
    git = Git(path)
    for name in objects:
        notes.edit(git, REF, {name: appending(b"%d\n" % who)}, "add")


def test_two_writers_without_a_lock_lose_nothing(repo: Repo) -> None:
    objects = [repo.git("hash-object", "-w", "--stdin", stdin=str(n)) for n in range(12)]
    spawn = multiprocessing.get_context("spawn")
    writers = [
        spawn.Process(target=write_many, args=(repo.path, objects[::step], who))
        for who, step in enumerate((1, -1))
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    found = notes.read(Git(repo.path), REF, objects)
    assert [sorted(found[name].split()) for name in objects] == [[b"0", b"1"]] * 12
