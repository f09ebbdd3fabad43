"""The first half of a PPO step: sample, score, penalise the KL, estimate advantages."""

from collections.abc import Callable, Generator, Sequence
from functools import partial

import torch
from torch import Tensor

from rlhf_studio.events import Notice, Progress, TrainEvent
from rlhf_studio.lm.generate import Generation, generate, join, uniforms
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.rl.advantages import gae
from rlhf_studio.rl.kl import k3
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.rl.masking import masked_mean, masked_var, whiten
from rlhf_studio.rl.repetition import repeated_pairs
from rlhf_studio.rl.rewards import sequence_kl, token_rewards
from rlhf_studio.schema import PromptRow, Sampling
from rlhf_studio.train.ppo_stage import PpoStage
from rlhf_studio.train.ppo_update import minibatch_plan
from rlhf_studio.train.rollout import Rollout, begin_rollout, gather_answers, in_pieces
from rlhf_studio.train.schedule import chunks, endless_batch
from rlhf_studio.train.sparing import Portion, sparingly
from rlhf_studio.train.texts import gently


def _set_side_by_side(stage: PpoStage, count: int) -> None:
    stage.side_by_side = count


_SIDE_BY_SIDE = Portion(
    lambda stage: int(stage.side_by_side),
    _set_side_by_side,
    lambda step, counts: Notice(step, "run.sampling_halved", counts),
)


class _StoppedError(Exception):
    """A person stopped the run while a rollout was being made: what is there of it is thrown away."""


def collect_rollout(stage: PpoStage, step: int) -> Generator[TrainEvent, None, Rollout | None]:
    """Sample one batch from the policy and work out its advantages; None if the run was stopped meanwhile."""
    settings = stage.settings
    rows = endless_batch(step, len(stage.prompts), settings.batch_size, settings.seed)
    prompts, asked = [stage.prompts[i] for i in rows], [stage.rows[i] for i in rows]
    try:
        rollout = begin_rollout(prompts, (yield from _sample(stage, step, prompts)))
        attempt = partial(_with_figures, stage, step, rollout, asked)
        return (yield from sparingly(stage, step, stage.piece, attempt, lambda: None))
    except _StoppedError:
        return None


def _with_figures(
    stage: PpoStage, step: int, rollout: Rollout, asked: Sequence[PromptRow]
) -> Generator[TrainEvent, None, Rollout]:
    """What the models say of sampled answers, and the advantages that follow."""
    settings = stage.settings
    if step == 1:
        yield from _ratio_gate(stage, rollout)
    if stage.trainee.values.get("recompute"):
        logprobs = yield from _over_pieces(stage, step, rollout, _logprobs_of(stage.policy))
        rollout = rollout._replace(logprobs=logprobs)
    scores = yield from _trained_scores(stage, step, rollout, asked)
    watched = yield from _scores_of(stage, step, rollout, asked, settings.watching)
    ref_logprobs = yield from _over_pieces(stage, step, rollout, _logprobs_of(stage.reference))
    values = yield from _over_pieces(stage, step, rollout, _values_of(stage))
    scores = _adjusted(stage, scores, rollout.finished)
    return _with_advantages(
        stage, rollout._replace(scores=scores, watched=watched, ref_logprobs=ref_logprobs, values=values)
    )


def answer_held_out(stage: PpoStage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Mean score and KL of answers to held-out prompts, sampled with the same numbers at each step.

    Empty without such prompts, or if a stop request came meanwhile.
    """
    if not stage.held_out:
        return {}
    prompts, rows = [ids for ids, _ in stage.held_out], [row for _, row in stage.held_out]
    try:
        rollout = begin_rollout(prompts, (yield from _sample(stage, step, prompts, numbers=0)))
        attempt = partial(_held_out_figures, stage, step, rollout, rows)
        return (yield from sparingly(stage, step, stage.piece, attempt, lambda: None))
    except _StoppedError:
        return {}


def _held_out_figures(
    stage: PpoStage, step: int, rollout: Rollout, rows: Sequence[PromptRow]
) -> Generator[TrainEvent, None, dict[str, float]]:
    scores = yield from _scores_of(stage, step, rollout, rows, stage.settings.reward_source)
    ref_logprobs = yield from _over_pieces(stage, step, rollout, _logprobs_of(stage.reference))
    kl = sequence_kl(rollout.logprobs, ref_logprobs, rollout.mask)
    return {"valid/scores": float(scores.mean()), "valid/kl": float(kl.mean())}


def _scores_of(
    stage: PpoStage, step: int, rollout: Rollout, asked: Sequence[PromptRow], source: str
) -> Generator[TrainEvent, None, Tensor]:
    """(B,) of the reward model or of a script; NaN for "none"."""
    if source == "none":
        return torch.full_like(rollout.scores, float("nan"))
    if source == "model":
        return (yield from _over_pieces(stage, step, rollout, lambda part: stage.reward_model.scores(part.batch)))
    script, codec = stage.scripts[source], stage.policy.codec
    answers = zip(asked, rollout.responses, rollout.mask, strict=True)
    marks = [script(row, codec.decode(ids[mask].tolist())) for row, ids, mask in gently(answers)]
    yield stage.progress(step, "score", 1.0)
    return torch.tensor(marks, dtype=rollout.scores.dtype, device=rollout.scores.device)


def _trained_scores(
    stage: PpoStage, step: int, rollout: Rollout, asked: Sequence[PromptRow]
) -> Generator[TrainEvent, None, Tensor]:
    """(B,) scores that PPO learns from. A script's are scaled, and their deviation in the first batch is their unit."""
    settings = stage.settings
    scores = yield from _scores_of(stage, step, rollout, asked, settings.reward_source)
    if settings.reward_source == "model":
        return scores
    scores = scores * settings.script_scale
    spread = float(scores.std(correction=0)) or settings.script_scale  # all alike tell nothing of their spread
    stage.trainee.values.setdefault("script_std", spread)
    return scores


def _adjusted(stage: PpoStage, scores: Tensor, finished: Tensor) -> Tensor:
    """(B,) scores clipped, then less the penalty of answers that did not end; both in the scores' deviations."""
    unit = stage.score_std
    if stage.settings.score_clip:
        limit = stage.settings.score_clip * unit
        scores = scores.clamp(-limit, limit)
    return scores - ~finished * (stage.settings.missing_eos_penalty * unit)


def _with_advantages(stage: PpoStage, rollout: Rollout) -> Rollout:
    """Rewards with the KL penalty (equation 2), GAE, and advantages whitened over the whole batch.

    The rollout keeps the rewards as equation 2 has them, also where the advantages come from whitened ones.
    """
    settings, mask = stage.settings, rollout.mask
    rewards = token_rewards(
        rollout.scores, rollout.logprobs, rollout.ref_logprobs, mask, kl_coef=stage.trainee.values["kl_coef"]
    )
    earned = whiten(rewards, mask, shift_mean=False) if settings.whiten_rewards else rewards
    advantages, returns = gae(earned, rollout.values, mask, gamma=settings.gamma, lam=settings.lam)
    if settings.whiten_advantages:
        advantages = whiten(advantages, mask)
    return rollout._replace(rewards=rewards, advantages=advantages, returns=returns)


def _sample(
    stage: PpoStage, step: int, prompts: Sequence[Sequence[int]], *, numbers: int | None = None
) -> Generator[TrainEvent, None, Generation]:
    """Answers at temperature 1 from the whole distribution: what the KL and the ratio are about.

    As many are sampled side by side as the memory holds; which answers come does not depend on that. ``numbers`` names
    the random numbers; by default each step has its own, from 1.
    """
    attempt = partial(_sample_by, stage, step, prompts, step if numbers is None else numbers)
    return (yield from sparingly(stage, step, len(prompts), attempt, lambda: None, _SIDE_BY_SIDE))


def _sample_by(
    stage: PpoStage, step: int, prompts: Sequence[Sequence[int]], numbers: int
) -> Generator[Progress, None, Generation]:
    """Answers to so many prompts at a time as the stage says."""
    length, team = stage.settings.max_new_tokens, stage.compute.team
    episodes = team.share(range(len(prompts)))
    noise = uniforms(stage.settings.seed, numbers, episodes, length)
    sampling = Sampling(temperature=1.0, max_new_tokens=length)
    parts: list[Generation] = []
    for rows in chunks(range(len(episodes)), stage.side_by_side) or [[]]:  # nothing, where others have it all
        sampler = generate(stage.policy, [prompts[episodes[row]] for row in rows], sampling, noise[rows])
        while True:
            try:
                with stage.compute.autocast():
                    partly = next(sampler)
            except StopIteration as end:
                parts.append(end.value)
                break
            before = sum(len(part.tokens) for part in parts)
            share = (before + len(rows) * (partly.position + 1) / length) / max(1, len(episodes))
            yield stage.progress(step, "sample", share)
            if stage.control.is_stopping:
                sampler.close()
                raise _StoppedError
    return gather_answers(team, join(parts, stage.policy.codec.pad_id))


def _over_pieces(
    stage: PpoStage, step: int, rollout: Rollout, compute: Callable[[Rollout], Tensor]
) -> Generator[Progress, None, Tensor]:
    """``compute`` without gradient over the whole rollout, with signs of life: (B,) or (B, R)."""

    def quietly(part: Rollout) -> Tensor:
        with torch.no_grad(), stage.compute.autocast():
            return compute(part).float()

    team = stage.compute.team
    pieces = in_pieces(rollout, stage.piece, quietly, team.share(range(len(rollout.tokens))))
    while True:
        try:
            done = next(pieces)
        except StopIteration as end:
            return team.gather_rows(end.value)
        yield stage.progress(step, "score", done)
        if stage.control.is_stopping:
            raise _StoppedError


def _logprobs_of(model: LanguageModel) -> Callable[[Rollout], Tensor]:
    def compute(part: Rollout) -> Tensor:
        logprobs = token_logprobs(model.response_logits(part.batch, part.response_length), part.responses)
        return logprobs.masked_fill(~part.mask, 0.0)

    return compute


def _values_of(stage: PpoStage) -> Callable[[Rollout], Tensor]:
    def compute(part: Rollout) -> Tensor:
        return stage.value_model.values(part.batch, part.response_length).masked_fill(~part.mask, 0.0)

    return compute


def _ratio_gate(stage: PpoStage, rollout: Rollout) -> Generator[TrainEvent, None, None]:
    """At the first minibatch the policy that learns is the one that sampled: the mean ratio must be 1.

    If rounding between the sampler and the training pass exceeds this precision's limit, log-probabilities are
    taken from the training pass from now on, and the run says so.
    """
    rows = minibatch_plan(stage.settings, len(rollout.tokens), 1)[0]
    part = rollout.select(rows)
    logprobs = yield from _over_pieces(stage, 1, part, _logprobs_of(stage.policy))
    error = float(masked_mean(((logprobs - part.logprobs).exp() - 1).abs(), part.mask))
    stage.trainee.values["ratio_error"] = error
    if not error < stage.compute.ratio_limit:
        stage.trainee.values["recompute"] = True
        yield Notice(1, "ppo.ratio_gate", {"error": error, "limit": stage.compute.ratio_limit})


def rollout_metrics(stage: PpoStage, rollout: Rollout) -> dict[str, float]:
    """Figures of one batch, named as TRL's PPO trainer names them where it has them."""
    mask, values = rollout.mask, stage.trainee.values
    kl = sequence_kl(rollout.logprobs, rollout.ref_logprobs, mask)  # (B,)
    score = float(rollout.scores.mean())
    mean_kl = float(kl.mean())
    unexplained = float(masked_var(rollout.returns - rollout.values, mask))
    spread = float(masked_var(rollout.returns, mask))
    metrics = {
        "objective/scores": score,
        "objective/scores_std": float(rollout.scores.std(correction=0)),
        "objective/kl": mean_kl,
        "objective/kl_k3": float(masked_mean(k3(rollout.logprobs, rollout.ref_logprobs), mask)),
        "objective/entropy": float(-rollout.logprobs.masked_fill(~mask, 0.0).sum(dim=1).mean()),
        "objective/non_score_reward": -values["kl_coef"] * mean_kl,
        "objective/rlhf_reward": score - values["kl_coef"] * mean_kl,
        "answer/length": float(mask.sum(dim=1).float().mean()),
        "answer/finished": float(rollout.finished.float().mean()),
        "answer/repetition": float(repeated_pairs(rollout.responses, mask).mean()),
        "value/explained_variance": 1 - unexplained / spread if spread else 0.0,
    }
    if stage.settings.watching != "none":
        metrics["watch/scores"] = float(rollout.watched.mean())
    if "ratio_error" in values:
        metrics["gate/ratio_error"] = values.pop("ratio_error")
    return metrics
