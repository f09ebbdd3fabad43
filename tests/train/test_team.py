"""Several processes that train one model: the same steps, the same failures, and nobody waits for ever."""

import threading
from collections import defaultdict

import pytest
import torch
import two_steps
from torch import nn

from fakes import MemoryRun
from rlhf_studio.errors import DivergedError, RunError
from rlhf_studio.events import Notice, RunFinished, SettingChanged, StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import Answer, RankedRow, RewardData, SftData, TextRow
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings
from rlhf_studio.train import ppo_update, sft
from rlhf_studio.train.compute import Compute, _check_room
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.sft import train_sft
from rlhf_studio.train.team import Team, current_team
from teams import together

SFT_DATA = SftData(
    train=two_steps.SFT_DATA.train,
    valid=two_steps.SFT_DATA.valid,
    pretraining=(TextRow("The cat sat on the mat. " * 40),),
    pretraining_valid=two_steps.SFT_DATA.pretraining_valid,
)
REWARD_DATA = RewardData(
    train=tuple(
        RankedRow(row.prompt_id, row.turns, tuple(Answer(text) for text in two_steps.ANSWERS), ranks)
        for row, ranks in zip(
            two_steps.REWARD_DATA.train, ((2, 1, 3, 3), (1, 2, 3, 4), (1, 1, 1, 2), (4, 3, 2, 1)), strict=True
        )
    )
)
# three in a batch: two processes never have the same number of rows, and at the end of an epoch one has none
COMMON = {"threads": 1, "device": "cpu", "learning_rate": 1e-3, "batch_size": 3, "adam_epsilon": 1e-5}
PPO = {**two_steps.PPO, **COMMON, "value_learning_rate": 1e-3, "steps": 2, "minibatch_size": 2, "ptx_ratio": 1.0}


def run_sft(model, run, control, **other):
    options = SftSettings(
        **{**COMMON, "epochs": 2, "dropout": 0.2, "pretraining_share": 0.3, "micro_batch": 1, **other}
    )
    return train_sft(options, model, SFT_DATA, run, control)


def run_reward(model, run, control, **other):
    options = RewardSettings(**{**COMMON, "epochs": 2, "micro_batch": 4, **other})
    return train_reward(options, model, REWARD_DATA, run, control)


def run_ppo(model, run, control, **other):
    options = PpoSettings(**{**PPO, "micro_batch": 1, **other})
    judge = ScalarModel.from_language_model(model, seed=1)
    return train_ppo(options, model, judge, two_steps.PPO_DATA, run, control)


def train(model, size, stage, **other):
    """By process: the run it left, and its events."""
    copies = [model.clone() for _ in range(size)]
    runs = [MemoryRun() for _ in range(size)]
    results = together(size, lambda rank: list(stage(copies[rank], runs[rank], RunControl(), **other)))
    for result in results:
        if isinstance(result, Exception):
            raise result
    return list(zip(runs, results, strict=True))


@pytest.fixture
def gradients(monkeypatch):
    """What the optimizers of each process get."""
    kept = defaultdict(list)
    clip = Compute.clip_gradients

    def keep(compute, parameters, *, step):
        parameters = list(parameters)
        kept[compute.team.rank].append(torch.cat([p.grad.flatten().clone() for p in parameters if p.grad is not None]))
        return clip(compute, parameters, step=step)

    monkeypatch.setattr(Compute, "clip_gradients", keep)
    return kept


def figures(events):
    return [
        {name: value for name, value in event.values.items() if not name.startswith("time/")}
        for event in events
        if isinstance(event, StepMetrics)
    ]


@pytest.mark.parametrize(
    ("stage", "size", "other"),
    [
        (run_sft, 2, {}),
        (run_sft, 3, {"packing": True, "micro_batch": 0}),
        (run_sft, 2, {"packing": False, "micro_batch": 2}),
        (run_reward, 2, {}),
        (run_reward, 3, {"micro_batch": 0}),
        (run_ppo, 2, {}),
        (run_ppo, 3, {"micro_batch": 0, "ptx_norm_ratio": 0.5, "whiten_rewards": True, "epochs": 2}),
        (run_ppo, 2, {"ptx_coef": 0.0, "kl_target": 2.0}),
    ],
)
def test_several_processes_take_the_steps_of_one(tiny_lm, gradients, stage, size, other):
    ((expected_run, expected_events),) = train(tiny_lm, 1, stage, **other)
    expected = gradients.pop(0)
    results = train(tiny_lm, size, stage, **other)
    assert sorted(gradients) == list(range(size))
    for rank, (run, events) in enumerate(results):
        for found, gradient in zip(gradients[rank], expected, strict=True):
            assert gradient.norm() > 1e-3
            torch.testing.assert_close(found, gradient, atol=1e-5, rtol=0)
        for name, tensor in expected_run.latest().tensors.items():
            torch.testing.assert_close(run.latest().tensors[name], tensor, atol=1e-5, rtol=0, msg=name)
        for found, expected_figures in zip(figures(events), figures(expected_events), strict=True):
            assert found == pytest.approx(expected_figures, abs=1e-5, rel=1e-4)
    for run, _ in results[1:]:  # and among themselves they do not drift apart at all
        for name, tensor in results[0][0].latest().tensors.items():
            assert torch.equal(run.latest().tensors[name], tensor), name


def test_several_processes_sample_the_episodes_of_one(tiny_lm):
    options = {"batch_size": 5, "minibatch_size": 3, "rollout_every": 1}
    ((expected, _),) = train(tiny_lm, 1, run_ppo, **options)
    for run, _ in train(tiny_lm, 2, run_ppo, **options):
        assert sorted(run.rollouts) == [1, 2]
        for step, rollout in run.rollouts.items():
            for name, found in rollout.items():
                wanted = expected.rollouts[step][name]
                if wanted.dtype.kind in "ib":
                    assert (found == wanted).all(), name
                else:
                    torch.testing.assert_close(
                        torch.from_numpy(found), torch.from_numpy(wanted), atol=1e-5, rtol=0, equal_nan=True, msg=name
                    )


def test_a_parameter_that_nobody_used_keeps_no_gradient():
    def work(rank):
        used, elsewhere, unused = (nn.Parameter(torch.ones(3)) for _ in range(3))
        ((used.sum() + elsewhere.sum()) if rank else 2 * used.sum()).backward()
        current_team().sum_gradients([used, elsewhere, unused])
        return used.grad.tolist(), elsewhere.grad.tolist(), unused.grad

    assert together(2, work) == [([3.0] * 3, [1.0] * 3, None)] * 2


def test_rows_come_back_in_their_order():
    def work(rank):
        team = current_team()
        rows = torch.arange(12).view(4, 3)
        return team.share("abcd"), team.gather_rows(rows[team.share(range(4))]).tolist()

    results = together(5, work)
    assert [share for share, _ in results] == [["a"], ["b"], ["c"], ["d"], []]
    assert all(rows == torch.arange(12).view(4, 3).tolist() for _, rows in results)


def fails_once(monkeypatch, module, name, error):
    """The second process's first call of a function breaks."""
    true, lock, left = getattr(module, name), threading.Lock(), [error]

    def breaking(*args, **kwargs):
        with lock:
            breaks = current_team().rank == 1 and left
            if breaks:
                raise left.pop()
        return true(*args, **kwargs)

    monkeypatch.setattr(module, name, breaking)


@pytest.mark.parametrize(("stage", "module", "name"), [(run_sft, sft, "pack"), (run_ppo, ppo_update, "_ptx_gradient")])
def test_all_repeat_the_step_where_one_lacks_memory(tiny_lm, monkeypatch, stage, module, name):
    ((expected, _),) = train(tiny_lm, 1, stage, micro_batch=2)
    fails_once(monkeypatch, module, name, torch.OutOfMemoryError("CUDA out of memory"))
    for run, events in train(tiny_lm, 2, stage, micro_batch=2):
        halved = [e.values for e in events if isinstance(e, Notice) and e.message == "run.micro_batch_halved"]
        assert halved == [{"before": 2, "now": 1}]
        for tensor_name, tensor in expected.latest().tensors.items():
            torch.testing.assert_close(run.latest().tensors[tensor_name], tensor, atol=1e-5, rtol=0, msg=tensor_name)


class UnheardOfError(Exception):
    def __init__(self, one, two):
        super().__init__(one + two)


@pytest.mark.parametrize(
    ("error", "raised", "words"),
    [
        (RunError("The disk is full."), RunError, "The disk is full."),
        (DivergedError("SFT loss", float("nan"), 3), DivergedError, "SFT loss became nan at step 3"),
        (UnheardOfError("a", "b"), RunError, r"Process 2 of 2 failed \(UnheardOfError: ab\)"),
    ],
)
def test_what_one_process_fails_with_ends_all(tiny_lm, monkeypatch, error, raised, words):
    fails_once(monkeypatch, sft, "pack", error)
    copies = [tiny_lm.clone() for _ in range(2)]
    first, second = together(2, lambda rank: list(run_sft(copies[rank], MemoryRun(), RunControl())))
    for found in (first, second):
        with pytest.raises(raised, match=words):
            raise found
    if isinstance(error, DivergedError):
        assert first.cause == "SFT loss nan at step 3"


def test_a_process_that_is_gone_ends_the_others(tiny_lm, monkeypatch):
    fails_once(monkeypatch, sft, "pack", KeyboardInterrupt())
    copies = [tiny_lm.clone() for _ in range(2)]

    def work(rank):
        try:
            return list(run_sft(copies[rank], MemoryRun(), RunControl()))
        except KeyboardInterrupt:
            return None

    first, second = together(2, work)
    assert second is None
    with pytest.raises(RunError, match="Another process of this run has ended"):
        raise first


def test_processes_that_came_apart_say_so():
    results = together(2, lambda rank: current_team().exchange("ab"[rank], None))
    assert [str(error) for error in results] == ["the processes came apart: a, b"] * 2


@pytest.mark.parametrize("stage", [run_sft, run_reward, run_ppo])
@pytest.mark.parametrize("asked", [0, 1])
def test_a_stop_asked_of_one_stops_all_and_one_goes_on(tiny_lm, stage, asked):
    ((expected, _),) = train(tiny_lm, 1, stage)
    copies, runs = [tiny_lm.clone() for _ in range(2)], [MemoryRun() for _ in range(2)]

    def work(rank):
        control, events = RunControl(), []
        for event in stage(copies[rank], runs[rank], control):
            events.append(event)
            if rank == asked and isinstance(event, StepMetrics) and event.step == 1:
                control.request_stop()
        return events

    results = together(2, work)
    assert [events[-1].outcome for events in results] == ["stopped", "stopped"]
    assert {run.latest().step for run in runs} == {1}
    *_, end = stage(tiny_lm.clone(), runs[asked], RunControl())
    assert end == RunFinished(end.step, "completed")
    for name, tensor in expected.latest().tensors.items():
        torch.testing.assert_close(runs[asked].latest().tensors[name], tensor, atol=1e-5, rtol=0, msg=name)


def test_a_change_asked_of_the_first_reaches_all(tiny_lm):
    copies = [tiny_lm.clone() for _ in range(2)]

    def work(rank):
        control = RunControl()
        control.change("kl_coef", 0.5 if rank == 0 else 0.7)
        return list(run_ppo(copies[rank], MemoryRun(), control))

    for events in together(2, work):
        assert [e for e in events if isinstance(e, SettingChanged)] == [SettingChanged(1, "kl_coef", 0.5)]
        assert {e.values["kl_coef"] for e in events if isinstance(e, StepMetrics) and e.step} == {0.5}


def test_alone_nothing_is_exchanged():
    assert current_team().size == 1
    assert current_team() is current_team()
    assert Team().exchange("x", 3) == [3]


@pytest.mark.parametrize(
    ("device", "words"),
    [
        ("cuda", "There are 2 processes and 0 GPU here, and each needs one of its own"),
        ("mps", "Several processes cannot train on 'mps'"),
    ],
)
def test_each_process_needs_a_device_of_its_own(monkeypatch, device, words):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    _check_room(torch.device(device))  # alone there is nothing to share
    for name, value in {"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    _check_room(torch.device("cpu"))
    with pytest.raises(RunError, match=words):
        _check_room(torch.device(device))
