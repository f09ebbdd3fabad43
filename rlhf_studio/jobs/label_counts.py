"""Who gave how many of the labels that a run reads. Nobody is named: a model is passed on, names are not."""

from collections import Counter
from collections.abc import Mapping

from rlhf_studio.jobs.run_file import LabelCount, RunData
from rlhf_studio.schema import RewardData, SftData, Split
from rlhf_studio.store.project import Store


def label_counts(store: Store, data: RunData) -> dict[str, LabelCount]:
    """The labels of a run's data by kind: those it learns from and those it is measured on.

    Args:
        store: Knows the authors of demonstrations, whom the data does not name.
        data: That was read from it just now.
    """
    if isinstance(data, SftData):
        return {"demonstrations": _authors(store, "train", "valid")}
    if not isinstance(data, RewardData):
        return {}
    rows = (*data.train, *data.replay, *data.valid)
    people = Counter(row.labeler for row in rows if not row.is_simulated)
    simulated = sum(row.is_simulated for row in rows)
    return {
        "rankings": LabelCount(_largest_first(people), simulated),
        "demonstrations": _authors(store, "train") if data.demonstrations else LabelCount(),
    }


def _authors(store: Store, *splits: Split) -> LabelCount:
    total: Counter[str] = Counter()
    for split in splits:
        total.update(store.demonstration_authors(split))
    return LabelCount(_largest_first(total))


def _largest_first(counts: Mapping[str, int]) -> tuple[int, ...]:
    return tuple(sorted(counts.values(), reverse=True))
