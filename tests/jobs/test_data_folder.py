import os

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.jobs.data_folder import choose_data_folder
from rlhf_studio.paths import data_dir, data_pointer


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    monkeypatch.delenv("RLHF_STUDIO_DATA", raising=False)
    monkeypatch.setattr("rlhf_studio.paths.user_data_path", lambda *_args, **_kw: tmp_path / "system")
    return tmp_path / "system"


def test_a_chosen_folder_is_found_and_the_variable_wins(home, tmp_path, monkeypatch):
    assert data_dir() == home
    choose_data_folder(tmp_path / "Daten ü")
    assert data_dir() == tmp_path / "Daten ü"
    monkeypatch.setenv("RLHF_STUDIO_DATA", str(tmp_path / "third"))
    assert data_dir() == tmp_path / "third"


def test_the_list_of_recent_projects_comes_along(home, tmp_path):
    home.mkdir()
    (home / "recent.json").write_text("[]")
    (home / "tiny-tales").mkdir()
    choose_data_folder(tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["recent.json"]
    assert (home / "tiny-tales").is_dir()


def test_going_back_to_the_systems_place_leaves_no_note(home, tmp_path):
    choose_data_folder(tmp_path / "other")
    choose_data_folder(home)
    assert data_dir() == home
    assert not data_pointer().exists()


@pytest.mark.parametrize("content", [b"", b"relative/path", b"/a\0b", b"\n"])
def test_a_note_that_makes_no_sense_counts_as_none(home, content):
    home.mkdir()
    data_pointer().write_bytes(content)
    assert data_dir() == home


def test_a_name_that_is_no_text_is_kept(home, tmp_path):
    folder = tmp_path / os.fsdecode(b"\xff")
    choose_data_folder(folder)
    assert data_dir() == folder


def test_a_choice_that_cannot_be_kept_is_said(home, tmp_path):
    home.write_text("a file")
    with pytest.raises(DataError, match="cannot be kept"):
        choose_data_folder(tmp_path / "other")
