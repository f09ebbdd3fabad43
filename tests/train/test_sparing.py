"""Where memory is exhausted the same step is done in smaller pieces, to the same end."""

import pytest
import torch

from fakes import MemoryRun
from rlhf_studio.events import Notice, RunFinished, StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import Answer, DemonstrationRow, PpoData, PromptRow, RankedRow, RewardData, SftData, Turn
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings
from rlhf_studio.train import ppo_update
from rlhf_studio.train import reward as reward_module
from rlhf_studio.train import sft as sft_module
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.sft import train_sft
from rlhf_studio.train.sparing import is_out_of_memory

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
