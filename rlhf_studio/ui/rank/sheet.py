"""What a labeler has said of each set so far; on disk soon after each act, gone from there when the set is done."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import Ranking
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.checks import CONFIDENCES
from rlhf_studio.ui.rank.order_entry import OrderEntry
from rlhf_studio.ui.session import Session

KEEP_MS = 400
META = "ui.rank.pending"
MAX_SETS = 64  # the latest; who left more than that unfinished has forgotten the first
MAX_NOTE = 2000  # characters


@dataclass(eq=False, slots=True)
class Sheet:
    """One set as one labeler sees it.

    Attributes:
        answers: The set; an order of other answers is none of these.
        who: The labeler.
        entry: The order so far.
        confidence: 1 (a guess) to 3 (sure), None where nothing was said.
        note: Free text, or why the answers cannot be ranked.
        is_all_bad: Whether neither of two answers is any good.
        seconds: Of attention so far.
    """

    answers: AnswerSet
    who: str
    entry: OrderEntry
    confidence: int | None = None
    note: str = ""
    is_all_bad: bool = False
    seconds: float = 0.0

    @property
    def is_blank(self) -> bool:
        """Whether nothing was said yet."""
        return self.entry.is_untouched and self.confidence is None and not self.note

    def go_on_from(self, before: "Sheet") -> None:
        """Take over what holds also for other answers of the same set."""
        self.confidence, self.note, self.seconds = before.confidence, before.note, before.seconds

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "answers": self.answers.completion_ids,
            "order": self.entry.to_json(),
            "confidence": self.confidence,
            "note": self.note,
            "all_bad": self.is_all_bad,
            "seconds": round(self.seconds, 2),
        }


class SheetKeeper(QObject):
    """Finds the sheet of a set: as it was left, as its ranking was before that was undone, or a blank one.

    Like ``DraftKeeper`` it is saved at most ``KEEP_MS`` after the first of any number of changes.
    """

    failed = Signal(str)  # a sentence to show, once for each cause

    def __init__(self, session: Session, refresh: Callable[[], None], parent: QObject | None = None) -> None:
        """``refresh`` brings the sheet up to date that is worked at."""
        super().__init__(parent)
        self._session, self._refresh = session, refresh
        self._sheets: dict[tuple[int, str], Sheet] = {}
        self._kept: dict[str, Any] | None = None  # by set id as in the file, the latest last, then by labeler
        self._last_failure = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(KEEP_MS)
        self._timer.timeout.connect(self.flush)
        self._waiting: dict[tuple[int, str], Sheet] = {}

    def sheet(self, answers: AnswerSet) -> Sheet:
        """What this labeler said of a set.

        Raises:
            StudioError: If the project cannot be read.
        """
        who = self._session.labeler
        found = self._sheets.get((answers.id, who))
        if found is None or found.answers.completion_ids != answers.completion_ids:
            found = self._found(answers, who) or Sheet(answers, who, OrderEntry(len(answers.completion_ids)))
            self._sheets[answers.id, who] = found
        return found

    def touched(self, sheet: Sheet) -> None:
        """Keep it soon."""
        self._waiting[sheet.answers.id, sheet.who] = sheet
        if not self._timer.isActive():
            self._timer.start()

    def done(self, sheet: Sheet) -> None:
        """The set is done with: nothing of it is left to be kept. It is remembered in case that is undone."""
        self._waiting.pop((sheet.answers.id, sheet.who), None)
        if sheet.who in _people(self._read(), sheet.answers.id):
            self._write(_replaced(self._read(), sheet, None))

    def flush(self) -> bool:
        """Keep what waits now; return whether all is on disk."""
        self._timer.stop()
        if not self._waiting:
            return True
        self._refresh()
        kept = self._read()
        for sheet in self._waiting.values():
            kept = _replaced(kept, sheet, None if sheet.is_blank else sheet.to_json())
        if not self._write(dict(list(kept.items())[-MAX_SETS:])):
            return False
        self._waiting.clear()
        return True

    # --- inside

    def _found(self, answers: AnswerSet, who: str) -> Sheet | None:
        sheet = _sheet(answers, who, _people(self._read(), answers.id).get(who))
        if sheet is not None or answers.again or answers.state == "ranked":
            return sheet  # what comes again to be compared with the first time must not be shown as it was then
        store = self._session.store
        ranking = store.last_ranking(answers.id, who)
        if ranking is not None:
            return _undone(answers, ranking)
        return Sheet(answers, who, OrderEntry(len(answers.completion_ids)), note=store.last_reason(answers.id, who))

    def _read(self) -> dict[str, Any]:
        if self._kept is None:
            try:
                kept = json.loads(self._session.store.get_meta(META) or "{}")
            except ValueError:  # another program wrote it; what it meant is lost, what comes next is not
                kept = {}
            self._kept = kept if isinstance(kept, dict) else {}
        return self._kept

    def _write(self, kept: dict[str, Any]) -> bool:
        if self._session.store.is_read_only:
            return True  # nothing can be said of a set there
        try:
            self._session.store.set_meta(META, json.dumps(kept, ensure_ascii=False))
        except StudioError as error:
            if str(error) != self._last_failure:  # a full disk is not news at every key
                self._last_failure = str(error)
                self.failed.emit(str(error))
            self._timer.start()
            return False
        self._kept, self._last_failure = kept, ""
        return True


def _people(kept: dict[str, Any], set_id: int) -> dict[str, Any]:
    """What was kept of a set, by labeler."""
    people = kept.get(str(set_id))
    return people if isinstance(people, dict) else {}


def _replaced(kept: dict[str, Any], sheet: Sheet, now: dict[str, Any] | None) -> dict[str, Any]:
    """The same with a sheet as it is now, the set last; None leaves it out."""
    set_id = sheet.answers.id
    people = {who: value for who, value in _people(kept, set_id).items() if who != sheet.who}
    if now is not None:
        people[sheet.who] = now
    rest = {key: value for key, value in kept.items() if key != str(set_id)}
    return rest | {str(set_id): people} if people else rest


def _sheet(answers: AnswerSet, who: str, kept: Any) -> Sheet | None:
    """What was kept of a set; None where that is nothing, of other answers, or makes no sense."""
    if not isinstance(kept, dict):
        return None
    k = len(answers.completion_ids)
    entry = OrderEntry.from_json(k, kept.get("order"))
    if entry is None or kept.get("answers") != list(answers.completion_ids):
        return None
    confidence, note, seconds = kept.get("confidence"), kept.get("note"), kept.get("seconds")
    return Sheet(
        answers,
        who,
        entry,
        confidence if confidence in CONFIDENCES else None,
        note if isinstance(note, str) else "",
        is_all_bad=kept.get("all_bad") is True,
        seconds=seconds if isinstance(seconds, float | int) and seconds >= 0 else 0.0,
    )


def _undone(answers: AnswerSet, ranking: Ranking) -> Sheet | None:
    ids = answers.completion_ids
    if sorted(i for tier in ranking.tiers for i in tier) != sorted(ids):
        return None
    entry = OrderEntry.of(len(ids), [[ids.index(i) for i in tier] for tier in ranking.tiers])
    return Sheet(
        answers,
        ranking.labeler,
        entry,
        ranking.confidence,
        ranking.note,
        is_all_bad=ranking.is_all_bad,
        seconds=ranking.seconds,
    )
