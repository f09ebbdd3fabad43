"""Marks of prompts: chips that are kept at once, per labeler, and shares beside the paper's."""

import pytest
from pictured import take_pictures
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QWidget
from window_checks import faults_of

from rlhf_studio.store.annotations import MARKS
from rlhf_studio.ui.marks.panel import MarksPanel
from rlhf_studio.ui.marks.shares import show_shares
from rlhf_studio.ui.tabs.write_tab import WriteTab

LEFT = Qt.MouseButton.LeftButton


@pytest.fixture
def open_panel(qtbot, session):
    def make():
        home = QWidget()
        qtbot.addWidget(home)
        panel = MarksPanel(session, home)
        panel.home = home
        home.resize(640, 400)
        panel.resize(640, 300)
        with qtbot.waitExposed(home):
            home.show()
        return panel

    return make


@pytest.fixture
def panel(open_panel):
    found = open_panel()
    found.toggle.click()
    found.show_for(1)
    return found


def test_it_is_hidden_until_it_is_wanted_and_remembers(open_panel, session):
    first = open_panel()
    assert first.box.isHidden()
    first.toggle.click()
    assert first.box.isVisible()
    assert session.preferences.value("marks/shown") == "1"
    assert open_panel().box.isVisible()
    first.toggle.click()
    assert first.box.isHidden()
    assert open_panel().box.isHidden()


def test_each_click_is_kept_at_once_and_can_be_undone(qtbot, panel, session):
    store = session.store
    assert panel.state.whole == "not looked at yet"
    with qtbot.waitSignal(session.store_changed):
        qtbot.mouseClick(panel.chips["ambiguous"], LEFT)
    qtbot.keyClick(panel.chips["closed_domain"], Qt.Key.Key_Space)
    assert store.marks(1, "Tess") == {"ambiguous", "closed_domain"}
    assert panel.state.whole == "Ambiguous, Closed domain"
    session.changed(store.undo("Tess").changes)
    assert [mark for mark in MARKS if panel.chips[mark].isChecked()] == ["ambiguous"]
    session.changed(store.undo("Tess").changes)
    assert panel.state.whole == "not looked at yet"
    session.changed(store.redo("Tess").changes)
    assert panel.chips["ambiguous"].isChecked()


def test_none_is_an_answer(panel, session):
    panel.none.click()
    assert session.store.marks(1, "Tess") == frozenset()
    assert panel.none.isChecked()
    assert panel.state.whole == "none applies"
    panel.chips["requests_advice"].click()
    assert not panel.none.isChecked()
    panel.chips["requests_advice"].click()
    assert panel.none.isChecked()
    panel.none.click()
    assert panel.none.isChecked()


def test_another_prompt_and_another_labeler_have_marks_of_their_own(panel, session):
    panel.chips["ambiguous"].click()
    panel.show_for(2)
    assert not panel.chips["ambiguous"].isChecked()
    panel.show_for(1)
    assert panel.chips["ambiguous"].isChecked()
    session.set_labeler("Ann")
    assert not panel.chips["ambiguous"].isChecked()
    assert panel.state.whole == "not looked at yet"


def test_without_a_prompt_nothing_can_be_said(panel):
    panel.show_for(None)
    assert not any(chip.isEnabled() for chip in (*panel.chips.values(), panel.none))


def test_shares_stand_beside_the_papers(qtbot, panel, session):
    home = panel.window()
    session.store.annotate(1, {"ambiguous"}, "Tess")
    session.store.annotate(2, (), "Tess")
    window = show_shares(session, home)
    qtbot.waitExposed(window)
    table = window.table

    def line(place):
        return [table.item(place, column).text() for column in range(table.columnCount())]

    assert window.looked_at.text() == "2 prompts were looked at."
    assert line(0) == ["50.0 % (1)", "\u2013", "7.9 %", "8.0 %", "5.1 %", "6.4 %"]
    assert line(10) == ["0.0 % (0)", "7.9 %", "\u2013", "\u2013", "\u2013", "\u2013"]
    panel.chips["intent_unclear"].click()
    assert line(10)[0] == "50.0 % (1)"
    assert show_shares(session, home) is window
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.waitUntil(lambda: faults_of(window, 860, 500) == [])
    take_pictures(window, session.theme, "mark-shares")


def test_the_write_tab_shows_them_for_the_prompt_on_screen(qtbot, session):
    tab = WriteTab(session)
    qtbot.addWidget(tab)
    tab.resize(1024, 560)
    with qtbot.waitExposed(tab):
        tab.show()
    tab.answer.marks.toggle.click()
    first = tab.prompts._current
    tab.answer.marks.chips["other_constraints"].click()
    assert session.store.marks(first, "Tess") == {"other_constraints"}
    tab.skip_prompt()
    assert not tab.answer.marks.chips["other_constraints"].isChecked()
    qtbot.waitUntil(lambda: faults_of(tab, 1024, 560) == [])
    take_pictures(tab, session.theme, "write-marks")
