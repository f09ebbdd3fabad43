"""Several prompts added together with answers to them, as one act that can be undone.

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
from rlhf_studio.store.prompt_edits import PromptEdits

_DELETED, _THERE = {"is_deleted": 1}, {"is_deleted": 0}
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

    def _log_prompts(self, who: str, changes: Mapping[int, tuple[_Columns, _Columns]]) -> JournalEntry:
        """Write an act on prompts down: of each the columns that changed, before and after."""
        check_text(who, "The name of who does this")
        entry = self._log("prompts", who)
        self._db.executemany(
            "INSERT INTO journal_prompt (journal_id, prompt_id, before, after) VALUES (?, ?, ?, ?)",
            [(entry.id, i, json.dumps(before), json.dumps(after)) for i, (before, after) in changes.items()],
        )
        return entry
