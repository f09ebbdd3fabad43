"""PPO and PPO-ptx.

Source: Ouyang et al. 2022, arXiv:2203.02155, section 3.5 (equation 2) and appendices C.4, D;
Schulman et al. 2017, arXiv:1707.06347; Ziegler et al. 2019, arXiv:1909.08593 for what the paper leaves open.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence

from rlhf_studio.events import ModelSaved, Notice, RunStarted, SettingChanged, StepMetrics, TrainEvent
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.rl.controllers import adapt_kl_coef
from rlhf_studio.schema import PpoData
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.alarm import watch_for_hacking
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo_collect import answer_held_out, collect_rollout, rollout_metrics
from rlhf_studio.train.ppo_stage import PpoStage, PpoStart, ScriptedReward, close, held_out, notices, prepare, probe
from rlhf_studio.train.ppo_update import Tally, minibatch_plan, update_minibatch
from rlhf_studio.train.rollout import Rollout
from rlhf_studio.train.run import Checkpoint, Run
from rlhf_studio.train.schedule import set_rate, warmup
from rlhf_studio.train.state import Cadence


def train_ppo(
    settings: PpoSettings,
    policy: LanguageModel,
    reward_model: ScalarModel,
    data: PpoData,
    run: Run,
    control: RunControl,
    scripts: Mapping[str, ScriptedReward] | None = None,
    standing: PpoStart | None = None,
) -> Iterator[TrainEvent]:
    """Raise the reward of sampled answers; leaves the run's models ``policy``, ``value`` and ``policy-ema`` behind.

    Args:
        settings: Of this stage; ``ptx_coef`` above 0 makes it PPO-ptx.
        policy: The SFT model; a frozen copy is the KL reference, it is trained in place itself.
        reward_model: Stays as it is; a copy is the start of the separate value network.
        data: Prompts, probe prompts and pretraining text (for ptx and to measure on).
        run: Where checkpoints, rollouts and models go; a run with a checkpoint goes on from it.
        control: Stops the run between micro-batches and changes settings between steps.
        scripts: Scripted rewards by the names that ``reward_source`` and ``watching`` may have.
        standing: Policy and value network to go on from; trained in place, and ``policy`` is the reference only.

    Raises:
        DataError: If no prompt is left, or ptx has no text.
        RunError: If a loss or a gradient is not finite.
    """
    compute = Compute(settings)
    stage = prepare(settings, policy, reward_model, data, compute, compute.agreed(control), scripts, standing)
    checkpoint = run.latest()
    start = stage.trainee.restore(checkpoint)
    half_done = _half_done_rollout(stage, checkpoint)
    yield RunStarted(start, settings.steps, "ppo", str(stage.compute.device), settings.precision)
    if checkpoint is None:
        yield from notices(stage)
        yield StepMetrics(0, (yield from held_out(stage, 0)))
        yield from probe(stage, 0)
    cadence = Cadence(settings.checkpoint_seconds)
    step = start
    for step in range(start + 1, settings.steps + 1):
        began = time.perf_counter()
        if half_done is None:
            yield from _take_changes(stage, step, stage.changeable)
            rollout = yield from collect_rollout(stage, step)  # sample, score, KL penalty, advantages
        else:  # what its rewards were made with holds to its end
            yield from _take_changes(stage, step, ("learning_rate", "value_learning_rate"))
            rollout, half_done = half_done, None
        tally = (yield from _learn(stage, step, rollout, run, cadence)) if rollout is not None else None
        if rollout is None or tally is None:  # a person stopped the run in the middle of this step
            yield from close(stage, run, step - 1, rollout, is_complete=False)
            return
        is_last = yield from _report(stage, run, step, rollout, tally, began)
        if is_last:
            break
        if cadence.is_due() or (settings.checkpoint_steps and step % settings.checkpoint_steps == 0):
            yield run.save(stage.trainee.checkpoint(step))
            cadence.restart()
    yield from close(stage, run, step, None, is_complete=True)


def _report(
    stage: PpoStage, run: Run, step: int, rollout: Rollout, tally: Tally, began: float
) -> Generator[TrainEvent, None, bool]:
    """What a whole step has to tell, and beta for the next one; says whether it was the last."""
    settings = stage.settings
    metrics = {**rollout_metrics(stage, rollout), **_rates(stage, step), **tally.means()}
    kl = metrics["objective/kl"]
    limit = stage.trainee.values.setdefault("kl_stop", settings.kl_stop)  # not in checkpoints of earlier versions
    is_too_far = 0 < limit < kl
    is_last = is_too_far or step == settings.steps
    is_probed = step % settings.probe_every == 0 or is_last
    if is_probed:
        metrics |= yield from held_out(stage, step)
        metrics |= yield from answer_held_out(stage, step)
    yield StepMetrics(step, {**metrics, "time/step_seconds": time.perf_counter() - began})
    if is_too_far:
        yield Notice(step, "ppo.kl_stop", {"kl": kl, "limit": limit})
    yield from watch_for_hacking(stage, step, rollout)
    _follow_kl(stage, kl)
    if step % settings.rollout_every == 0 or step == 1 or is_last:
        yield run.save_rollout(step, rollout.arrays())
    yield from _keep_best(stage, run, step, metrics)
    if is_probed and not stage.control.is_stopping:
        yield from probe(stage, step)
    return is_last


def _keep_best(stage: PpoStage, run: Run, step: int, metrics: Mapping[str, float]) -> Iterator[ModelSaved]:
    """Keep the policy if it is the best so far on held-out prompts, within the limit of the KL."""
    score, kl = metrics.get("valid/scores"), metrics.get("valid/kl")
    best = stage.trainee.values.get("best")
    if score is None or kl is None or kl > stage.settings.best_kl or (best and score <= best["score"]):
        return
    card = {
        "step": step,
        "score": score,
        "kl": kl,
        "chosen by": f"held-out score, KL at most {stage.settings.best_kl:g}",
    }
    yield run.save_model(step, "policy-best", lambda folder: save_language_model(stage.policy, folder, card=card))
    stage.trainee.values["best"] = card


def _follow_kl(stage: PpoStage, kl: float) -> None:
    """The next step's beta, where it follows a wanted KL (Ziegler et al. 2019); the paper keeps it fixed."""
    settings, values = stage.settings, stage.trainee.values
    if settings.kl_target:
        values["kl_coef"] = adapt_kl_coef(
            values["kl_coef"],
            kl,
            target=settings.kl_target,
            horizon=settings.kl_horizon,
            episodes=settings.batch_size,
        )


def _learn(
    stage: PpoStage, step: int, rollout: Rollout, run: Run, cadence: Cadence
) -> Generator[TrainEvent, None, Tally | None]:
    """The inner epochs over one rollout; None if the run was stopped before their end.

    Where a step takes longer than a crash may cost, checkpoints fall between its minibatches too.
    """
    settings, values = stage.settings, stage.trainee.values
    share = warmup(step, settings.warmup_steps)
    set_rate(stage.policy_optimizer, values["learning_rate"] * share)
    set_rate(stage.value_optimizer, values["value_learning_rate"] * share)
    tally = Tally(values.pop("tally", {}))
    plan = minibatch_plan(settings, len(rollout.tokens), step)
    for number in range(values.pop("update", 0), len(plan)):
        is_done = yield from update_minibatch(stage, step, number, rollout, plan[number], tally)
        yield stage.progress(step, "update", (number + 1) / len(plan))
        if stage.control.is_stopping or (cadence.is_due() and is_done):
            values["update"], values["tally"] = number + is_done, tally.sums
            if stage.control.is_stopping:
                return None
            yield run.save(stage.trainee.checkpoint(step - 1, rollout.tensors("rollout")))
            cadence.restart()
            del values["update"], values["tally"]
    return tally


def _take_changes(stage: PpoStage, step: int, names: Sequence[str]) -> Iterator[SettingChanged]:
    """Settings that were changed hold from this step on and belong to the run's state."""
    for name, value in stage.control.take_changes(names, step):
        stage.trainee.values[name] = value
        yield SettingChanged(step, name, value)


def _rates(stage: PpoStage, step: int) -> dict[str, float]:
    values, share = stage.trainee.values, warmup(step, stage.settings.warmup_steps)
    return {
        "lr": values["learning_rate"] * share,
        "kl_coef": values["kl_coef"],
        "ptx_coef": values["ptx_coef"],
        "episode": float(step * stage.settings.batch_size),
    }


def _half_done_rollout(stage: PpoStage, checkpoint: Checkpoint | None) -> Rollout | None:
    """The rollout of a step that was stopped among its minibatches."""
    if checkpoint is None or "update" not in checkpoint.state:
        return None
    return Rollout.from_tensors(checkpoint.tensors, "rollout", stage.compute.device)
