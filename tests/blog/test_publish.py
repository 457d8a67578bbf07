"""How a new site takes the old one's place: whole or not, wherever `site/` leads."""

import errno
import fcntl
import itertools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blog.__main__ import NotBuilt, alone, check_place, publish
from tests.building import contents, copy_of_the_project, make_blog

OLD = {"index.html": b"old", "old.html": b"old", "_static/a.css": b"old", "new": b"old"}
NEW = {"index.html": b"new", "new.html": b"new", "_static/b.css": b"new", ".nojekyll": b""}


def written(folder: Path, files: dict[str, bytes]) -> Path:
    """A folder with these files."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def names(files: dict[str, bytes]) -> set[str]:
    """What lies in the folder itself."""
    return {name.split("/")[0] for name in files}


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """A new site, not yet in its place."""
    return written(tmp_path / "built", NEW)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The site that stands."""
    return written(tmp_path / "site", OLD)


def test_a_site_is_put_where_there_was_none(tmp_path: Path, built: Path) -> None:
    publish(built, tmp_path / "site")
    assert contents(tmp_path / "site") == NEW


def test_the_folder_stays_which_a_mount_or_a_server_holds_on_to(
    site: Path, built: Path
) -> None:
    held = os.open(site, os.O_RDONLY)
    try:
        publish(built, site)
        assert {*os.listdir(held)} == names(NEW)
    finally:
        os.close(held)
    assert contents(site) == NEW


def test_a_link_stays_a_link_and_the_folder_that_it_leads_to_changes(
    tmp_path: Path, site: Path, built: Path
) -> None:
    served = site.rename(tmp_path / "served")
    site.symlink_to(served)
    publish(built, site)
    assert site.is_symlink()
    assert contents(served) == NEW


def test_a_link_that_leads_nowhere_yet_gets_its_folder(tmp_path: Path, built: Path) -> None:
    (tmp_path / "site").symlink_to(tmp_path / "served")
    publish(built, tmp_path / "site")
    assert contents(tmp_path / "served") == NEW


def test_a_worktree_and_a_volume_keep_what_makes_them_one(site: Path, built: Path) -> None:
    theirs = {".git": b"gitdir: elsewhere", "lost+found/1": b"found"}
    written(site, theirs)
    publish(built, site)
    assert contents(site) == NEW | theirs


@pytest.mark.parametrize("broken", range(len(names(OLD)) + len(names(NEW))))
def test_whichever_rename_fails_the_old_site_is_back_whole(
    broken: int, site: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename, count = Path.rename, itertools.count()

    def fails_once(self: Path, target: Path) -> Path:
        if next(count) == broken:
            raise OSError(errno.EBUSY, "Device or resource busy", str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_once)
    with pytest.raises(OSError, match="busy"):
        publish(built, site)
    assert contents(site) == OLD
    assert {file.name for file in site.iterdir()} == names(OLD)


def test_a_full_disk_leaves_the_old_site(
    site: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "move", full)
    with pytest.raises(OSError, match="No space left"):
        publish(built, site)
    assert contents(site) == OLD


@pytest.mark.parametrize("kind", ["a file", "a link to nowhere's folder"])
def test_where_no_site_can_be_it_is_said_before_anything_is_built(
    tmp_path: Path, kind: str
) -> None:
    site = tmp_path / "site"
    if kind == "a file":
        site.write_text("in the way")
    else:
        site.symlink_to(tmp_path / "no/such/folder")
    with pytest.raises(NotBuilt, match="must be a folder that you may write in"):
        check_place(site)


def test_a_build_has_its_folder_for_itself_and_gives_it_back(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("w") as other:
        with alone(tmp_path), pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.slow
def test_what_the_system_refuses_is_told_in_words(tmp_path: Path) -> None:
    root = copy_of_the_project(tmp_path)
    written(root / "site", OLD)
    (root / "build").write_text("in the way")
    done = make_blog(root)
    assert done.returncode != 0
    assert done.stderr.startswith("make blog: ")
    assert done.stderr.endswith("site/ is as it was.\n")
    assert "Traceback" not in done.stderr
    assert contents(root / "site") == OLD


@pytest.mark.slow
def test_a_second_build_says_that_it_waits_and_does_nothing_yet(tmp_path: Path) -> None:
    root = copy_of_the_project(tmp_path)
    with alone(root / "build/blog"):
        command = [sys.executable, "-m", "blog"]
        second = subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        assert "waiting for another" in second.stderr.readline()
        assert second.poll() is None
        assert not (root / "build/blog/exports").exists()
        second.kill()
        second.communicate()
