"""The prompts as a list to work through: searched, filtered, the unlabeled first, with how much each has."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from rlhf_studio.schema import PURPOSES, USE_CASES, Purpose, Source, Split, UseCase
from rlhf_studio.store.checks import check_word
from rlhf_studio.store.database import Changes
from rlhf_studio.store.prompts import PromptTable, fold, turns_from

PromptOrder = Literal["unlabeled_first", "oldest_first"]

_ORDERS: dict[PromptOrder, str] = {
    "unlabeled_first": "has_draft DESC, is_labeled, p.id",
    "oldest_first": "p.id",
}
# found once for all prompts: asking for each of 100,000 whether it has a label takes ten times as long
_LABELED = "labeled AS MATERIALIZED (SELECT DISTINCT prompt_id FROM live_demonstration)"


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


class PromptCount(NamedTuple):
    """How many prompts there are, and how many of them have a demonstration."""

    total: int
    labeled: int


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
        where, values = _filters(query, use_case, purpose, labeled)
        # ids are put in order first, so that neither texts are sorted nor anything is counted outside the page
        rows = self._read(
            f"""WITH {_LABELED}, page AS MATERIALIZED (
                SELECT p.id AS page_id, p.id IN labeled AS is_labeled,
                    p.id IN (SELECT prompt_id FROM unfinished) AS has_draft
                FROM prompt p {where} ORDER BY {_ORDERS[order]} LIMIT ? OFFSET ?)
            SELECT p.id, p.turns, p.use_case, p.split, p.source,
                (SELECT count(*) FROM live_demonstration WHERE prompt_id = page_id), has_draft,
                (SELECT count(*) FROM live_ranking WHERE prompt_id = page_id),
                (SELECT count(*) FROM answer_set_state WHERE prompt_id = page_id AND state = 'waiting')
            FROM page JOIN prompt p ON p.id = page_id ORDER BY {_ORDERS[order]}""",  # noqa: S608  fixed words only
            (*values, -1 if limit is None else limit, offset),
        )
        return tuple(_item(row) for row in rows)

    def count_prompts(self, query: str = "", purpose: Purpose | None = None) -> Mapping[UseCase, PromptCount]:
        """How many prompts of each use case fit; every use case is named, also where none does."""
        where, values = _filters(query, None, purpose, None)
        rows = self._read(
            f"""WITH {_LABELED} SELECT p.use_case, count(*), sum(p.id IN labeled)
            FROM prompt p {where} GROUP BY p.use_case""",  # noqa: S608
            values,
        )
        found = {use_case: PromptCount(total, labeled) for use_case, total, labeled in rows}
        return {use_case: found.get(use_case, PromptCount(0, 0)) for use_case in USE_CASES}

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


def _filters(
    query: str, use_case: UseCase | None, purpose: Purpose | None, labeled: bool | None
) -> tuple[str, tuple[Any, ...]]:
    """The WHERE of the filters that are given, and its values; blank queries find everything."""
    needle = fold(
        query.strip().encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    )  # no prompt holds half a character
    tests: dict[str, str | None] = {
        "p.id IN (SELECT prompt_id FROM prompt_search WHERE instr(text, ?))": needle or None,
        "p.use_case = ?": use_case,
        "p.id IN (SELECT prompt_id FROM prompt_purpose WHERE purpose = ?)": purpose,
    }
    wanted = {test: value for test, value in tests.items() if value is not None}
    clauses = [*wanted]
    if labeled is not None:
        clauses.append(f"p.id {'' if labeled else 'NOT '}IN labeled")
    return f"WHERE {' AND '.join(clauses)}" if clauses else "", tuple(wanted.values())


def _item(row: Any) -> PromptItem:
    prompt_id, turns, use_case, split, source, demonstrations, has_draft, rankings, waiting = row
    text = turns_from(turns)[-1].content
    return PromptItem(prompt_id, text, use_case, split, source, demonstrations, bool(has_draft), rankings, waiting)
