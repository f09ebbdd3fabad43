import pytest

from rlhf_studio.events import Progress, RunStarted
from rlhf_studio.jobs.inference import DeviceFound
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.ui import status_bar
from rlhf_studio.ui.session import TrainingState
from rlhf_studio.ui.status_bar import StatusBar, size_text


@pytest.fixture
def bar(session, qtbot, monkeypatch):
    monkeypatch.setattr(status_bar.os, "cpu_count", lambda: 4)
    bar = StatusBar(session)
    qtbot.addWidget(bar)
    return bar


@pytest.mark.parametrize(("count", "text"), [(0, "0 MB"), (512_000_000, "512 MB"), (1_234_567_890, "1.2 GB")])
def test_sizes(count, text):
    assert size_text(count) == text


def test_the_device_is_known_after_the_first_model(bar, session):
    assert bar.device_label.text() == "CPU or GPU: known after the first model is loaded"
    session.device_found.emit(DeviceFound("CPU"))
    assert bar.device_label.text() == "CPU, 3 of 4 threads"
    assert bar.device_label.accessibleName() == "Device: CPU, 3 of 4 threads"
    session.preferences.threads = 2
    bar.show_device()
    assert bar.device_label.text() == "CPU, 2 of 4 threads"
    session.device_found.emit(DeviceFound("NVIDIA H100", 80_000_000_000))
    assert bar.device_label.text() == "NVIDIA H100"


def test_a_run_tells_the_device_too(bar, session):
    session.events_arrived.emit([StageEvent("sft", "r", RunStarted(0, 9, "sft", "cpu", "float32"))])
    assert bar.device_label.text() == "CPU, 3 of 4 threads"


def test_memory_is_measured_only_while_it_is_seen(bar):
    assert not bar.timer.isActive()
    bar.show()
    assert bar.timer.isActive()
    assert bar.memory_label.text().endswith("B")
    assert bar.memory_label.text() in bar.memory_label.accessibleName()
    bar.hide()
    assert not bar.timer.isActive()


def test_memory_of_a_gpu_is_shown_where_there_is_one(bar, session, monkeypatch):
    assert bar.gpu_label.isHidden()
    monkeypatch.setattr(session.inference, "gpu_memory", lambda: (3_200_000_000, 80_000_000_000))
    bar.show()
    assert bar.gpu_label.text() == "GPU 3.2 GB of 80.0 GB"
    assert bar.gpu_label.isVisible()


def test_the_state_of_the_training_is_a_word_and_a_form(bar, session):
    assert bar.state_label.text() == "Not training"
    shapes = {}
    for state in (TrainingState.RUNNING, TrainingState.PAUSED, TrainingState.STOPPING, TrainingState.IDLE):
        session._set_state(state)
        session.events_arrived.emit([StageEvent("ppo-ptx", "r", Progress(1, 9, "sample"))])
        image = bar.mark.grab().toImage()
        shapes[bytes(image.constBits())] = bar.state_label.text()
    assert list(shapes.values()) == ["Training PPO-ptx", "Paused: PPO-ptx", "Stopping PPO-ptx", "Not training"]
    assert bar.state_label.accessibleName() == "Training: Not training"
