"""The window on duplicates, the cap and splits: it looks by itself, and acts only when told to."""

import threading

import pytest
from pictured import take_pictures
from PySide6.QtWidgets import QWidget
from window_checks import faults_of

from rlhf_studio.jobs import prompt_look
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.ui.quality.window import open_quality


@pytest.fixture
def home(qtbot):
    found = QWidget()
    qtbot.addWidget(found)
    found.show()
    return found


@pytest.fixture
def open_window(qtbot, session, home):
    """The window when it has looked through the prompts."""

    def make():
        window = open_quality(session, home)
        qtbot.waitExposed(window)
        qtbot.waitUntil(lambda: window.again.isVisible() and window.duplicates.result.text() != "")
        return window

    return make


@pytest.fixture
def crowded(store):
    """Twelve authors with three prompts each, six prompts twice, and one author in two splits."""
    store.add_prompts([NewPrompt((Turn("user", f"Question {i}"),), author=f"a{i % 12}") for i in range(36)])
    store.add_prompts([NewPrompt((Turn("user", f"question  {i}"),), author=f"a{i}") for i in range(6)])
    home = store.prompt(4).split
    other = "test" if home == "train" else "train"
    store.add_prompts([NewPrompt((Turn("user", "Given"),), author="a0", split=other)])
    return store


def settled(qtbot, window):
    qtbot.waitUntil(lambda: window.again.isVisible() and not window._rest.isActive())


def test_duplicates_are_found_and_deleted_and_come_back(qtbot, crowded, session, open_window):
    window = open_window()
    sheet = window.duplicates
    assert sheet.result.text() == "Groups of duplicates: 6. Prompts to delete: 6."
    assert [sheet.list.topLevelItem(0).child(i).text(3) for i in range(2)] == ["stays", "goes"]
    assert not sheet.some.isEnabled()
    sheet.list.setCurrentItem(sheet.list.topLevelItem(2).child(1))
    sheet.some.click()
    settled(qtbot, window)
    assert sheet.result.text() == "Groups of duplicates: 5. Prompts to delete: 5."
    assert sheet.all.text() == "Delete duplicates (5)"
    said = []
    session.messaged.connect(said.append)
    sheet.all.click()
    settled(qtbot, window)
    assert (said[-1].text, said[-1].kind) == ("Prompts deleted: 5.", "undo")
    assert sheet.result.text() == "No two prompts begin alike."
    assert not sheet.all.isEnabled()
    session.changed(crowded.undo("Tess").changes)
    settled(qtbot, window)
    assert sheet.result.text().startswith("Groups of duplicates: 5.")


def test_another_length_is_kept_and_looked_for(qtbot, crowded, open_window):
    window = open_window()
    window.duplicates.length.setValue(16)
    settled(qtbot, window)
    assert crowded.prefix_length == 16
    assert window.duplicates.result.text().endswith("6. Prompts to delete: 32.")


def test_authors_above_the_cap_are_cut(qtbot, crowded, open_window):
    window = open_window()
    sheet = window.authors
    assert sheet.result.text() == "Nobody has more."
    sheet.cap.setValue(3)
    settled(qtbot, window)
    assert sheet.result.text() == "Authors above the cap: 6. Prompts to delete: 7."
    assert [sheet.list.topLevelItem(0).text(i) for i in range(3)] == ["a0", "5", "2"]
    sheet.all.click()
    settled(qtbot, window)
    assert sheet.result.text() == "Nobody has more."
    sheet.cap.setValue(0)
    settled(qtbot, window)
    assert (crowded.author_cap, sheet.result.text()) == (0, "There is no limit.")


def test_torn_splits_are_mended(qtbot, crowded, open_window):
    window = open_window()
    sheet = window.splits
    assert sheet.result.text() == "Authors in two splits or more: 1 of 12."
    assert sheet.list.topLevelItem(0).text(0) == "a0"
    sheet.mend.click()
    settled(qtbot, window)
    assert sheet.result.text() == "Each of 12 authors lies in one split."
    assert not sheet.mend.isEnabled()
    assert crowded.check_splits().holds


def test_few_authors_are_said(open_window):
    window = open_window()
    assert window.splits.result.text().startswith("Authors: 0. With fewer than ten")


def test_a_look_is_cancelled_and_given_up_with_the_window(qtbot, session, home, monkeypatch):
    gate = threading.Event()
    monkeypatch.setattr(prompt_look.PromptLook, "_look", lambda *_: (gate.wait(5) and 0.5 for _ in range(3)))
    window = open_quality(session, home)
    (look,) = window._looks
    assert window.cancel.isVisible()
    window.cancel.click()
    assert window.again.isVisible()
    assert "Cancelled" in window.state.text()
    gate.set()
    assert look.join(5)
    assert (look.found, look.done) == (None, 0.5)
    window.again.click()
    with qtbot.waitSignal(window.destroyed):
        window.close()


def test_what_goes_wrong_is_said(qtbot, session, home, monkeypatch):
    def fail(*_):
        raise OSError("no disk")
        yield

    monkeypatch.setattr(prompt_look.PromptLook, "_look", fail)
    window = open_quality(session, home)
    qtbot.waitUntil(window.again.isVisible)
    assert window.state.text() == "OSError: no disk"


def test_every_part_is_named_reached_and_whole_in_both_themes(qtbot, crowded, session, open_window):
    window = open_window()
    qtbot.waitUntil(window.isActiveWindow)
    for page in range(3):
        window.pages.setCurrentIndex(page)
        qtbot.waitUntil(lambda: faults_of(window, 900, 640) == [])
        take_pictures(window, session.theme, f"quality-{page}")


def test_one_window_is_enough(session, home, open_window):
    assert open_quality(session, home) is open_window()
