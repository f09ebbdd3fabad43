"""What was found out about a finished reward model, kept in its run's folder; needs no torch.

``reward_scoring`` finds it out, the report and the window show it.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from rlhf_studio.errors import RunError
from rlhf_studio.jobs.files import explained, write_whole
from rlhf_studio.schema import RankedRow, record_json
from rlhf_studio.stats.intervals import Share
from rlhf_studio.stats.preferences import Agreement, Bin, Order, agreement

EVALUATION_FILE, FOLDS_FILE = "evaluation.json", "labelers.json"
_FORM = 1  # of the file

SampleKey = Literal["demonstrations", "base", "sft", "ppo", "ppo-ptx"]
Shares = tuple[tuple[str, Share], ...]


@dataclass(frozen=True, slots=True)
class ScoreSample:
    """Scores of answers that come from one place; ``run`` is the id of the run that left the model, '' for others."""

    key: SampleKey
    run: str
    scores: tuple[float, ...]

    @property
    def mean(self) -> float:
        return sum(self.scores) / len(self.scores)


@dataclass(frozen=True, slots=True)
class RewardEvaluation:
    """A reward model on rankings that it did not learn from, and its scores of answers of all models.

    Attributes:
        run: Id of its run.
        step: The last of the run when this was measured.
        created: In UTC, ISO 8601.
        rankings: Held-out ones that were scored.
        left_out: Held-out ones without a pair, or too long.
        simulated: Of those scored, how many a script made.
        labelers: How many people and scripts ranked for this run, to train on or held out.
        accuracy: Share of pairs that it orders as the labeler did; None without any.
        loss: Of the same pairs, nats per pair, mean over prompts.
        by_size: Accuracy by K, the answers ranked together.
        by_distance: By tiers between the two answers.
        by_labeler: By name.
        calibration: What it predicts against what was observed.
        calibration_error: Mean distance of the two; None without any pair.
        agreement: Of the labelers among themselves, over all rankings of the run: the ceiling.
        bias: What was added to every score, so that the demonstrations it was centred on score 0 on average.
        samples: Scores of demonstrations and of answers to held-out prompts.
        notes: What could not be measured, and why.
    """

    run: str
    step: int
    created: str
    rankings: int
    left_out: int
    simulated: int
    labelers: int
    accuracy: Share | None
    loss: float | None
    by_size: Shares
    by_distance: Shares
    by_labeler: Shares
    calibration: tuple[Bin, ...]
    calibration_error: float | None
    agreement: Agreement
    bias: float
    samples: tuple[ScoreSample, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """One reward model.

    Attributes:
        labelers: Whom it did not learn from.
        seed: Of its training.
        rankings: It learned from so many, of the other labelers.
        others: Share of right pairs of these labelers, on prompts that it did not learn from; None without any.
        own: The same of the labelers that it learned from.
    """

    labelers: tuple[str, ...]
    seed: int
    rankings: int
    others: Share | None
    own: Share | None


@dataclass(frozen=True, slots=True)
class CrossValidation:
    """All folds, and their pairs together; the same prompts count once for the intervals."""

    folds: tuple[Fold, ...]
    others: Share | None
    own: Share | None


def labelers_agreement(rows: Iterable[RankedRow]) -> Agreement:
    """How often labelers agree who ranked the same answers, and one who did so twice."""
    return agreement(
        Order(
            row.prompt_id,
            row.labeler,
            {record_json(answer).decode(): rank for answer, rank in zip(row.answers, row.ranks, strict=True)},
        )
        for row in rows
    )


def write_evaluation(run: Path, found: RewardEvaluation) -> None:
    """Keep it in the run's folder, in place of an earlier one.

    Raises:
        RunError: If it cannot be written.
    """
    with explained(run, "the evaluation"):
        write_whole(run / EVALUATION_FILE, record_json({"form": _FORM, "found": found}))


def read_evaluation(run: Path, last_step: int) -> RewardEvaluation | None:
    """What was found out about a run as it is; None where nothing was, or the run has gone on since.

    Raises:
        RunError: If the file is damaged.
    """
    path = run / EVALUATION_FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_bytes())
        found = _evaluation(values["found"]) if values["form"] == _FORM else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"The evaluation of the run {run.name} cannot be read ({type(error).__name__}: {error}). Evaluate it again."
        ) from error
    return found if found is not None and found.step == last_step else None


def write_folds(run: Path, found: CrossValidation) -> None:
    """Keep a cross-validation in the run's folder, in place of an earlier one.

    Raises:
        RunError: If it cannot be written.
    """
    with explained(run, "the cross-validation"):
        write_whole(run / FOLDS_FILE, record_json({"form": _FORM, "found": found}))


def read_folds(run: Path) -> CrossValidation | None:
    """The cross-validation of a run's recipe; None where there was none.

    Raises:
        RunError: If the file is damaged.
    """
    path = run / FOLDS_FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_bytes())
        return _folds(values["found"]) if values["form"] == _FORM else None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"The cross-validation of the run {run.name} cannot be read ({type(error).__name__}: {error}). "
            "Cross-validate it again."
        ) from error


def _folds(values: Mapping[str, Any]) -> CrossValidation:
    folds = tuple(
        Fold(tuple(one["labelers"]), one["seed"], one["rankings"], _share(one["others"]), _share(one["own"]))
        for one in values["folds"]
    )
    return CrossValidation(folds, _share(values["others"]), _share(values["own"]))


def _evaluation(values: Mapping[str, Any]) -> RewardEvaluation:
    known = dict(values)
    for name in ("by_size", "by_distance", "by_labeler"):
        known[name] = tuple((key, Share(**share)) for key, share in values[name])
    known["accuracy"] = _share(values["accuracy"])
    known["calibration"] = tuple(Bin(one["predicted"], Share(**one["observed"])) for one in values["calibration"])
    known["agreement"] = Agreement(*(_share(values["agreement"][name]) for name in ("between", "within")))
    known["samples"] = tuple(ScoreSample(s["key"], s["run"], tuple(s["scores"])) for s in values["samples"])
    known["notes"] = tuple(values["notes"])
    return RewardEvaluation(**known)


def _share(values: Mapping[str, Any] | None) -> Share | None:
    return None if values is None else Share(**values)
