"""Acts on whole prompts, which can be undone: several prompts added together, and prompts deleted.

A prompt is never removed: ``is_deleted`` hides it with its labels. The journal keeps what each prompt was like before
and after an act as JSON of the columns that changed; one that was not there yet was a deleted one.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewPrompt
from rlhf_studio.store.checks import check_filled, check_text, stored_json
from rlhf_studio.store.database import Changes, Written
from rlhf_studio.store.journal import JournalEntry, LabelActs
from rlhf_studio.store.labels import LabelTables

_COLUMNS = frozenset({"is_deleted", "split"})
_DELETED, _THERE = {"is_deleted": 1}, {"is_deleted": 0}
_Columns = Mapping[str, int | str]


class PromptActs(LabelActs):
    """Prompts added together with their answers, and prompts deleted."""

    def add_answered_prompts(
        self, prompts: Sequence[NewPrompt], answers: Sequence[str], author: str, *, tags: Collection[str] = ()
    ) -> Written:
        """Add prompts, a demonstration of each that has an answer, and tags of all, as one act that can be undone.

        Args:
            prompts: At least one.
            answers: One for each prompt; an empty one makes no demonstration.
            author: Of the demonstrations, and who does this.
            tags: For each of the prompts.

        Returns:
            The ids of the prompts.

        Raises:
            DataError: As ``add_prompts``; or if there are none, not as many answers as prompts, or a tag is empty.
        """
        if not prompts or len(answers) != len(prompts):
            raise DataError(f"{len(answers)} answers do not go with {len(prompts)} prompts. Give one for each.")
        for tag in tags:
            check_filled(tag, "A tag")
        with self.transaction():
            made = self.add_prompts(prompts)
            for prompt_id, answer in zip(made.ids, answers, strict=True):
                if answer.strip():
                    LabelTables.add_demonstration(self, prompt_id, answer.strip(), author)
            self._db.executemany(
                "INSERT INTO prompt_tag (tag, prompt_id) VALUES (?, ?)",
                [(tag, prompt_id) for tag in dict.fromkeys(tags) for prompt_id in made.ids],
            )
            entry = self._log_prompts(author, dict.fromkeys(made.ids, (_DELETED, _THERE)))
        tables = {"prompt", "prompt_tag", "demonstration"} if any(answers) else {"prompt", "prompt_tag"}
        return Written(made.ids, Changes(entry.changes.tables | tables))

    def hide_prompts(self, prompt_ids: Collection[int], who: str) -> Written:
        """Delete prompts, and with them their labels, as one act that can be undone; the ids are those deleted.

        Raises:
            DataError: If one is not in this project.
        """
        with self.transaction():
            for prompt_id in prompt_ids:
                self._check_prompt_id(prompt_id, may_be_deleted=True)
            known = {row[0] for row in self._read("SELECT id FROM prompt WHERE is_deleted")}
            ids = sorted(set(prompt_ids) - known)
            if not ids:
                return Written((), Changes(frozenset()))
            self._set_columns(dict.fromkeys(ids, _DELETED))
            entry = self._log_prompts(who, dict.fromkeys(ids, (_THERE, _DELETED)))
        return Written(tuple(ids), entry.changes)

    def _log_prompts(self, who: str, changes: Mapping[int, tuple[_Columns, _Columns]]) -> JournalEntry:
        """Write an act on prompts down: of each the columns that changed, before and after."""
        check_text(who, "The name of who does this")
        entry = self._log("prompts", who)
        self._db.executemany(
            "INSERT INTO journal_prompt (journal_id, prompt_id, before, after) VALUES (?, ?, ?, ?)",
            [(entry.id, i, json.dumps(before), json.dumps(after)) for i, (before, after) in changes.items()],
        )
        return entry

    def _move(self, entry: JournalEntry, state: Literal["done", "undone"], who: str) -> None:
        if entry.kind != "prompts":
            super()._move(entry, state, who)
            return
        column = "after" if state == "done" else "before"
        rows = self._read(
            f"SELECT prompt_id, {column} FROM journal_prompt WHERE journal_id = ?",  # noqa: S608  fixed words
            (entry.id,),
        )
        self._set_columns({prompt_id: stored_json(columns, "The journal") for prompt_id, columns in rows})
        self._db.execute("UPDATE journal SET state = ? WHERE id = ?", (state, entry.id))

    def _set_columns(self, changes: Mapping[int, _Columns]) -> None:
        for name in sorted({name for columns in changes.values() for name in columns} & _COLUMNS):
            self._db.executemany(
                f"UPDATE prompt SET {name} = ? WHERE id = ?",  # noqa: S608  of a fixed set
                [(columns[name], prompt_id) for prompt_id, columns in changes.items() if name in columns],
            )
