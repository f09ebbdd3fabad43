"""A person at the desk who is killed at any moment. In a module of its own, so that a fork server can load it ahead."""

import os
import random
import time
from pathlib import Path

from desk_robot import ALT, CTRL, WORDS, Desk, random_order
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication


class Busy:
    """Works without end and tells of everything: what begins, what is done, and each key that was typed.

    Messages: ("ready",); ("phase", words); ("begin", act, key); ("done",) when the slot has returned;
    ("typed", seconds, prompt's id, text), the time taken before the key was pressed.
    """

    def __init__(self, project, seed, tell):
        self.tell = tell
        self.made = random.Random(seed)
        self.desk = Desk(project, project / "window.ini")

    def work(self):
        self.tell(("ready",))
        while True:
            act = self.made.choices(
                (self.types, self.saves, self.ranks, self.undoes, self.redoes, self.sets_aside), (5, 3, 6, 3, 2, 1)
            )[0]
            act()

    def pause(self, most_s):
        """Let timers fire for a moment, as between a person's keys."""
        until = time.monotonic() + self.made.random() * most_s
        while True:
            QApplication.processEvents()
            if time.monotonic() >= until:
                return
            time.sleep(0.002)

    def types(self):
        self.tell(("phase", "typing"))
        self.desk.begin_typing()
        if self.made.random() < 0.3:
            QTest.keyClick(self.desk.editor, Qt.Key.Key_Down, ALT)  # the draft stays behind
        self.types_words(self.made.randint(1, 6))

    def types_words(self, count):
        desk, prompt_id = self.desk, self.desk.write._prompt.id
        for letter in " ".join(self.made.choices(WORDS, k=count)) + f" {self.made.randrange(10**6)} ":
            at = time.monotonic()
            desk.type(letter)
            self.tell(("typed", at, prompt_id, desk.editor.toPlainText()))
            self.pause(0.03)

    def saves(self):
        desk = self.desk
        desk.begin_typing()
        self.tell(("phase", "typing"))
        self.types_words(1)
        self.tell(("phase", "saving a demonstration"))
        key = ("demonstration", desk.write._prompt.id, desk.editor.toPlainText().strip())
        self.does(key, desk.save)

    def ranks(self):
        desk = self.desk
        answers = desk.wait_for_set()
        self.tell(("phase", "ranking"))
        desk.begin_anew()
        order = random_order(self.made, len(answers.completion_ids))
        for key in order.keys:
            desk.press(key)
            self.pause(0.03)
        tiers = tuple(tuple(tier) for tier in order.tiers(answers.completion_ids))
        self.does(("ranked", answers.id, tiers), desk.submit)

    def sets_aside(self):
        answers = self.desk.wait_for_set()
        self.tell(("phase", "setting aside"))
        verdict, key = self.made.choice((("skipped", Qt.Key.Key_Right), ("unrankable", Qt.Key.Key_U)))
        self.does((verdict, answers.id, ()), lambda: QTest.keyClick(self.desk.rank, key, CTRL))

    def undoes(self):
        self.desk.show("rank")
        self.tell(("phase", "undoing"))
        for _ in range(self.made.randint(1, 3)):
            if self.desk.store.undoable() is not None:
                self.does(("undo", 0, ()), self.desk.undo)

    def redoes(self):
        self.desk.show("rank")
        self.tell(("phase", "redoing"))
        for _ in range(self.made.randint(1, 2)):
            if self.desk.store.redoable() is not None:
                self.does(("redo", 0, ()), self.desk.redo)

    def does(self, key, act):
        """One act that must be whole or not be at all, and be there once it has returned."""
        before = self.desk.store.undoable(), self.desk.store.redoable()
        self.tell(("begin", key))
        act()
        if before == (self.desk.store.undoable(), self.desk.store.redoable()):
            raise AssertionError(f"{key} did nothing; the page says {self.desk.rank.page.hint.text()!r}")
        self.tell(("done", key))
        self.pause(0.05)


def work(project, seed, connection):
    """Be busy until somebody kills this process."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["RLHF_STUDIO_DATA"] = str(Path(project).parent / "data")
    app = QApplication(["desk", "-style", "fusion"])
    try:
        Busy(Path(project), seed, connection.send).work()
    except BaseException as error:
        connection.send(("failed", repr(error)))
        raise
    finally:
        app.processEvents()
