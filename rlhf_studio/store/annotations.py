"""What labelers say about a prompt itself: the marks of InstructGPT's table 7.

Append-only: of one labeler the latest row of a prompt counts. A row without marks says that none applies; a row that
holds JSON's null takes back what was said.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from rlhf_studio.store.checks import check_text, check_word, stored_json
from rlhf_studio.store.database import Changes, now
from rlhf_studio.store.journal import JournalEntry, LabelActs

Mark = Literal[
    "ambiguous",
    "sensitive_content",
    "identity_dependent",
    "closed_domain",
    "continuation_style",
    "requests_opinion",
    "requests_advice",
    "requests_moral_judgment",
    "safety_constraints",
    "other_constraints",
    "intent_unclear",
]
MARKS: tuple[Mark, ...] = get_args(Mark)  # in the order of table 7

PAPER_SETS = ("RM test", "RM train", "RM valid", "SFT train", "SFT valid")
# InstructGPT, table 7: percent of the prompts of each of PAPER_SETS; None where the paper did not collect the mark
PAPER_SHARES: Mapping[Mark, tuple[float | None, ...]] = {
    "ambiguous": (None, 7.9, 8.0, 5.1, 6.4),
    "sensitive_content": (None, 6.9, 5.3, 0.9, 1.0),
    "identity_dependent": (None, None, None, 0.9, 0.3),
    "closed_domain": (11.8, 19.4, 22.9, 27.4, 40.6),
    "continuation_style": (None, 15.5, 16.2, 17.9, 21.6),
    "requests_opinion": (11.2, 7.7, 7.5, 8.6, 3.4),
    "requests_advice": (3.9, None, None, None, None),
    "requests_moral_judgment": (0.8, 1.1, 0.3, 0.3, 0.0),
    "safety_constraints": (None, 0.4, 0.4, 0.3, 0.0),
    "other_constraints": (None, 26.3, 28.9, 25.6, 20.7),
    "intent_unclear": (7.9, None, None, None, None),
}

_LATEST = """SELECT prompt_id, marks FROM prompt_annotation WHERE marks <> 'null'
    AND id IN (SELECT max(id) FROM prompt_annotation GROUP BY prompt_id, labeler)
    AND prompt_id NOT IN (SELECT id FROM prompt WHERE is_deleted)"""
_COUNTS = f"""WITH latest AS MATERIALIZED ({_LATEST})
SELECT '', count(DISTINCT prompt_id) FROM latest
UNION ALL SELECT value, count(DISTINCT prompt_id) FROM latest, json_each(latest.marks) GROUP BY value"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class MarkCounts:
    """How many prompts anybody has looked at, and how many of them anybody gave each mark."""

    prompts: int
    by_mark: Mapping[Mark, int]

    def percent(self, mark: Mark) -> float | None:
        """The share of a mark, 0 to 100; None where no prompt was looked at."""
        return 100 * self.by_mark[mark] / self.prompts if self.prompts else None


class PromptAnnotations(LabelActs):
    """Marks of prompts; each act is in the journal."""

    def annotate(self, prompt_id: int, marks: Collection[Mark], labeler: str) -> Changes:
        """Say which marks a prompt has, in place of what this labeler said before. Can be undone.

        Args:
            prompt_id: Of the prompt.
            marks: Those that apply; none is an answer, too.
            labeler: Who says so.

        Raises:
            DataError: If there is no such prompt, or a word is no mark.
        """
        for mark in sorted(marks):
            check_word(mark, MARKS, f"A mark of prompt {prompt_id}")
        check_text(labeler, "The labeler's name")
        with self.transaction():
            self._check_prompt_id(prompt_id)
            if self.marks(prompt_id, labeler) == frozenset(marks):
                return Changes(frozenset())
            row_id = self._add_marks(prompt_id, json.dumps([mark for mark in MARKS if mark in marks]), labeler)
            entry = self._log("annotation", labeler, prompt_id=prompt_id, annotation_id=row_id)
        return entry.changes

    def marks(self, prompt_id: int, labeler: str) -> frozenset[Mark] | None:
        """The marks that a labeler gave a prompt; None where they said nothing."""
        rows = self._read(
            "SELECT marks FROM prompt_annotation WHERE prompt_id = ? AND labeler = ? ORDER BY id DESC LIMIT 1",
            (prompt_id, labeler),
        )
        found = stored_json(rows[0][0], "The marks of a prompt") if rows else None
        return None if found is None else frozenset(found)

    def mark_counts(self) -> MarkCounts:
        """How often each mark was given, over all prompts that are not deleted."""
        found = dict(self._read(_COUNTS))
        return MarkCounts(found.get("", 0), {mark: found.get(mark, 0) for mark in MARKS})

    def _move(self, entry: JournalEntry, state: Literal["done", "undone"], who: str) -> None:
        """Say again what the act said, or what its labeler had said before it."""
        if entry.kind != "annotation":
            super()._move(entry, state, who)
            return
        check_text(who, "The name of who does this")
        (labeler,) = self._read("SELECT labeler FROM prompt_annotation WHERE id = ?", (entry.annotation_id,))[0]
        rows = self._read(
            "SELECT marks FROM prompt_annotation WHERE prompt_id = ? AND labeler = ? AND id < ? + ?"
            " ORDER BY id DESC LIMIT 1",
            (entry.prompt_id, labeler, entry.annotation_id, state == "done"),
        )
        self._add_marks(entry.prompt_id, rows[0][0] if rows else "null", labeler)
        self._db.execute("UPDATE journal SET state = ? WHERE id = ?", (state, entry.id))

    def _add_marks(self, prompt_id: int | None, marks: str, labeler: str) -> int:
        return self._insert(
            "INSERT INTO prompt_annotation (prompt_id, marks, labeler, created) VALUES (?, ?, ?, ?)",
            (prompt_id, marks, labeler, now()),
        )
