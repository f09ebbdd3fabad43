"""Finds out how good a finished reward model is, piece by piece, so that other work may come between."""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import torch

from rlhf_studio.errors import DataError, ModelError, RunError, StudioError
from rlhf_studio.jobs.catalog import RunSummary, list_runs
from rlhf_studio.jobs.model_folders import find, project_of
from rlhf_studio.jobs.model_reading import ModelShelf
from rlhf_studio.jobs.models import LEFT_BY, ModelStage, stage_of, usable
from rlhf_studio.jobs.reward_evaluation import RewardEvaluation, SampleKey, ScoreSample, labelers_agreement
from rlhf_studio.jobs.run_file import RUN_FILE, read_run_file
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.generate import Generation, Partial, generate, uniforms
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import right_pad
from rlhf_studio.schema import Answer, RankedRow, RewardData, Sampling, Turn
from rlhf_studio.settings import PpoSettings
from rlhf_studio.stats.preferences import (
    ScoredRanking,
    accuracy,
    accuracy_by,
    calibration,
    calibration_error,
    pairs_of,
    ranking_nats,
)
from rlhf_studio.train.packing import Example
from rlhf_studio.train.reward import encode_rankings
from rlhf_studio.train.schedule import by_length, chunks, shuffled
from rlhf_studio.train.sft import encode_demonstrations

MOST_SAMPLES = 256  # demonstrations whose scores are shown, and prompts that each model answers
_ENOUGH = 96  # answers of each model; with fewer prompts each is answered several times
_ROWS = 16  # of one piece of scoring: short on one core for the bundled models
_SAMPLED_ROWS = 32

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class _Source:
    """A model whose answers are scored."""

    key: SampleKey
    run: str
    path: Path


def evaluate_reward(
    run: Path, shelf: ModelShelf, announce: Callable[[str], None]
) -> Generator[float, None, RewardEvaluation]:
    """Score held-out rankings, demonstrations, and answers of the models before and after; yields the share done.

    The rankings are those that the run itself held out. The answers are sampled at temperature 1 for the prompts of
    these rankings by the models that the reward model comes from and by the newest policies trained
    with it.

    Args:
        run: Folder of a reward run that has left a model.
        shelf: Where models come from.
        announce: Hears which model is read from disk.

    Raises:
        StudioError: If the run is of another kind, has left no model, or its data cannot be read.
    """
    folder, step = _finished(run)
    judge = shelf.reward_model(run / "models" / LEFT_BY["reward"], lambda: announce(run.name))
    data: RewardData = folder.data()
    yield 0.02
    scored = yield from _parts(_score_rankings(judge, data.valid), 0.02, 0.4)
    demonstrations, _ = encode_demonstrations(judge.codec, data.demonstrations, judge.context_length)
    chosen = [demonstrations[i] for i in shuffled(len(demonstrations), 0)[:MOST_SAMPLES]]
    scores = yield from _parts(_score(judge, chosen), 0.4, 0.5)
    samples = [ScoreSample("demonstrations", "", tuple(scores))] if scores else []
    notes: list[str] = []
    prompts = list({row.prompt_id: row.turns for row in data.valid}.items())[:MOST_SAMPLES]
    sources = _sources(run) if prompts else ()
    for place, source in enumerate(sources):
        low, high = (0.5 + 0.5 * (place + more) / len(sources) for more in (0, 1))
        try:
            scores = yield from _parts(_sampled(judge, shelf, source, prompts, announce), low, high)
        except StudioError as error:  # the others can still be measured
            notes.append(str(error))
        else:
            samples.append(ScoreSample(source.key, source.run, tuple(scores)))
    return _gathered(folder, step, judge.bias, data, scored, samples, notes)


def _finished(run: Path) -> tuple[RunFolder, int]:
    folder = RunFolder.open(run)
    if folder.spec.kind != "reward":
        raise RunError(f"The run {run.name} trains no reward model (it is of kind {folder.spec.kind}). Choose another.")
    ending = folder.ending()
    if ending is None or not (run / "models" / LEFT_BY["reward"]).is_dir():
        raise RunError(f"The reward run {run.name} has left no model yet. Resume it until it is done.")
    return folder, ending.step


def _gathered(
    folder: RunFolder,
    step: int,
    bias: float,
    data: RewardData,
    scored: Sequence[tuple[RankedRow, ScoredRanking]],
    samples: Sequence[ScoreSample],
    notes: Sequence[str],
) -> RewardEvaluation:
    rankings = [ranking for _, ranking in scored]
    pairs = pairs_of(rankings)
    bins = calibration(pairs)
    return RewardEvaluation(
        run=folder.id,
        step=step,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        rankings=len(scored),
        left_out=len(data.valid) - len(scored),
        simulated=sum(row.is_simulated for row, _ in scored),
        labelers=len({row.labeler for row in (*data.train, *data.valid)}),
        accuracy=accuracy(pairs),
        loss=ranking_nats(rankings),
        by_size=accuracy_by(pairs, lambda pair: pair.size),
        by_distance=accuracy_by(pairs, lambda pair: pair.distance),
        by_labeler=accuracy_by(pairs, lambda pair: pair.labeler),
        calibration=bins,
        calibration_error=calibration_error(bins),
        agreement=labelers_agreement((*data.train, *data.valid)),
        bias=bias,
        samples=tuple(samples),
        notes=tuple(notes),
    )


def _parts(work: Generator[float, None, Result], low: float, high: float) -> Generator[float, None, Result]:
    """The shares of one part as shares of the whole."""
    while True:
        try:
            done = next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
        yield low + (high - low) * min(1.0, done)


def score_rankings(judge: ScalarModel, rows: Sequence[RankedRow]) -> list[ScoredRanking]:
    """Every ranking that has a pair and fits the model, with its scores."""
    return [ranking for _, ranking in driven(_score_rankings(judge, rows))]


def score_answers(
    judge: ScalarModel, turns: Sequence[Turn], answers: Sequence[Answer]
) -> Generator[float, None, list[float]]:
    """(K,) what a reward model gives to answers of one prompt, read as its training reads them; yields the share done.

    Raises:
        DataError: If prompt and answer are longer than the model's context.
    """
    row = RankedRow(0, tuple(turns), tuple(answers), tuple(range(1, len(answers) + 1)))
    encoded, _ = encode_rankings(judge.codec, [row], judge.context_length)
    if not encoded:
        raise DataError(
            f"Prompt and answer are longer than the reward model's context of {judge.context_length} tokens, so it "
            "cannot score these answers. Choose shorter ones, or train a reward model with a longer context."
        )
    return (yield from _score(judge, encoded[0].answers))


def driven(work: Generator[object, None, Result]) -> Result:
    """What work comes to, where nothing has to come between its pieces."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: Result = end.value
            return result


def _score_rankings(
    judge: ScalarModel, rows: Sequence[RankedRow]
) -> Generator[float, None, list[tuple[RankedRow, ScoredRanking]]]:
    kept, examples = [], list[Example]()
    for row in rows:
        encoded, _ = encode_rankings(judge.codec, [row], judge.context_length)
        if encoded:
            kept.append(row)
            examples += encoded[0].answers
    scores = iter((yield from _score(judge, examples)))
    return [
        (row, ScoredRanking(row.prompt_id, tuple(next(scores) for _ in row.ranks), row.ranks, row.labeler))
        for row in kept
    ]


def _score(judge: ScalarModel, examples: Sequence[Example]) -> Generator[float, None, list[float]]:
    """(N,) scores in the order of the examples, those of like length side by side."""
    found: dict[int, float] = {}
    for piece in by_length([example.length for example in examples], _ROWS) if examples else []:
        rows = [[*examples[i].prompt, *examples[i].answer] for i in piece]
        with torch.no_grad():
            scores = judge.scores(right_pad(rows, judge.codec.pad_id, device=judge.device)).float().tolist()
        found.update(zip(piece, scores, strict=True))
        yield len(found) / len(examples)
    return [found[i] for i in range(len(examples))]


def _sampled(
    judge: ScalarModel,
    shelf: ModelShelf,
    source: _Source,
    prompts: Sequence[tuple[int, Sequence[Turn]]],
    announce: Callable[[str], None],
) -> Generator[float, None, list[float]]:
    """Scores of a model's answers, as many to each prompt that fits."""
    policy = shelf.language_model(source.path, lambda: announce(source.run or source.path.name))
    if policy.codec.tokenizer.get_vocab() != judge.codec.tokenizer.get_vocab():
        raise ModelError(
            f"The model in {source.path} has another vocabulary than the reward model, so its answers are left out."
        )
    length = PpoSettings().max_new_tokens
    room = min(policy.context_length, judge.context_length) - length
    encoded = [(prompt_id, policy.codec.encode_prompt(turns)) for prompt_id, turns in prompts]
    fitting = [(prompt_id, ids) for prompt_id, ids in encoded if 0 < len(ids) <= room]
    if not fitting:
        raise DataError(f"No held-out prompt leaves room for an answer of {length} tokens, so none was sampled.")
    times = math.ceil(_ENOUGH / len(fitting))
    asked = [(prompt_id * _ENOUGH + time, ids) for time in range(times) for prompt_id, ids in fitting]
    examples: list[Example] = []
    for piece in chunks(range(len(asked)), _SAMPLED_ROWS):
        examples += yield from _answers(policy, [asked[i] for i in piece], length, len(examples) / len(asked))
    return (yield from _parts(_score(judge, examples), 0.9, 1.0))


def _answers(
    policy: LanguageModel, asked: Sequence[tuple[int, list[int]]], length: int, done: float
) -> Generator[float, None, list[Example]]:
    """An answer to each prompt; the number beside it fixes what is sampled."""
    noise = uniforms(0, 0, [episode for episode, _ in asked], length)
    sampler = generate(policy, [ids for _, ids in asked], Sampling(max_new_tokens=length), noise)
    generation: Generation = yield from _quietly(sampler, 0.9 * done)
    rows = zip(asked, generation.tokens, generation.mask, strict=True)
    return [Example(tuple(ids), tuple(tokens[mask].tolist())) for (_, ids), tokens, mask in rows]


def _quietly(sampler: Generator[Partial, None, Generation], share: float) -> Generator[float, None, Generation]:
    """A sampler whose tokens nobody reads."""
    while True:
        try:
            next(sampler)
        except StopIteration as end:
            generation: Generation = end.value
            return generation
        yield share


def _sources(run: Path) -> tuple[_Source, ...]:
    """The models before and after a reward model, in the order of the stages; those that are gone are left out."""
    sft = find(read_run_file(run).spec.models["base"], run)
    found = [*_before(sft)]
    runs = list_runs(project_of(run)).runs
    newest: dict[ModelStage, RunSummary] = {}
    for other in runs:
        if other.kind == "ppo" and _judge_of(other) == (run / "models" / LEFT_BY["reward"]).resolve():
            newest[stage_of(read_run_file(other.path))] = other  # listed oldest first
    for key in ("ppo", "ppo-ptx"):
        policy = usable(newest[key]) if key in newest else None
        if policy is not None:
            found.append(_Source(key, newest[key].id, policy.path))
    return tuple(source for source in found if source.path.is_dir())


def _before(sft: Path) -> Iterator[_Source]:
    """The SFT model and what it began from; a reward model may also have begun with a base model."""
    owner = sft.parent.parent
    if not (owner / RUN_FILE).is_file():
        yield _Source("base", "", sft)
        return
    models: Mapping[str, str] = read_run_file(owner).spec.models
    if "base" in models:
        yield _Source("base", "", find(models["base"], owner))
    yield _Source("sft", owner.name, sft)


def _judge_of(run: RunSummary) -> Path | None:
    path = read_run_file(run.path).spec.models.get("reward")
    return None if path is None else find(path, run.path).resolve()
