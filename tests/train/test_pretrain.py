import math

import numpy as np
import pytest
import torch

from fakes import FixedLogits, MemoryRun, NumberCodec
from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import CheckpointSaved, ModelSaved, Notice, Progress, RunFinished, RunStarted, StepMetrics
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.settings import PretrainSettings
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.pretrain import Cost, held_out_costs, make_optimizers, rate_share, train_pretrain
from rlhf_studio.train.pretrain_data import (
    IGNORED,
    PretrainData,
    RowSource,
    TokenSource,
    held_out_rows,
    pairs_row,
    repeated_row,
)

TEXT = "The red hat is on the table. The blue cup is in the box. "


def settings(**changes):
    base = {
        "context_length": 32,
        "batch_tokens": 128,
        "tokens": 1024,
        "drill_steps_share": 0.0,
        "repeat_share": 0.0,
        "pairs_share": 0.0,
        "evaluate_every": 4,
        "threads": 1,
        "device": "cpu",
        "precision": "float32",
    }
    return PretrainSettings(**{**base, **changes})


def sources_of(codec, **texts):
    streams = {name: np.array(codec.encode_documents([text])[0], dtype=np.uint16) for name, text in texts.items()}
    return tuple(TokenSource(name, stream, stream[:50], 1.0) for name, stream in streams.items())


@pytest.fixture
def data(tiny_lm):
    return PretrainData(sources_of(tiny_lm.codec, tales=TEXT * 20), (0,) * 16 + (1,) * 284, tuple(range(16, 300)))


def metrics_of(events, name):
    return [event.values[name] for event in events if isinstance(event, StepMetrics) and name in event.values]


@pytest.mark.learn
@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_a_repeated_text_is_learned(tiny_lm, data, optimizer):
    wanted = settings(tokens=128 * 60, optimizer=optimizer, learning_rate=1e-2)
    events = list(train_pretrain(wanted, tiny_lm, data, MemoryRun(), RunControl()))
    losses = metrics_of(events, "loss/train")
    assert losses[0] > 5
    assert losses[-1] < 0.5
    assert metrics_of(events, "loss/valid_tales")[-1] < 0.5
    assert metrics_of(events, "bits_per_byte/mix")[-1] == pytest.approx(metrics_of(events, "bits_per_byte/tales")[-1])


def test_events_tell_the_whole_run(tiny_lm, data):
    run = MemoryRun()
    events = list(train_pretrain(settings(), tiny_lm, data, run, RunControl()))
    assert events[0] == RunStarted(0, 8, "pretrain", "cpu", "float32")
    assert [event.step for event in events if isinstance(event, StepMetrics)] == list(range(9))
    assert metrics_of(events, "tokens") == [128.0 * step for step in range(1, 9)]
    assert len(metrics_of(events, "accuracy/repeat")) == 3  # before the first step, at 4 and at 8
    assert {event.phase for event in events if isinstance(event, Progress)} == {"update", "evaluate", "save"}
    assert isinstance(events[-3], CheckpointSaved)
    assert events[-2] == ModelSaved(8, "base", "base")
    assert events[-1] == RunFinished(8, "completed")


def test_a_resumed_run_equals_an_unbroken_one_bit_for_bit(tiny_lm, data):
    wanted = settings(repeat_share=0.3, micro_batch=3)
    unbroken, broken, run = tiny_lm.clone(), tiny_lm.clone(), MemoryRun()
    whole = list(train_pretrain(wanted, unbroken, data, MemoryRun(), RunControl()))
    control = RunControl()
    first = []
    for event in train_pretrain(wanted, broken, data, run, control):
        first.append(event)
        if isinstance(event, StepMetrics) and event.step == 5:
            control.request_stop()
    assert first[-1] == RunFinished(5, "stopped")
    fresh = tiny_lm.clone()
    torch.rand(7)  # somebody else draws meanwhile
    rest = list(train_pretrain(wanted, fresh, data, run, RunControl()))
    assert rest[0] == RunStarted(5, 8, "pretrain", "cpu", "float32")
    assert metrics_of(first, "loss/train") + metrics_of(rest, "loss/train") == metrics_of(whole, "loss/train")
    for ours, theirs in zip(fresh.module.parameters(), unbroken.module.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_micro_batches_change_nothing(tiny_lm, data):
    losses = []
    for micro_batch in (0, 1, 2):
        wanted = settings(micro_batch=micro_batch, repeat_share=0.5, optimizer="adamw")
        events = list(train_pretrain(wanted, tiny_lm.clone(), data, MemoryRun(), RunControl()))
        losses.append(metrics_of(events, "loss/train"))
    assert losses[1] == pytest.approx(losses[0], abs=1e-4)
    assert losses[2] == pytest.approx(losses[0], abs=1e-4)


def test_a_stop_ends_after_one_micro_batch_without_a_half_step(tiny_lm, data):
    control, run = RunControl(), MemoryRun()
    before = {name: parameter.clone() for name, parameter in tiny_lm.module.named_parameters()}
    events = train_pretrain(settings(micro_batch=1), tiny_lm, data, run, control)
    for event in events:
        if isinstance(event, Progress) and event.phase == "update":
            control.request_stop()
            break
    rest = list(events)
    assert not any(isinstance(event, StepMetrics) for event in rest)
    assert rest[-1] == RunFinished(0, "stopped")
    assert run.checkpoints[-1].step == 0
    for name, old in before.items():
        assert torch.equal(run.checkpoints[-1].tensors[f"module.base.{name}"], old)


def test_rates_rise_stay_and_fall():
    wanted = settings(warmup_share=0.1, decay_share=0.5, final_rate=0.2)
    shares = {step: rate_share(step, 100, wanted) for step in (1, 5, 10, 11, 50, 75, 100)}
    assert shares == pytest.approx({1: 0.1, 5: 0.5, 10: 1.0, 11: 1.0, 50: 1.0, 75: 0.6, 100: 0.2})
    constant = settings(warmup_share=0.0, decay_share=0.0)
    assert [rate_share(step, 10, constant) for step in (1, 10)] == [1.0, 1.0]


def test_drills_come_first():
    first = {"repeat_share_first": 0.5, "pairs_share_first": 0.25}
    wanted = settings(drill_steps_share=0.25, **first, repeat_share=0.05, pairs_share=0.1)
    source = TokenSource("tales", np.arange(100), np.arange(0), 1.0)
    rows = RowSource(PretrainData((source,), (1,) * 100, (1,)), wanted, steps=8)
    assert [rows.drill_shares(step) for step in (1, 2, 3, 8)] == [(0.5, 0.25), (0.5, 0.25), (0.05, 0.1), (0.05, 0.1)]
    assert rows.tokens_per_step == 128


def test_pairs_are_stated_and_asked():
    words = np.arange(100, 1000)
    for seed in range(50):
        tokens, targets = pairs_row(np.random.default_rng(seed), words, 256)
        assert tokens.shape == targets.shape == (256,)
        asked = np.flatnonzero(targets != IGNORED)
        assert len(asked) >= 10
        assert np.array_equal(targets[asked[:-1]], tokens[asked[:-1] + 1]), "an answer is the token that comes next"
        for at in asked:
            assert targets[at] in tokens[:at], "it was stated before"


def test_one_pair_by_hand():
    class Drawn:
        """Draws in the order in which a group asks for them."""

        def __init__(self):
            self.numbers, self.orders = iter([2, 1]), iter([[1, 0], [0, 1]])

        def integers(self, *_):
            return next(self.numbers)

        def permutation(self, _count):
            return next(self.orders)

        def random(self):
            return 0.0  # ask with the words that stated

        def choice(self, _words, size=None, **_):
            return 9 if size is None else np.array([5]) if size == 1 else np.array([1, 2, 3, 4])

    tokens, targets = pairs_row(Drawn(), np.arange(10), 23)
    assert tokens.tolist() == [1, 5, 3, 9, 2, 5, 4, 9, 2, 5, 4, 9, 1, 5, 3, 9, 1, 5, 3, 9, 2, 5, 4]
    answers = {at: int(target) for at, target in enumerate(targets) if target != IGNORED}
    assert answers == {9: 4, 13: 3, 17: 3, 21: 4}


def test_rows_depend_on_seed_and_step_alone(data):
    rows, again = (RowSource(data, settings(repeat_share=0.5), steps=8) for _ in range(2))
    rows.draw(1)
    assert torch.equal(rows.draw(3).tokens, again.draw(3).tokens)
    assert not torch.equal(rows.draw(3).tokens, rows.draw(4).tokens)
    other = RowSource(data, settings(repeat_share=0.5, seed=1), steps=8)
    assert not torch.equal(rows.draw(3).tokens, other.draw(3).tokens)


def test_repeats_are_drawn_from_the_named_tokens():
    source = TokenSource("tales", np.zeros(100, dtype=int), np.arange(0), 1.0)
    data = PretrainData((source,), (1,) * 100, (7, 8, 9))
    rows = RowSource(data, settings(repeat_share=1.0), steps=1)
    assert set(rows.draw(1).tokens.flatten().tolist()) == {7, 8, 9}
    assert set(rows.drill_test(repeated_row, 2).tokens.flatten().tolist()) <= {7, 8, 9}


def test_sources_get_rows_by_weight():
    one = TokenSource("one", np.full(200, 1), np.arange(0), 3.0)
    two = TokenSource("two", np.full(200, 2), np.arange(0), 1.0)
    rows = RowSource(PretrainData((one, two), (1,) * 10, (1,)), settings(batch_tokens=32 * 4000), steps=1)
    share = float((rows.draw(1).tokens[:, 0] == 1).float().mean())
    assert share == pytest.approx(0.75, abs=0.03)


def test_targets_are_the_next_tokens():
    source = TokenSource("count", np.arange(1000), np.arange(0), 1.0)
    rows = RowSource(PretrainData((source,), (1,) * 1000, (1,)), settings(), steps=1).draw(1)
    assert torch.equal(rows.targets, rows.tokens + 1)


def test_the_first_pass_of_a_repeat_is_no_target():
    words = np.arange(100, 200)
    tokens, targets = repeated_row(np.random.default_rng(0), words, 150)
    size = next(n for n in range(8, 65) if np.array_equal(tokens[n:], tokens[:-n]))
    assert np.all(targets[: size - 1] == IGNORED)
    assert np.array_equal(targets[size - 1 :], tokens[np.arange(size, 151) % size])
    assert set(tokens.tolist()) <= set(words.tolist())


def test_rows_drawn_ahead_in_other_processes_are_the_same():
    source = TokenSource("count", np.arange(1000), np.arange(0), 1.0)
    data = PretrainData((source,), (1,) * 1000, tuple(range(100, 300)))
    rows = RowSource(data, settings(repeat_share=0.3, pairs_share=0.3), steps=6)
    before = torch.random.get_rng_state()
    for here, there in zip(rows.ahead(3, 0), rows.ahead(3, 2), strict=True):
        assert torch.equal(here.tokens, there.tokens)
        assert torch.equal(here.targets, there.targets)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert len(list(rows.ahead(3, 0))) == 4
    assert list(rows.ahead(7, 2)) == []


def test_each_held_out_token_but_the_first_is_a_target_once():
    source = TokenSource("count", np.arange(0), np.arange(35), 1.0)
    batches = list(held_out_rows(source, 8))
    assert torch.cat([rows.targets.flatten() for rows in batches]).sort().values.tolist() == list(range(1, 35))
    limited = list(held_out_rows(source, 8, limit=2))
    assert sum(len(rows.tokens) for rows in limited) == 2


def test_bits_per_byte_by_hand():
    # token 0 is end-of-text, tokens 1 and 2 stand for two and one bytes
    model = LanguageModel(FixedLogits([0.5, 0.25, 0.25]), NumberCodec(3), context_length=4)
    data = PretrainData((TokenSource("x", np.arange(0), np.array([1, 2, 1, 0, 1]), 1.0),), (0, 2, 1), (1,))
    *_, cost = held_out_costs(model, Compute(settings()), data, data.sources[0])
    assert (cost.tokens, cost.bytes) == (4, 5)  # the first token is not predicted
    assert cost.nats == pytest.approx(math.log(4 * 4 * 2 * 4))
    assert cost.bits_per_byte == pytest.approx(7 / 5)
    assert Cost(0.0, 0, 0).bits_per_byte == 0.0


def test_muon_gets_the_hidden_matrices_only(tiny_lm):
    module = tiny_lm.module
    optimizers = make_optimizers(settings(weight_decay=0.1, induction_start=False), module)
    (matrices,) = optimizers["muon"].param_groups
    names = {id(p): name for name, p in module.named_parameters()}
    assert sorted(names[id(p)].split(".")[-2] for p in matrices["params"]) == sorted(
        ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"] * 2
    )
    (rest,) = optimizers["adamw"].param_groups
    assert rest["weight_decay"] == 0.0
    held = sum(len(group["params"]) for o in optimizers.values() for group in o.param_groups)
    assert held == len(list(module.parameters()))


def test_attention_with_induction_heads_has_small_steps_of_its_own(tiny_lm):
    optimizers = make_optimizers(settings(induction_rate=1e-4), tiny_lm.module)
    (group,) = optimizers["induction"].param_groups
    names = {id(p): name for name, p in tiny_lm.module.named_parameters()}
    assert len(group["params"]) == 8
    assert all("self_attn" in names[id(p)] for p in group["params"])
    assert (group["lr"], group["weight_decay"]) == (1e-4, 0.0)
    held = [id(p) for o in optimizers.values() for group in o.param_groups for p in group["params"]]
    assert sorted(held) == sorted(names)


def test_a_loss_that_is_not_finite_stops_the_run_with_its_step(tiny_lm, data):
    with torch.no_grad():
        tiny_lm.module.get_input_embeddings().weight.fill_(float("nan"))
    with pytest.raises(RunError, match=r"pretraining loss became nan at step 1"):
        list(train_pretrain(settings(), tiny_lm, data, MemoryRun(), RunControl()))


def test_a_text_without_held_out_part_is_told(tiny_lm, data):
    source = TokenSource("tales", data.sources[0].train, np.zeros(0, dtype=np.uint16), 1.0)
    events = list(
        train_pretrain(
            settings(tokens=128),
            tiny_lm,
            PretrainData((source,), data.token_bytes, data.repeat_tokens),
            MemoryRun(),
            RunControl(),
        )
    )
    assert Notice(0, "pretrain.no_held_out", {"source": "tales"}) in events
    assert not metrics_of(events, "loss/valid")


def test_too_little_text_and_too_long_rows_are_refused(tiny_lm, data):
    short = TokenSource("note", np.arange(10), np.arange(0), 1.0)
    with pytest.raises(DataError, match=r"'note' has 10 tokens"):
        list(train_pretrain(settings(), tiny_lm, PretrainData((short,), (1,) * 300, (1,)), MemoryRun(), RunControl()))
    with pytest.raises(DataError, match="there is none"):
        list(train_pretrain(settings(), tiny_lm, PretrainData((), (1,) * 300, (1,)), MemoryRun(), RunControl()))
    with pytest.raises(DataError, match="context of 128"):
        list(train_pretrain(settings(context_length=256), tiny_lm, data, MemoryRun(), RunControl()))
