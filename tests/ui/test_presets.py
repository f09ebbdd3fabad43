"""Presets in the Train tab: what choosing one shows, starts and leaves alone."""

import pytest
from PySide6.QtCore import Qt

from rlhf_studio.settings import PRESETS, find_preset
from rlhf_studio.ui.tabs.train_tab import TrainTab
from rlhf_studio.ui.train.presets import DEFAULTS, OWN

TRIPLE = find_preset("triple-rate").of("ppo")["learning_rate"]


@pytest.fixture
def tab(train_tab):
    train_tab.resize(1280, 720)  # room for what to watch for
    return train_tab


def values(tab):
    """What differs from the defaults, by stage, where something does."""
    found = {name: card.form.values() for name, card in tab.column.cards.items()}
    return {name: given for name, given in found.items() if given}


def choose(tab, name):
    """As a person who takes an entry of the list."""
    box = tab.presets.box
    index = box.findData(name)
    assert index >= 0
    box.setCurrentIndex(index)
    box.activated.emit(index)


def type_into(qtbot, tab, stage, name, text):
    editor = tab.column.cards[stage].form.fields[name].editor
    editor.selectAll()
    qtbot.keyClicks(editor, text)


@pytest.mark.parametrize("preset", PRESETS, ids=lambda preset: preset.name)
def test_a_preset_sets_its_stages_and_shows_what_it_changes(qtbot, tab, preset):
    choose(tab, preset.name)
    assert values(tab) == {stage: dict(given) for stage, given in preset.settings.items()}
    for stage, given in preset.settings.items():
        form = tab.column.cards[stage].form
        for name, field in form.fields.items():
            is_bold = field.label.property("look") == "heading"
            assert is_bold == field.before.isVisible() == (name in given)
            assert field.isVisible() or not field.is_changed
    note = tab.presets.note
    assert note.isVisible()
    assert preset.title in note.title.text()
    assert note.changes.text() == preset.changes
    assert preset.watch in note.watch.text()
    assert tab.presets.box.currentText() == preset.title
    again = TrainTab(tab.session)
    qtbot.addWidget(again)
    assert again.presets.box.currentText() == preset.title  # also after a restart


def test_a_changed_setting_outside_the_short_form_is_in_sight_until_it_is_set_back(qtbot, tab):
    form = tab.column.cards["reward"].form
    most = form.fields["max_rankings"]
    assert not most.option.is_simple
    assert not most.isVisible()
    choose(tab, "few-rankings")
    assert most.isVisible()
    assert most.before.text() == "default 0 \u21ba"
    assert not form.fields["final_rate"].isVisible()
    type_into(qtbot, tab, "reward", "max_rankings", "0")
    assert most.isVisible()  # nothing goes away under the hand that types
    assert tab.presets.box.currentData() == DEFAULTS
    form.more.click()
    form.more.click()
    assert not most.isVisible()


def test_one_click_leads_back_to_the_defaults(qtbot, tab):
    choose(tab, "no-kl")
    qtbot.mouseClick(tab.presets.note.back, Qt.MouseButton.LeftButton)
    assert values(tab) == {}
    assert tab.presets.box.currentData() == DEFAULTS
    assert not tab.presets.note.isVisible()


def test_own_settings_stay_when_one_preset_follows_another(qtbot, tab):
    type_into(qtbot, tab, "ppo", "steps", "7")
    assert tab.presets.box.currentData() == OWN
    choose(tab, "no-kl")
    assert tab.presets.box.findData(OWN) < 0
    choose(tab, "triple-rate")
    assert values(tab) == {"ppo": {"steps": 7, "learning_rate": TRIPLE}}
    choose(tab, DEFAULTS)
    assert values(tab) == {}


def test_two_presets_at_once_are_both_told(qtbot, tab):
    choose(tab, "no-kl")
    type_into(qtbot, tab, "ppo", "learning_rate", str(TRIPLE))
    assert tab.presets.note.title.text() == "Break it: No KL penalty, Triple learning rate"
    assert tab.presets.note.watch.text().count("Watch for:") == 2


def test_in_the_smallest_window_the_curves_keep_their_room(qtbot, tab):
    choose(tab, "triple-rate")
    note = tab.presets.note
    assert note.watch.isVisible()
    tab.resize(1024, 600)
    qtbot.waitUntil(lambda: tab.minimumSizeHint().height() <= 620)
    assert note.isVisible()
    assert not note.watch.isVisible()
    assert "Watch for:" in note.accessibleDescription()
    assert "Watch for:" in note.toolTip()
    tab.resize(1280, 720)
    assert note.watch.isVisible()


def test_the_heading_of_a_group_cannot_be_chosen(tab):
    box = tab.presets.box
    heading = box.findText("Break it")
    assert box.model().item(heading).isEnabled() is False
