"""The prompts of a project: adding them with their splits, and pages of them."""

import json
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Any

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewPrompt, Prompt, Purpose, Split, Turn, UseCase
from rlhf_studio.store.checks import check_prompt, stored_json
from rlhf_studio.store.database import Database, Written, now, written
from rlhf_studio.store.splits import MIN_AUTHORS, assign_splits, duplicate_group, split_unit

_COLUMNS = """p.id, p.turns, p.use_case, p.source,
    (SELECT group_concat(purpose) FROM prompt_purpose WHERE prompt_id = p.id), p.author, p.split"""


def turns_from(text: str) -> tuple[Turn, ...]:
    """The turns as they are kept in the table."""
    return tuple(Turn(*turn) for turn in stored_json(text, "The turns of a prompt"))


def fold(text: str) -> str:
    """Text as it is searched: letter case and Unicode forms of width make no difference."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def searchable(turns: Sequence[Turn]) -> str:
    """What a search for a prompt looks at: the folded text of all its turns."""
    return fold("\n".join(turn.content for turn in turns))


def _turns_to(turns: Sequence[Turn]) -> str:
    return json.dumps([[turn.role, turn.content] for turn in turns], ensure_ascii=False)


def _prompt(row: Sequence[Any]) -> Prompt:
    prompt_id, turns, use_case, source, purposes, author, split = row
    words: frozenset[Any] = frozenset(purposes.split(",") if purposes else ())
    return Prompt(prompt_id, turns_from(turns), use_case, source, words, author, split)


class PromptTable(Database):
    """Prompts and their purposes."""

    def add_prompts(self, prompts: Sequence[NewPrompt]) -> Written:
        """Add prompts and give those without a split one.

        Once ten authors are known the splits go by author, so that nobody is in two: with the prompt that brings the
        tenth, every split that was not given is drawn again. No other prompt ever changes its split.

        Raises:
            DataError: If one is empty, ends with an answer, holds an unknown word or a key that is already there.
        """
        for place, prompt in enumerate(prompts, start=1):
            check_prompt(prompt, f"Prompt {place} of {len(prompts)}")
        with self.transaction():
            self._check_keys(prompts)
            was_by_author = self._is_by_author()
            # the authors must be in the table before it can be said whether splits go by author
            ids = [self._add_prompt(prompt) for prompt in prompts]
            by_author = self._is_by_author()
            self._assign(ids, prompts, by_author=by_author)
            if by_author and not was_by_author:
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
        where = f"WHERE {' AND '.join(wanted)}" if wanted else ""
        rows = self._read(
            f"SELECT {_COLUMNS} FROM prompt p {where} ORDER BY p.id LIMIT ? OFFSET ?",  # noqa: S608  fixed words only
            (*wanted.values(), -1 if limit is None else limit, offset),
        )
        return tuple(_prompt(row) for row in rows)

    def prompt(self, prompt_id: int) -> Prompt:
        """One prompt.

        Raises:
            DataError: If there is none with this id.
        """
        rows = self._read(f"SELECT {_COLUMNS} FROM prompt p WHERE p.id = ?", (prompt_id,))  # noqa: S608  fixed words
        if not rows:
            raise DataError(f"There is no prompt {prompt_id} in this project. Choose one that is in the list.")
        return _prompt(rows[0])

    def prompt_ids(self) -> dict[str, int]:
        """The ids of the prompts that have a key, by key."""
        return dict(self._read("SELECT key, id FROM prompt WHERE key IS NOT NULL ORDER BY id"))

    def _check_prompt_id(self, prompt_id: int) -> None:
        if not self._read("SELECT 1 FROM prompt WHERE id = ?", (prompt_id,)):
            raise DataError(f"There is no prompt {prompt_id} in this project. Choose one that is in the list.")

    def _check_keys(self, prompts: Sequence[NewPrompt]) -> None:
        seen: set[str] = set()
        for key in (prompt.key for prompt in prompts if prompt.key is not None):
            if key in seen or self._read("SELECT 1 FROM prompt WHERE key = ?", (key,)):
                raise DataError(f"The prompt key {key!r} is there already. Give each prompt a key of its own.")
            seen.add(key)

    def _add_prompt(self, prompt: NewPrompt) -> int:
        prompt_id = self._insert(
            "INSERT INTO prompt (key, turns, use_case, source, author, split, is_split_given, duplicate_group, created)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            ),
        )
        self._db.executemany(
            "INSERT INTO prompt_purpose (prompt_id, purpose) VALUES (?, ?)",
            [(prompt_id, purpose) for purpose in sorted(prompt.purposes)],
        )
        self._db.execute(
            "INSERT INTO prompt_search (prompt_id, text) VALUES (?, ?)", (prompt_id, searchable(prompt.turns))
        )
        return prompt_id

    def _is_by_author(self) -> bool:
        count = "SELECT count(*) FROM (SELECT DISTINCT author FROM prompt WHERE author <> '' LIMIT ?)"
        return bool(self._read(count, (MIN_AUTHORS,))[0][0] == MIN_AUTHORS)

    def _assign(self, ids: Sequence[int], prompts: Sequence[NewPrompt], *, by_author: bool) -> None:
        given = dict(self._given(prompts, by_author=by_author))
        splits = assign_splits(prompts, by_author=by_author, given=given)
        self._db.executemany(
            "UPDATE prompt SET split = ? WHERE id = ? AND split <> ?",
            [(split, prompt_id, split) for split, prompt_id in zip(splits, ids, strict=True)],
        )

    def _given(self, prompts: Sequence[NewPrompt], *, by_author: bool) -> Iterator[tuple[str, Split]]:
        """The splits given earlier to authors or duplicates of the prompts that have none."""
        units = {}
        for prompt in prompts:
            group = duplicate_group(prompt.turns)
            lookup = ("author", prompt.author) if by_author and prompt.author else ("duplicate_group", group)
            units[split_unit(prompt.author, group, by_author=by_author)] = lookup
        for unit, (column, value) in units.items():
            rows = self._read(
                f"SELECT split FROM prompt WHERE {column} = ? AND is_split_given ORDER BY id LIMIT 1",  # noqa: S608  ours
                (value,),
            )
            if rows:
                yield unit, rows[0][0]

    def _assign_again(self, before: int) -> None:
        rows = self._read(
            "SELECT id, turns, author FROM prompt WHERE id < ? AND NOT is_split_given ORDER BY id", (before,)
        )
        prompts = [NewPrompt(turns_from(turns), author=author) for _, turns, author in rows]
        self._assign([row[0] for row in rows], prompts, by_author=True)
