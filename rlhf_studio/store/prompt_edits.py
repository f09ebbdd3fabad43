"""Editing and deleting any number of prompts as one act that can be undone; deleting only hides them.

An act may touch 100,000 prompts while a run trains beside the window, and after each statement sqlite3 would let the
training thread go first: so each step is one statement. What was before and after lies in ``journal_prompt`` as JSON,
one object for each prompt that changed, and doing, undoing and redoing all put one of the two in place.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

from rlhf_studio.errors import DataError
from rlhf_studio.schema import PURPOSES, SPLITS, USE_CASES, Purpose, Source, Split, UseCase
from rlhf_studio.store.checks import check_filled, check_text, check_word, stored_json
from rlhf_studio.store.database import Written, written
from rlhf_studio.store.journal import JournalEntry, LabelActs
from rlhf_studio.store.splits import hashed_split, split_unit

LONGEST_TAG = 60  # characters

_LISTS = {"tags": ("prompt_tag", "tag"), "purposes": ("prompt_purpose", "purpose")}  # fields with tables of their own
_LIST = "json((SELECT json_group_array({0}) FROM (SELECT {0} FROM {1} WHERE prompt_id = p.id ORDER BY {0})))"
_LIST_AFTER = """json((SELECT json_group_array({0}) FROM (
    SELECT {0} FROM {1} WHERE prompt_id = p.id AND {0} NOT IN (SELECT value FROM json_each(?))
    UNION SELECT value FROM json_each(?) ORDER BY 1)))"""
_COLUMNS = frozenset({"use_case", "source", "split", "is_split_given", "author", "is_deleted"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptEdit:
    """What some prompts are to become; None and empty sets leave as it is.

    Attributes:
        add_tags: Given to each prompt that does not have them.
        remove_tags: Taken from each prompt that has them, unless they are to be added.
        add_purposes: Likewise.
        remove_purposes: Likewise.
    """

    use_case: UseCase | None = None
    source: Source | None = None
    split: Split | None = None
    author: str | None = None
    add_tags: frozenset[str] = frozenset()
    remove_tags: frozenset[str] = frozenset()
    add_purposes: frozenset[Purpose] = frozenset()
    remove_purposes: frozenset[Purpose] = frozenset()


class _Field(NamedTuple):
    """One field of the JSON: what it is before and after, in SQL over a prompt ``p``, and the values of the latter."""

    name: str
    before: str
    after: str
    values: tuple[Any, ...]


class PromptEdits(LabelActs):
    """What a person does to many prompts at once; each act is in the journal."""

    def edit_prompts(self, ids: Collection[int], edit: PromptEdit, who: str = "") -> Written:
        """Change prompts, as one act that can be undone; the ids are those that changed.

        Deleted prompts and ids that are none are passed over. A split that is given stays when splits are drawn again.
        With another author a prompt whose split was drawn goes where the author's others are, once splits go by author.

        Raises:
            DataError: If a word is unknown, or a tag or name cannot be kept.
        """
        _check_edit(edit)
        check_text(who, "The name of who does this")
        with self.transaction():
            return self._change(ids, self._fields(edit), who)

    def delete_prompts(self, ids: Collection[int], who: str = "") -> Written:
        """Hide prompts with all their labels, as one act that can be undone; the ids are those that were there."""
        check_text(who, "The name of who does this")
        with self.transaction():
            return self._change(ids, [_Field("is_deleted", "p.is_deleted", "1", ())], who)

    # --- inside

    def _fields(self, edit: PromptEdit) -> list[_Field]:
        words = {"use_case": edit.use_case, "source": edit.source, "split": edit.split, "author": edit.author}
        fields = [_Field(name, f"p.{name}", "?", (value,)) for name, value in words.items() if value is not None]
        if edit.split is not None:
            fields.append(_Field("is_split_given", "p.is_split_given", "1", ()))
        elif edit.author and self._is_by_author():
            drawn = "CASE WHEN p.is_split_given THEN p.split ELSE ? END"
            fields.append(_Field("split", "p.split", drawn, (self._split_of_author(edit.author),)))
        lists = {"tags": (edit.remove_tags, edit.add_tags), "purposes": (edit.remove_purposes, edit.add_purposes)}
        for name, (removed, added) in lists.items():
            if removed or added:
                table, column = _LISTS[name]
                values = tuple(json.dumps(sorted(some)) for some in (removed, added))
                fields.append(_Field(name, _LIST.format(column, table), _LIST_AFTER.format(column, table), values))
        return fields

    def _split_of_author(self, author: str) -> Split:
        given = self._read(
            "SELECT split FROM prompt WHERE author = ? ORDER BY is_split_given DESC, id LIMIT 1", (author,)
        )
        unit = split_unit(author, "", by_author=True)
        return given[0][0] if given else hashed_split(unit)

    def _change(self, ids: Collection[int], fields: Sequence[_Field], who: str) -> Written:
        before = ", ".join(f"'{field.name}', {field.before}" for field in fields)
        after = ", ".join(f"'{field.name}', {field.after}" for field in fields)
        changed = f"""WITH changed AS MATERIALIZED (
                SELECT p.id, json_object({before}) AS before, json_object({after}) AS after
                FROM prompt p WHERE p.id IN (SELECT value FROM json_each(?)) AND NOT p.is_deleted)
            SELECT {{}} FROM changed WHERE before <> after"""  # noqa: S608  fixed words
        values = (*(value for field in fields for value in field.values), json.dumps(list(ids)))
        found = stored_json(self._read(changed.format("json_group_array(id)"), values)[0][0], "The ids of the prompts")
        if not found:
            return written(())
        entry = self._log("prompts", who)
        rows = changed.format("?, id, before, after")
        self._db.execute(
            f"INSERT INTO journal_prompt (journal_id, prompt_id, before, after) {rows}",
            (*values, entry.id),
        )
        self._put(entry.id, "after")
        return Written(tuple(found), entry.changes)

    def _move(self, entry: JournalEntry, state: Literal["done", "undone"], who: str) -> None:
        if entry.kind != "prompts":
            super()._move(entry, state, who)
            return
        self._put(entry.id, "after" if state == "done" else "before")
        self._db.execute("UPDATE journal SET state = ? WHERE id = ?", (state, entry.id))

    def _put(self, journal_id: int, side: Literal["before", "after"]) -> None:
        """Bring the prompts of an act into the state before or after it."""
        names = [
            name
            for (name,) in self._read(
                "SELECT DISTINCT key FROM journal_prompt, json_each(after) WHERE journal_id = ?", (journal_id,)
            )
        ]
        columns = [name for name in names if name in _COLUMNS]
        if columns:  # only those named: of each the index is written anew
            values = ", ".join(f"coalesce(json_extract({side}, '$.{name}'), prompt.{name})" for name in columns)
            self._db.execute(
                f"""UPDATE prompt SET ({", ".join(columns)}) = (
                    SELECT {values} FROM journal_prompt WHERE journal_id = ? AND prompt_id = prompt.id)
                WHERE id IN (SELECT prompt_id FROM journal_prompt WHERE journal_id = ?)""",  # noqa: S608  our own words
                (journal_id, journal_id),
            )
        for name in (name for name in names if name in _LISTS):
            table, column = _LISTS[name]
            self._db.execute(
                f"""DELETE FROM {table} WHERE prompt_id IN (SELECT prompt_id FROM journal_prompt
                    WHERE journal_id = ? AND json_type(after, '$.{name}') IS NOT NULL)""",  # noqa: S608  likewise
                (journal_id,),
            )
            self._db.execute(
                f"""INSERT INTO {table} ({column}, prompt_id)
                SELECT value, prompt_id FROM journal_prompt, json_each({side}, '$.{name}') WHERE journal_id = ?""",  # noqa: S608
                (journal_id,),
            )


def clean_tag(text: str) -> str:
    """A tag as it is kept: without blanks around it, and single ones inside."""
    return " ".join(text.split())


def _check_edit(edit: PromptEdit) -> None:
    for word, allowed, what in (
        (edit.use_case, USE_CASES, "The use case"),
        (edit.source, get_args(Source), "The source"),
        (edit.split, SPLITS, "The split"),
    ):
        if word is not None:
            check_word(word, allowed, what)
    for purpose in sorted(edit.add_purposes | edit.remove_purposes):
        check_word(purpose, PURPOSES, "A purpose")
    check_text(edit.author or "", "The author's name")
    for tag in sorted(edit.add_tags):
        check_filled(tag, "A tag")
        if tag != clean_tag(tag) or len(tag) > LONGEST_TAG:
            raise DataError(
                f"The tag {tag[:LONGEST_TAG]!r} has line breaks, more blanks than one, or over {LONGEST_TAG}"
                " characters. Use a short word."
            )
    for tag in sorted(edit.remove_tags):
        check_text(tag, "A tag")
