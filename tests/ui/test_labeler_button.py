"""Who labels is switched by one click; names are exact, and scripts are none."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from rlhf_studio.schema import NewCompletion
from rlhf_studio.ui.labeler_button import LabelerButton, NameDialog


@pytest.fixture
def button(session, qtbot):
    button = LabelerButton(session)
    qtbot.addWidget(button)
    return button


def names(button):
    button.fill()
    return [action.text() for action in button.names.actions() if action.isCheckable()]


def test_the_menu_lists_people_who_labeled_here_and_the_present_one(button, store):
    assert names(button) == ["Tess"]
    store.add_demonstration(2, "It scatters.", "Ada & Bo")
    ids = store.add_completions([NewCompletion(1, text, "base") for text in ("one", "two")]).ids
    store.add_ranking(1, [[ids[0]], [ids[1]]], labeler="a script", is_simulated=True)
    assert names(button) == ["Tess", "Ada && Bo"]
    assert [action.isChecked() for action in button.names.actions()[:2]] == [True, False]


def test_choosing_a_name_tells_everybody_once(button, store, session, qtbot):
    store.add_demonstration(2, "It scatters.", "Ada")
    button.fill()
    with qtbot.waitSignal(session.labeler_changed) as told:
        button.names.actions()[1].trigger()
    assert told.args == ["Ada"]
    assert (session.labeler, session.preferences.labeler, button.text()) == ("Ada", "Ada", "Ada")
    assert button.accessibleName() == "Labeler: Ada"
    with qtbot.assertNotEmitted(session.labeler_changed):
        session.set_labeler("Ada")


def test_a_long_name_is_short_on_the_button_and_whole_in_its_tooltip(button, session):
    session.set_labeler("<b>" + 20 * "Zoë")
    assert button.text() == "<b>ZoëZoëZoëZoëZoëZ…"
    assert "&lt;b&gt;ZoëZoëZoëZoëZoëZoëZoë" in button.toolTip()


def test_a_new_name_is_trimmed_and_what_is_none_is_said(session, store, qtbot):
    ids = store.add_completions([NewCompletion(1, text, "base") for text in ("one", "two")]).ids
    store.add_ranking(1, [[ids[0]], [ids[1]]], labeler="a script", is_simulated=True)
    dialog = NameDialog(session)
    qtbot.addWidget(dialog)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose, False)
    dialog.open()
    assert not dialog.use.isEnabled()
    qtbot.keyClicks(dialog.edit, " a script ")
    qtbot.keyClick(dialog.edit, Qt.Key.Key_Return)
    assert "name of a script" in dialog.note.text()
    assert (dialog.isVisible(), session.labeler) == (True, "Tess")
    dialog.edit.clear()
    dialog.edit.setText("  Wang 王 ")
    assert dialog.note.text() == ""
    with qtbot.waitSignal(session.labeler_changed) as told:
        qtbot.keyClick(dialog.edit, Qt.Key.Key_Return)
    assert told.args == ["Wang 王"]
    assert not dialog.isVisible()


@pytest.mark.qt_log_ignore("does not support grabbing the keyboard")
def test_the_menu_opens_by_the_keyboard(button, qtbot):
    button.show()
    opened = []
    button.names.aboutToShow.connect(lambda: opened.append(QApplication.activePopupWidget()))
    button.names.aboutToShow.connect(button.names.close, Qt.ConnectionType.QueuedConnection)
    qtbot.keyClick(button, Qt.Key.Key_Space)
    assert opened
    button.open_menu()
    assert len(opened) == 2
