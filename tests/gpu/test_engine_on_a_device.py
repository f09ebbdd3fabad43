"""What must hold of the engine wherever it computes. The same tests run here on the CPU and, marked gpu, on CUDA.

python -m pytest -m gpu tests/gpu
"""

import copy

import pytest
import torch
from two_steps import PPO, PPO_DATA, REWARD, REWARD_DATA, SFT, SFT_DATA

from fakes import MemoryRun, drain
from rlhf_studio.events import Notice, RunFinished, RunStarted, StepMetrics
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.lm.generate import collect, generate, uniforms
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.rl.advantages import gae
from rlhf_studio.rl.losses import ppo_policy_loss, ppo_value_loss, ptx_loss
from rlhf_studio.rl.masking import whiten
from rlhf_studio.rl.ranking import ranking_loss
from rlhf_studio.rl.rewards import token_rewards
from rlhf_studio.schema import RunSpec, Sampling
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings
from rlhf_studio.train import ppo_update
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.ppo_collect import collect_rollout
from rlhf_studio.train.ppo_stage import prepare
from rlhf_studio.train.ppo_update import Tally, update_minibatch
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.run import Checkpoint
from rlhf_studio.train.sft import train_sft

# sums of float32 on a GPU come in no fixed order
SLACK = {"cpu": 0.0, "cuda": 1e-5}


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def device(request):
    return request.param


@pytest.fixture
def judge(tiny_lm):
    model = ScalarModel.from_language_model(tiny_lm, seed=1)
    model.score_std = 0.7
    return model


@pytest.fixture
def stage(tiny_lm, judge, device):
    options = ppo_settings(device)
    return prepare(options, tiny_lm.clone(), judge, PPO_DATA, Compute(options), RunControl())


def ppo_settings(device, **changes):
    return PpoSettings(**{**PPO, "device": device, "micro_batch": 0, "warmup_steps": 0, **changes})


def run_stage(name, model, device, run=None, control=None, **changes):
    run, control, place = run or MemoryRun(), control or RunControl(), {"device": device, **changes}
    if name == "sft":
        return train_sft(SftSettings(**{**SFT, **place}), model, SFT_DATA, run, control)
    if name == "reward":
        return train_reward(RewardSettings(**{**REWARD, **place}), model, REWARD_DATA, run, control)
    judge = ScalarModel.from_language_model(model, seed=1)
    return train_ppo(ppo_settings(**place), model, judge, PPO_DATA, run, control)


def figures(events):
    return {
        (event.step, name): value
        for event in events
        if isinstance(event, StepMetrics)
        for name, value in event.values.items()
        if not name.startswith("time/") and name != "gate/ratio_error"
    }


def formulas(place):
    """Every formula on the same random numbers, with gradients where there are some."""
    generator = torch.Generator().manual_seed(5)
    draw = lambda *shape: torch.randn(*shape, generator=generator).to(place)  # noqa: E731
    mask = (torch.arange(7) < torch.tensor([[7], [3], [5], [1]])).to(place)
    new, old, ref, values, scores = draw(4, 7), draw(4, 7), draw(4, 7), draw(4, 7), draw(4)
    for tensor in (new, values):
        tensor.requires_grad_()
    rewards = token_rewards(scores, old, ref, mask, kl_coef=0.1)
    advantages, returns = gae(rewards, values.detach(), mask, gamma=0.99, lam=0.95)
    policy = ppo_policy_loss(new, old, whiten(advantages, mask), mask, clip=0.2).loss
    value = ppo_value_loss(values, values.detach() + 0.3, returns, mask, clip=0.2).loss
    text = ptx_loss(new, mask)
    ranks, index = (torch.tensor(numbers, device=place) for numbers in ([1, 2, 1, 2], [0, 0, 1, 1]))
    ranked = ranking_loss(scores, ranks, index, tie_divisor="pairs")
    (policy + value + text).backward()
    found = (rewards, advantages, returns, policy, value, text, ranked.loss, new.grad, values.grad)
    return [tensor.detach().cpu() for tensor in found]


def test_formulas_give_the_numbers_of_the_cpu(device):
    for found, expected in zip(formulas(device), formulas("cpu"), strict=True):
        torch.testing.assert_close(found, expected, atol=SLACK[device], rtol=SLACK[device])


def test_answers_do_not_depend_on_how_prompts_are_grouped(tiny_lm, device):
    prompts = [[5, 6, 7], [9], [20, 21, 22, 23, 24], [8, 8]]
    noise = uniforms(3, 1, range(4), 12)
    sampling, model = Sampling(1.0, 1.0, 12, 3), tiny_lm.to(device)
    whole = collect(generate(model, prompts, sampling, noise))
    assert whole.tokens.device.type == device
    for row, prompt in enumerate(prompts):
        alone = collect(generate(model, [prompt], sampling, noise[row : row + 1]))
        length = int(alone.mask.sum())
        assert whole.tokens[row][:length].tolist() == alone.tokens[0][:length].tolist()
        torch.testing.assert_close(whole.logprobs[row][:length], alone.logprobs[0][:length], atol=1e-5, rtol=0)


def test_the_policy_that_learns_is_the_one_that_sampled(tiny_lm, device):
    events = list(run_stage("ppo", tiny_lm, device))
    assert next(event for event in events if isinstance(event, RunStarted)).device.startswith(device)
    first = next(event.values for event in events if isinstance(event, StepMetrics) and event.step == 1)
    assert 0 <= first["gate/ratio_error"] < 1e-5
    assert first["val/ratio"] == pytest.approx(1.0, abs=1e-5)
    assert first["objective/kl"] == pytest.approx(0, abs=1e-4)
    assert not [event for event in events if isinstance(event, Notice) and event.message == "ppo.ratio_gate"]


def test_rewards_add_up_to_the_score_less_the_penalty(stage):
    rollout = drain(collect_rollout(stage, 1))
    k1 = (rollout.logprobs - rollout.ref_logprobs).sum(dim=1)
    expected = rollout.scores - stage.settings.kl_coef * k1
    torch.testing.assert_close(rollout.rewards.sum(dim=1), expected, atol=1e-5, rtol=0)
    for field in rollout:
        if field.is_floating_point() and field.ndim == 2:
            assert (field[~rollout.mask] == 0).all()


def gradients(stage, rollout, monkeypatch, micro_batch=0):
    kept = {}

    def keep(stage_, step, figures_):
        for name, module in (("policy", stage_.policy.module), ("value", stage_.value_model.module)):
            kept[name] = torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])
            module.zero_grad()

    monkeypatch.setattr(ppo_update, "_optimizer_steps", keep)
    stage.settings = stage.settings.model_copy(update={"micro_batch": micro_batch})
    assert drain(update_minibatch(stage, 1, 0, rollout, range(len(rollout.tokens)), Tally()))
    return kept


@pytest.mark.parametrize("micro_batch", [1, 2])
def test_micro_batches_change_no_gradient(stage, monkeypatch, micro_batch):
    rollout = drain(collect_rollout(stage, 1))
    whole, cut = gradients(stage, rollout, monkeypatch), gradients(stage, rollout, monkeypatch, micro_batch)
    for name, gradient in whole.items():
        assert gradient.norm() > 1e-3
        torch.testing.assert_close(cut[name], gradient, atol=1e-5, rtol=1e-5)


def test_what_stands_in_padded_cells_changes_no_gradient(stage, monkeypatch):
    rollout = drain(collect_rollout(stage, 1))
    whole = gradients(stage, rollout, monkeypatch)
    poisoned = rollout._replace(
        **{
            name: field.masked_fill(~rollout.mask, float("nan"))
            for name, field in rollout._asdict().items()
            if field.is_floating_point() and field.ndim == 2
        }
    )
    for name, gradient in gradients(stage, poisoned, monkeypatch).items():
        torch.testing.assert_close(gradient, whole[name], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", ["sft", "reward", "ppo"])
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not(tiny_lm, device, name):
    whole_run, run, control = MemoryRun(), MemoryRun(), RunControl()
    whole = figures(run_stage(name, tiny_lm.clone(), device, whole_run))
    told = {}
    for event in run_stage(name, tiny_lm.clone(), device, run, control):
        told |= figures([event])
        if isinstance(event, StepMetrics) and event.step == 1:
            control.request_stop()
    told |= figures(run_stage(name, tiny_lm.clone(), device, run))
    assert told.keys() == whole.keys()
    for key, value in whole.items():
        assert told[key] == pytest.approx(value, abs=SLACK[device] * 10, rel=SLACK[device] * 10), key
    for key, tensor in whole_run.latest().tensors.items():
        slack = SLACK[device] * 10
        torch.testing.assert_close(run.latest().tensors[key], tensor, atol=slack, rtol=slack, msg=key)


@pytest.mark.parametrize("name", ["sft", "reward", "ppo"])
def test_a_checkpoint_goes_on_elsewhere(tiny_lm, device, name):
    run, control = MemoryRun(), RunControl()
    for event in run_stage(name, tiny_lm.clone(), device, run, control):
        if isinstance(event, StepMetrics) and event.step == 1:
            control.request_stop()
    on_cpu = MemoryRun()
    kept = run.latest()
    tensors = {key: tensor.cpu() for key, tensor in kept.tensors.items()}
    on_cpu.checkpoints = [Checkpoint(kept.step, tensors, copy.deepcopy(dict(kept.state)))]
    here = figures(run_stage(name, tiny_lm.clone(), device, run))
    there = figures(run_stage(name, tiny_lm.clone(), "cpu", on_cpu))
    losses = [key for key in here if key[1].startswith("loss/")]
    assert losses
    for key in losses:
        assert there[key] == pytest.approx(here[key], abs=1e-3, rel=1e-3), key


@pytest.mark.parametrize("name", ["sft", "reward", "ppo"])
def test_bfloat16_stays_close_to_float32(tiny_lm, device, name):
    exact = figures(run_stage(name, tiny_lm.clone(), device))
    run = MemoryRun()
    events = list(run_stage(name, tiny_lm.clone(), device, run, precision="bfloat16"))
    rounded = figures(events)
    assert events[-1] == RunFinished(2, "completed")
    assert all(tensor.isfinite().all() for tensor in run.latest().tensors.values())
    weights = {tensor.dtype for key, tensor in run.latest().tensors.items() if key.startswith("module.")}
    assert weights == {torch.float32}  # only the computation is rounded
    if name == "ppo":  # its answers may differ by a token; what is read of the same texts may not
        first = next(event.values for event in events if isinstance(event, StepMetrics) and event.step == 1)
        assert 0 < first["gate/ratio_error"] < 0.2
        keys = [(0, "loss/text_valid"), (2, "loss/text_valid"), (1, "loss/ptx")]
        keys = [key for key in keys if key in exact]
    else:
        keys = [key for key in exact if key[1] in {"loss/train", "loss/valid", "loss/text_valid"}]
    assert keys
    assert any(rounded[key] != exact[key] for key in keys)
    for key in keys:
        assert rounded[key] == pytest.approx(exact[key], rel=0.02, abs=0.01), key


def test_a_run_of_the_program_trains_there_and_leaves_a_model_for_any_machine(tiny_lm, device, tmp_path):
    from rlhf_studio.lm.loading import load_language_model

    save_language_model(tiny_lm, tmp_path / "base")
    spec = RunSpec("sft", {**SFT, "device": device}, {"base": str(tmp_path / "base")}, "SFT")
    folder = start_run(None, spec, tmp_path / "runs" / "a", SFT_DATA)
    events = list(drive(folder, RunControl()))
    assert events[-1] == RunFinished(2, "completed")
    tried = [event for event in events if isinstance(event, Notice) and event.message == "run.device_agrees"]
    assert len(tried) == (0 if device == "cpu" else 1)
    left = load_language_model(folder.path / "models" / "policy")
    assert left.device.type == "cpu"
    assert not torch.equal(next(left.module.parameters()), next(tiny_lm.module.parameters()))


@pytest.mark.gpu
def test_memory_exhausted_on_the_gpu_halves_the_micro_batch(tiny_lm, monkeypatch):
    """What CUDA really raises where memory ends, put into the middle of an update."""
    true, seen = ppo_update._value_gradient, []

    def greedy(stage, step, piece, count, figures_):
        if len(piece.tokens) > 2:
            seen.append(len(piece.tokens))
            torch.empty(1 << 50, dtype=torch.uint8, device="cuda")
        return true(stage, step, piece, count, figures_)

    monkeypatch.setattr(ppo_update, "_value_gradient", greedy)
    events = list(run_stage("ppo", tiny_lm, "cuda"))
    assert seen == [4]
    halved = [event for event in events if isinstance(event, Notice) and event.message == "run.micro_batch_halved"]
    assert [(event.values["before"], event.values["now"]) for event in halved] == [(4, 2)]
    assert events[-1] == RunFinished(2, "completed")
