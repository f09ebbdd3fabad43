import pytest
import torch

from fakes import MemoryRun
from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import CheckpointSaved, Notice, RunFinished, SampleShown, StepMetrics
from rlhf_studio.rl.losses import sft_loss
from rlhf_studio.schema import DemonstrationRow, PromptRow, SftData, TextRow, Turn
from rlhf_studio.settings import SftSettings
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.evaluate import packed_logprobs
from rlhf_studio.train.packing import pack
from rlhf_studio.train.sft import encode_demonstrations, train_sft

PAIRS = {"sky?": "blue", "grass?": "green", "snow?": "white", "night?": "black", "sun?": "gold", "sea?": "wide"}


def demonstrations(pairs=PAIRS):
    return tuple(DemonstrationRow(i, (Turn("user", q),), a) for i, (q, a) in enumerate(pairs.items()))


def settings(**changes):
    base = {"epochs": 2, "batch_size": 4, "learning_rate": 3e-3, "dropout": 0.1, "threads": 1, "device": "cpu"}
    return SftSettings(**{**base, **changes})


def gradients(model, examples, capacity, micro_batch=None):
    model.module.zero_grad()
    count = sum(len(e.answer) for e in examples)
    total = 0.0
    size = micro_batch or len(examples)
    for first in range(0, len(examples), size):
        packed = pack(examples[first : first + size], capacity)
        loss = sft_loss(packed_logprobs(model, packed), packed.loss_mask, count)
        loss.backward()
        total += loss.item()
    return total, torch.cat([p.grad.flatten() for p in model.module.parameters() if p.grad is not None])


@pytest.fixture
def examples(tiny_lm):
    return encode_demonstrations(tiny_lm.codec, demonstrations(), tiny_lm.context_length)[0]


def test_packed_loss_and_gradient_equal_unpacked(tiny_lm, examples):
    loss, gradient = gradients(tiny_lm, examples, capacity=1)
    packed_loss, packed_gradient = gradients(tiny_lm, examples, capacity=tiny_lm.context_length)
    assert packed_loss == pytest.approx(loss, abs=1e-5)
    torch.testing.assert_close(packed_gradient, gradient, atol=1e-5, rtol=0)
    assert gradient.norm() > 0.1


@pytest.mark.parametrize("micro_batch", [1, 2, 4])
def test_micro_batches_change_nothing(tiny_lm, examples, micro_batch):
    loss, gradient = gradients(tiny_lm, examples, capacity=1)
    cut_loss, cut_gradient = gradients(tiny_lm, examples, capacity=1, micro_batch=micro_batch)
    assert cut_loss == pytest.approx(loss, abs=1e-5)
    torch.testing.assert_close(cut_gradient, gradient, atol=1e-5, rtol=0)


@pytest.mark.learn
def test_it_learns_to_answer_and_to_stop(tiny_lm):
    probes = tuple(PromptRow(i, (Turn("user", q),)) for i, q in enumerate(PAIRS))
    data = SftData(train=demonstrations(), valid=demonstrations(), probes=probes)
    events = list(train_sft(settings(epochs=60, dropout=0.0), tiny_lm, data, MemoryRun(), RunControl()))
    losses = [e.values["loss/valid"] for e in events if isinstance(e, StepMetrics) and "loss/valid" in e.values]
    assert losses[0] > 3
    assert losses[-1] < 0.1
    last = [e for e in events if isinstance(e, SampleShown)][-len(PAIRS) :]
    assert {e.prompt: e.text for e in last} == PAIRS  # the greedy answer ends where the demonstration does
    assert events[-1] == RunFinished(120, "completed")


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.module.parameters()])


def metrics(events):
    return {
        e.step: {k: v for k, v in e.values.items() if not k.startswith("time/")}
        for e in events
        if isinstance(e, StepMetrics)
    }


def test_a_run_stopped_half_way_goes_on_bit_for_bit(tiny_lm):
    data = SftData(train=demonstrations(), valid=demonstrations(), pretraining=(TextRow("the cat sat. " * 40),))
    options = settings(epochs=3, micro_batch=1, pretraining_share=0.2)
    whole_lm = tiny_lm.clone()
    whole = list(train_sft(options, whole_lm, data, MemoryRun(), RunControl()))

    run, control, events = MemoryRun(), RunControl(), []
    for event in train_sft(options, tiny_lm.clone(), data, run, control):
        events.append(event)
        torch.rand(3)  # something samples meanwhile
        if isinstance(event, StepMetrics) and event.step == 3:
            control.request_stop()
    assert events[-1] == RunFinished(3, "stopped")
    assert isinstance(events[-3], CheckpointSaved)
    resumed_lm = tiny_lm.clone()
    resumed = list(train_sft(options, resumed_lm, data, run, RunControl()))
    assert torch.equal(weights(resumed_lm), weights(whole_lm))
    assert metrics(events) | metrics(resumed) == metrics(whole)
    assert min(metrics(resumed)) == 4


def test_pretraining_mix_pulls_the_loss_of_text_down(tiny_lm):
    text = (TextRow("the cat sat on the mat. " * 30),)
    data = SftData(train=demonstrations(), pretraining=text, pretraining_valid=text)
    with_mix = settings(epochs=8, pretraining_share=0.5)
    without = settings(epochs=8)
    ends = [
        list(metrics(train_sft(s, tiny_lm.clone(), data, MemoryRun(), RunControl())).values())[-1]["loss/text_valid"]
        for s in (with_mix, without)
    ]
    assert ends[0] < ends[1] - 0.2


def test_no_demonstration_is_said_with_what_to_do(tiny_lm):
    with pytest.raises(DataError, match="0 to train on"):
        list(train_sft(settings(), tiny_lm, SftData(train=()), MemoryRun(), RunControl()))


def test_too_long_demonstrations_are_left_out_and_counted(tiny_lm):
    data = SftData(train=(*demonstrations(), DemonstrationRow(9, (Turn("user", "long?"),), "word " * 500)))
    events = list(train_sft(settings(epochs=1), tiny_lm, data, MemoryRun(), RunControl()))
    assert Notice(0, "sft.left_out", {"count": 1, "limit": tiny_lm.context_length}) in events
    assert Notice(0, "sft.no_held_out", {}) in events
    with pytest.raises(DataError, match="None of the 1 demonstrations fits"):
        list(train_sft(settings(), tiny_lm, SftData(train=data.train[-1:]), MemoryRun(), RunControl()))


def test_a_loss_that_is_not_finite_stops_with_its_value(tiny_lm):
    with torch.no_grad():
        next(tiny_lm.module.parameters()).fill_(float("nan"))
    with pytest.raises(RunError, match="SFT loss became nan at step 1"):
        list(train_sft(settings(), tiny_lm, SftData(train=demonstrations()), MemoryRun(), RunControl()))
