"""The second half of a PPO step: minibatch updates of the policy (with ptx) and of the value network."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from itertools import chain

import torch
from torch import Tensor, nn

from rlhf_studio.events import TrainEvent
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.rl.losses import ppo_policy_loss, ppo_value_loss, ptx_loss
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.compute import finite
from rlhf_studio.train.evaluate import window_logprobs
from rlhf_studio.train.ppo_stage import PpoStage
from rlhf_studio.train.rollout import Rollout
from rlhf_studio.train.schedule import by_length, chunks, shuffled
from rlhf_studio.train.sparing import sparingly
from rlhf_studio.train.texts import TokenWindows


class Tally:
    """Running sums of figures over the minibatches of a step; plain numbers, so that a checkpoint can hold them."""

    def __init__(self, sums: Mapping[str, tuple[float, float]] | None = None) -> None:
        self.sums: dict[str, tuple[float, float]] = {name: (s, w) for name, (s, w) in (sums or {}).items()}

    def add(self, weight: float, **figures: float) -> None:
        """Count figures, each with the number of minibatches or share of one that it stands for."""
        for name, figure in figures.items():
            total, weights = self.sums.get(name, (0.0, 0.0))
            self.sums[name] = (total + weight * figure, weights + weight)

    @classmethod
    def of_all(cls, shares: Iterable[Mapping[str, tuple[float, float]]]) -> "Tally":
        """One tally of the ``sums`` of several processes, each of which has seen its share of the minibatches."""
        whole = cls()
        for name, (total, weight) in chain.from_iterable(share.items() for share in shares):
            before = whole.sums.get(name, (0.0, 0.0))
            whole.sums[name] = (before[0] + total, before[1] + weight)
        return whole

    def means(self) -> dict[str, float]:
        """Means by the names the plots use."""
        return {_NAMES[name]: total / weight for name, (total, weight) in self.sums.items() if weight}


_NAMES = {
    "policy_loss": "loss/policy_avg",
    "value_loss": "loss/value_avg",
    "ptx_loss": "loss/ptx",
    "clip_fraction": "policy/clipfrac_avg",
    "approx_kl": "policy/approxkl_avg",
    "ratio": "val/ratio",
    "value_clip_fraction": "val/clipfrac_avg",
    "policy_grad_norm": "policy/grad_norm",
    "ptx_norm_ratio": "policy/ptx_norm_ratio",
    "ptx_coef": "ptx_coef",
    "value_grad_norm": "value/grad_norm",
}


def minibatch_plan(settings: PpoSettings, episodes: int, step: int) -> list[list[int]]:
    """Episodes of every minibatch of a step: each inner epoch shuffles anew."""
    plan: list[list[int]] = []
    for epoch in range(settings.epochs):
        plan += chunks(shuffled(episodes, settings.seed, step, epoch), settings.minibatch_size)
    return plan


def update_minibatch(
    stage: PpoStage, step: int, number: int, rollout: Rollout, episodes: Sequence[int], tally: Tally
) -> Generator[TrainEvent, None, bool]:
    """One optimizer step of the policy and one of the value network; False if stopped before either."""
    figures = yield from sparingly(
        stage,
        step,
        stage.settings.minibatch_size,
        lambda: _gradients(stage, step, number, rollout, episodes),
        lambda: _abandon(stage),
    )
    if figures is None:
        _abandon(stage)
        return False
    _optimizer_steps(stage, step, figures)
    for name, (total, _) in figures.sums.items():
        tally.add(1.0, **{name: total})
    return True


def _gradients(
    stage: PpoStage, step: int, number: int, rollout: Rollout, episodes: Sequence[int]
) -> Generator[TrainEvent, None, Tally | None]:
    """The gradients of one minibatch, and its figures; None if stopped.

    The gradients of PPO and of the pretraining text meet in the same buffers before the one step of the policy
    (appendix C.4). Every response token of the minibatch weighs the same, however it is cut into micro-batches and
    whichever process works them out.
    """
    figures = Tally()
    team, lengths = stage.compute.team, rollout.lengths
    own = team.share(episodes)
    pieces = [[own[i] for i in rows] for rows in by_length([lengths[i] for i in own], stage.settings.micro_batch)]
    count = rollout.mask[torch.as_tensor(list(episodes), device=rollout.mask.device)].sum()
    for rows in pieces:
        piece = rollout.select(rows)
        logprobs = _policy_gradient(stage, step, piece, count, figures)
        rollout.last_logprobs[rows, : piece.response_length] = logprobs.masked_fill(~piece.mask, 0.0)
        yield stage.progress(step, "update", number / max(1, stage.settings.epochs))
        if stage.control.is_stopping:
            return None
    team.sum_gradients(stage.policy.module.parameters())
    compared: dict[str, float] = {}
    if stage.trainee.values["ptx_coef"] and stage.texts is not None:
        before = _gradients_set_aside(stage)
        for windows in _ptx_pieces(stage, stage.texts, step, number, len(episodes)):
            _ptx_gradient(stage, step, *windows, figures)
            if stage.control.is_stopping:
                return None
        team.sum_gradients(stage.policy.module.parameters())
        compared = _gradients_together(stage, before)
    for rows in pieces:
        _value_gradient(stage, step, rollout.select(rows), count, figures)
        if stage.control.is_stopping:
            return None
    team.sum_gradients(stage.value_model.module.parameters())
    rollout.last_logprobs[list(episodes)] = team.gather_rows(rollout.last_logprobs[own])
    figures = Tally.of_all(team.exchange("figures", figures.sums))
    figures.add(1.0, **compared)
    return figures


def _policy_gradient(stage: PpoStage, step: int, piece: Rollout, count: Tensor, figures: Tally) -> Tensor:
    """Add the gradient of one micro-batch; returns its log-probabilities (b, r)."""
    with stage.compute.autocast():
        logits = stage.policy.response_logits(piece.batch, piece.response_length)  # (b, r, V)
        logprobs = token_logprobs(logits, piece.responses)
        clip = stage.trainee.values["clip"]
        out = ppo_policy_loss(logprobs, piece.logprobs, piece.advantages, piece.mask, clip=clip, count=count)
    stage.compute.backward(out.loss)
    figures.add(
        1.0,
        policy_loss=finite(out.loss, "policy", step=step),
        clip_fraction=float(out.clip_fraction),
        approx_kl=float(out.approx_kl),
        ratio=float(out.ratio_mean),
    )
    return logprobs.detach().float()


def _value_gradient(stage: PpoStage, step: int, piece: Rollout, count: Tensor, figures: Tally) -> None:
    with stage.compute.autocast():
        values = stage.value_model.values(piece.batch, piece.response_length)
        clip = stage.settings.value_clip * stage.score_std
        out = ppo_value_loss(values, piece.values, piece.returns, piece.mask, clip=clip, count=count)
    stage.compute.backward(out.loss)
    loss = finite(out.loss, "value", step=step)
    figures.add(1.0, value_loss=loss, value_clip_fraction=float(out.clip_fraction))


def _ptx_pieces(
    stage: PpoStage, texts: TokenWindows, step: int, number: int, episodes: int
) -> list[tuple[Tensor, float]]:
    """This process's pretraining windows in micro-batches, with the number of tokens of the whole minibatch's."""
    settings = stage.settings
    windows = texts.draw(max(1, round(settings.ptx_ratio * episodes)), settings.seed, 2, step, number)
    count = float(windows[:, 1:].numel())
    pieces = chunks(stage.compute.team.share(range(len(windows))), settings.micro_batch)
    return [(windows[rows], count) for rows in pieces]


def _ptx_gradient(stage: PpoStage, step: int, windows: Tensor, count: float, figures: Tally) -> None:
    tokens = windows.to(stage.compute.device)
    with stage.compute.autocast():
        logprobs = window_logprobs(stage.policy, tokens)
        loss = ptx_loss(logprobs, torch.ones_like(logprobs, dtype=torch.bool), count)
    # where gamma comes from the gradients' lengths, it is not known before both are there
    coefficient = 1.0 if stage.settings.ptx_norm_ratio else stage.trainee.values["ptx_coef"]
    stage.compute.backward(loss * coefficient)
    figures.add(1.0, ptx_loss=finite(loss, "pretraining", step=step))


def _gradients_set_aside(stage: PpoStage) -> list[tuple[nn.Parameter, Tensor]]:
    """The policy's parameters with their gradients of PPO alone; the buffers are empty then, for those of the text."""
    parameters = [parameter for parameter in stage.policy.module.parameters() if parameter.requires_grad]
    aside = [(p, torch.zeros_like(p) if p.grad is None else p.grad) for p in parameters]
    for parameter in parameters:
        parameter.grad = None
    return aside


@torch.no_grad()
def _gradients_together(stage: PpoStage, before: list[tuple[nn.Parameter, Tensor]]) -> dict[str, float]:
    """Add PPO's gradients to those of the text; if the ratio of their lengths is given, gamma is what makes it so.

    Args:
        stage: Its policy's buffers hold the gradients of the text.
        before: From ``_gradients_set_aside``.

    Returns:
        The ratio, and gamma where it was found here.
    """
    policy_norm = _norm(kept for _, kept in before)
    ptx_norm = _norm(parameter.grad for parameter, _ in before if parameter.grad is not None)
    figures = {}
    gamma, wanted = 1.0, stage.settings.ptx_norm_ratio  # without a wanted ratio, the losses have their gamma already
    if wanted:
        gamma = figures["ptx_coef"] = wanted * policy_norm / ptx_norm if ptx_norm else 0.0
    for parameter, kept in before:
        if parameter.grad is not None:
            parameter.grad = kept.add_(parameter.grad, alpha=gamma)
    if policy_norm:
        figures["ptx_norm_ratio"] = gamma * ptx_norm / policy_norm
    return figures


def _norm(tensors: Iterable[Tensor]) -> float:
    """Length of all tensors as one vector."""
    return float(torch.stack([torch.linalg.vector_norm(tensor) for tensor in tensors]).norm())


def _optimizer_steps(stage: PpoStage, step: int, figures: Tally) -> None:
    policy_norm = stage.compute.clip_gradients(stage.policy.module.parameters(), step=step)
    value_norm = stage.compute.clip_gradients(stage.value_model.module.parameters(), step=step)
    figures.add(1.0, policy_grad_norm=policy_norm, value_grad_norm=value_norm)
    for optimizer in (stage.policy_optimizer, stage.value_optimizer):
        optimizer.step()
        optimizer.zero_grad()
    _average_weights(stage)


@torch.no_grad()
def _average_weights(stage: PpoStage) -> None:
    """EMA of the policy's weights (appendix C.4); saved, never sampled from."""
    if stage.ema is None:
        return
    pairs = zip(stage.ema.module.parameters(), stage.policy.module.parameters(), strict=True)
    for average, current in pairs:
        average.lerp_(current, 1 - stage.settings.ema_decay)


def _abandon(stage: PpoStage) -> None:
    """Forget the gradients of a minibatch that was stopped half way."""
    stage.policy_optimizer.zero_grad()
    stage.value_optimizer.zero_grad()
