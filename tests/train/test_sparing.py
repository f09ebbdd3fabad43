"""Where memory is exhausted the same step is done in smaller pieces, to the same end."""

import pytest
import torch

from fakes import MemoryRun
from rlhf_studio.events import Notice, RunFinished, SampleShown, StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import (
    Answer,
    DemonstrationRow,
    PpoData,
    PromptRow,
    RankedRow,
    RewardData,
    SftData,
    TextRow,
    Turn,
)
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings
from rlhf_studio.train import evaluate, ppo_collect, ppo_update
from rlhf_studio.train import reward as reward_module
from rlhf_studio.train import sft as sft_module
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.sft import train_sft
from rlhf_studio.train.sparing import in_halves, is_out_of_memory

TURNS = (Turn("user", "hi"),)
HERE = {"threads": 1, "device": "cpu"}
LEFT = 3  # sequences that this memory holds in one pass


def sft(model, micro_batch, run):
    settings = SftSettings(epochs=1, batch_size=8, micro_batch=micro_batch, **HERE)
    rows = tuple(DemonstrationRow(i, TURNS, "yes" + " no" * i) for i in range(16))
    return train_sft(settings, model, SftData(rows), run, RunControl())


def reward(model, micro_batch, run):
    settings = RewardSettings(batch_size=2, epochs=1, micro_batch=micro_batch, **HERE)
    answers = tuple(Answer(text) for text in ("yes", "no no", "why not"))
    rows = tuple(RankedRow(i, TURNS, answers, (1, 2, 3)) for i in range(4))
    return train_reward(settings, model, RewardData(rows), run, RunControl())


def ppo(model, micro_batch, run):
    settings = PpoSettings(
        steps=2, batch_size=8, minibatch_size=8, epochs=1, max_new_tokens=4, micro_batch=micro_batch, ptx_coef=0, **HERE
    )
    data = PpoData(tuple(PromptRow(i, TURNS) for i in range(8)))
    return train_ppo(settings, model, ScalarModel.from_language_model(model, seed=1), data, run, RunControl())


def too_small_a_memory(monkeypatch, stage, error):
    """Passes of more than ``LEFT`` sequences break, after half of their work."""

    def limited(true, rows):
        def compute(*args, **kwargs):
            if rows(*args) > LEFT:
                raise error
            return true(*args, **kwargs)

        return compute

    if stage is sft:
        monkeypatch.setattr(sft_module, "pack", limited(sft_module.pack, lambda examples, _: len(examples)))
    elif stage is reward:
        true = reward_module._read_scores
        monkeypatch.setattr(reward_module, "_read_scores", limited(true, lambda _, examples, __: len(examples)))
    else:  # in the second half of a minibatch, when the policy's gradient is there already
        true = ppo_update._value_gradient
        monkeypatch.setattr(ppo_update, "_value_gradient", limited(true, lambda _, __, piece, *___: len(piece.tokens)))


def told(events):
    return [
        {name: value for name, value in event.values.items() if not name.startswith("time/")}
        for event in events
        if isinstance(event, StepMetrics) and event.step
    ]


@pytest.mark.parametrize(("stage", "halvings"), [(sft, [(8, 4), (4, 2)]), (reward, [(6, 3)]), (ppo, [(8, 4), (4, 2)])])
def test_the_step_is_repeated_with_half_the_micro_batch_to_the_same_end(stage, halvings, tiny_lm, monkeypatch):
    expected_run = MemoryRun()
    expected = list(stage(tiny_lm.clone(), halvings[-1][1], expected_run))
    too_small_a_memory(monkeypatch, stage, torch.OutOfMemoryError("CUDA out of memory"))
    if stage is reward:  # what centres the model goes by fixed pieces
        monkeypatch.setattr(reward_module, "EVALUATION_ROWS", LEFT)
    run = MemoryRun()
    events = list(stage(tiny_lm.clone(), 0, run))
    notices = [e for e in events if isinstance(e, Notice) and e.message == "run.micro_batch_halved"]
    assert [(e.values["before"], e.values["now"]) for e in notices] == halvings
    assert {e.step for e in notices} == {1}  # it stays halved
    assert events[-1].outcome == "completed"
    slack = 1e-5 if stage is ppo else 0  # the first rollout was scored in larger pieces, which round otherwise
    for after, before in zip(told(events), told(expected), strict=True):
        assert after == pytest.approx(before, abs=slack, rel=slack)
    for name, tensor in expected_run.latest().tensors.items():
        torch.testing.assert_close(run.latest().tensors[name], tensor, atol=slack, rtol=0, msg=name)


@pytest.mark.parametrize(
    ("error", "is_memory"),
    [
        (MemoryError(), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 9 bytes."), True),
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`"), False),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_what_says_that_memory_is_exhausted(error, is_memory):
    assert is_out_of_memory(error) == is_memory


@pytest.mark.parametrize("error", [RuntimeError("shapes cannot be multiplied"), MemoryError()])
def test_other_faults_and_a_single_sequence_too_many_end_the_run(tiny_lm, monkeypatch, error):
    monkeypatch.setattr(f"{__name__}.LEFT", 0)
    too_small_a_memory(monkeypatch, sft, error)
    events = []
    with pytest.raises(type(error)):
        events.extend(sft(tiny_lm, 0, MemoryRun()))
    assert not [event for event in events if isinstance(event, RunFinished)]


TEXTS = (TextRow("the cat sat on the mat. " * 60),)
PROBES = tuple(PromptRow(90 + i, (Turn("user", f"say {i}"),)) for i in range(5))
OTHERS = tuple(PromptRow(i, (Turn("user", f"why {'so ' * i}?"),)) for i in range(8))


def rollouts(model, run, **changes):
    base = {"steps": 2, "batch_size": 8, "minibatch_size": 8, "epochs": 1, "max_new_tokens": 6, "ptx_coef": 0}
    settings = PpoSettings(**{**base, "probe_every": 1, "best_kl": 9.0, "warmup_steps": 0, **HERE, **changes})
    data = PpoData(OTHERS, PROBES, pretraining_valid=TEXTS, prompts_valid=OTHERS)
    return train_ppo(settings, model, ScalarModel.from_language_model(model, seed=1), data, run, RunControl())


def few_side_by_side(monkeypatch, module, left):
    """A sampler that breaks in its third position where more than ``left`` answers are asked for."""
    true = module.generate

    def kept(model, prompts, sampling, noise):
        sampler = true(model, prompts, sampling, noise)
        position = 0
        while True:
            try:
                partial = next(sampler)
            except StopIteration as end:
                return end.value
            if len(prompts) > left and position == 2:
                raise torch.OutOfMemoryError("CUDA out of memory")
            position += 1
            yield partial

    monkeypatch.setattr(module, "generate", kept)


def halvings(events, message):
    found = [event for event in events if isinstance(event, Notice) and event.message == message]
    return [(event.step, event.values["before"], event.values["now"]) for event in found]


def test_answers_are_sampled_fewer_at_a_time_to_the_same_end(tiny_lm, monkeypatch):
    whole_run, run = MemoryRun(), MemoryRun()
    whole = list(rollouts(tiny_lm.clone(), whole_run, rollout_every=1))
    few_side_by_side(monkeypatch, ppo_collect, 3)
    events = list(rollouts(tiny_lm.clone(), run, rollout_every=1))
    assert halvings(events, "run.sampling_halved") == [(1, 8, 4), (1, 4, 2)]  # it stays so
    assert halvings(events, "run.micro_batch_halved") == []  # the other passes had room
    for after, before in zip(told(events), told(whole), strict=True):
        assert "valid/scores" in after
        assert after == pytest.approx(before, abs=1e-5, rel=1e-5)
    for step in (1, 2):
        assert (run.rollouts[step]["tokens"] == whole_run.rollouts[step]["tokens"]).all()
        assert (run.rollouts[step]["mask"] == whole_run.rollouts[step]["mask"]).all()


def test_a_single_answer_that_is_too_much_ends_the_run(tiny_lm, monkeypatch):
    few_side_by_side(monkeypatch, ppo_collect, 0)
    events = []
    with pytest.raises(torch.OutOfMemoryError):
        events.extend(rollouts(tiny_lm, MemoryRun()))
    assert not [event for event in events if isinstance(event, RunFinished)]


def test_probes_are_answered_in_halves(tiny_lm, monkeypatch):
    def answers(events):
        return [(e.step, e.prompt_id, e.text) for e in events if isinstance(e, SampleShown)]

    whole = list(rollouts(tiny_lm.clone(), MemoryRun(), best_kl=0.0))
    few_side_by_side(monkeypatch, evaluate, 2)
    events = list(rollouts(tiny_lm.clone(), MemoryRun(), best_kl=0.0))
    assert answers(events) == answers(whole)
    assert len(answers(events)) == 3 * len(PROBES)
    assert halvings(events, "run.sampling_halved")[:2] == [(0, 5, 3), (0, 3, 2)]


def limited(true, rows, left):
    def compute(*args, **kwargs):
        if rows(*args) > left:
            raise MemoryError
        return true(*args, **kwargs)

    return compute


def test_held_out_text_is_read_in_smaller_pieces(tiny_lm, monkeypatch):
    whole = list(rollouts(tiny_lm.clone(), MemoryRun()))
    monkeypatch.setattr(evaluate, "window_logprobs", limited(evaluate.window_logprobs, lambda _, t: len(t), 1))
    events = list(rollouts(tiny_lm.clone(), MemoryRun()))
    assert halvings(events, "run.micro_batch_halved")[-1][2] == 1
    for after, before in zip(told(events), told(whole), strict=True):
        assert after == pytest.approx(before, abs=1e-5, rel=1e-5)


def test_held_out_demonstrations_and_rankings_are_read_in_smaller_pieces(tiny_lm, monkeypatch):
    def losses(events):
        return [e.values["loss/valid"] for e in events if isinstance(e, StepMetrics) and "loss/valid" in e.values]

    rows = tuple(DemonstrationRow(i, TURNS, "yes" + " no" * i) for i in range(8))
    answers = tuple(Answer(text) for text in ("yes", "no no", "why not"))
    ranked = tuple(RankedRow(i, TURNS, answers, (1, 2, 3)) for i in range(4))

    def sft_run():
        settings = SftSettings(epochs=1, batch_size=2, **HERE)
        return list(train_sft(settings, tiny_lm.clone(), SftData(rows[:2], rows), MemoryRun(), RunControl()))

    def reward_run():
        settings = RewardSettings(epochs=1, batch_size=1, **HERE)
        data = RewardData(ranked[:1], ranked, rows)
        return list(train_reward(settings, tiny_lm.clone(), data, MemoryRun(), RunControl()))

    expected = losses(sft_run()), losses(reward_run())
    monkeypatch.setattr(evaluate, "pack", limited(evaluate.pack, lambda examples, _: len(examples), 2))
    true = reward_module._read_scores
    monkeypatch.setattr(reward_module, "_read_scores", limited(true, lambda _, examples, __: len(examples), 3))
    after = sft_run(), reward_run()
    for events, before in zip(after, expected, strict=True):
        assert losses(events) == pytest.approx(before, abs=1e-6)
        assert halvings(events, "run.micro_batch_halved")[0][:2] == (0, 32)
        assert events[-1].outcome == "completed"


def test_halves_tell_each_item_once_and_other_faults_pass():
    def attempt(items):
        if len(items) > 2:
            raise MemoryError
        return iter([SampleShown(1, item, "", "") for item in items])

    events = list(in_halves(range(7), 1, attempt))
    assert [e.prompt_id for e in events if isinstance(e, SampleShown)] == list(range(7))
    assert halvings(events, "run.sampling_halved") == [(1, 7, 4), (1, 4, 2), (1, 3, 2)]
    with pytest.raises(ZeroDivisionError):
        list(in_halves(range(7), 1, lambda _: 1 / 0))
    with pytest.raises(MemoryError):
        list(in_halves([1], 1, lambda _: attempt(range(3))))
