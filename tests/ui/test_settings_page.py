from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit

from rlhf_studio.paths import data_dir
from rlhf_studio.ui import settings_page
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.settings_page import SettingsPage, languages


@pytest.fixture
def page(theme, preferences, qtbot):
    page = SettingsPage(theme, preferences)
    qtbot.addWidget(page)
    page.show()
    return page


@pytest.fixture
def own_place(monkeypatch, tmp_path):
    """The system's place for data in a folder of the test, with no variable set."""
    monkeypatch.delenv("RLHF_STUDIO_DATA")
    monkeypatch.setattr("rlhf_studio.paths.user_data_path", lambda *_args, **_kw: tmp_path / "system")
    (tmp_path / "system").mkdir()
    return tmp_path / "system"


def pick(qtbot, box, data):
    """Choose by keyboard, as a person would."""
    index = box.findData(data)
    key = Qt.Key.Key_Down if index > box.currentIndex() else Qt.Key.Key_Up
    for _ in range(abs(index - box.currentIndex())):
        qtbot.keyClick(box, key)
    assert box.currentData() == data


def test_the_theme_changes_at_once_and_is_kept(page, theme, preferences, qtbot):
    with qtbot.waitSignal(page.changed) as told:
        pick(qtbot, page.theme_box, "dark")
    assert told.args == ["theme"]
    assert theme.is_dark
    assert preferences.theme == "dark"
    theme.choose("light")  # by the window's menu
    assert page.theme_box.currentData() == "light"


def test_the_text_grows_at_once_and_follows_the_zoom_keys(page, theme, preferences, qtbot):
    before = theme.font_points
    qtbot.keyClick(page.font_box, Qt.Key.Key_Up)
    assert theme.font_points == preferences.font_points == before + 1
    theme.set_font_points(before * 1.1)  # Ctrl++ of the window
    assert page.font_box.value() == pytest.approx(before * 1.1, abs=0.06)
    assert theme.font_points == before * 1.1  # showing it did not change it
    page.font_reset.click()
    assert preferences.font_points == 0
    assert theme.font_points == before


def test_models(page, preferences, qtbot):
    pick(qtbot, page.device_box, "cpu")
    page.threads_box.setValue(1)
    assert (preferences.device, preferences.threads) == ("cpu", 1)
    page.threads_box.setValue(0)
    assert page.threads_box.text().startswith("Automatic (")


def test_the_labelers_name_is_kept_also_when_the_page_is_closed_while_it_is_typed(page, preferences, qtbot):
    page.labeler_edit.clear()
    qtbot.keyClicks(page.labeler_edit, " Ada ")
    with qtbot.waitSignal(page.finished):
        page.close()
    assert preferences.labeler == "Ada"


def test_enter_in_a_field_does_not_close_the_page(page, qtbot):
    qtbot.keyClick(page.labeler_edit, Qt.Key.Key_Return)
    assert page.isVisible()
    qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not page.isVisible()


def test_languages_are_those_with_a_translation(page, preferences, tmp_path, qtbot):
    assert [page.language_box.itemData(i) for i in range(2)] == ["", "en"]
    pick(qtbot, page.language_box, "en")
    assert preferences.language == "en"
    (tmp_path / "translations").mkdir()
    for name in ("rlhf_studio_zh_CN.qm", "rlhf_studio_de.qm", "other.qm"):
        (tmp_path / "translations" / name).touch()
    assert languages(tmp_path) == ("de", "zh_CN")


def test_a_variable_decides_where_the_data_lies(page, tmp_path):
    assert page.data_path.text() == str(tmp_path / "data")
    assert not page.change_button.isEnabled()
    assert "RLHF_STUDIO_DATA" in page.data_note.text()


def test_another_data_folder_is_found_at_the_next_start(own_place, theme, qtbot, tmp_path):
    preferences = Preferences()
    page = SettingsPage(theme, preferences)
    qtbot.addWidget(page)
    pick(qtbot, page.theme_box, "dark")
    with qtbot.waitSignal(page.changed) as told:
        page.choose_data_folder(str(tmp_path / "other disk"))
    assert told.args == ["data_folder"]
    assert data_dir() == tmp_path / "other disk"
    assert page.data_path.text() == str(tmp_path / "other disk")
    assert "stay where they are" in page.data_note.text()
    preferences.labeler = "Ada"
    preferences.sync()
    assert (Preferences().theme, Preferences().labeler) == ("dark", "Ada")


def test_a_folder_that_cannot_serve_is_refused(own_place, theme, preferences, qtbot, tmp_path):
    page = SettingsPage(theme, preferences)
    qtbot.addWidget(page)
    (tmp_path / "file").touch()
    page.choose_data_folder(str(tmp_path / "file"))
    assert "Nothing can be kept in" in page.data_note.text()
    assert data_dir() == own_place


def test_the_folder_is_opened_and_chosen(own_place, theme, preferences, qtbot, monkeypatch):
    page = SettingsPage(theme, preferences)
    qtbot.addWidget(page)
    opened = []
    monkeypatch.setattr(settings_page.QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    page.open_button.click()
    assert [Path(path) for path in opened] == [own_place]
    page.change_button.click()
    (dialog,) = page.findChildren(settings_page.QFileDialog)
    with qtbot.waitSignal(dialog.finished):
        dialog.reject()


def test_every_field_is_named_and_explained(page):
    kinds = (QComboBox, QAbstractSpinBox, QLineEdit, QAbstractButton)
    fields = [
        field
        for kind in kinds
        for field in page.findChildren(kind)
        if not field.objectName().startswith("qt_") and field.focusPolicy() != Qt.FocusPolicy.NoFocus
    ]
    assert len(fields) >= 8
    for field in fields:
        assert field.accessibleName() or field.text(), field


def test_shares_of_what_comes_again_are_kept_and_bounded(page, preferences, qtbot):
    with qtbot.waitSignals([page.changed, page.changed]):
        page.shared_box.setValue(35)
        page.repeated_box.setValue(10)
    assert (preferences.shared_percent, preferences.repeated_percent) == (35, 10)
    page.repeated_box.setValue(99)
    assert preferences.repeated_percent == 50
    preferences._settings.setValue("repeated_percent", "many")
    preferences._settings.setValue("shared_percent", -4)
    assert (preferences.shared_percent, preferences.repeated_percent) == (20, 5)
