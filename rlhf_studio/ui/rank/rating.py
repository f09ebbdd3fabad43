"""Rating each answer of a set before they are ranked: what keys and clicks do, each kept on disk at once."""

import unicodedata
from collections.abc import Collection, Sequence

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QInputMethodEvent, QKeyEvent

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import Completion, Turn
from rlhf_studio.store.database import Changes
from rlhf_studio.store.ratings import FLAGS, LEAST_OVERALL, MOST_OVERALL, Rating
from rlhf_studio.ui.rank.keys import digit_of, is_enter, is_plain
from rlhf_studio.ui.rank.rating_view import RatingView
from rlhf_studio.ui.session import Session

_META = "ui.rates_first"
_ON = "yes"
_EQUALS = frozenset({"=", "\uff1d"})


class RatingStep(QObject):
    """Goes through the answers; a digit rates and goes on, so that K answers without flags take K keys.

    Attributes:
        place: Of the answer that is shown, from 0.
        ratings: Of the person who labels, by completion.
    """

    changed = Signal()  # a rating, or which answer is shown
    done = Signal()  # on to the ranking

    def __init__(self, session: Session, view: RatingView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._view = session, view
        self._answers: tuple[Completion, ...] = ()
        self.place = 0
        self.ratings: dict[int, Rating] = {}
        view.overall_given.connect(self.give_overall)
        view.flag_toggled.connect(self.toggle_flag)
        view.answer_wanted.connect(self.show)
        view.back_wanted.connect(self.go_back)
        view.next_wanted.connect(self.go_on)
        view.ranking_wanted.connect(self.done)
        session.store_changed.connect(self._on_session_store_changed)
        session.labeler_changed.connect(self._on_session_labeler_changed)

    @property
    def is_wanted(self) -> bool:
        """Whether answers are rated before they are ranked, in this project."""
        return self._session.store.get_meta(_META) == _ON

    def want(self, *, is_wanted: bool) -> None:
        """Rate answers first from now on, or not; the project remembers it.

        Raises:
            StudioError: If the project cannot be written.
        """
        self._session.store.set_meta(_META, _ON if is_wanted else "no")

    @property
    def is_complete(self) -> bool:
        """Whether the overall quality of every answer was given."""
        return all(self._rating(place).overall is not None for place in range(len(self._answers)))

    def open(self, turns: tuple[Turn, ...], answers: Sequence[Completion]) -> None:
        """Show the first answer of a set that was not rated yet.

        Raises:
            StudioError: If the project cannot be read.
        """
        self._answers = tuple(answers)
        self._read()
        self._view.show_prompt(turns)
        self._view.set_writable(is_writable=not self._session.store.is_read_only)
        self.show(next((place for place in range(len(answers)) if self._rating(place).overall is None), 0))

    def close(self) -> None:
        """Rate nothing while no set is shown."""
        self._answers, self.ratings = (), {}

    def show(self, place: int) -> None:
        """Show one answer."""
        if 0 <= place < len(self._answers):
            self.place = place
            self._view.show_answer(self._answers, place, self.ratings)
            self.changed.emit()

    def take_key(self, event: QKeyEvent) -> bool:
        """Act on a digit, a flag's key, an arrow or Enter; return whether it was one of them."""
        if event.modifiers() & Qt.KeyboardModifier.AltModifier:
            flag = _flag_of(event)
            if flag is not None:
                self.toggle_flag(flag)
            return flag is not None
        if not is_plain(event):
            return False
        if is_enter(event):
            self._finish()
        elif event.key() in {Qt.Key.Key_Left, Qt.Key.Key_Backspace}:
            self.go_back()
        elif event.key() == Qt.Key.Key_Right:
            self.go_on()
        elif (digit := digit_of(event)) is not None:
            self.give_overall(digit)
        else:
            return event.text() in _EQUALS  # the ranking's key: here it does nothing
        return True

    def is_flag(self, event: QKeyEvent) -> bool:
        """Whether a key is one of a flag."""
        return bool(event.modifiers() & Qt.KeyboardModifier.AltModifier) and _flag_of(event) is not None

    def take_composed(self, event: QInputMethodEvent) -> None:
        """Act on the digits that an input method confirmed."""
        for sign in event.commitString():
            value = unicodedata.decimal(sign, None)
            if value is not None:
                self.give_overall(value)
        event.accept()

    def give_overall(self, value: int) -> None:
        """Say how good the answer is that is shown, and show the next one; after the last one comes the ranking."""
        if not LEAST_OVERALL <= value <= MOST_OVERALL:
            return
        rating = self._rating(self.place)
        if not self._answers or not self._keep(value, rating.flags):
            return
        if self.place + 1 < len(self._answers):
            self.show(self.place + 1)
        elif self.is_complete:
            self.done.emit()
        else:
            self.show(self._first_unrated())

    def toggle_flag(self, flag: int) -> None:
        """Say that a flag holds for the answer that is shown, or that it does not."""
        if not self._answers:
            return
        rating = self._rating(self.place)
        if self._keep(rating.overall, set(rating.flags) ^ {FLAGS[flag]}):
            self.show(self.place)

    def go_back(self) -> None:
        """The answer before."""
        self.show(self.place - 1)

    def go_on(self) -> None:
        """The next answer; after the last one the ranking."""
        if self.place + 1 < len(self._answers):
            self.show(self.place + 1)
        else:
            self.done.emit()

    # --- inside

    def _finish(self) -> None:
        """Enter: to the answer that is not rated yet; where it is the one shown, or there is none, to the ranking."""
        place = self._first_unrated()
        if self.is_complete or place == self.place:
            self.done.emit()
        else:
            self.show(place)

    def _first_unrated(self) -> int:
        return next((p for p in range(len(self._answers)) if self._rating(p).overall is None), 0)

    def _rating(self, place: int) -> Rating:
        completion_id = self._answers[place].id
        return self.ratings.get(completion_id, Rating(completion_id, self._session.labeler))

    def _keep(self, overall: int | None, flags: Collection[str]) -> bool:
        """Write a rating down; return whether that could be done."""
        try:
            written = self._session.store.rate(self._answers[self.place].id, overall, flags, self._session.labeler)
            self._read()
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return False
        self._session.changed(written.changes, self)
        return True

    def _read(self) -> None:
        found = self._session.store.ratings([answer.id for answer in self._answers], self._session.labeler)
        self.ratings = {rating.completion_id: rating for rating in found}

    def _reread(self) -> None:
        """Show what was said elsewhere, such as by undo: the answer that it was said of."""
        if not self._answers:
            return
        before = self.ratings
        try:
            self._read()
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        differs = (p for p, a in enumerate(self._answers) if before.get(a.id) != self.ratings.get(a.id))
        self.show(next(differs, self.place))

    # --- slots

    def _on_session_store_changed(self, changes: Changes, origin: QObject | None) -> None:
        if "rating" in changes.tables and origin is not self:
            self._reread()

    def _on_session_labeler_changed(self, _name: str) -> None:
        self._reread()


def _flag_of(event: QKeyEvent) -> int | None:
    """The place of the flag that a key stands for, with Alt: 1 to 9, 0 and = as they lie on the keyboard."""
    if event.text() in _EQUALS or event.key() == Qt.Key.Key_Equal:
        return len(FLAGS) - 1
    digit = digit_of(event)
    return None if digit is None else (digit - 1) % 10
