"""What the trainers read, each in one query and in the order of ids, and how much there is of everything."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rlhf_studio.schema import (
    PURPOSES,
    SPLITS,
    USE_CASES,
    Answer,
    DemonstrationRow,
    PromptRow,
    Purpose,
    RankedRow,
    Split,
)
from rlhf_studio.store.checks import stored_json
from rlhf_studio.store.labels import LabelTables
from rlhf_studio.store.prompts import turns_from


@dataclass(frozen=True, slots=True)
class Counts:
    """How much a project holds; labels that were taken back are not counted."""

    prompts: int
    by_purpose: Mapping[str, int]
    by_split: Mapping[str, int]
    by_use_case: Mapping[str, int]
    demonstrations: int
    completions: int
    rankings_by_people: int
    rankings_simulated: int
    rankings_to_train: int = 0  # of the training split, by people or not, with one answer better than another
    sets_waiting: int = 0


@dataclass(frozen=True, slots=True)
class NewLabels:
    """Labels made after a moment and not taken back."""

    demonstrations: int
    rankings: int


# One statement and one row: between two rows sqlite3 lets go of Python's lock, and the window's thread would wait for a
# training thread that is at work in Python some milliseconds each time.
_COUNTS = """
SELECT json_group_array(json_array(kind, name, number)) FROM (
    SELECT 'all' AS kind, 'prompt' AS name, count(*) AS number FROM live_prompt
    UNION ALL SELECT 'all', 'demonstration', count(*) FROM live_demonstration
    UNION ALL SELECT 'all', 'completion', count(*) FROM completion
        WHERE prompt_id NOT IN (SELECT id FROM prompt WHERE is_deleted)
    UNION ALL SELECT 'simulated', is_simulated, count(*) FROM live_ranking WHERE NOT is_repeat GROUP BY is_simulated
    UNION ALL SELECT 'all', 'to train', count(*) FROM live_ranking r JOIN prompt p ON p.id = r.prompt_id
        WHERE p.split = 'train' AND NOT r.is_repeat
        AND EXISTS (SELECT 1 FROM ranking_entry e WHERE e.ranking_id = r.id AND e.tier > 0)
    UNION ALL SELECT 'all', 'waiting', count(*) FROM answer_set_state WHERE state = 'waiting'
    UNION ALL SELECT 'purpose', purpose, count(*) FROM prompt_purpose
        WHERE prompt_id NOT IN (SELECT id FROM prompt WHERE is_deleted) GROUP BY purpose
    UNION ALL SELECT 'split', split, count(*) FROM live_prompt GROUP BY split
    UNION ALL SELECT 'use_case', use_case, count(*) FROM live_prompt GROUP BY use_case
)
"""


class TrainingRows(LabelTables):
    """The project as data for the three stages."""

    def demonstration_rows(self, split: Split) -> tuple[DemonstrationRow, ...]:
        """The demonstrations of one split's prompts, for SFT."""
        rows = self._read(
            "SELECT d.prompt_id, p.turns, d.text FROM live_demonstration d JOIN prompt p ON p.id = d.prompt_id"
            " WHERE p.split = ? ORDER BY d.id",
            (split,),
        )
        return tuple(DemonstrationRow(prompt_id, turns_from(turns), text) for prompt_id, turns, text in rows)

    def demonstration_authors(self, split: Split) -> dict[str, int]:
        """How many of the demonstrations of one split's prompts each author wrote."""
        rows = self._read(
            "SELECT d.author, count(*) FROM live_demonstration d JOIN prompt p ON p.id = d.prompt_id"
            " WHERE p.split = ? GROUP BY d.author",
            (split,),
        )
        return dict(rows)

    def ranked_rows(self, split: Split) -> tuple[RankedRow, ...]:
        """The rankings of one split's prompts, for the reward model; the answers in the order of their ids.

        Silent repeats are left out: they measure the labeler.
        """
        rows = self._read(
            "SELECT r.id, r.prompt_id, p.turns, r.labeler, r.is_simulated, c.text, c.token_ids, e.tier"
            " FROM live_ranking r JOIN prompt p ON p.id = r.prompt_id"
            " JOIN ranking_entry e ON e.ranking_id = r.id JOIN completion c ON c.id = e.completion_id"
            " WHERE p.split = ? AND NOT r.is_repeat ORDER BY r.id, c.id",
            (split,),
        )
        return tuple(_ranked(list(entries)) for _, entries in groupby(rows, key=lambda row: row[0]))

    def prompt_rows(self, purpose: Purpose, split: Split | None = None) -> tuple[PromptRow, ...]:
        """The prompts of one purpose, for PPO and the probes."""
        return tuple(PromptRow(p.id, p.turns, p.use_case) for p in self.prompts(purpose, split))

    def counts(self) -> Counts:
        """How many there are of each; every purpose, split and use case is named, also where it has none."""
        found: dict[str, dict[Any, int]] = {}
        for kind, name, count in stored_json(self._read(_COUNTS)[0][0], "The counts"):
            found.setdefault(kind, {})[name] = count
        simulated = found.get("simulated", {})
        return Counts(
            prompts=found["all"]["prompt"],
            by_purpose={**dict.fromkeys(PURPOSES, 0), **found.get("purpose", {})},
            by_split={**dict.fromkeys(SPLITS, 0), **found.get("split", {})},
            by_use_case={**dict.fromkeys(USE_CASES, 0), **found.get("use_case", {})},
            demonstrations=found["all"]["demonstration"],
            completions=found["all"]["completion"],
            rankings_by_people=simulated.get(0, 0),
            rankings_simulated=simulated.get(1, 0),
            rankings_to_train=found["all"]["to train"],
            sets_waiting=found["all"]["waiting"],
        )

    def labels_since(self, demonstrations: str = "", rankings: str = "") -> NewLabels:
        """How many labels are newer than two moments in UTC, ISO 8601, such as the starts of the last runs."""
        sql = (
            "SELECT (SELECT count(*) FROM live_demonstration WHERE created > ?),"
            " (SELECT count(*) FROM live_ranking WHERE created > ? AND NOT is_repeat)"
        )
        return NewLabels(*self._read(sql, (demonstrations, rankings))[0])


def _ranked(entries: list[Any]) -> RankedRow:
    _, prompt_id, turns, labeler, is_simulated = entries[0][:5]
    return RankedRow(
        prompt_id,
        turns_from(turns),
        answers=tuple(
            Answer(text, tuple(stored_json(token_ids, "The token ids of an answer")))
            for *_, text, token_ids, _tier in entries
        ),
        ranks=tuple(row[7] + 1 for row in entries),
        labeler=labeler,
        is_simulated=bool(is_simulated),
    )
