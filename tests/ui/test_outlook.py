"""What a run would take, under each stage's settings; the measurements are told by the test."""

import pytest
from PySide6.QtCore import Qt
from window_material import FakeInference

from rlhf_studio.jobs.estimate import RunEstimate, Shortage
from rlhf_studio.jobs.inference import EstimateFound, RequestDone, RequestFailed
from rlhf_studio.jobs.memory import MemoryEstimate
from rlhf_studio.jobs.needs import Missing
from rlhf_studio.schema import NewCompletion
from rlhf_studio.ui.session import TrainingState
from rlhf_studio.ui.tabs.train_tab import TrainTab
from rlhf_studio.ui.train import outlook

LACK = (Shortage("memory", 9_000_000_000, 4_000_000_000, micro_batch=8), Shortage("disk", 2_000_000, 1_000_000))


class Measuring(FakeInference):
    """Keeps the runs it was asked about."""

    def __init__(self):
        super().__init__()
        self.specs = {}

    def estimate(self, project, spec, *, priority=10):
        number = next(self._numbers)
        self.specs[number] = spec
        return number

    def tell(self, number, *shortages):
        memory = MemoryEstimate(300_000_000, 0, 0, 0, 0, 0, 10_000_000)
        found = RunEstimate(80.0, memory, 42_000_000, 50_000_000, 12_000_000, 2, 10**10, 10**10, shortages=shortages)
        self.events += [EstimateFound(number, found), RequestDone(number, 1.0)]


@pytest.fixture
def inference(session):
    session.inference.close(5)
    session.inference = Measuring()
    return session.inference


@pytest.fixture
def tab(qtbot, store, session, inference, monkeypatch):
    monkeypatch.setattr(outlook, "REST_MS", 10)
    store.add_demonstration(2, "It scatters.", "Tess")
    ids = store.add_completions([NewCompletion(1, text, "base") for text in ("one", "two", "three", "four")]).ids
    for order in ([[ids[0]], [ids[1]]], [[ids[2]], [ids[3]]]):
        store.add_ranking(1, order)
    tab = TrainTab(session)
    qtbot.addWidget(tab)
    tab.reload()
    with qtbot.waitExposed(tab):
        tab.show()
    return tab


def answer(qtbot, session, inference, number, *shortages):
    qtbot.waitUntil(lambda: number in inference.specs)
    inference.tell(number, *shortages)
    session.poll_answers()


def line(tab, name):
    return tab.column.cards[name].outlook.text()


def test_each_stage_says_in_its_turn_what_it_would_take(qtbot, tab, session, inference):
    qtbot.waitUntil(lambda: 1 in inference.specs)
    assert line(tab, "sft") == "Measuring how long it would take …"
    for number in (1, 2, 3):
        answer(qtbot, session, inference, number)
    for name in ("sft", "reward", "ppo"):
        assert line(tab, name) == "About 1 min 20 s, 310.0 MB more memory, 42.0 MB disk"
    assert [spec.kind for spec in inference.specs.values()] == ["sft", "reward", "ppo"]


def test_typing_measures_once_after_a_rest(qtbot, tab, session, inference):
    for number in (1, 2, 3):
        answer(qtbot, session, inference, number)
    steps = tab.column.cards["ppo"].form.fields["steps"].editor
    steps.selectAll()
    tab.outlook._timer.setInterval(10_000)  # a slow machine types slowly
    qtbot.keyClicks(steps, "1234")
    assert line(tab, "ppo") == ""  # what stood there was another run's
    assert tab.outlook._timer.isActive()
    assert len(inference.specs) == 3
    tab.outlook._timer.timeout.emit()
    assert len(inference.specs) == 4
    assert inference.specs[4].settings["steps"] == 1234


def test_an_edit_gives_up_what_is_being_measured(qtbot, tab, session, inference):
    qtbot.waitUntil(lambda: 1 in inference.specs)
    form = tab.column.cards["sft"].form
    form.fields["epochs"].editor.selectAll()
    qtbot.keyClicks(form.fields["epochs"].editor, "9")
    assert inference.cancelled == [1]
    qtbot.waitUntil(lambda: 2 in inference.specs)
    assert inference.specs[2].settings == {"epochs": 9}


def test_what_will_not_suffice_is_said_with_what_to_change(qtbot, tab, session, inference):
    answer(qtbot, session, inference, 1, *LACK)
    said = line(tab, "sft").splitlines()
    assert said[1] == (
        "It needs about 9.0 GB of memory and only 4.0 GB are free. Set the micro-batch to 8; the result is the same."
    )
    assert said[2].endswith("Make room, or put the project on another disk.")
    assert tab.column.cards["sft"].outlook.property("look") == "warning"


def test_while_something_trains_nothing_is_measured(qtbot, tab, session, inference):
    qtbot.waitUntil(lambda: 1 in inference.specs)
    session._set_state(TrainingState.RUNNING)
    assert inference.cancelled == [1]
    assert line(tab, "sft") == ""
    assert not tab.outlook._timer.isActive()
    session._set_state(TrainingState.IDLE)
    qtbot.waitUntil(lambda: 2 in inference.specs)
    assert inference.specs[2].kind == "sft"


def test_a_measurement_that_fails_says_why(qtbot, tab, session, inference):
    qtbot.waitUntil(lambda: 1 in inference.specs)
    inference.events.append(RequestFailed(1, "The sizes cannot be read."))
    session.poll_answers()
    assert line(tab, "sft") == "The sizes cannot be read."


def test_only_a_stage_that_lacks_labels_is_not_measured(tab):
    card = tab.column.cards["sft"]
    assert card.is_ready
    card.show_missing((Missing("no_demonstrations", remedy="write"),))
    assert not card.is_ready
    card.show_missing((Missing("no_sft", remedy="sft"),))  # it will be there in time
    assert card.is_ready


def test_one_setting_goes_back_to_its_default(qtbot, tab):
    field = tab.column.cards["sft"].form.fields["epochs"]
    field.editor.selectAll()
    qtbot.keyClicks(field.editor, "9")
    assert field.before.text() == "default 3 ↺"
    qtbot.mouseClick(field.before, Qt.MouseButton.LeftButton)
    assert field.value == 3
    assert tab.column.cards["sft"].form.values() == {}


def test_settings_are_saved_and_loaded(qtbot, tab, session, tmp_path):
    told = []
    session.messaged.connect(told.append)
    card = tab.column.cards["ppo"]
    card.form.set_values({"kl_coef": 0.02})
    tab.settings_file.save(str(tmp_path / "mine.json"))
    card.form.set_values({"steps": 9})
    tab.settings_file.load(str(tmp_path / "mine.json"))
    assert card.form.values() == {"kl_coef": 0.02}
    (tmp_path / "mine.json").write_text('{"ppo": {"steps": 0}}')
    tab.settings_file.load(str(tmp_path / "mine.json"))
    assert card.form.values() == {"kl_coef": 0.02}  # nothing changes
    assert "'steps' cannot be 0" in told[-1].text
    assert [message.kind for message in told] == ["success", "success", "error"]
