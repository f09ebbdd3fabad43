"""Which epoch's weights SFT leaves: chosen by hand, by a judge, by held-out loss; stopped, resumed, without a judge."""

import math

import pytest
import torch

from fakes import MemoryRun, TokenScores, drain
from rlhf_studio.events import ModelSaved, Notice, Progress, RunFinished, StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import DemonstrationRow, SftData, Turn
from rlhf_studio.settings import RlStartSettings, SftSettings
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.epochs import Epoch, EpochRecord, best, kept_in, without_kept
from rlhf_studio.train.judging import ANSWERS, mean_score, questions
from rlhf_studio.train.sft import train_sft

PAIRS = {"sky?": "blue", "grass?": "green", "snow?": "white", "night?": "black", "sun?": "gold", "sea?": "wide"}
BY_HAND = [Epoch(1, 3, 2.0, 0.1), Epoch(2, 6, 2.5, 0.7), Epoch(3, 9, 2.0, 0.7), Epoch(4, 12, 2.9, 0.6)]


def rows(pairs=PAIRS):
    return tuple(DemonstrationRow(i, (Turn("user", q),), a) for i, (q, a) in enumerate(pairs.items()))


def settings(**changes):
    base = {"epochs": 4, "batch_size": 4, "learning_rate": 3e-3, "dropout": 0.1, "threads": 1, "device": "cpu"}
    return SftSettings(**{**base, **changes})


DATA = SftData(train=rows(), valid=rows())


def weights(model):
    return torch.cat([p.detach().flatten() for p in model.module.parameters()]).clone()


class Taste(TokenScores):
    """Scores everything as the test says at the moment."""

    def __init__(self, codec):
        super().__init__([0.0], codec)
        self.context_length = 128
        self.level = 0.0

    def scores(self, batch):
        return torch.full((len(batch.tokens),), self.level)


def train(model, options, levels=(), run=None, control=None, data=DATA):
    """Every event, and the weights after each epoch; ``levels`` are the judge's scores after epoch 1, 2 ..."""
    judge = Taste(model.codec) if levels else None
    told, after, left = [], {}, list(levels)
    for event in train_sft(options, model, data, run or MemoryRun(), control or RunControl(), judge):
        told.append(event)
        if isinstance(event, StepMetrics) and "loss/valid" in event.values:
            if event.step:
                after[event.step] = weights(model)
            if judge is not None and left:
                judge.level = left.pop(0)
    return told, after


@pytest.mark.parametrize(("by", "number"), [("loss", 1), ("score", 2), ("last", 4)])
def test_the_choice_by_hand_of_equals_the_earliest(by, number):
    assert best(BY_HAND, by).number == number
    record = EpochRecord(by)
    needed = [record.take(epoch) for epoch in BY_HAND]
    assert needed == {"loss": [1, 0, 0, 0], "score": [1, 1, 0, 0], "last": [0, 0, 0, 0]}[by]
    assert record.kept == {"loss": 3, "score": 6, "last": 0}[by]
    assert record.chosen.number == number
    again = EpochRecord.from_state(by, {**_state(record)})
    assert (again.epochs, again.kept, again.chosen) == (record.epochs, record.kept, record.chosen)


def _state(record):
    state = {}
    record.add_to(state)
    return state


def test_what_was_not_measured_chooses_nothing():
    assert best([], "last") is None
    assert best([Epoch(1, 3), Epoch(2, 6)], "score") is None
    assert best([Epoch(1, 3), Epoch(2, 6, score=-1.0)], "score").number == 2
    assert Epoch.of(1, 3, {"loss/valid": math.nan, "valid/scores": math.inf}) == Epoch(1, 3)
    record = EpochRecord("score")
    assert not record.take(Epoch(1, 3, 2.0))
    assert not record.take(Epoch(2, 6, 1.0))
    assert (record.chosen.number, record.kept, record.has_figure) == (2, 0, False)
    assert record.card(record.chosen) == {
        "epoch": 2,
        "step": 6,
        "chosen by": "being the last",
        "best epoch by held-out loss": "2 (1.0000)",
    }


def test_a_fork_that_chooses_by_something_else_chooses_among_its_own_epochs():
    record = EpochRecord("loss")
    for epoch in BY_HAND[:2]:
        record.take(epoch)
    fork = EpochRecord.from_state("score", _state(record))
    assert (fork.kept, fork.chosen) == (0, None)
    assert fork.take(BY_HAND[3])  # 0.6 is less than the 0.7 before, whose weights are nowhere
    assert fork.chosen.number == 4
    assert best(fork.epochs, "score").number == 2  # what is told is told of all
    assert (kept_in(_state(record)), kept_in({})) == (3, 0)
    bare = EpochRecord.from_state("loss", without_kept(_state(record)))
    assert (bare.kept, bare.chosen) == (0, None)


def test_the_best_scored_epoch_is_left_with_its_weights_and_both_choices_told(tiny_lm, tmp_path):
    run = MemoryRun(tmp_path)
    told, after = train(tiny_lm, settings(choose_by="score"), (0.25, 0.75, 0.5, 0.5), run)
    scores = {e.step: e.values["valid/scores"] for e in told if isinstance(e, StepMetrics) and not e.step % 2}
    assert scores == {0: 0.0, 2: 0.25, 4: 0.75, 6: 0.5, 8: 0.5}
    assert torch.equal(weights(tiny_lm), after[4])
    assert not torch.equal(after[8], after[4])
    assert list(run.kept_weights) == [4]  # one epoch's weights, however many epochs
    assert ModelSaved(4, "policy", "policy") in told
    losses = [e.values["loss/valid"] for e in told if isinstance(e, StepMetrics) and e.step in after]
    by_loss = losses.index(min(losses)) + 1
    assert [e for e in told if isinstance(e, Notice)] == [
        Notice(
            8,
            "sft.best.loss_and_score",
            {"by_loss": by_loss, "loss": min(losses), "by_score": 2, "score": 0.75},
        ),
        Notice(8, "sft.kept.score", {"epoch": 2, "of": 4}),
    ]
    kept = run.latest().tensors
    assert torch.equal(
        torch.cat([kept[f"module.policy.{n}"].flatten() for n, _ in tiny_lm.module.named_parameters()]), after[8]
    )
    assert [c.step for c in run.checkpoints] == [2, 4, 6, 8]  # one after each epoch; the last to go on from


def test_the_epoch_of_the_lowest_held_out_loss_is_left(tiny_lm):
    wrong = SftData(train=rows(), valid=rows(dict(zip(PAIRS, reversed(PAIRS.values()), strict=True))))
    run = MemoryRun()
    told, after = train(
        tiny_lm, settings(choose_by="loss", epochs=12, dropout=0.0, learning_rate=0.03), run=run, data=wrong
    )
    losses = {e.step: e.values["loss/valid"] for e in told if isinstance(e, StepMetrics) and e.step in after}
    step = min(losses, key=losses.get)
    assert step < 24, "the held-out answers are wrong ones, so that their loss rises before the end"
    assert torch.equal(weights(tiny_lm), after[step])
    assert Notice(24, "sft.kept.loss", {"epoch": step // 2, "of": 12}) in told
    assert Notice(24, "sft.best.loss", {"by_loss": step // 2, "loss": losses[step]}) in told


@pytest.mark.parametrize(
    ("options", "message"), [(settings(), "sft.no_judge"), (settings(choose_by="last"), None)], ids=["score", "last"]
)
def test_without_a_judge_the_last_epoch_is_left_and_that_is_said(tiny_lm, options, message):
    run = MemoryRun()
    told, after = train(tiny_lm, options, run=run)
    ids = [event.message for event in told if isinstance(event, Notice)]
    assert ids == [*([message] if message else []), "sft.best.loss", "sft.kept.last"]
    assert torch.equal(weights(tiny_lm), after[8])
    assert run.kept_weights == {}
    assert run.models == {"policy": 8}


def test_one_epoch_has_nothing_to_choose(tiny_lm):
    told, _ = train(tiny_lm, settings(epochs=1))
    assert not any(isinstance(event, Notice) for event in told)


def test_weights_that_are_lost_are_told_and_the_last_epoch_stays(tiny_lm):
    class Forgetful(MemoryRun):
        def keep_weights(self, step, tensors):
            """Nothing stays."""

    told, after = train(tiny_lm, settings(), (0.9, 0.1, 0.1, 0.1), Forgetful())
    lost = next(e for e in told if isinstance(e, Notice) and e.message == "sft.weights_lost")
    assert lost.values == {"epoch": 1, "reason": "no weights of step 2"}
    assert torch.equal(weights(tiny_lm), after[8])
    assert ModelSaved(8, "policy", "policy") in told


def comparable(events):
    values = {}
    for event in events:
        if isinstance(event, StepMetrics):
            assert event.step not in values, "a step is told once"
            values[event.step] = {k: v for k, v in event.values.items() if not k.startswith("time/")}
    return values


@pytest.mark.parametrize("phase", ["update", "evaluate", "sample", "score"])
def test_a_run_stopped_in_the_middle_of_an_epoch_or_of_its_measurement_chooses_the_same(tiny_lm, phase):
    options = settings(epochs=3, batch_size=2, micro_batch=1)
    judge = ScalarModel.from_language_model(tiny_lm, seed=4)
    whole_lm, whole_run = tiny_lm.clone(), MemoryRun()
    whole = list(train_sft(options, whole_lm, DATA, whole_run, RunControl(), judge))

    run, control, events = MemoryRun(), RunControl(), []
    for event in train_sft(options, tiny_lm.clone(), DATA, run, control, judge):
        events.append(event)
        if isinstance(event, Progress) and event.phase == phase and event.step == 6:  # the last step of the second
            control.request_stop()
    assert events[-1] == RunFinished(5 if phase == "update" else 6, "stopped")
    resumed_lm = tiny_lm.clone()
    resumed = list(train_sft(options, resumed_lm, DATA, run, RunControl(), judge))
    assert resumed[-1] == whole[-1] == RunFinished(9, "completed")
    assert comparable([*events, *resumed]) == comparable(whole)
    chosen = [[e for e in told if isinstance(e, Notice | ModelSaved)] for told in (resumed, whole)]
    assert chosen[0] == chosen[1]
    assert torch.equal(weights(resumed_lm), weights(whole_lm))
    assert list(run.kept_weights) == list(whole_run.kept_weights)


def test_a_stop_while_the_last_epoch_is_measured_leaves_the_choice_for_later(tiny_lm):
    options, judge = settings(epochs=2, choose_by="loss"), ScalarModel.from_language_model(tiny_lm, seed=4)
    run, control = MemoryRun(), RunControl()
    for event in train_sft(options, tiny_lm.clone(), DATA, run, control, judge):
        if isinstance(event, Progress) and event.phase == "evaluate" and event.step == 4:
            control.request_stop()
    assert event == RunFinished(4, "stopped")
    events = list(train_sft(options, tiny_lm, DATA, run, RunControl(), judge))
    assert [e.step for e in events if isinstance(e, StepMetrics)] == [4]
    assert events[-1] == RunFinished(4, "completed")


def test_answers_are_scored_from_few_prompts_and_many_alike(tiny_lm):
    judge = ScalarModel.from_language_model(tiny_lm, seed=4)
    few = questions(tiny_lm, judge, rows())
    assert len(few) == ANSWERS // 6 * 6
    assert all(few.count(ids) == ANSWERS // 6 for ids in few)
    many = questions(tiny_lm, judge, rows({f"say {i}": "yes" for i in range(3 * ANSWERS)}))
    assert len(many) == len({tuple(ids) for ids in many}) == ANSWERS
    long = questions(tiny_lm, judge, rows({"word " * 60: "yes"}))  # no room for an answer
    assert long == []


def test_the_mean_score_is_that_of_the_answers_one_by_one(tiny_lm):
    from rlhf_studio.lm.generate import collect, generate, uniforms
    from rlhf_studio.lm.padding import Padded
    from rlhf_studio.schema import Sampling

    judge, compute = ScalarModel.from_language_model(tiny_lm, seed=4), Compute(settings())
    prompts = questions(tiny_lm, judge, rows())
    found = drain(mean_score(tiny_lm, judge, compute, prompts, RunControl(), step=1, total=1, seed=3))
    noise = uniforms(3, 0, range(len(prompts)), 64)
    answers = collect(generate(tiny_lm, prompts, Sampling(temperature=1.0, max_new_tokens=64), noise))
    by_hand = []
    with torch.no_grad():
        for prompt, ids, mask in zip(prompts, answers.tokens, answers.mask, strict=True):
            whole = torch.tensor([[*prompt, *ids[mask].tolist()]])
            by_hand.append(float(judge.scores(Padded(whole, torch.ones_like(whole, dtype=torch.bool)))))
    assert found["valid/scores"] == pytest.approx(sum(by_hand) / len(by_hand), abs=1e-5)


def test_the_rl_start_is_trained_the_same_way_under_its_own_name(tiny_lm):
    options = RlStartSettings(**settings(epochs=2, choose_by="last", pretraining_share=0).model_dump())
    events, _ = train(tiny_lm, options)
    assert events[0].kind == "rl-start"
    assert (RlStartSettings().epochs, RlStartSettings().pretraining_share) == (2, 0.1)  # C.3
