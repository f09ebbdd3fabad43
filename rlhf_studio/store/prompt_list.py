"""The prompts as a list to work through: searched, filtered, the unlabeled first, with how much each has."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from rlhf_studio.schema import PURPOSES, USE_CASES, Purpose, Source, Split, UseCase
from rlhf_studio.store.checks import check_word, stored_json
from rlhf_studio.store.database import Changes
from rlhf_studio.store.prompt_search import needle
from rlhf_studio.store.prompts import PromptTable, turns_from

PromptOrder = Literal["unlabeled_first", "oldest_first"]

_ORDERS: dict[PromptOrder, str] = {
    "unlabeled_first": "has_draft DESC, is_labeled, p.id",
    "oldest_first": "p.id",
}
# found once for all prompts: asking for each of 100,000 whether it has a label takes ten times as long
DEMONSTRATED = "labeled AS MATERIALIZED (SELECT DISTINCT prompt_id FROM live_demonstration)"
_IS_DEMONSTRATED = "+p.id IN (SELECT prompt_id FROM live_demonstration)"
_IS_RANKED = "+p.id IN (SELECT prompt_id FROM live_ranking)"


@dataclass(frozen=True, slots=True)
class PromptItem:
    """One row of the list; labels that were taken back are not counted."""

    id: int
    text: str  # the last user turn
    use_case: UseCase
    split: Split
    source: Source
    demonstrations: int
    has_draft: bool
    rankings: int
    waiting_sets: int
    author: str = ""
    tags: tuple[str, ...] = ()  # in the order of the alphabet


class PromptCount(NamedTuple):
    """How many prompts there are, and how many of them have a demonstration."""

    total: int
    labeled: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptQuery:
    """Which prompts are wanted: those that fit everything that is given.

    Attributes:
        text: Looked for in every turn, whatever its case or width; blanks find everything.
        is_demonstrated: Whether there is a live demonstration.
        is_ranked: Whether there is a live ranking.
    """

    text: str = ""
    use_case: UseCase | None = None
    source: Source | None = None
    split: Split | None = None
    purpose: Purpose | None = None
    tag: str | None = None
    author: str | None = None
    is_demonstrated: bool | None = None
    is_ranked: bool | None = None


class PromptList(PromptTable):
    """Pages of prompts and their counts."""

    def find_prompts(
        self,
        query: str = "",
        use_case: UseCase | None = None,
        purpose: Purpose | None = None,
        *,
        labeled: bool | None = None,
        order: PromptOrder = "unlabeled_first",
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[PromptItem, ...]:
        """A page of the prompts that fit every filter.

        ``query`` is looked for in every turn, whatever its case or width. ``labeled`` asks for prompts with or without
        a live demonstration. Prompts with a draft come first, then those without a demonstration, then the others.
        """
        wanted = PromptQuery(text=query, use_case=use_case, purpose=purpose, is_demonstrated=labeled)
        where, values = self._where(wanted)
        # ids are put in order first, so that neither texts are sorted nor anything is counted outside the page
        page = f"""SELECT p.id AS page_id, p.id IN labeled AS is_labeled,
                p.id IN (SELECT prompt_id FROM unfinished) AS has_draft
            FROM prompt p WHERE {where} ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?"""  # noqa: S608  fixed words only
        return self._items(page, (*values, -1 if limit is None else limit, offset), _ORDERS[order])

    def count_prompts(self, query: str = "", purpose: Purpose | None = None) -> Mapping[UseCase, PromptCount]:
        """How many prompts of each use case fit; every use case is named, also where none does."""
        return self.count_query(PromptQuery(text=query, purpose=purpose))

    def count_query(self, query: PromptQuery) -> Mapping[UseCase, PromptCount]:
        """How many prompts of each use case fit; every use case is named, also where none does."""
        where, values = self._where(query)
        rows = self._read(
            f"""WITH {DEMONSTRATED} SELECT p.use_case, count(*), sum(p.id IN labeled)
            FROM prompt p WHERE {where} GROUP BY p.use_case""",  # noqa: S608
            values,
        )
        found = {use_case: PromptCount(total, labeled) for use_case, total, labeled in rows}
        return {use_case: found.get(use_case, PromptCount(0, 0)) for use_case in USE_CASES}

    def _where(self, query: PromptQuery) -> tuple[str, tuple[Any, ...]]:
        """The condition that a prompt ``p`` fits, and its values; deleted ones never do."""
        tests: dict[str, Any] = {
            "p.use_case = ?": query.use_case,
            "p.source = ?": query.source,
            "p.split = ?": query.split,
            "p.author = ?": query.author,
            "+p.id IN (SELECT prompt_id FROM prompt_purpose WHERE purpose = ?)": query.purpose,
            "+p.id IN (SELECT prompt_id FROM prompt_tag WHERE tag = ?)": query.tag,
        }
        wanted = self._holding(needle(query.text)) | {test: one for test, one in tests.items() if one is not None}
        clauses = ["p.is_deleted = 0", *wanted]
        for test, is_wanted in ((_IS_DEMONSTRATED, query.is_demonstrated), (_IS_RANKED, query.is_ranked)):
            if is_wanted is not None:
                clauses.append(test if is_wanted else f"NOT {test}")
        return " AND ".join(clauses), tuple(wanted.values())

    def _items(self, page: str, values: Sequence[Any], order: str) -> tuple[PromptItem, ...]:
        """The prompts of a page, which is a query of page_id and has_draft."""
        rows = self._read(
            f"""WITH {DEMONSTRATED}, page AS MATERIALIZED ({page})
            SELECT p.id, p.turns, p.use_case, p.split, p.source,
                (SELECT count(*) FROM live_demonstration WHERE prompt_id = page_id), has_draft,
                (SELECT count(*) FROM live_ranking WHERE prompt_id = page_id),
                (SELECT count(*) FROM answer_set_state WHERE prompt_id = page_id AND state = 'waiting'), p.author,
                (SELECT json_group_array(tag) FROM (SELECT tag FROM prompt_tag WHERE prompt_id = page_id ORDER BY tag))
            FROM page JOIN prompt p ON p.id = page_id ORDER BY {order}""",  # noqa: S608  fixed words only
            values,
        )
        return tuple(_item(row) for row in rows)

    def set_purposes(self, prompt_id: int, purposes: Collection[Purpose]) -> Changes:
        """Say anew what a prompt is for.

        Raises:
            DataError: If there is no such prompt, or a word is no purpose.
        """
        for purpose in sorted(purposes):
            check_word(purpose, PURPOSES, f"A purpose of prompt {prompt_id}")
        with self.transaction():
            if self.prompt(prompt_id).purposes == frozenset(purposes):
                return Changes(frozenset())
            self._db.execute("DELETE FROM prompt_purpose WHERE prompt_id = ?", (prompt_id,))
            self._db.executemany(
                "INSERT INTO prompt_purpose (prompt_id, purpose) VALUES (?, ?)",
                [(prompt_id, purpose) for purpose in sorted(set(purposes))],
            )
        return Changes(frozenset({"prompt"}))


def _item(row: Any) -> PromptItem:
    prompt_id, turns, use_case, split, source, demonstrations, has_draft, rankings, waiting, author, tags = row
    text, tagged = turns_from(turns)[-1].content, tuple(stored_json(tags, "The tags of a prompt"))
    return PromptItem(
        prompt_id, text, use_case, split, source, demonstrations, bool(has_draft), rankings, waiting, author, tagged
    )
