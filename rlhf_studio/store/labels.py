"""Demonstrations, completions and rankings: what people wrote, what models answered, and how it was ordered.

Labels are only ever added. Taking one back, or back in, is one more row, so that nothing is lost.
"""

import json
from collections.abc import Sequence
from itertools import groupby
from typing import Any, Literal

from rlhf_studio.errors import DataError
from rlhf_studio.schema import Completion, Demonstration, NewCompletion, Ranking, Sampling
from rlhf_studio.store.checks import (
    check_completion,
    check_confidence,
    check_filled,
    check_ranking,
    check_text,
    stored_json,
)
from rlhf_studio.store.database import Changes, Written, now, written
from rlhf_studio.store.prompts import PromptTable

_Label = Literal["demonstration", "ranking"]
_NOTHING = Changes(frozenset())
_OF_LIVE_PROMPTS = "(SELECT * FROM {} WHERE prompt_id NOT IN (SELECT id FROM prompt WHERE is_deleted))"
DEMONSTRATION = "id, prompt_id, text, author, replaces, model"
_RANKING = "id, prompt_id, seconds, labeler, is_simulated, is_repeat, replaces, confidence, note, is_all_bad"


class LabelTables(PromptTable):
    """Labels of the prompts, append-only, with retraction."""

    def add_demonstration(
        self, prompt_id: int, text: str, author: str, *, replaces: int | None = None, model: str = ""
    ) -> Written:
        """Keep an answer that a person wrote, made of a model's answer where ``model`` names one.

        Raises:
            DataError: If it is empty or answers no prompt of this project.
        """
        check_filled(text, f"The demonstration for prompt {prompt_id}")
        for name in (author, model):
            check_text(name, "The author's name")
        with self.transaction():
            self._check_prompt_id(prompt_id)
            row_id = self._insert(
                "INSERT INTO demonstration (prompt_id, text, author, created, replaces, model)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (prompt_id, text, author, now(), replaces, model),
            )
        return written([row_id], "demonstration")

    def import_demonstrations(self, rows: Sequence[tuple[int, str, str]]) -> Written:
        """Keep answers that come from elsewhere, each a prompt's id, a text and its author; no act to be undone.

        Raises:
            DataError: If one is empty or answers no prompt of this project.
        """
        for prompt_id, text, author in rows:
            check_filled(text, f"The demonstration for prompt {prompt_id}")
            check_text(author, "The author's name")
        with self.transaction():
            for prompt_id in {row[0] for row in rows}:
                self._check_prompt_id(prompt_id)
            ids = [
                self._insert(
                    "INSERT INTO demonstration (prompt_id, text, author, created) VALUES (?, ?, ?, ?)", (*row, now())
                )
                for row in rows
            ]
        return written(ids, "demonstration")

    def add_completions(self, completions: Sequence[NewCompletion]) -> Written:
        """Keep sampled answers; an empty answer is one, too.

        Raises:
            DataError: If a prompt is not in this project, or settings or token ids are out of range.
        """
        for completion in completions:
            check_completion(completion)
        with self.transaction():
            for prompt_id in {completion.prompt_id for completion in completions}:
                self._check_prompt_id(prompt_id)
            ids = [self._add_completion(completion) for completion in completions]
        return written(ids, "completion")

    def add_ranking(
        self,
        prompt_id: int,
        tiers: Sequence[Sequence[int]],
        shown_order: Sequence[int] = (),
        seconds: float = 0.0,
        labeler: str = "",
        *,
        is_simulated: bool = False,
        is_repeat: bool = False,
        replaces: int | None = None,
        confidence: int | None = None,
        note: str = "",
        is_all_bad: bool = False,
    ) -> Written:
        """Keep a labeler's order of completions of one prompt: ids in tiers, best first, ties in one tier.

        Raises:
            DataError: If fewer than two are ranked, one twice or in no tier, one of another prompt, or all are the
                same text; if the confidence is not 1, 2, 3 or None.
        """
        check_ranking(prompt_id, tiers, shown_order, seconds)
        check_text(labeler, "The labeler's name")
        check_text(note, "The note")
        check_confidence(confidence, f"The ranking of prompt {prompt_id}")
        ids = [completion_id for tier in tiers for completion_id in tier]
        position = {completion_id: place for place, completion_id in enumerate(shown_order)}
        with self.transaction():
            self._check_prompt_id(prompt_id)
            self._check_answers(prompt_id, ids)
            row_id = self._insert(
                "INSERT INTO ranking (prompt_id, size, seconds, labeler, is_simulated, created, is_repeat, replaces,"
                " confidence, note, is_all_bad) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    prompt_id,
                    len(ids),
                    float(seconds),
                    labeler,
                    is_simulated,
                    now(),
                    is_repeat,
                    replaces,
                    confidence,
                    note,
                    is_all_bad,
                ),
            )
            self._db.executemany(
                "INSERT INTO ranking_entry (ranking_id, completion_id, tier, position) VALUES (?, ?, ?, ?)",
                [(row_id, i, place, position.get(i)) for place, tier in enumerate(tiers) for i in tier],
            )
        return written([row_id], "ranking")

    def retract_demonstration(self, demonstration_id: int, who: str = "") -> Changes:
        """Take a demonstration back; where it already is, nothing happens."""
        return self._retract("demonstration", demonstration_id, who, is_retracted=True)

    def restore_demonstration(self, demonstration_id: int, who: str = "") -> Changes:
        """Take a demonstration back in."""
        return self._retract("demonstration", demonstration_id, who, is_retracted=False)

    def retract_ranking(self, ranking_id: int, who: str = "") -> Changes:
        """Take a ranking back; where it already is, nothing happens."""
        return self._retract("ranking", ranking_id, who, is_retracted=True)

    def restore_ranking(self, ranking_id: int, who: str = "") -> Changes:
        """Take a ranking back in."""
        return self._retract("ranking", ranking_id, who, is_retracted=False)

    def demonstrations(
        self, prompt_id: int | None = None, *, include_retracted: bool = False
    ) -> tuple[Demonstration, ...]:
        """The demonstrations of one prompt or of all, oldest first."""
        table = _OF_LIVE_PROMPTS.format("demonstration") if include_retracted else "live_demonstration"
        where, values = _of_prompt(prompt_id)
        rows = self._read(f"SELECT {DEMONSTRATION} FROM {table} {where} ORDER BY id", values)  # noqa: S608
        return tuple(Demonstration(*row) for row in rows)

    def completions(self, prompt_id: int) -> tuple[Completion, ...]:
        """The sampled answers to one prompt, oldest first."""
        rows = self._read(
            "SELECT id, prompt_id, text, model, checkpoint, temperature, top_p, max_new_tokens, seed, token_ids,"
            " is_finished FROM completion WHERE prompt_id = ? ORDER BY id",
            (prompt_id,),
        )
        return tuple(_completion(row) for row in rows)

    def rankings(self, prompt_id: int | None = None, *, include_retracted: bool = False) -> tuple[Ranking, ...]:
        """The rankings of one prompt or of all, oldest first; ids within a tier ascend."""
        table = _OF_LIVE_PROMPTS.format("ranking") if include_retracted else "live_ranking"
        where, values = _of_prompt(prompt_id)
        rows = self._read(
            f"""SELECT {_RANKING}, completion_id, tier, position
            FROM {table} JOIN ranking_entry ON ranking_id = id {where}
            ORDER BY id, tier, completion_id""",  # noqa: S608  fixed words
            values,
        )
        return tuple(_ranking(list(entries)) for _, entries in groupby(rows, key=lambda row: row[0]))

    def ranking(self, ranking_id: int) -> Ranking:
        """One ranking, also one that was taken back.

        Raises:
            DataError: If there is none with this id.
        """
        rows = self._read(
            f"""SELECT {_RANKING}, completion_id, tier, position FROM ranking JOIN ranking_entry ON ranking_id = id
            WHERE id = ? ORDER BY tier, completion_id""",  # noqa: S608  fixed words
            (ranking_id,),
        )
        if not rows:
            raise DataError(f"There is no ranking {ranking_id} in this project. Choose one that is in the list.")
        return _ranking(rows)

    def _add_completion(self, completion: NewCompletion) -> int:
        sampling = completion.sampling
        return self._insert(
            "INSERT INTO completion (prompt_id, text, model, checkpoint, temperature, top_p, max_new_tokens, seed,"
            " token_ids, is_finished, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                completion.prompt_id,
                completion.text,
                completion.model,
                completion.checkpoint,
                float(sampling.temperature),
                float(sampling.top_p),
                sampling.max_new_tokens,
                sampling.seed,
                json.dumps(completion.token_ids),
                completion.is_finished,
                now(),
            ),
        )

    def _check_answers(self, prompt_id: int, ids: Sequence[int]) -> None:
        texts = []
        for completion_id in ids:
            rows = self._read("SELECT prompt_id, text FROM completion WHERE id = ?", (completion_id,))
            if not rows or rows[0][0] != prompt_id:
                raise DataError(
                    f"Completion {completion_id} does not answer prompt {prompt_id}. "
                    "Rank only completions of the same prompt."
                )
            texts.append(rows[0][1])
        if len(set(texts)) == 1:
            raise DataError(
                f"All {len(texts)} answers to prompt {prompt_id} are the same text ({texts[0][:40]!r}), "
                "so their order says nothing. Sample them again at a higher temperature."
            )

    def _retract(self, label: _Label, label_id: int, who: str, *, is_retracted: bool) -> Changes:
        check_text(who, "The name of who does this")
        with self.transaction():
            if not self._read(f"SELECT 1 FROM {label} WHERE id = ?", (label_id,)):  # noqa: S608  one of two fixed words
                raise DataError(f"There is no {label} {label_id} in this project. Choose one that is in the list.")
            is_live = bool(self._read(f"SELECT 1 FROM live_{label} WHERE id = ?", (label_id,)))  # noqa: S608  likewise
            if is_live != is_retracted:
                return _NOTHING
            self._insert(
                f"INSERT INTO retraction ({label}_id, is_retracted, who, created) VALUES (?, ?, ?, ?)",  # noqa: S608
                (label_id, is_retracted, who, now()),
            )
        return Changes(frozenset({label}))


def _of_prompt(prompt_id: int | None) -> tuple[str, tuple[int, ...]]:
    return ("", ()) if prompt_id is None else ("WHERE prompt_id = ?", (prompt_id,))


def _completion(row: Sequence[Any]) -> Completion:
    completion_id, prompt_id, text, model, checkpoint, *sampling, token_ids, is_finished = row
    return Completion(
        completion_id,
        prompt_id,
        text,
        model,
        checkpoint,
        Sampling(*sampling),
        tuple(stored_json(token_ids, "The token ids of an answer")),
        is_finished=bool(is_finished),
    )


def _ranking(entries: list[Any]) -> Ranking:
    ranking_id, prompt_id, seconds, labeler, is_simulated, is_repeat, replaces, confidence, note, is_all_bad = entries[
        0
    ][:-3]
    tiers = tuple(tuple(row[-3] for row in tier) for _, tier in groupby(entries, key=lambda row: row[-2]))
    shown = sorted((row[-1], row[-3]) for row in entries if row[-1] is not None)
    return Ranking(
        ranking_id,
        prompt_id,
        tiers,
        tuple(i for _, i in shown),
        seconds,
        labeler,
        is_simulated=bool(is_simulated),
        is_repeat=bool(is_repeat),
        replaces=replaces,
        confidence=confidence,
        note=note,
        is_all_bad=bool(is_all_bad),
    )
