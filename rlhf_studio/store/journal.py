"""What a person did to the labels, in order, so that it can be undone and redone, also after the program was closed.

Labels stay append-only: undoing adds a row that takes a label back, redoing one that takes it back in. What programs
label in bulk (imports, simulated rankings) is not in the journal.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rlhf_studio.errors import DataError
from rlhf_studio.schema import Demonstration
from rlhf_studio.store.checks import check_text
from rlhf_studio.store.database import Changes, Written, now
from rlhf_studio.store.labels import DEMONSTRATION
from rlhf_studio.store.rank_history import RankHistory

JournalKind = Literal[
    "demonstration",  # added
    "ranking",  # of an answer set
    "unrankable",
    "skipped",
    "retraction",  # of one demonstration or ranking
    "restoration",
    "simulated",  # retraction of every simulated ranking
    "target",  # retraction of every simulated ranking, and others made of the same answers
    "run",  # moved to the trash
    "revision",  # a demonstration or ranking in place of an older version of it
    "rating",  # of one answer by itself
    "annotation",  # marks of a prompt
    "prompts",  # edited or deleted, any number of them
    "scripted",  # simulated rankings of any number of sets, which people may rank all the same
]
_Verdict = Literal["unrankable", "skipped"]
_Label = Literal["demonstration", "ranking"]

_VERDICTS = frozenset({"unrankable", "skipped"})
_NO_LABEL = _VERDICTS | {"run", "rating", "annotation", "prompts"}
_TABLE_OF = {"rating": "rating", "annotation": "annotation", "prompts": "prompt"}
_IN_BULK = frozenset({"simulated", "target", "scripted"})  # acts on many rankings at once, see store.simulated
_ENTRY = (
    "id",
    "kind",
    "prompt_id",
    "set_id",
    "demonstration_id",
    "ranking_id",
    "run_id",
    "rating_id",
    "annotation_id",
)
# one statement: after each sqlite3 would let a thread that trains go first
_MOVE_MANY = """
INSERT INTO retraction (ranking_id, is_retracted, who, created)
    SELECT ranking_id, is_made <> ?, ?, ? FROM journal_ranking WHERE journal_id = ? ORDER BY ranking_id
"""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One act of a person; the ids say what it was done to, as far as they apply."""

    id: int
    kind: JournalKind
    prompt_id: int | None = None
    set_id: int | None = None
    demonstration_id: int | None = None
    ranking_id: int | None = None
    run_id: str | None = None
    rating_id: int | None = None
    annotation_id: int | None = None

    @property
    def label(self) -> _Label | None:
        """Which kind of label it was done to; verdicts, ratings, acts on prompts and runs concern none."""
        if self.kind in _NO_LABEL:
            return None
        return "ranking" if self.demonstration_id is None else "demonstration"

    @property
    def changes(self) -> Changes:
        """What doing, undoing or redoing it touches."""
        tables = {"journal"}
        if self.label is not None:
            tables.add(self.label)
        if self.set_id is not None or self.kind in _IN_BULK:
            tables.add("answer_set")
        if self.run_id is not None:
            tables.add("run")
        if self.kind in _TABLE_OF:
            tables.add(_TABLE_OF[self.kind])
        if self.kind == "prompts":  # with a deleted prompt its labels are hidden, and splits say which are trained on
            tables |= {"demonstration", "ranking", "answer_set"}
        return Changes(frozenset(tables))


class LabelActs(RankHistory):
    """What a person does to labels: each act is in the journal, and a new one clears what could be redone."""

    def add_demonstration(
        self, prompt_id: int, text: str, author: str, *, replaces: int | None = None, model: str = ""
    ) -> Written:
        """Keep an answer that a person wrote; the prompt's draft is done with. Can be undone.

        Raises:
            DataError: If it is empty or answers no prompt of this project.
        """
        with self.transaction():
            made = super().add_demonstration(prompt_id, text, author, replaces=replaces, model=model)
            dropped = self._drop_draft(prompt_id)
            entry = self._log("demonstration", author, prompt_id=prompt_id, demonstration_id=made.ids[0])
        return Written(made.ids, _together(entry.changes, dropped))

    def rank_set(
        self,
        set_id: int,
        tiers: Sequence[Sequence[int]],
        seconds: float,
        labeler: str,
        *,
        confidence: int | None = None,
        note: str = "",
        is_all_bad: bool = False,
    ) -> Written:
        """Keep a person's order of a set's answers: completion ids in tiers, best first. Can be undone.

        The one id is the ranking's; it remembers the order in which the set is shown. ``confidence`` is 1 (a guess) to
        3 (sure), or None where nothing was said.

        Raises:
            DataError: If the set is ranked already, the tiers do not hold each of its answers once, or all answers are
                the same text.
        """
        with self.transaction():
            answers = self._unranked(set_id)
            made = self.add_ranking(
                answers.prompt_id,
                tiers,
                answers.completion_ids,
                seconds,
                labeler,
                confidence=confidence,
                note=note,
                is_all_bad=is_all_bad,
            )
            ranking_id = made.ids[0]
            self._db.execute("INSERT INTO answer_set_ranking (ranking_id, set_id) VALUES (?, ?)", (ranking_id, set_id))
            ids = {"prompt_id": answers.prompt_id, "set_id": set_id, "ranking_id": ranking_id}
            entry = self._log("ranking", labeler, **ids)
        return Written(made.ids, entry.changes)

    def mark_unrankable(self, set_id: int, who: str, note: str = "") -> Changes:
        """Say that no order of these answers makes sense. Can be undone.

        Raises:
            DataError: If the set is ranked.
        """
        return self._judge("unrankable", set_id, who, note)

    def skip_set(self, set_id: int, who: str) -> Changes:
        """Put a set aside. Can be undone.

        Raises:
            DataError: If the set is ranked.
        """
        return self._judge("skipped", set_id, who, "")

    def demonstration(self, demonstration_id: int) -> Demonstration:
        """One demonstration, also one that was taken back.

        Raises:
            DataError: If there is none with this id.
        """
        rows = self._read(f"SELECT {DEMONSTRATION} FROM demonstration WHERE id = ?", (demonstration_id,))  # noqa: S608
        if not rows:
            raise DataError(
                f"There is no demonstration {demonstration_id} in this project. Choose one that is in the list."
            )
        return Demonstration(*rows[0])

    # --- undo and redo

    def undo(self, who: str = "") -> JournalEntry | None:
        """Take the latest act back; None where there is none. The entry says what it touched."""
        with self.transaction():
            entry = self.undoable()
            if entry is not None:
                self._move(entry, "undone", who)
        return entry

    def redo(self, who: str = "") -> JournalEntry | None:
        """Do again what was undone last; None where there is nothing. The entry says what it touched."""
        with self.transaction():
            entry = self.redoable()
            if entry is not None:
                self._move(entry, "done", who)
        return entry

    def undoable(self) -> JournalEntry | None:
        """The act that ``undo`` would take back."""
        return self._entry("WHERE state = 'done' ORDER BY id DESC LIMIT 1")

    def redoable(self) -> JournalEntry | None:
        """The act that ``redo`` would do again."""
        return self._entry("WHERE state = 'undone' ORDER BY id LIMIT 1")

    # --- inside

    def _entry(self, where: str) -> JournalEntry | None:
        rows = self._read(
            f"SELECT {', '.join(_ENTRY)} FROM journal {where}"  # noqa: S608  fixed words
        )
        return JournalEntry(*rows[0]) if rows else None

    def _log(self, kind: JournalKind, who: str, **ids: int | None) -> JournalEntry:
        """Write an act on labels down; a new one clears what could be redone."""
        columns = ("prompt_id", "set_id", "demonstration_id", "ranking_id", "verdict_id", "rating_id", "annotation_id")
        return self._write_down(kind, who, {column: ids.get(column) for column in columns})

    def _log_run(self, run_id: str, who: str) -> JournalEntry:
        """Write an act on a run down, likewise."""
        return self._write_down("run", who, {"run_id": run_id})

    def _write_down(self, kind: JournalKind, who: str, done_to: Mapping[str, int | str | None]) -> JournalEntry:
        self._drop_undone()
        row_id = self._insert(
            f"INSERT INTO journal (kind, who, created, {', '.join(done_to)})"  # noqa: S608  fixed words
            f" VALUES ({', '.join('?' * (3 + len(done_to)))})",
            (kind, who, now(), *done_to.values()),
        )
        return self._entry(f"WHERE id = {row_id}") or JournalEntry(row_id, kind)

    def _move(self, entry: JournalEntry, state: Literal["done", "undone"], who: str) -> None:
        """Bring about or take back what an act did."""
        check_text(who, "The name of who does this")
        if entry.kind in _VERDICTS:
            self._move_verdict(entry, state, who)
        elif entry.kind in _IN_BULK:
            self._db.execute(_MOVE_MANY, (state == "done", who, now(), entry.id))
        else:
            self._move_label(entry, who, is_retracted=(entry.kind == "retraction") == (state == "done"))
        self._db.execute("UPDATE journal SET state = ? WHERE id = ?", (state, entry.id))

    def _move_label(self, entry: JournalEntry, who: str, *, is_retracted: bool) -> None:
        """Take the label of an act back or in; the older version that it replaced goes the other way."""
        label, label_id = entry.label, entry.ranking_id if entry.demonstration_id is None else entry.demonstration_id
        if label is None or label_id is None:
            return
        super()._retract(label, label_id, who, is_retracted=is_retracted)
        if entry.kind == "revision":
            older = self._read(f"SELECT replaces FROM {label} WHERE id = ?", (label_id,))[0][0]  # noqa: S608  fixed words
            super()._retract(label, older, who, is_retracted=not is_retracted)

    def _judge(self, kind: _Verdict, set_id: int, who: str, note: str) -> Changes:
        check_text(who, "The name of who does this")
        check_text(note, "The note")
        with self.transaction():
            answers = self._unranked(set_id)
            if answers.state == kind and not note:
                return Changes(frozenset())
            verdict_id = self._add_verdict(set_id, kind, who, note)
            entry = self._log(kind, who, prompt_id=answers.prompt_id, set_id=set_id, verdict_id=verdict_id)
        return entry.changes

    def _add_verdict(self, set_id: int | None, verdict: str, who: str, note: str) -> int:
        return self._insert(
            "INSERT INTO answer_set_verdict (set_id, verdict, who, note, created) VALUES (?, ?, ?, ?, ?)",
            (set_id, verdict, who, note, now()),
        )

    def _move_verdict(self, entry: JournalEntry, state: Literal["done", "undone"], who: str) -> None:
        """Repeat an act's verdict, or the one that stood before it."""
        is_redone = state == "done"
        rows = self._read(
            "SELECT verdict, note FROM answer_set_verdict v JOIN journal j ON j.set_id = v.set_id"
            " WHERE j.id = ? AND v.id < j.verdict_id + ? ORDER BY v.id DESC LIMIT 1",
            (entry.id, is_redone),
        )
        verdict, note = rows[0] if rows else ("waiting", "")
        self._add_verdict(entry.set_id, verdict, who, note)

    def _retract(self, label: _Label, label_id: int, who: str, *, is_retracted: bool) -> Changes:
        """Take a label back, or back in, as an act of its own."""
        with self.transaction():
            changes = super()._retract(label, label_id, who, is_retracted=is_retracted)
            if not changes.tables:
                return changes
            kind: JournalKind = "retraction" if is_retracted else "restoration"
            entry = self._log(kind, who, **self._ids_of(label, label_id))
        return entry.changes

    def _ids_of(self, label: _Label, label_id: int) -> dict[str, int | None]:
        prompt_id = self._read(f"SELECT prompt_id FROM {label} WHERE id = ?", (label_id,))[0][0]  # noqa: S608
        ids = {"prompt_id": prompt_id, f"{label}_id": label_id}
        if label == "ranking":
            rows = self._read("SELECT set_id FROM answer_set_ranking WHERE ranking_id = ?", (label_id,))
            ids["set_id"] = rows[0][0] if rows else None
        return ids


def _together(*changes: Changes) -> Changes:
    return Changes(frozenset().union(*(one.tables for one in changes)))
