"""What the writer of demonstrations asks: which prompt is next and why, how far I am, what a text was before."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from rlhf_studio.errors import DataError
from rlhf_studio.schema import USE_CASE_PERCENT, USE_CASES, UseCase
from rlhf_studio.store.prompt_list import PromptCount, PromptList

QueueOrder = Literal["fewest", "paper", "random"]
QUEUE_ORDERS: tuple[QueueOrder, ...] = ("fewest", "paper", "random")

_HISTORY = """WITH RECURSIVE version (id) AS (
    SELECT ? UNION ALL SELECT replaces FROM demonstration JOIN version USING (id) WHERE replaces IS NOT NULL
) SELECT id, text, author, model, created, id IN (SELECT id FROM live_demonstration)
FROM demonstration JOIN version USING (id) ORDER BY id DESC"""
_FIRST = """WITH labeled AS MATERIALIZED (SELECT DISTINCT prompt_id FROM live_demonstration)
SELECT id, use_case, min({key}) FROM live_prompt WHERE use_case IN (SELECT value FROM json_each(?)) AND id <> ?
    AND id NOT IN labeled AND id NOT IN (SELECT value FROM json_each(?)) AND {test}"""
# The cube of a number modulo such a prime (p - 1 is no multiple of 3) is another number for each, and looks random.
_PRIME = 2147483579  # below 2**31: products of two stay within SQLite's 64 bits
_MOVED = "(id + 123456789)"  # small cubes would stay in order
_RANDOM = f"({_MOVED} * {_MOVED} % {_PRIME} * {_MOVED} % {_PRIME})"


@dataclass(frozen=True, slots=True)
class NextPrompt:
    """The prompt to answer next, and what speaks for it.

    Attributes:
        id: Of the prompt.
        use_case: Its use case.
        count: How many prompts of its use case there are, and how many have a demonstration, the open one counted in.
        waiting: Prompts without a demonstration among those that were looked through, without the open one.
    """

    id: int
    use_case: UseCase
    count: PromptCount
    waiting: int


@dataclass(frozen=True, slots=True)
class DemonstrationVersion:
    """A demonstration as it stood once. ``created`` is UTC, ISO 8601; ``is_live`` says whether it counts now."""

    id: int
    text: str
    author: str
    model: str
    created: str
    is_live: bool


class WritingDesk(PromptList):
    """Reads for those who write demonstrations."""

    def next_prompt(
        self,
        order: QueueOrder,
        use_case: UseCase | None = None,
        *,
        after: int = 0,
        passed: Collection[int] = (),
    ) -> NextPrompt | None:
        """The prompt without a demonstration that comes next; None where there is none.

        Args:
            order: "fewest": of the use case with the fewest demonstrations. "paper": of the use case that lacks most of
                its share in InstructGPT's table 1. "random": all in an order that looks random and is always the same.
            use_case: Of this one only.
            after: The prompt that is open, taken for answered by then. Those of the same use case (of all, at random)
                follow it; at the end it goes on from the top.
            passed: These were skipped and come when there is no other.
        """
        counts = {name: count for name, count in self.count_prompts().items() if use_case in {None, name}}
        for name in self._use_case_to_write(after):
            if name in counts:
                counts[name] = PromptCount(counts[name].total, counts[name].labeled + 1)
        waiting = sum(count.total - count.labeled for count in counts.values())
        names = [name for name in by_need(counts, order) if counts[name].labeled < counts[name].total]
        groups: list[tuple[UseCase, ...]] = [tuple(names)] if order == "random" else [(name,) for name in names]
        for skipped in (passed, ()):
            for group in groups:
                found = self._first_after(group, _RANDOM if order == "random" else "id", after, skipped)
                if found is not None:
                    return NextPrompt(found[0], found[1], counts[found[1]], waiting)
        return None

    def written_since(self, moment: str, author: str) -> Mapping[UseCase, int]:
        """How many demonstrations of each use case somebody wrote or edited since a moment (UTC, ISO 8601)."""
        rows = self._read(
            "SELECT p.use_case, count(*) FROM live_demonstration d JOIN prompt p ON p.id = d.prompt_id"
            " WHERE d.created >= ? AND d.author = ? GROUP BY p.use_case",
            (moment, author),
        )
        return {**dict.fromkeys(USE_CASES, 0), **dict(rows)}

    def demonstration_history(self, demonstration_id: int) -> tuple[DemonstrationVersion, ...]:
        """A demonstration and the versions that it replaced, newest first, each with when it was written.

        Raises:
            DataError: If there is none with this id.
        """
        rows = self._read(_HISTORY, (demonstration_id,))
        if not rows:
            raise DataError(f"There is no demonstration {demonstration_id} in this project. Choose one of the list.")
        return tuple(
            DemonstrationVersion(version_id, text, author, model, created, is_live=bool(is_live))
            for version_id, text, author, model, created, is_live in rows
        )

    def _use_case_to_write(self, prompt_id: int) -> list[UseCase]:
        """The use case of a prompt without a demonstration."""
        rows = self._read(
            "SELECT use_case FROM live_prompt WHERE id = ? AND id NOT IN (SELECT prompt_id FROM live_demonstration)",
            (prompt_id,),
        )
        return [row[0] for row in rows]

    def _first_after(
        self, use_cases: tuple[UseCase, ...], key: str, after: int, skipped: Collection[int]
    ) -> tuple[int, UseCase] | None:
        """The first unanswered prompt behind another one in an order of ids, from the top again at the end."""
        # a smallest key instead of an order: it need not be sorted, which takes four times as long for 100,000 prompts
        for test in (f"{key} > (SELECT {key} FROM (SELECT ? AS id))", "? IS NOT NULL"):  # noqa: S608  fixed words
            rows = self._read(
                _FIRST.format(key=key, test=test), (json.dumps(use_cases), after, json.dumps(sorted(skipped)), after)
            )
            if rows[0][0] is not None:
                return rows[0][0], rows[0][1]
        return None


def by_need(counts: Mapping[UseCase, PromptCount], order: QueueOrder) -> list[UseCase]:
    """Use cases, those first whose prompts are to be answered next.

    Args:
        counts: Prompts and answered prompts of each.
        order: "paper" compares each one's part of the demonstrations with its part in InstructGPT's table 1, both among
            these use cases; where the paper's part is missed by most comes first.
    """
    if order != "paper":
        return sorted(counts, key=lambda name: counts[name].labeled)
    wanted = sum(USE_CASE_PERCENT[name] for name in counts)
    written = sum(count.labeled for count in counts.values()) + 1  # with the one to come
    return sorted(counts, key=lambda name: counts[name].labeled - written * USE_CASE_PERCENT[name] / wanted)
