"""The library: all prompts that fit a query as ids, and the rows of those that are on screen.

The ids of 100,000 prompts are one small array, so a table knows its length and reads no row that nobody sees.
"""

import json
from collections.abc import Mapping, Sequence

from rlhf_studio.store.checks import stored_json
from rlhf_studio.store.prompt_list import PromptItem, PromptList, PromptQuery


class PromptLibrary(PromptList):
    """Every prompt that fits a query, and what can be asked for."""

    def find_ids(self, query: PromptQuery) -> list[int]:
        """The ids of all prompts that fit, oldest first."""
        where, values = self._where(query)
        # one row: between two rows sqlite3 lets a thread that trains go first
        found = self._read(
            f"SELECT json_group_array(id) FROM (SELECT p.id FROM prompt p WHERE {where} ORDER BY p.id)",  # noqa: S608
            values,
        )
        ids: list[int] = stored_json(found[0][0], "The ids of the prompts")
        return ids

    def prompt_items(self, ids: Sequence[int]) -> tuple[PromptItem, ...]:
        """The rows of some prompts, in ascending order of their ids; deleted ones are left out."""
        page = """SELECT p.id AS page_id, p.id IN (SELECT prompt_id FROM unfinished) AS has_draft
            FROM prompt p WHERE p.id IN (SELECT value FROM json_each(?)) AND NOT p.is_deleted"""
        return self._items(page, (json.dumps(list(ids)),), "p.id")

    def tags(self) -> Mapping[str, int]:
        """Every tag with the number of its prompts, in the order of the alphabet."""
        return self._tally(
            "SELECT tag, count(*) FROM prompt_tag WHERE prompt_id NOT IN"
            " (SELECT id FROM prompt WHERE is_deleted) GROUP BY tag ORDER BY tag"
        )

    def prompt_authors(self) -> Mapping[str, int]:
        """Every author with the number of their prompts, those with most first."""
        return self._tally("SELECT author, count(*) FROM live_prompt GROUP BY author ORDER BY count(*) DESC, author")

    def _tally(self, sql: str) -> Mapping[str, int]:
        return dict(self._read(sql))
