"""Commits written anew keep what is their author's, byte for byte."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from gitmc.errors import CommandFailed, Fatal, Refused
from gitmc.git.commit import Commit, Writer, make, read
from gitmc.git.run import Git
from tests.support.world import Repo

PLAIN = b"Ada Author <ada@example.invalid> 1700000000 +0000"

AUTHORS = {
    "plain": PLAIN,
    "half an hour": b"A B <a@b> 1700000000 +0530",
    "west": b"A B <a@b> 1700000000 -1145",
    "no zone": b"A B <a@b> 1700000000 -0000",
    "beginning": b"A B <a@b> 0 +0000",
    "far": b"A B <a@b> 4102444800 +1400",
    "no name": b" <a@b> 1700000000 +0000",
    "no mail": b"A B <> 1700000000 +0000",
    "umlaut": "Zoë Ünal <z@ü> 1700000000 +0100".encode(),
    "quotes": b'O\'Brien "Bob" \\ $HOME; <a b@c> 1700000000 +0000',
    "bytes": b"Z\xe9 <z@b> 1700000000 +0000",
}

MESSAGES = {
    "plain": b"subject\n\nbody\n",
    "no newline": b"subject",
    "empty": b"",
    "newlines": b"\n\n  subject  \n\n\n\nbody\n\n\n",
    "comment": b"# no comment\n-- \ndiff --git a/b\n",
    "bytes": b"caf\xe9\r\n",
    "headers": b"tree deadbeef\nauthor nobody\n",
}


def object_of(repo: Repo, name: str) -> bytes:
    """The bytes of a commit."""
    argv = ["git", "cat-file", "commit", name]
    return subprocess.run(argv, cwd=repo.path, capture_output=True, check=True).stdout


def written(repo: Repo, commit: Commit) -> str:
    """The commit, once it is sure that it is the one, and that git finds no fault in it."""
    name = Writer(Git(repo.path)).write(commit)
    assert read(Git(repo.path), [name]) == [commit]
    return name


def some(repo: Repo, **changes: Any) -> Commit:
    """A commit on top of HEAD."""
    return Commit(repo.head("HEAD^{tree}"), (repo.head(),), PLAIN, b"one\n")._replace(**changes)


@pytest.mark.parametrize("author", AUTHORS.values(), ids=AUTHORS)
def test_an_author_is_kept_byte_for_byte(repo: Repo, author: bytes) -> None:
    name = written(repo, some(repo, author=author))
    assert b"author " + author + b"\n" in object_of(repo, name)


@pytest.mark.parametrize("message", MESSAGES.values(), ids=MESSAGES)
def test_a_message_is_kept_byte_for_byte(repo: Repo, message: bytes) -> None:
    name = written(repo, some(repo, message=message))
    assert object_of(repo, name).endswith(b"\n\n" + message)


def test_the_committer_is_the_user_now(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", "@1800000000 +0200")
    name = written(repo, some(repo))
    said = repo.git("log", "-1", "--format=%cn <%ce> %cd", "--date=raw", name)
    assert said == "Col Committer <col@example.invalid> 1800000000 +0200"


def test_an_encoding_is_kept_and_the_committer_is_written_in_it(
    repo: Repo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Jürgen")
    message, author = "über\n".encode("latin-1"), "Zoë <z@b> 1 +0000".encode("latin-1")
    odd = some(repo, message=message, author=author, encoding=b"ISO-8859-1")
    name = written(repo, odd)
    assert b"\nencoding ISO-8859-1\n\n" in object_of(repo, name)
    assert repo.git("log", "-1", "--format=%an|%cn|%s", name) == "Zoë|Jürgen|über"


@pytest.mark.parametrize("encoding", [b"no-such-encoding", b"utf-16", b"hex", b"ascii"])
def test_an_encoding_that_cannot_be_used_is_kept(
    repo: Repo, encoding: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Jürgen")
    name = written(repo, some(repo, encoding=encoding))
    assert "committer Jürgen <".encode() in object_of(repo, name)


def test_a_signature_and_a_merged_tag_stay_with_the_old_commit(repo: Repo) -> None:
    lines = object_of(repo, "HEAD").partition(b"\n\n")
    raw = lines[0] + b"\ngpgsig -----BEGIN\n \n author nobody\n -----END\nmergetag object 1\n tag x"
    argv = ["git", "hash-object", "-t", "commit", "-w", "--stdin"]
    made = subprocess.run(argv, cwd=repo.path, input=raw + b"\n\nsigned\n", capture_output=True)
    [odd] = read(Git(repo.path), [made.stdout.decode().strip()])
    assert odd == Commit(repo.head("HEAD^{tree}"), (), odd.author, b"signed\n")
    assert odd.author.startswith(b"Ada Author <")
    assert b"gpgsig" not in object_of(repo, written(repo, odd))


def test_many_are_read_at_once_in_the_order_asked_for(repo: Repo) -> None:
    first = repo.head()
    second = repo.commit({"a": "1"}, "second")
    found = read(Git(repo.path), [second, first, second])
    assert [commit.message for commit in found] == [b"second\n", b"first\n", b"second\n"]
    assert found[0].parents == (first,)
    assert read(Git(repo.path), []) == []


def test_what_is_no_commit_is_named(repo: Repo) -> None:
    for name in ("0" * 40, repo.head("HEAD^{tree}")):
        with pytest.raises(Fatal, match=name):
            read(Git(repo.path), [name])


def test_a_merge_keeps_the_order_of_its_parents(repo: Repo) -> None:
    one, two = repo.head(), repo.commit({"a": "1"})
    for parents in [(one, two), (two, one), ()]:
        written(repo, some(repo, parents=parents))


def test_a_repository_of_longer_names(tmp_path: Path) -> None:
    repo = Repo(tmp_path)
    repo.git("init", "--quiet", "--object-format=sha256")
    repo.commit({"a": "1"})
    assert len(written(repo, some(repo, encoding=b"latin-1", message=b"\xe9"))) == 64


@pytest.fixture
def signing(repo: Repo, tmp_path: Path) -> Repo:
    """A repository whose commits are signed with a key made for it."""
    key = tmp_path / "key"
    argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "k", "-f", str(key)]
    subprocess.run(argv, check=True)
    allowed = tmp_path / "allowed"
    allowed.write_text(f"col@example.invalid {key.with_suffix('.pub').read_text()}")
    for name, value in {
        "commit.gpgSign": "true",
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(allowed),
    }.items():
        repo.git("config", name, value)
    return repo


def test_a_commit_is_signed_where_commits_are(signing: Repo) -> None:
    odd = some(signing, message="é".encode("latin-1"), encoding=b"ISO-8859-1")
    odd = odd._replace(author="Zoë <z@b> 1700000000 -0330".encode("latin-1"))
    name = written(signing, odd)
    assert signing.git("log", "-1", "--format=%G?|%an|%s", name) == "G|Zoë|é"
    # Nor does a setting of the user's change what the commit says.
    signing.git("config", "i18n.commitEncoding", "ISO-8859-1")
    name = written(signing, some(signing, message=b"no newline"))
    assert signing.git("log", "-1", "--format=%G?", name) == "G"
    assert make(Git(signing.path), odd.tree, [], "x")
    assert read(Git(signing.path), [signing.head()])[0].message == b"first\n"


def test_a_key_that_is_not_there_is_no_unsigned_commit(signing: Repo) -> None:
    signing.git("config", "user.signingKey", "/nowhere/key")
    with pytest.raises(CommandFailed, match="nowhere"):
        Writer(Git(signing.path)).write(some(signing))


def test_an_author_that_git_cannot_sign_for_is_refused(signing: Repo) -> None:
    with pytest.raises(Refused, match="nonsense"):
        Writer(Git(signing.path)).write(some(signing, author=b"nonsense"))
