"""A project's rankings as agreement, contradictions and biases read them; needs no torch.

What people and what scripts ranked are never compared with each other.
"""

import gc
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Literal

from rlhf_studio.errors import DataError
from rlhf_studio.schema import Ranking
from rlhf_studio.stats.agreement import AgreementFound, Judgement, mean_ranks, measure_agreement
from rlhf_studio.stats.bias import BiasFound, ShownAnswer, ShownRanking, measure_bias
from rlhf_studio.stats.contradictions import Contradiction, contradictions
from rlhf_studio.store.overlaps import RankedAnswer
from rlhf_studio.store.project import Store, open_project

Kind = Literal["people", "simulated"]
KINDS: tuple[Kind, ...] = ("people", "simulated")
_LIBRARIES = ("scipy.stats", "nltk.metrics.agreement")
EVERYBODY = ""  # in the place of a labeler's name

Answers = Mapping[int, RankedAnswer]


@dataclass(frozen=True, slots=True)
class LabelersFound:
    """What the rankings of people, or of scripts, say of those who ranked.

    Attributes:
        kind: Whose rankings.
        agreement: Of who ranked the same answers.
        contradictions: By one labeler at different times.
        biases: Of all together (``EVERYBODY``), and, where there are several, of each; silent repeats are left out.
    """

    kind: Kind
    agreement: AgreementFound
    contradictions: tuple[Contradiction, ...]
    biases: tuple[tuple[str, BiasFound], ...]


def measure_labelers(
    project: Path | Store, kind: Kind = "people", is_wanted: Callable[[], bool] = lambda: True
) -> LabelersFound | None:
    """Read the rankings that count and measure them.

    Args:
        project: Its folder, which is opened to read only, by the thread that calls; or an open one.
        kind: Whose rankings.
        is_wanted: Asked between the parts.

    Returns:
        None where it was wanted no longer.

    Raises:
        DataError: If the project cannot be read.
    """
    if isinstance(project, Path):
        with _uncollected():
            _load_libraries()
            with open_project(project, read_only=True) as store:
                return measure_labelers(store, kind, is_wanted)
    rankings = [ranking for ranking in project.rankings() if ranking.is_simulated == (kind == "simulated")]
    answers = {answer.id: answer for answer in project.ranked_answers()}
    if not is_wanted():
        return None
    judged = judgements(rankings, answers)
    agreement = measure_agreement(judged)
    if not is_wanted():
        return None
    return LabelersFound(kind, agreement, contradictions(judged), _biases(rankings, answers))


def contradictions_of(store: Store, ranking_id: int) -> tuple[Contradiction, ...]:
    """What a ranking contradicts of the same person's other rankings; silent repeats are not told of.

    Raises:
        DataError: If there is no such ranking.
    """
    ranking = store.ranking(ranking_id)
    others = [
        other
        for other in store.rankings(ranking.prompt_id)
        if other.labeler == ranking.labeler and not other.is_simulated and not other.is_repeat
    ]
    answers = {answer.id: answer for answer in store.ranked_answers(ranking.prompt_id)}
    found = contradictions(judgements(others, answers))
    return tuple(each for each in found if ranking_id in each.ranking_ids)


def judgements(rankings: Iterable[Ranking], answers: Answers) -> list[Judgement]:
    """Rankings with their answers' texts."""
    return [
        Judgement(
            ranking.prompt_id,
            ranking.labeler,
            mean_ranks([_known(answers, i).text for i in tier] for tier in ranking.tiers),
            ranking.id,
            ranking.is_repeat,
        )
        for ranking in rankings
    ]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Look for no garbage meanwhile: no thread can work while some 100,000 records are looked through, 0.3 s each time.

    Nothing here is garbage: the records refer to each other in one direction.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load_libraries() -> None:
    """Import what measures, and never look through its some 100,000 objects for garbage."""
    missing = [name for name in _LIBRARIES if name not in sys.modules]
    for name in missing:
        import_module(name)
    if missing:
        gc.freeze()


def _biases(rankings: Sequence[Ranking], answers: Answers) -> tuple[tuple[str, BiasFound], ...]:
    names = _model_names(answers.values())
    shown = [_shown(ranking, answers, names) for ranking in rankings if not ranking.is_repeat]
    by_labeler = defaultdict[str, list[ShownRanking]](list)
    for ranking in shown:
        by_labeler[ranking.labeler].append(ranking)
    several = sorted(by_labeler.items()) if len(by_labeler) > 1 else []
    return ((EVERYBODY, measure_bias(shown)), *((name, measure_bias(some)) for name, some in several))


def _shown(ranking: Ranking, answers: Answers, names: Mapping[tuple[str, str], str]) -> ShownRanking:
    places = {completion_id: place for place, completion_id in enumerate(ranking.shown_order)}
    found = []
    for rank, tier in enumerate(ranking.tiers, start=1):
        for answer in (_known(answers, i) for i in tier):
            name = names[answer.model, answer.checkpoint]
            place = places.get(answer.id)
            found.append(ShownAnswer(rank, place, len(answer.text), name, answer.temperature))
    return ShownRanking(ranking.prompt_id, ranking.labeler, tuple(found))


def _model_names(answers: Iterable[RankedAnswer]) -> dict[tuple[str, str], str]:
    """A name for each model and checkpoint: the title, with the checkpoint where several have the same."""
    pairs = {(answer.model, answer.checkpoint) for answer in answers}
    titles = [model for model, _ in pairs]
    return {
        (model, checkpoint): model if titles.count(model) == 1 else f"{model} ({Path(checkpoint).name or '-'})"
        for model, checkpoint in pairs
    }


def _known(answers: Answers, completion_id: int) -> RankedAnswer:
    try:
        return answers[completion_id]
    except KeyError:
        raise DataError(
            f"Answer {completion_id} was ranked while the rankings were read. Read them once more."
        ) from None
