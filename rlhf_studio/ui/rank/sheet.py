"""What a labeler has said of each set so far; on disk soon after each act, gone from there when the set is done."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import Ranking
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.ui.rank.order_entry import OrderEntry
from rlhf_studio.ui.session import Session

KEEP_MS = 400
META = "ui.rank.pending"
MAX_SETS = 64  # the latest; who left more than that unfinished has forgotten the first
MAX_NOTE = 2000  # characters
_CONFIDENCES = frozenset({1, 2, 3})


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

    def to_json(self) -> dict[str, Any]:
        return {
            "answers": self.answers.completion_ids,
            "who": self.who,
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
        self._kept: dict[str, Any] | None = None  # by set id as in the file, the latest last
        self._last_failure = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(KEEP_MS)
        self._timer.timeout.connect(self.flush)
        self._waiting: dict[int, Sheet] = {}

    def sheet(self, answers: AnswerSet, *, is_anew: bool = False) -> Sheet:
        """What this labeler said of a set.

        Raises:
            StudioError: If the project cannot be read.
        """
        who = self._session.labeler
        found = None if is_anew else self._sheets.get((answers.id, who))
        if found is None or found.answers.completion_ids != answers.completion_ids:
            found = (None if is_anew else self._from_file(answers, who)) or Sheet(
                answers, who, OrderEntry(len(answers.completion_ids))
            )
            self._sheets[answers.id, who] = found
        return found

    def touched(self, sheet: Sheet) -> None:
        """Keep it soon."""
        self._waiting[sheet.answers.id] = sheet
        if not self._timer.isActive():
            self._timer.start()

    def done(self, sheet: Sheet) -> None:
        """The set is done with: nothing of it is left to be kept. It is remembered in case that is undone."""
        self._waiting.pop(sheet.answers.id, None)
        if str(sheet.answers.id) in self._read():
            self._write({key: value for key, value in self._read().items() if key != str(sheet.answers.id)})

    def flush(self) -> bool:
        """Keep what waits now; return whether all is on disk."""
        self._timer.stop()
        if not self._waiting:
            return True
        self._refresh()
        kept = dict(self._read())
        for set_id, sheet in self._waiting.items():
            kept.pop(str(set_id), None)
            if not sheet.is_blank:
                kept[str(set_id)] = sheet.to_json()
        if not self._write(dict(list(kept.items())[-MAX_SETS:])):
            return False
        self._waiting.clear()
        return True

    # --- inside

    def _from_file(self, answers: AnswerSet, who: str) -> Sheet | None:
        kept = self._read().get(str(answers.id))
        sheet = _sheet(answers, kept) if isinstance(kept, dict) else None
        if sheet is not None and sheet.who == who:
            return sheet
        ranking = self._session.store.last_ranking(answers.id, who)
        return None if ranking is None else _undone(answers, ranking)

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


def _sheet(answers: AnswerSet, kept: dict[str, Any]) -> Sheet | None:
    """What was kept of a set; None where that is of other answers, or makes no sense."""
    k = len(answers.completion_ids)
    entry = OrderEntry.from_json(k, kept.get("order"))
    if entry is None or kept.get("answers") != list(answers.completion_ids):
        return None
    confidence, note, seconds = kept.get("confidence"), kept.get("note"), kept.get("seconds")
    return Sheet(
        answers,
        str(kept.get("who")),
        entry,
        confidence if confidence in _CONFIDENCES else None,
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
