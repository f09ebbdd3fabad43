"""What happened, in plain sentences made from the figures and from nothing else."""

import math
from collections.abc import Sequence
from itertools import pairwise

from rlhf_studio.report.colours import NAMES, ModelKey
from rlhf_studio.report.markup import number
from rlhf_studio.report.material import ModelFigures, Report

_FEW_PROBES = 4
_FEW_PAIRS = 20
_LESS_VARIED = 0.6
_HARDLY = 0.1  # of the reward model's unit, about a tenth of the spread of its scores


def title(report: Report) -> str:
    """The one thing to remember."""
    before, after = _start(report), _end(report)
    if before is None or after is None or before.score is None or after.score is None:
        return "What the training stages did to a small model"
    change = after.score - before.score
    name, scores = NAMES[after.key], f"from {number(before.score, '+.2f')} to {number(after.score, '+.2f')}"
    if abs(change) < _HARDLY:
        return f"{name} left the reward almost where it was: {scores}"
    return f"{name} {'raised' if change > 0 else 'lowered'} the mean reward {scores}"


def story(report: Report) -> list[str]:
    """Two or three sentences below the title."""
    sentences = [_what_was_done(report), _natural_text(report)]
    after = _end(report)
    if after is not None and after.kl is not None:
        sentences.insert(
            1,
            f"{NAMES[after.key]} ended {number(after.kl, '.1f')} nats per answer away from the SFT model it began as.",
        )
    return [sentence for sentence in sentences if sentence]


def caution(report: Report) -> str:
    """What the figures do not say."""
    who = "a script, not by people" if _is_simulated(report) else "the labelers of this project"
    return (
        "The reward is the opinion of a small model trained on rankings made by "
        f"{who}: a higher reward is a hint, not a proof. Read the answers and judge for yourself."
    )


def signs_of_hacking(report: Report) -> list[str]:
    """Sentences to read before one trusts a higher reward; empty if nothing is conspicuous."""
    before, after = _start(report), _end(report)
    if before is None or after is None or (before.score or 0.0) >= (after.score or 0.0):
        return []
    found: list[str] = []
    found += _sameness(report, after.key)
    if before.answer_tokens and after.answer_tokens and abs(math.log2(after.answer_tokens / before.answer_tokens)) > 1:
        changed = "shrank" if after.answer_tokens < before.answer_tokens else "grew"
        lengths = f"from SFT's {number(before.answer_tokens, '.0f')} tokens to {number(after.answer_tokens, '.0f')}"
        whose = "Its" if found else f"{NAMES[after.key]}'s"
        found.append(f"{whose} mean answer {changed} {lengths}.")
    if found:
        found.append("It may have found out how to please the reward model rather than a person.")
    return found


def distinct_pairs(texts: Sequence[str]) -> float | None:
    """Share of different ones among all pairs of neighbouring words; None if there are too few to tell.

    Source: Li et al. 2016, arXiv:1510.03055 (distinct-2).
    """
    words = [text.lower().split() for text in texts]
    pairs = [pair for row in words for pair in pairwise(row)]
    return len(set(pairs)) / len(pairs) if len(pairs) >= _FEW_PAIRS else None


def _sameness(report: Report, key: ModelKey) -> list[str]:
    """Whether a model says the same whatever it is asked."""
    probes = [probe.answers for probe in report.probes if {"sft", key} <= set(probe.answers)]
    if len(probes) < _FEW_PROBES:
        return []
    answers = [probe[key].text.strip() for probe in probes]
    different = len(set(answers))
    if different <= len(answers) / 2:
        few = f"only {different} different answers" if different > 1 else "one and the same answer"
        return [f"{NAMES[key]} gives {few} to {len(answers)} probe prompts."]
    before, after = distinct_pairs([probe["sft"].text for probe in probes]), distinct_pairs(answers)
    if before and after and after < _LESS_VARIED * before:
        shares = f"{number(after, '.0%')} of its word pairs are different, {number(before, '.0%')} after SFT"
        return [f"{NAMES[key]} answers the {len(answers)} probe prompts in much the same words: {shares}."]
    return []


def _what_was_done(report: Report) -> str:
    sft, reward = report.stage("sft"), report.stage("reward")
    if sft is None or reward is None:
        return ""
    shown = sft.counts.get("demonstrations", 0)
    ranked = reward.counts.get("rankings", 0)
    return (
        f"A small language model learned to answer from {shown} demonstrations (SFT), a reward model learned from "
        f"{ranked} rankings which answers are preferred, and PPO then practised for the highest reward."
    )


def _natural_text(report: Report) -> str:
    """What fine-tuning forgot, and what the pretraining part of PPO-ptx brought back."""
    base, ppo, ptx = (report.model(key) for key in ("base", "ppo", "ppo-ptx"))
    if base is None or ptx is None or base.text_loss is None or ptx.text_loss is None:
        return ""
    by_ptx = ptx.text_loss - base.text_loss
    sentence = f"On natural text the base model's loss is {number(base.text_loss)} nats per token; PPO-ptx ends "
    sentence += f"{_more(by_ptx)}"
    if ppo is not None and ppo.text_loss is not None:
        sentence += f", plain PPO {_more(ppo.text_loss - base.text_loss)}"
    return sentence + "."


def _more(change: float) -> str:
    if abs(change) < 0.005:
        return "at the same value"
    return f"{number(abs(change))} {'above' if change > 0 else 'below'} it"


def _start(report: Report) -> ModelFigures | None:
    return report.model("sft")


def _end(report: Report) -> ModelFigures | None:
    keys: tuple[ModelKey, ...] = ("ppo-ptx", "ppo")
    return next((model for model in map(report.model, keys) if model is not None), None)


def _is_simulated(report: Report) -> bool:
    provenance = report.provenance
    return provenance.rankings > 0 and provenance.simulated_rankings == provenance.rankings
