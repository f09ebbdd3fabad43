"""Does a reward model learn the taste of its labelers, or what people prefer? Cross-validation by groups of labelers.

The paper splits its labelers into five groups, trains on four and tests on the fifth: 69.6 % of the pairs of labelers
whom it did not learn from, 72.4 % of those of its own (Ouyang et al. 2022, arXiv:2203.02155, section 4.1).
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path

from numpy import generic
from numpy.typing import NDArray

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import CheckpointSaved, ModelSaved, RolloutSaved, RunFinished, TrainEvent
from rlhf_studio.jobs.model_folders import find
from rlhf_studio.jobs.reward_evaluation import CrossValidation, Fold
from rlhf_studio.jobs.reward_scoring import score_rankings
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.schema import RankedRow, RewardData, RunSpec
from rlhf_studio.settings import RewardSettings, parse_settings
from rlhf_studio.stats.preferences import Pair, accuracy, pairs_of
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.run import Checkpoint

FOLDS = 5  # the paper's
PAPER = {"others": (0.696, 0.009), "own": (0.724, 0.004)}  # section 4.1


def labeler_groups(rows: Sequence[RankedRow], folds: int) -> tuple[tuple[str, ...], ...]:
    """The labelers in ``folds`` groups with about as many rankings each; in fewer where there are fewer labelers.

    Raises:
        DataError: If there are not two labelers, saying what is needed.
    """
    if folds < 2:
        raise DataError(f"{folds} groups of labelers cannot be tested on each other. Ask for at least 2.")
    counts = Counter(row.labeler for row in rows)
    if len(counts) < 2:
        who = " and ".join(name or "nobody named" for name in counts) or "nobody"
        raise DataError(
            f"The {len(rows)} rankings of this run come from one labeler ({who}), so there is no other one to test "
            f"on. It takes the rankings of at least two people, and of {FOLDS} for the paper's experiment: let others "
            "rank under their own names, or import their rankings, and train a reward model on all of them."
        )
    groups: list[list[str]] = [[] for _ in range(min(folds, len(counts)))]
    for name, _ in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        min(groups, key=lambda group: sum(counts[member] for member in group)).append(name)
    return tuple(tuple(sorted(group)) for group in groups)


def cross_validate(
    run: Path, *, folds: int = FOLDS, seeds: int = 1, tell: Callable[[Fold], None] = lambda _: None
) -> Generator[TrainEvent, None, CrossValidation]:
    """Train a finished reward run's recipe again without each group of labelers; yields what the training tells.

    Prompts that were held out in the run stay so. Nothing is written.

    Args:
        run: Its folder: settings, data and the model it began with are taken from there.
        folds: Groups of labelers.
        seeds: So many models for each group, from 0.
        tell: Hears of each fold when it is done.

    Raises:
        DataError: If there are too few labelers, or a group leaves nothing to learn from.
        RunError: If the run trains no reward model, or a fold does not complete.
    """
    folder = RunFolder.open(run)
    if folder.spec.kind != "reward":
        raise RunError(f"The run {run.name} trains no reward model (it is of kind {folder.spec.kind}). Choose another.")
    data: RewardData = folder.data()
    groups = labeler_groups((*data.train, *data.valid), folds)
    done: list[Fold] = []
    others, own = list[Pair](), list[Pair]()
    for seed in range(seeds):
        for group in groups:
            fold, theirs, ours = yield from _one_fold(folder, data, group, seed)
            done.append(fold)
            others += theirs
            own += ours
            tell(fold)
    return CrossValidation(tuple(done), accuracy(others), accuracy(own))


def _one_fold(
    folder: RunFolder, data: RewardData, group: tuple[str, ...], seed: int
) -> Generator[TrainEvent, None, tuple[Fold, list[Pair], list[Pair]]]:
    train = tuple(row for row in data.train if row.labeler not in group)
    learned = {row.prompt_id for row in train}
    unseen = [row for row in (*data.train, *data.valid) if row.prompt_id not in learned]
    with tempfile.TemporaryDirectory() as scratch:
        yield from _train(folder.spec, folder.path, train, seed, Path(scratch))
        model = load_scalar_model(Path(scratch) / "reward")
        theirs = pairs_of(score_rankings(model, [row for row in unseen if row.labeler in group]))
        ours = pairs_of(score_rankings(model, [row for row in unseen if row.labeler not in group]))
    return Fold(group, seed, len(train), accuracy(theirs), accuracy(ours)), theirs, ours


def _train(spec: RunSpec, path: Path, rows: tuple[RankedRow, ...], seed: int, scratch: Path) -> Iterator[TrainEvent]:
    known = stage_settings(spec).model_dump()
    settings = parse_settings(RewardSettings, {**known, "seed": seed, "head_seed": seed, "center": False})
    model = load_language_model(find(spec.models["base"], path))
    for event in train_reward(settings, model, RewardData(rows), _Scratch(scratch), RunControl()):
        if isinstance(event, RunFinished) and event.outcome != "completed":
            raise RunError(f"A fold did not complete ({event.outcome}): {event.message}")
        yield event


class _Scratch:
    """A run of which only the model is wanted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def latest(self) -> Checkpoint | None:
        return None

    def save(self, checkpoint: Checkpoint) -> CheckpointSaved:
        return CheckpointSaved(checkpoint.step, "")

    def save_rollout(self, step: int, _arrays: Mapping[str, NDArray[generic]]) -> RolloutSaved:
        return RolloutSaved(step, "")

    def save_model(self, step: int, name: str, write: Callable[[Path], None]) -> ModelSaved:
        write(self._folder / name)
        return ModelSaved(step, name, name)
