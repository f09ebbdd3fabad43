"""A robot at the labeling desk: the real window without a screen, and hands that type, press and click in it."""

import random
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_material import FakeInference

from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tab_pages import TABS
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.theme import Theme

CTRL, ALT, SHIFT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
NONE = Qt.KeyboardModifier.NoModifier
WORDS = ("once", "there", "was", "a", "red", "hat", "that", "wanted", "to", "see", "the", "wide", "blue", "sea", "seal")


def story(number):
    """An answer that no other number has."""
    made = random.Random(number)
    return f"{' '.join(made.choices(WORDS, k=12)).capitalize()}, number {number}."


def make_desk(folder, prompts, sets, k=4):
    """A project with prompts to write and sets of ``k`` answers that wait to be ranked; returns its folder.

    The first ``prompts`` are for demonstrations, the others have a set each.
    """
    with create_project(folder, "A desk") as store:
        write, rank = frozenset({"demonstrate"}), frozenset({"rank"})
        made = [NewPrompt((Turn("user", f"Tell story {n}."),), "generation", purposes=write) for n in range(prompts)]
        made += [NewPrompt((Turn("user", f"Tell tale {n}."),), "generation", purposes=rank) for n in range(sets)]
        ids = store.add_prompts(made).ids
        for number, prompt_id in enumerate(ids[prompts:]):
            answers = [NewCompletion(prompt_id, story(100 * number + n), "tiny") for n in range(k)]
            store.add_answer_set(prompt_id, answers)
    return Path(folder)


@dataclass(frozen=True, slots=True)
class Order:
    """An order as it is typed: the places of the answers from 0, best first, and which is tied with the one before."""

    places: tuple[int, ...]
    ties: frozenset[int] = frozenset()  # indices into ``places``, never 0

    @property
    def keys(self):
        """Digits and ``=``; the last digit is left out, as the desk fills it in."""
        typed = "".join(f"={place + 1}" if n in self.ties else str(place + 1) for n, place in enumerate(self.places))
        return typed[:-1]

    def tiers(self, ids):
        """Tiers of completion ids, best first."""
        tiers = []
        for n, place in enumerate(self.places):
            if n in self.ties:
                tiers[-1].append(ids[place])
            else:
                tiers.append([ids[place]])
        return [sorted(tier) for tier in tiers]


def random_order(made, k, *, with_ties=True):
    """Any order of ``k`` answers; every second one has ties."""
    places = tuple(made.sample(range(k), k))
    wants_ties = with_ties and made.random() < 0.5
    return Order(places, frozenset(n for n in range(1, k) if wants_ties and made.random() < 0.4))


class Desk:
    """The window of a project, and what hands do in it."""

    def __init__(
        self, project, preferences_path, texts=("one", "two", "three", "four", "five"), theme=None, is_whole=False
    ):
        """Opened at the Rank tab, with models that answer from a list; tabs nobody goes to are built if it is whole."""
        self.theme = theme or Theme("light")
        preferences = Preferences(preferences_path)
        preferences.labeler = "Robot"
        preferences.shared_percent = preferences.repeated_percent = 0  # its book knows of no repeats
        self.session = Session(open_project(project), self.theme, preferences)
        self.session.inference.close(5)
        self.session.inference = FakeInference(texts)
        self.window = MainWindow(self.session)
        self.window.resize(1280, 800)
        self.window.open("rank")
        if not is_whole:
            self.window.tabs._waiting = iter(())
        self.write, self.rank = self.window.tabs.tab("write"), self.window.tabs.tab("rank")
        for tab in ("write", "rank"):  # what is built when it is shown first
            self.show(tab)

    @property
    def store(self):
        return self.session.store

    def close(self):
        """Close the window and wait for its threads."""
        self.window.close_now()
        assert self.session.close()
        self.session.deleteLater()
        self.window.deleteLater()

    def show(self, tab):
        """Bring a tab to the front."""
        if self.window.tabs.current_name() != tab:
            self.window.go_to(GoTo(tab))
        QApplication.processEvents()

    def finish_opening(self):
        """Let the tabs that nobody asked for be built, too."""
        while len(self.window.tabs.existing()) < len(TABS) or self.session.is_opening:
            QApplication.processEvents()

    # --- Write

    @property
    def editor(self):
        return self.write.answer.editor

    def begin_typing(self):
        """Put the keyboard on the editor."""
        self.show("write")
        self.write.answer.focus_editor()

    def type(self, text):
        """Type into the answer."""
        QTest.keyClicks(self.editor, text)

    def save(self):
        """Keep the answer and go on."""
        QTest.keyClick(self.editor, Qt.Key.Key_Return, CTRL)

    # --- Rank

    def wait_for_set(self, tries=2000):
        """Return the set that is shown; let the queue bring one if there is none."""
        self.show("rank")
        for _ in range(tries):
            if self.rank._set is not None and self.rank.order.is_open:
                return self.rank._set
            self.session.poll_answers()
            QApplication.processEvents()
        raise AssertionError("no set of answers came")

    def begin_anew(self):
        """Take back whatever order the set that is shown has from earlier."""
        for _ in range(40):
            if not self.rank.order.entry.tiers:
                return
            QTest.keyClick(self.rank, Qt.Key.Key_Backspace)
        raise AssertionError("Backspace leaves an order that was restored")

    def press(self, keys):
        """Press digits and signs where nothing is typed."""
        QTest.keyClicks(self.rank, keys)

    def submit(self):
        """Press Enter."""
        QTest.keyClick(self.rank, Qt.Key.Key_Return)

    def click_card(self, place):
        """Click an answer."""
        QTest.mouseClick(self.rank.page.board.cards[place], Qt.MouseButton.LeftButton, NONE, QPoint(60, 60))

    def undo(self):
        """Take the last label back."""
        self.show("rank")
        QTest.keyClick(self.rank, Qt.Key.Key_Z, CTRL)

    def redo(self):
        """Do it again."""
        self.show("rank")
        QTest.keyClick(self.rank, Qt.Key.Key_Z, CTRL | SHIFT)
