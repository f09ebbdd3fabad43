"""The prompts of a project: adding them with their splits, and pages of them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewPrompt, Prompt, Purpose, Split, Turn, UseCase
from rlhf_studio.store.checks import check_prompt, stored_json
from rlhf_studio.store.database import Written, now, written
from rlhf_studio.store.prompt_search import PromptSearch, fold
from rlhf_studio.store.splits import MIN_AUTHORS, assign_splits, duplicate_group, split_unit

_COLUMNS = """p.id, p.turns, p.use_case, p.source,
    (SELECT group_concat(purpose) FROM prompt_purpose WHERE prompt_id = p.id), p.author, p.split"""

# whose split is the author's or the family's says nothing about their duplicates
_OTHERS = {
    ("author", True): "",
    ("family", True): "AND author = ''",
    ("family", False): "",
    ("duplicate_group", True): "AND author = '' AND family = ''",
    ("duplicate_group", False): "AND family = ''",
}


def turns_from(text: str) -> tuple[Turn, ...]:
    """The turns as they are kept in the table."""
    return tuple(Turn(*turn) for turn in stored_json(text, "The turns of a prompt"))


def searchable(turns: Sequence[Turn]) -> str:
    """What a search for a prompt looks at: the folded text of all its turns."""
    return fold("\n".join(turn.content for turn in turns))


def _turns_to(turns: Sequence[Turn]) -> str:
    return json.dumps([[turn.role, turn.content] for turn in turns], ensure_ascii=False)


def _prompt(row: Sequence[Any]) -> Prompt:
    prompt_id, turns, use_case, source, purposes, author, split = row
    words: frozenset[Any] = frozenset(purposes.split(",") if purposes else ())
    return Prompt(prompt_id, turns_from(turns), use_case, source, words, author, split)


class PromptTable(PromptSearch):
    """Prompts and their purposes. Deleted ones are hidden, but keep their keys and the splits of their authors."""

    def add_prompts(self, prompts: Sequence[NewPrompt]) -> Written:
        """Add prompts and give those without a split one.

        Once ten authors are known the splits go by author, so that nobody is in two: with the prompt that brings the
        tenth, every split that was not given is drawn again. No other prompt ever changes its split; a new one goes
        where its author or its duplicates are.

        Raises:
            DataError: If one is empty, ends with an answer, holds an unknown word or a key that is already there.
        """
        for place, prompt in enumerate(prompts, start=1):
            check_prompt(prompt, f"Prompt {place} of {len(prompts)}")
        with self.transaction():
            self._check_keys(prompts)
            self._has_index()  # while it still holds every prompt there is
            was_by_author = self._is_by_author()
            # the authors must be in the table before it can be said whether splits go by author
            ids = [self._add_prompt(prompt) for prompt in prompts]
            self._add_texts([(prompt_id, searchable(one.turns)) for prompt_id, one in zip(ids, prompts, strict=True)])
            by_author = self._is_by_author()
            is_changed = by_author and not was_by_author
            if ids:
                self._assign(ids, prompts, by_author=by_author, is_changed=is_changed)
            if is_changed:
                self._assign_again(before=min(ids))
        return written(ids, "prompt")

    def prompts(
        self,
        purpose: Purpose | None = None,
        split: Split | None = None,
        use_case: UseCase | None = None,
        *,
        limit: int | None = None,
        offset: int = 0,
    ) -> tuple[Prompt, ...]:
        """A page of the prompts that fit every filter given, oldest first."""
        tests = {
            "p.id IN (SELECT prompt_id FROM prompt_purpose WHERE purpose = ?)": purpose,
            "p.split = ?": split,
            "p.use_case = ?": use_case,
        }
        wanted = {test: value for test, value in tests.items() if value is not None}
        where = " AND ".join(("NOT p.is_deleted", *wanted))
        rows = self._read(
            f"SELECT {_COLUMNS} FROM prompt p WHERE {where} ORDER BY p.id LIMIT ? OFFSET ?",  # noqa: S608  fixed words
            (*wanted.values(), -1 if limit is None else limit, offset),
        )
        return tuple(_prompt(row) for row in rows)

    def prompt(self, prompt_id: int) -> Prompt:
        """One prompt.

        Raises:
            DataError: If there is none with this id, or it was deleted.
        """
        self._check_prompt_id(prompt_id)
        rows = self._read(f"SELECT {_COLUMNS} FROM prompt p WHERE p.id = ?", (prompt_id,))  # noqa: S608  fixed words
        return _prompt(rows[0])

    def has_prompt(self, prompt_id: int) -> bool:
        """Whether there is a prompt with this id that was not deleted."""
        return bool(self._read("SELECT 1 FROM prompt WHERE id = ? AND NOT is_deleted", (prompt_id,)))

    def prompt_ids(self) -> dict[str, int]:
        """The ids of the prompts that have a key, by key; also of deleted ones, whose keys stay taken."""
        return dict(self._read("SELECT key, id FROM prompt WHERE key IS NOT NULL ORDER BY id"))

    def brief(self, prompt_id: int) -> str:
        """The description of the use case that a prompt was written for; empty where there is none."""
        rows = self._read("SELECT brief FROM prompt WHERE id = ?", (prompt_id,))
        return str(rows[0][0]) if rows else ""

    def _check_prompt_id(self, prompt_id: int, *, may_be_deleted: bool = False) -> None:
        rows = self._read("SELECT is_deleted FROM prompt WHERE id = ?", (prompt_id,))
        if not rows:
            raise DataError(f"There is no prompt {prompt_id} in this project. Choose one that is in the list.")
        if rows[0][0] and not may_be_deleted:
            raise DataError(
                f"Prompt {prompt_id} was deleted. Undo brings it back; else choose one that is in the list."
            )

    def _check_keys(self, prompts: Sequence[NewPrompt]) -> None:
        seen: set[str] = set()
        for key in (prompt.key for prompt in prompts if prompt.key is not None):
            if key in seen or self._read("SELECT 1 FROM prompt WHERE key = ?", (key,)):
                raise DataError(f"The prompt key {key!r} is there already. Give each prompt a key of its own.")
            seen.add(key)

    def _add_prompt(self, prompt: NewPrompt) -> int:
        prompt_id = self._insert(
            "INSERT INTO prompt (key, turns, use_case, source, author, split, is_split_given, duplicate_group, created,"
            " brief, family) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                prompt.key,
                _turns_to(prompt.turns),
                prompt.use_case,
                prompt.source,
                prompt.author,
                prompt.split or "train",
                prompt.split is not None,
                duplicate_group(prompt.turns),
                now(),
                prompt.brief,
                prompt.family,
            ),
        )
        self._db.executemany(
            "INSERT INTO prompt_purpose (prompt_id, purpose) VALUES (?, ?)",
            [(prompt_id, purpose) for purpose in sorted(prompt.purposes)],
        )
        return prompt_id

    def _add_texts(self, rows: Sequence[tuple[int, str]]) -> None:
        """Let new prompts be found by their folded texts."""
        self._db.executemany("INSERT INTO prompt_search (prompt_id, text) VALUES (?, ?)", rows)
        self._index_texts(rows)

    def _is_by_author(self) -> bool:
        count = "SELECT count(*) FROM (SELECT DISTINCT author FROM prompt WHERE author <> '' LIMIT ?)"
        return bool(self._read(count, (MIN_AUTHORS,))[0][0] == MIN_AUTHORS)

    def _assign(
        self, ids: Sequence[int], prompts: Sequence[NewPrompt], *, by_author: bool, is_changed: bool = True
    ) -> None:
        known = dict(self._known_splits(ids, prompts, by_author=by_author, is_changed=is_changed))
        splits = assign_splits(prompts, by_author=by_author, given=known)
        self._db.executemany(
            "UPDATE prompt SET split = ? WHERE id = ? AND split <> ?",
            [(split, prompt_id, split) for split, prompt_id in zip(splits, ids, strict=True)],
        )

    def _known_splits(
        self, ids: Sequence[int], prompts: Sequence[NewPrompt], *, by_author: bool, is_changed: bool
    ) -> Iterator[tuple[str, Split]]:
        """The splits of older prompts of the same authors, families or duplicates; of those given where all changed."""
        oldest = min(ids)
        units = {}
        for prompt in prompts:
            group = duplicate_group(prompt.turns)
            lookup = ("duplicate_group", group)
            if by_author and prompt.author:
                lookup = ("author", prompt.author)
            elif prompt.family:
                lookup = ("family", prompt.family)
            units[split_unit(prompt.author, group, by_author=by_author, family=prompt.family)] = lookup
        for unit, (column, value) in units.items():
            rows = self._read(
                f"SELECT split FROM prompt WHERE {column} = ? AND is_split_given ORDER BY id LIMIT 1",  # noqa: S608  ours
                (value,),
            )
            if not rows and not is_changed:
                rows = self._read(
                    f"SELECT split FROM prompt WHERE {column} = ? AND id < ? {_OTHERS[column, by_author]}"  # noqa: S608
                    " ORDER BY id LIMIT 1",
                    (value, oldest),
                )
            if rows:
                yield unit, rows[0][0]

    def _assign_again(self, before: int) -> None:
        rows = self._read(
            "SELECT id, turns, author, family FROM prompt WHERE id < ? AND NOT is_split_given ORDER BY id", (before,)
        )
        if not rows:
            return
        prompts = [NewPrompt(turns_from(turns), author=author, family=family) for _, turns, author, family in rows]
        self._assign([row[0] for row in rows], prompts, by_author=True)
