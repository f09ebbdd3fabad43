import dataclasses
import random
from itertools import combinations

import pytest
import torch

from fakes import MemoryRun, drain
from rlhf_studio.errors import DataError
from rlhf_studio.events import Notice, RunFinished, StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import Answer, DemonstrationRow, RankedRow, RewardData, Turn
from rlhf_studio.settings import RewardSettings
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.reward import (
    RankedAnswers,
    _accumulate,
    _by_answers,
    _ranking_loss,
    _Stage,
    encode_rankings,
    score_examples,
    train_reward,
)
from rlhf_studio.train.schedule import epoch_batch
from rlhf_studio.train.sft import encode_demonstrations


def settings(**changes):
    base = {"epochs": 1, "batch_size": 4, "learning_rate": 2e-3, "threads": 1, "device": "cpu"}
    return RewardSettings(**{**base, **changes})


def rankings(count, seed, k=None):
    """Answers of letters; the more often it says "a", the better: noise-free, with ties."""
    draw = random.Random(seed)
    rows = []
    for i in range(count):
        answers = ["".join(draw.choice("abcd") for _ in range(5)) for _ in range(k or draw.randint(3, 5))]
        order = sorted({a.count("a") for a in answers}, reverse=True)
        ranks = tuple(order.index(a.count("a")) + 1 for a in answers)
        rows.append(RankedRow(i, (Turn("user", "say"),), tuple(Answer(a) for a in answers), ranks))
    return tuple(rows)


def demos():
    return tuple(DemonstrationRow(i, (Turn("user", "say"),), text) for i, text in enumerate(("aaaa", "aab", "abca")))


@pytest.mark.learn
def test_it_learns_a_rule_and_gives_demonstrations_zero(tiny_lm):
    run, models = MemoryRun(), {}
    run.save_model = lambda step, name, write: models.update({name: write.__self__}) or Notice(step, name)
    data = RewardData(rankings(120, 1), rankings(40, 2), demos())
    events = list(train_reward(settings(epochs=6), tiny_lm, data, run, RunControl()))
    steps = [e.values for e in events if isinstance(e, StepMetrics)]
    assert steps[0]["accuracy/valid"] < 0.75
    assert steps[-1]["accuracy/valid"] > 0.9
    model = models["reward"]
    examples, _ = encode_demonstrations(model.codec, demos(), model.context_length)
    scores = score_examples(model, Compute(settings()), examples)
    assert scores.mean().abs() < 1e-5
    assert scores.std() > 0.01
    notice = next(e for e in events if isinstance(e, Notice) and e.message == "reward.centred")
    assert notice.values["score/std"] == pytest.approx(model.score_std)
    assert model.score_std > 0.1


def stage_of(tiny_lm, rows):
    model = ScalarModel.from_language_model(tiny_lm, seed=0)
    ranked, _ = encode_rankings(model.codec, rows, model.context_length)
    return _Stage(settings(), model, Compute(settings()), RunControl(), ranked, [], [], 1)


@pytest.mark.parametrize("micro_batch", [1, 4, 8])
def test_micro_batches_change_nothing(tiny_lm, micro_batch):
    stage = stage_of(tiny_lm, rankings(8, 3))

    def gradient(limit):
        stage.model.module.zero_grad()
        total = 0.0
        for piece in _by_answers(stage.train, limit):
            part = _ranking_loss(stage, piece, prompts=len(stage.train))
            part.loss.backward()
            total += part.loss.item()
        return total, torch.cat([p.grad.flatten() for p in stage.model.module.parameters() if p.grad is not None])

    loss, whole = gradient(0)
    cut_loss, cut = gradient(micro_batch)
    assert cut_loss == pytest.approx(loss, abs=1e-5)
    torch.testing.assert_close(cut, whole, atol=1e-5, rtol=0)
    assert whole.norm() > 1e-3


def test_a_prompt_is_never_cut_into_micro_batches():
    items = [RankedAnswers((None,) * k, tuple(range(k))) for k in (4, 9, 4, 4)]
    assert [[len(i.answers) for i in piece] for piece in _by_answers(items, 8)] == [[4], [9], [4, 4]]


def test_sampled_token_ids_win_over_the_text(tiny_lm):
    cut_off = tuple(tiny_lm.codec.encode_text("abc"))  # at the length limit, so without end-of-text
    row = RankedRow(1, (Turn("user", "say"),), (Answer("abc", cut_off), Answer("abd")), (1, 2))
    (ranked,), dropped = encode_rankings(tiny_lm.codec, [row], tiny_lm.context_length)
    assert ranked.answers[0].answer == cut_off
    assert ranked.answers[1].answer == tuple(tiny_lm.codec.encode_answer("abd"))
    assert dropped == 0


@pytest.mark.parametrize("ids", [(5000, 17), (70, 71, 0), ()])
def test_token_ids_of_another_tokenizer_are_not_read(tiny_lm, ids):
    codec = tiny_lm.codec
    own = (*codec.encode_text("ab"), codec.eos_id)
    row = RankedRow(1, (Turn("user", "say"),), (Answer("cd", ids), Answer("ab", own)), (1, 2))
    (ranked,), _ = encode_rankings(codec, [row], tiny_lm.context_length)
    assert [answer.answer for answer in ranked.answers] == [tuple(codec.encode_answer("cd")), own]


def test_rankings_without_a_preference_are_left_out(tiny_lm):
    tied = RankedRow(1, (Turn("user", "say"),), (Answer("ab"), Answer("ba")), (1, 1))
    events = list(train_reward(settings(), tiny_lm, RewardData((*rankings(4, 1), tied)), MemoryRun(), RunControl()))
    said = {e.message for e in events if isinstance(e, Notice)}
    assert {"reward.left_out", "reward.no_held_out", "reward.no_demonstrations"} <= said
    with pytest.raises(DataError, match="None of the 1 rankings prefers"):
        list(train_reward(settings(), tiny_lm, RewardData((tied,)), MemoryRun(), RunControl()))
    with pytest.raises(DataError, match="0 to train on"):
        list(train_reward(settings(), tiny_lm, RewardData(()), MemoryRun(), RunControl()))


def test_a_run_stopped_half_way_goes_on_bit_for_bit(tiny_lm):
    data = RewardData(rankings(10, 1), rankings(5, 2), demos())
    options = settings(epochs=2, micro_batch=4)
    whole_run = MemoryRun()
    whole = list(train_reward(options, tiny_lm, data, whole_run, RunControl()))
    run, control, events = MemoryRun(), RunControl(), []
    for event in train_reward(options, tiny_lm, data, run, control):
        events.append(event)
        torch.rand(3)
        if isinstance(event, StepMetrics) and event.step == 2:
            control.request_stop()
    assert events[-1] == RunFinished(2, "stopped")
    resumed = list(train_reward(options, tiny_lm, data, run, RunControl()))
    for name, tensor in whole_run.latest().tensors.items():
        assert torch.equal(run.latest().tensors[name], tensor), name
    assert resumed[-1] == whole[-1]
    assert whole[-1].outcome == "completed"
    centred = [
        next(e for e in es if isinstance(e, Notice) and e.message == "reward.centred") for es in (whole, resumed)
    ]
    assert centred[0] == centred[1]


def test_shuffled_pairs_are_those_of_the_prompts_each_once(tiny_lm):
    rows = rankings(12, 5)
    shuffled = dataclasses.replace(stage_of(tiny_lm, rows), settings=settings(pair_batches="shuffled"))
    assert any(len(set(row.ranks)) < len(row.ranks) for row in rows)  # there are ties
    expected = {
        (i, a, b)
        for i, item in enumerate(shuffled.train)
        for a, b in combinations(range(len(item.ranks)), 2)
        if item.ranks[a] != item.ranks[b]
    }
    assert len(shuffled.elements) == len(expected) == sum(row.pair_count for row in rows)
    epoch = [
        i for step in range(1, 100) for i in epoch_batch(step, len(expected), 4, 0) if step <= -(-len(expected) // 4)
    ]
    assert sorted(epoch) == list(range(len(expected)))
    assert all(len(pair.answers) == 2 and pair.has_pair for pair in shuffled.elements)


@pytest.mark.parametrize("tie_divisor", ["pairs", "all"])
def test_all_pairs_shuffled_have_the_gradient_of_all_prompts(tiny_lm, tie_divisor):
    """Where every prompt has as many pairs as every other, both are the mean over pairs."""
    rows = [dataclasses.replace(row, ranks=(2, 4, 1, 3)) for row in rankings(6, 3, k=4)]
    stage = stage_of(tiny_lm, rows)

    def gradient(how):
        own = dataclasses.replace(stage, settings=settings(pair_batches=how, batch_size=64, tie_divisor=tie_divisor))
        stage.model.module.zero_grad()
        losses = drain(_accumulate(own, 1))
        grads = [p.grad.flatten().clone() for p in stage.model.module.parameters() if p.grad is not None]
        return losses, torch.cat(grads)

    (by_prompt, whole), (by_pair, shuffled) = gradient("prompt"), gradient("shuffled")
    torch.testing.assert_close(shuffled, whole, atol=1e-5, rtol=0)
    assert whole.norm() > 1e-3
    assert by_pair == pytest.approx(by_prompt, abs=1e-5)


def test_prompts_of_unequal_size_weigh_by_their_pairs_once_shuffled(tiny_lm):
    rows = rankings(6, 3)
    stage = dataclasses.replace(stage_of(tiny_lm, rows), settings=settings(pair_batches="shuffled", batch_size=1024))
    expected = sum(
        _ranking_loss(stage, [item], prompts=1).loss.item() * row.pair_count
        for item, row in zip(stage.train, rows, strict=True)
    ) / sum(row.pair_count for row in rows)
    assert drain(_accumulate(stage, 1))["loss/train"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("micro_batch", [2, 5])
def test_micro_batches_change_nothing_for_shuffled_pairs(tiny_lm, micro_batch):
    stage = stage_of(tiny_lm, rankings(5, 3))

    def gradient(limit):
        own = dataclasses.replace(stage, settings=settings(pair_batches="shuffled", batch_size=9, micro_batch=limit))
        stage.model.module.zero_grad()
        losses = drain(_accumulate(own, 2))
        return losses, torch.cat([p.grad.flatten() for p in stage.model.module.parameters() if p.grad is not None])

    (loss, whole), (cut_loss, cut) = gradient(0), gradient(micro_batch)
    assert cut_loss == pytest.approx(loss, abs=1e-5)
    torch.testing.assert_close(cut, whole, atol=1e-5, rtol=0)


def test_a_run_on_shuffled_pairs_is_as_long_as_its_pairs_and_resumes(tiny_lm):
    data = RewardData(rankings(6, 1), rankings(3, 2), demos())
    options = settings(pair_batches="shuffled", batch_size=8)
    whole_run, run, control = MemoryRun(), MemoryRun(), RunControl()
    whole = list(train_reward(options, tiny_lm, data, whole_run, RunControl()))
    pairs = sum(row.pair_count for row in data.train)
    assert whole[-1] == RunFinished(-(-pairs // 8), "completed")
    for event in train_reward(options, tiny_lm, data, run, control):
        if isinstance(event, StepMetrics) and event.step == 2:
            control.request_stop()
    list(train_reward(options, tiny_lm, data, run, RunControl()))
    for name, tensor in whole_run.latest().tensors.items():
        assert torch.equal(run.latest().tensors[name], tensor), name


def test_a_refit_starts_where_the_reward_model_stood(tiny_lm):
    rows = rankings(8, 1)
    first = _Kept()
    list(train_reward(settings(epochs=2), tiny_lm, RewardData(rankings(20, 2), rows, demos()), first, RunControl()))
    old = first.model
    weights = {name: tensor.clone() for name, tensor in old.module.state_dict().items()}
    whole = _Stage(settings(), old, Compute(settings()), RunControl(), [], [], [], 1)
    items, _ = encode_rankings(old.codec, rows, old.context_length)
    with torch.no_grad():
        stood = float(_ranking_loss(whole, items, prompts=len(items)).loss)

    data = RewardData(rows[:3], rows, demos(), replay=rows[3:])
    again = _Kept()
    told = list(train_reward(settings(epochs=1, batch_size=8), old, data, again, RunControl()))
    steps = [event for event in told if isinstance(event, StepMetrics)]
    assert steps[0].values["loss/valid"] == pytest.approx(stood, rel=1e-6)
    assert steps[1].values["loss/train"] == pytest.approx(stood, rel=1e-6)  # before its first update
    assert (steps[-1].step, told[-1].outcome) == (1, "completed")
    assert all(torch.equal(weights[name], tensor) for name, tensor in old.module.state_dict().items())
    assert not torch.equal(again.model.module.score.weight, old.module.score.weight)


def test_a_refit_that_learns_nothing_keeps_head_and_bias(tiny_lm):
    first, again = _Kept(), _Kept()
    data = RewardData(rankings(6, 1), (), demos())
    list(train_reward(settings(), tiny_lm, data, first, RunControl()))
    list(train_reward(settings(learning_rate=1e-30), first.model, data, again, RunControl()))
    assert first.model.bias != 0.0
    assert again.model.bias == pytest.approx(first.model.bias, abs=1e-6)  # its demonstrations score 0 already


class _Kept(MemoryRun):
    """Keeps the model that is saved."""

    def save_model(self, step, name, write):
        self.model = write.__self__
        return Notice(step, name)
