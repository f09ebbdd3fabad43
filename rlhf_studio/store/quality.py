"""What InstructGPT did to its prompts before labeling (section 3.2): no near duplicates, at most 200 of one user, and
splits by user. Lists of what is at odds with that, and acts that mend it, each of which can be undone.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from typing import Any

from rlhf_studio.errors import DataError
from rlhf_studio.schema import SPLITS, Split, UseCase
from rlhf_studio.store.checks import stored_json
from rlhf_studio.store.database import Changes, Written
from rlhf_studio.store.prompt_acts import PromptActs
from rlhf_studio.store.prompts import turns_from
from rlhf_studio.store.splits import MAX_PREFIX, MIN_PREFIX, PREFIX_LENGTH, group_of_turns

AUTHOR_CAP = 200  # the paper's: section 3.2 says of one user ID, appendix A.2 of one organization
CAP_META = "prompts.author_cap"
PREFIX_META = "duplicates.prefix_length"
PORTION = 1000  # prompts looked at in one go

_LABELED = (
    """labeled AS MATERIALIZED (SELECT prompt_id FROM live_demonstration UNION SELECT prompt_id FROM live_ranking)"""
)
_MEMBERS = f"""WITH {_LABELED}
SELECT id, CASE WHEN family = '' THEN id ELSE family END, id IN labeled, turns, author, use_case, split
FROM prompt WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id"""  # noqa: S608  fixed words


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One of several prompts that begin alike."""

    id: int
    text: str  # the last user turn
    author: str
    use_case: UseCase
    split: Split
    is_labeled: bool  # has a demonstration or a ranking
    is_kept: bool  # when the others are deleted


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Prompts with the same long prefix, those to keep first.

    One is kept: a labeled one before others, then the oldest. Examples of one few-shot family begin alike on purpose;
    they are no duplicates of each other and stay, or go, together.
    """

    prompts: tuple[Duplicate, ...]

    @property
    def surplus(self) -> tuple[int, ...]:
        """The ids of those that go."""
        return tuple(prompt.id for prompt in self.prompts if not prompt.is_kept)


@dataclass(frozen=True, slots=True)
class Scanned:
    """How far a look through the prompts has come, 0 to 1; the groups are there at the end."""

    done: float
    groups: tuple[DuplicateGroup, ...] | None = None


@dataclass(frozen=True, slots=True)
class AuthorExcess:
    """An author with more prompts than the cap, and which of them go."""

    author: str
    prompts: int
    surplus: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SplitCheck:
    """Whether everybody lies in one split; ``torn`` are those who do not, with the prompts of each split."""

    authors: int
    is_by_author: bool  # there are ten, so that splits go by author
    torn: dict[str, dict[Split, int]] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether nobody is in two splits, or splits do not go by author."""
        return not (self.is_by_author and self.torn)


class PromptQuality(PromptActs):
    """Duplicates, caps and splits of the prompts that are not deleted."""

    # --- duplicates

    @property
    def prefix_length(self) -> int:
        """How many characters must be the same at the beginning of prompts that are listed as duplicates.

        The groups that splits go by are those of ``PREFIX_LENGTH``, whatever is chosen here, so that no choice moves a
        prompt that was held out.
        """
        rows = self._read("SELECT value FROM meta WHERE name = ?", (PREFIX_META,))
        return int(rows[0][0]) if rows else PREFIX_LENGTH

    def set_prefix_length(self, length: int) -> Changes:
        """Choose how long the common prefix of duplicates is, in characters.

        Raises:
            DataError: If it is outside 16 to 100,000.
        """
        if not MIN_PREFIX <= length <= MAX_PREFIX:
            raise DataError(f"A prefix of {length} characters is outside {MIN_PREFIX} to {MAX_PREFIX}. Choose another.")
        with self.transaction():
            self._keep_meta(PREFIX_META, str(length))
        return Changes(frozenset({"meta"}))

    def find_duplicates(self) -> Iterator[Scanned]:
        """Look through all prompts, in portions that take some milliseconds; the last portion brings the groups."""
        length = self.prefix_length
        is_known = length == PREFIX_LENGTH  # these groups are in the table
        groups: dict[str, list[int]] = defaultdict(list)
        (last,) = self._read("SELECT coalesce(max(id), 0) FROM prompt")[0]
        seen = 0
        while seen < last:
            rows = self._read(
                "SELECT id, duplicate_group, CASE WHEN ? THEN '' ELSE turns END FROM prompt"
                " WHERE id > ? AND NOT is_deleted ORDER BY id LIMIT ?",
                (is_known, seen, PORTION),
            )
            names = [row[1] for row in rows] if is_known else _group_all([row[2] for row in rows], length)
            for (prompt_id, _, _), name in zip(rows, names, strict=True):
                groups[name].append(prompt_id)
            seen = rows[-1][0] if len(rows) == PORTION else last
            yield Scanned(seen / last)
        yield Scanned(1.0, self._torn_apart(ids for ids in groups.values() if len(ids) > 1))

    def _torn_apart(self, groups: Iterable[Sequence[int]]) -> tuple[DuplicateGroup, ...]:
        """Say of each group who stays; the largest first."""
        several = list(groups)
        wanted = json.dumps([prompt_id for ids in several for prompt_id in ids])
        rows = {row[0]: row for row in self._read(_MEMBERS, (wanted,))}
        found = [_group([rows[prompt_id] for prompt_id in ids if prompt_id in rows]) for ids in several]
        return tuple(sorted((g for g in found if g.surplus), key=lambda g: (-len(g.prompts), g.prompts[0].id)))

    # --- the cap

    @property
    def author_cap(self) -> int:
        """How many prompts of one author are enough; 0 is no limit."""
        rows = self._read("SELECT value FROM meta WHERE name = ?", (CAP_META,))
        return int(rows[0][0]) if rows else AUTHOR_CAP

    def set_author_cap(self, cap: int) -> Changes:
        """Choose how many prompts of one author are enough; 0 is no limit. Deletes nothing.

        Raises:
            DataError: If it is below 0.
        """
        if cap < 0:
            raise DataError(f"At most {cap} prompts of one author is no number. Use 0 for no limit, or more.")
        with self.transaction():
            self._keep_meta(CAP_META, str(cap))
        return Changes(frozenset({"meta"}))

    def beyond_cap(self, seed: int = 0) -> tuple[AuthorExcess, ...]:
        """Authors with more prompts than the cap, most first; prompts without an author are not counted.

        Labeled prompts stay first, and which of the others do is drawn with the seed; the same prompts give the same
        draw, and those that were drawn to stay do so when others are added until these are drawn, too.
        """
        cap = self.author_cap
        if not cap:
            return ()
        rows = self._read(
            f"""WITH {_LABELED}, many AS MATERIALIZED (
                SELECT author FROM prompt WHERE author <> '' GROUP BY author HAVING count(*) > ?)
            SELECT p.author, p.id, p.id IN labeled FROM many JOIN prompt p USING (author) WHERE NOT p.is_deleted
            ORDER BY p.author""",  # noqa: S608  fixed words
            (cap,),
        )
        found = []
        for author, entries in groupby(rows, key=lambda row: row[0]):
            drawn = sorted(entries, key=lambda row: (not row[2], _draw(seed, row[1])))
            surplus = tuple(sorted(row[1] for row in drawn[cap:]))
            if surplus:
                found.append(AuthorExcess(author, len(drawn), surplus))
        return tuple(sorted(found, key=lambda one: (-one.prompts, one.author)))

    # --- splits

    def check_splits(self) -> SplitCheck:
        """Whether nobody's prompts lie in two splits."""
        rows = self._read(
            "SELECT author, split, count(*) FROM prompt WHERE author <> '' AND NOT is_deleted GROUP BY author, split"
        )
        by_author: dict[str, dict[Split, int]] = defaultdict(dict)
        for author, split, count in rows:
            by_author[author][split] = count
        torn = {author: splits for author, splits in sorted(by_author.items()) if len(splits) > 1}
        return SplitCheck(len(by_author), self._is_by_author(), torn)

    def mend_splits(self, who: str) -> Written:
        """Put everybody who is in two splits into the one that most of their prompts are in, as an act of its own.

        Of equally many the later of train, valid and test is taken, so that what was held out stays so. The ids are
        those of the prompts that moved.
        """
        with self.transaction():
            check = self.check_splits()
            moved: dict[int, tuple[dict[str, Any], dict[str, Any]]] = {}
            for author, splits in check.torn.items() if check.is_by_author else ():
                home = max(splits, key=lambda split: (splits[split], SPLITS.index(split)))
                rows = self._read("SELECT id, split FROM prompt WHERE author = ? AND split <> ?", (author, home))
                moved |= {prompt_id: ({"split": split}, {"split": home}) for prompt_id, split in rows}
            if not moved:
                return Written((), Changes(frozenset()))
            entry = self._log_prompts(who, moved)
            self._put(entry.id, "after")
        return Written(tuple(sorted(moved)), entry.changes)

    def _keep_meta(self, name: str, value: str) -> None:
        self._db.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )


def surplus_of(groups: Iterable[DuplicateGroup | AuthorExcess]) -> tuple[int, ...]:
    """The ids of all that go."""
    return tuple(prompt_id for group in groups for prompt_id in group.surplus)


def _group_all(turns: Sequence[str], length: int) -> list[str]:
    """The groups of prompts as the table keeps them, read as one text: that is a third faster."""
    parsed = stored_json(f"[{','.join(turns)}]", "The turns of prompts")
    return [group_of_turns(one, length) for one in parsed]


def _group(rows: Sequence[Any]) -> DuplicateGroup:
    units: dict[Any, list[Any]] = {}
    for row in rows:
        units.setdefault(row[1], []).append(row)
    ordered = sorted(units.values(), key=lambda unit: (not any(row[2] for row in unit), unit[0][0]))
    return DuplicateGroup(
        tuple(_duplicate(row, is_kept=place == 0) for place, unit in enumerate(ordered) for row in unit)
    )


def _duplicate(row: Sequence[Any], *, is_kept: bool) -> Duplicate:
    prompt_id, _, is_labeled, turns, author, use_case, split = row
    text = turns_from(turns)[-1].content
    return Duplicate(prompt_id, text, author, use_case, split, bool(is_labeled), is_kept)


def _draw(seed: int, prompt_id: int) -> bytes:
    """A number by chance for each prompt, which depends on nothing else."""
    return sha256(f"{seed} {prompt_id}".encode()).digest()
