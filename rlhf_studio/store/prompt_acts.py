"""Acts on prompts that concern more than one: prompts added together with their answers, and splits drawn again.

The journal keeps them as ``prompt_edits`` does: a prompt that was not there yet was a deleted one.
"""

import json
from collections.abc import Collection, Mapping, Sequence

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewPrompt
from rlhf_studio.store.checks import check_filled, check_text
from rlhf_studio.store.database import Changes, Written
from rlhf_studio.store.journal import JournalEntry
from rlhf_studio.store.labels import LabelTables
from rlhf_studio.store.prompt_edits import PromptEdit, PromptEdits
from rlhf_studio.store.prompts import turns_from
from rlhf_studio.store.splits import assign_splits

_DELETED, _THERE = {"is_deleted": 1}, {"is_deleted": 0}
_ALSO = """INSERT INTO journal_prompt (journal_id, prompt_id, before, after) VALUES (?, ?, ?, ?)
    ON CONFLICT (journal_id, prompt_id) DO UPDATE
    SET before = json_patch(before, excluded.before), after = json_patch(after, excluded.after)"""
_Columns = Mapping[str, int | str]


class PromptActs(PromptEdits):
    """Prompts added together with their answers."""

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

    def edit_prompts(self, ids: Collection[int], edit: PromptEdit, who: str = "") -> Written:
        """As ``PromptEdits``; where it brings the tenth author, splits are drawn again by author, in the same act."""
        with self.transaction():
            was_by_author = self._is_by_author()
            made = super().edit_prompts(ids, edit, who)
            if made.ids and not was_by_author and self._is_by_author():
                self._draw_again()
        return made

    def _draw_again(self) -> None:
        """Draw every split that was not given by author, as a part of the latest act."""
        rows = self._read("SELECT id, turns, author, family, split FROM prompt WHERE NOT is_split_given ORDER BY id")
        if not rows:
            return
        prompts = [NewPrompt(turns_from(turns), author=author, family=family) for _, turns, author, family, _ in rows]
        ids = [row[0] for row in rows]
        known = dict(self._known_splits(ids, prompts, by_author=True, is_changed=True))
        splits = assign_splits(prompts, by_author=True, given=known)
        (entry_id,) = self._read("SELECT max(id) FROM journal")[0]
        self._db.executemany(
            _ALSO,
            [
                (entry_id, row[0], json.dumps({"split": row[4]}), json.dumps({"split": split}))
                for row, split in zip(rows, splits, strict=True)
                if row[4] != split
            ],
        )
        self._put(entry_id, "after")

    def _log_prompts(self, who: str, changes: Mapping[int, tuple[_Columns, _Columns]]) -> JournalEntry:
        """Write an act on prompts down: of each the columns that changed, before and after."""
        check_text(who, "The name of who does this")
        entry = self._log("prompts", who)
        self._db.executemany(
            "INSERT INTO journal_prompt (journal_id, prompt_id, before, after) VALUES (?, ?, ?, ?)",
            [(entry.id, i, json.dumps(before), json.dumps(after)) for i, (before, after) in changes.items()],
        )
        return entry
