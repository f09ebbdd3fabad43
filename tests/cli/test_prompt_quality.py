"""Duplicates, caps and splits from the command line."""

import pytest

from rlhf_studio.cli import entry
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store.project import create_project, open_project


@pytest.fixture
def folder(tmp_path):
    """Twelve authors with two prompts each, every third of which is there twice."""
    with create_project(tmp_path / "p", "x") as store:
        store.add_prompts([NewPrompt((Turn("user", f"Question {i}"),), author=f"a{i % 12}") for i in range(24)])
        store.add_prompts([NewPrompt((Turn("user", f"question  {i}"),), author=f"a{i % 12}") for i in range(0, 24, 3)])
    return str(tmp_path / "p")


def said(capsys, *args, code=0):
    assert entry.main(["project", *args]) == code
    return capsys.readouterr().out


def test_duplicates_are_listed_and_deleted(folder, capsys):
    lines = said(capsys, "duplicates", folder).splitlines()
    assert lines[0].startswith(
        "Groups of prompts with the same first 128 characters: 8. Prompts that are more than one of each: 8."
    )
    assert lines[1] == "      2 prompts as 1: Question 0"
    assert "Prompts deleted: 8." in said(capsys, "duplicates", folder, "--delete")
    assert said(capsys, "duplicates", folder).startswith("Groups of prompts with the same first 128 characters: 0.")
    assert said(capsys, "undo", folder) == "Taken back: a change of prompts.\n"
    assert said(capsys, "duplicates", folder).startswith("Groups of prompts with the same first 128 characters: 8.")


def test_the_length_of_the_prefix_is_kept(folder, capsys):
    assert said(capsys, "duplicates", folder, "--prefix-length", "16").startswith(
        "Groups of prompts with the same first 16 characters: 6."
    )
    assert "first 16 characters: 6. Prompts that are more than one of each: 22." in said(capsys, "duplicates", folder)
    assert entry.main(["project", "duplicates", folder, "--prefix-length", "1"]) == 3
    assert "outside 16 to 100000" in capsys.readouterr().err


def test_authors_above_the_cap_are_listed_and_cut(folder, capsys):
    assert said(capsys, "caps", folder).startswith("Authors with more than 200 prompts: 0.")
    text = said(capsys, "caps", folder, "--cap", "2", "--delete")
    assert text.startswith("Authors with more than 2 prompts: 4. Prompts above that: 8.\n       4 prompts by a0")
    assert said(capsys, "caps", folder).startswith("Authors with more than 2 prompts: 0.")
    assert "no limit" in said(capsys, "caps", folder, "--cap", "0")


def test_splits_are_checked_and_mended(folder, tmp_path, capsys):
    assert said(capsys, "splits", folder) == "Each of 12 authors lies in one split.\n"
    with open_project(tmp_path / "p") as store:
        home = store.prompt(1).split
        other = "test" if home == "train" else "train"
        store.add_prompts([NewPrompt((Turn("user", "given"),), author="a0", split=other)])
    text = said(capsys, "splits", folder, code=1)
    assert text.startswith("Authors in two splits or more: 1 of 12.\n  a0: ")
    assert f"{other} 1" in text
    assert said(capsys, "splits", folder, "--mend").startswith("Prompts moved to the split of their author: 1.")
    said(capsys, "splits", folder)


def test_a_project_with_few_authors_says_what_splits_go_by(tmp_path, capsys):
    create_project(tmp_path / "p", "x").close()
    assert "0 authors are named" in said(capsys, "splits", str(tmp_path / "p"))
