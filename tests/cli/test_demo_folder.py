from pathlib import Path

import pytest

from rlhf_studio.cli.demo_folder import STATE, DemoState, choose_folder, read_state, write_state
from rlhf_studio.errors import DataError


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_first_free_name_is_taken():
    assert choose_folder(None) == Path("rlhf-studio-demo")
    Path("rlhf-studio-demo").mkdir()
    assert choose_folder(None) == Path("rlhf-studio-demo")  # empty
    write_state(Path("rlhf-studio-demo"), DemoState("p", "b"))
    Path("rlhf-studio-demo-2").write_text("a file")
    assert choose_folder(None) == Path("rlhf-studio-demo-3")


def test_a_folder_of_somebody_else_is_left_alone():
    Path("mine").mkdir()
    Path("mine", "thesis.txt").write_text("...")
    with pytest.raises(DataError, match=r"'mine' is not empty and no demo wrote it\. Choose"):
        choose_folder(Path("mine"))
    with pytest.raises(DataError, match="is a file"):
        choose_folder(Path("mine/thesis.txt"))
    assert [path.name for path in Path("mine").iterdir()] == ["thesis.txt"]


def test_a_demo_goes_on_where_it_was():
    out = Path("new", "demo")
    assert choose_folder(out) == out
    assert read_state(out) is None
    state = DemoState("project", "base", {"sft": {"epochs": 1}}).with_run("sft", "run-1")
    write_state(out, state)
    assert choose_folder(out) == out
    assert read_state(out) == state
    assert [path.name for path in out.iterdir()] == [STATE]


@pytest.mark.parametrize("content", ["", "{", "[]", '{"project": 1, "other": 2}'])
def test_a_damaged_state_is_said(content):
    Path(STATE).write_text(content)
    with pytest.raises(DataError, match=r"demo\.json' cannot be read"):
        read_state(Path())
