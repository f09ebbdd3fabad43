"""The list of recent projects: newest first, at most ten, without those that are gone, and never in the way."""

import json
import logging
from pathlib import Path

import pytest

from rlhf_studio.jobs.recent import recent, remember


@pytest.fixture
def home(tmp_path, monkeypatch):
    """The user's data folder."""
    folder = tmp_path / "data"
    monkeypatch.setenv("RLHF_STUDIO_DATA", str(folder))
    return folder


@pytest.fixture
def projects(tmp_path):
    """Twelve folders that hold a file such as a project's."""
    folders = [tmp_path / f"项目 {i}" for i in range(12)]
    for folder in folders:
        folder.mkdir()
        (folder / "project.sqlite").write_bytes(b"")
    return folders


def test_at_first_there_are_none(home):
    assert recent() == ()
    assert not home.exists()


def test_the_newest_comes_first_and_each_once(home, projects):
    one, two, three, *_ = projects
    for folder in (one, two, three, one):
        remember(folder)
    assert recent() == (one, three, two)
    assert [path.name for path in home.iterdir()] == ["recent.json"]


def test_ten_are_kept(home, projects):
    for folder in projects:
        remember(folder)
    assert recent() == tuple(reversed(projects[2:]))


def test_those_that_are_gone_are_left_out_and_may_come_back(home, projects):
    one, two, *_ = projects
    remember(one)
    remember(two)
    (two / "project.sqlite").rename(two / "away")
    assert recent() == (one,)
    (two / "away").rename(two / "project.sqlite")
    assert recent() == (two, one)


def test_relative_folders_are_made_absolute(home, projects, monkeypatch):
    monkeypatch.chdir(projects[0].parent)
    remember(Path(projects[0].name))
    assert recent() == (projects[0],)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe\x00", b'{"a": 1}', b"[1, 2]", b"null", b"[" * 100_000, b'["a", null]']
)
def test_a_damaged_list_starts_anew(home, projects, caplog, content):
    home.mkdir()
    (home / "recent.json").write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert recent() == ()
        assert "starts anew" in caplog.text
        remember(projects[0])
    assert recent() == (projects[0],)
    assert json.loads((home / "recent.json").read_bytes()) == [str(projects[0])]


def test_names_that_are_no_paths_are_left_out(home, projects):
    remember(projects[0])
    names = ["\x00", "x" * 100_000, str(projects[0])]
    (home / "recent.json").write_text(json.dumps(names), encoding="utf-8")
    assert recent() == (projects[0],)


def test_a_list_that_cannot_be_read_or_written_is_logged(home, projects, caplog):
    (home / "recent.json").mkdir(parents=True)
    with caplog.at_level(logging.WARNING):
        remember(projects[0])
        assert recent() == ()
    assert "cannot be written" in caplog.text
    assert "cannot be read" in caplog.text
    assert [path.name for path in home.iterdir()] == ["recent.json"]


def test_a_data_folder_that_cannot_be_made_is_logged(home, projects, caplog):
    home.write_bytes(b"a file")
    with caplog.at_level(logging.WARNING):
        remember(projects[0])
        assert recent() == ()
    assert "cannot be written" in caplog.text
