"""The library: all prompts that fit a query as ids, and the rows of those that are on screen.

The ids of 100,000 prompts are one small array, so a table knows its length and reads no row that nobody sees.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import NamedTuple

from rlhf_studio.schema import USE_CASES, UseCase
from rlhf_studio.store.checks import stored_json
from rlhf_studio.store.prompt_list import PromptItem, PromptList, PromptQuery


class PromptListing(NamedTuple):
    """All prompts that fit a query.

    Attributes:
        ids: Oldest first.
        counts: Of each use case, whichever the query asks for; every use case is named.
    """

    ids: list[int]
    counts: Mapping[UseCase, int]


class PromptLibrary(PromptList):
    """Every prompt that fits a query, and what can be asked for."""

    def list_prompts(self, query: PromptQuery) -> PromptListing:
        """The ids of all prompts that fit, and how they are spread over use cases.

        One reading of an index both lists and counts: on 100,000 prompts it takes 10 to 60 ms.
        """
        where, values = self._where(replace(query, use_case=None))
        # a row for each use case: between two rows sqlite3 lets a thread that trains go first
        rows = self._read(
            f"""SELECT p.use_case, count(*), json_group_array(p.id) FILTER (WHERE p.use_case = coalesce(?, p.use_case))
            FROM prompt p WHERE {where} GROUP BY p.use_case""",  # noqa: S608  fixed words
            (query.use_case, *values),
        )
        ids = sorted(chain.from_iterable(stored_json(some, "The ids of the prompts") for _, _, some in rows))
        return PromptListing(ids, dict.fromkeys(USE_CASES, 0) | {use_case: count for use_case, count, _ in rows})

    def find_ids(self, query: PromptQuery) -> list[int]:
        """The ids of all prompts that fit, oldest first."""
        return self.list_prompts(query).ids

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
