"""Keys, clicks and drags for one ranking at K = 4 and K = 9, and how soon the next answers are on screen.

    python tests/bench/labeling_effort.py [--orders 40] [--seed 1]

A robot ranks random orders of K answers in the real window without a screen, each in three ways: by keys, by clicks
and by drags on the order; it checks in the store that what was meant was kept, and counts what its hands did. Times are
those of this machine, from the key or click that submits until the cards of the next set have been painted. Prints
Markdown tables; the counts of other tools are derived from those tools' code and were not measured (the same rule: each
key, click or drag that a person makes for one ranking). Exits with 1 if an order was kept wrongly, or if a strict order
of K answers took more than K keys with Enter.
"""

import argparse
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

SIZES = (4, 9)
# Counts for one random strict order, as derived from each tool's own code: keys and drags with their submission.
OTHERS = (
    ("Open-Assistant, mouse", "3.6 (at most 5)", "6.9 (at most 10)", "no"),
    ("Open-Assistant, keys", "about 11", "about 37", "no"),
    ("Argilla, keys", "5, at least 1.2 s", "10, at least 2.7 s", "yes"),
    ("Label Studio Ranker", "2.6; with buckets 5", "5.9; with buckets 10", "buckets"),
    ("FastChat, pairs", "at least 5 votes", "at least 19 votes", "yes"),
    ("Kiln, stars", "7", "17", "equal stars"),
    ("InstructGPT's tool, not checked", "at least 9", "at least 19", "yes"),
)


@dataclass
class Way:
    """What one way of ranking took."""

    gestures: list = field(default_factory=list)  # keys, clicks or drags for one ranking, with the submission
    next_ms: list = field(default_factory=list)  # until the next set is painted
    cpu_ms: list = field(default_factory=list)  # of the processor meanwhile, which other programs do not change
    wrong: int = 0


class Hands:
    """Rank the set that is shown, and count."""

    def __init__(self, desk):
        from PySide6.QtCore import QEvent, QObject

        self.desk = desk
        hands = self

        class Eye(QObject):
            """Sees what is painted."""

            def eventFilter(self, watched, event):  # noqa: N802
                if event.type() == QEvent.Type.Paint:
                    hands.painted.add(watched)
                return False

        self.painted = set()
        self.eye = Eye()

    def keys(self, order):
        for key in order.keys:
            self.desk.press(key)
        return len(order.keys) + 1, self.desk.submit

    def clicks(self, order):
        for place in order.places[:-1]:
            self.desk.click_card(place)
        return len(order.places), self.click_submit

    def drags(self, order):
        """Onto the order at the right, best first; a tie onto the rank before, a new rank below the lowest."""
        last = len(order.places) - 1
        for n, place in enumerate(order.places):
            if n == last and n not in order.ties:
                break  # filled in
            self.drop(place, is_tie=n in order.ties)
        return (last + 1 if last in order.ties else last) + 1, self.click_submit

    def drop(self, index, *, is_tie):
        from PySide6.QtCore import QPoint, QPointF, Qt
        from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent
        from PySide6.QtWidgets import QApplication

        from rlhf_studio.ui.rank.card import answer_mime

        QApplication.processEvents()  # the ranks are laid out
        field = self.desk.rank.page.rail.rows
        ranks = field.boxes()[: field.tier_count]
        point = QPoint(20, 2) if not ranks else ranks[-1].center() if is_tie else QPoint(20, ranks[-1].bottom() + 4)
        mime, move = answer_mime(index), Qt.DropAction.MoveAction
        button, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        QApplication.sendEvent(field, QDragEnterEvent(point, move, mime, button, none))
        QApplication.sendEvent(field, QDragMoveEvent(point, move, mime, button, none))
        QApplication.sendEvent(field, QDropEvent(QPointF(point), move, mime, button, none))

    def click_submit(self):
        from PySide6.QtCore import Qt
        from PySide6.QtTest import QTest

        QTest.mouseClick(self.desk.rank.page.submit, Qt.MouseButton.LeftButton)

    def seconds_to_next(self, submit):
        """Submit, and return the seconds until the next set has been painted: on the wall, and of the processor."""
        from PySide6.QtWidgets import QApplication

        board, before = self.desk.rank.page.board, self.desk.rank._set.id
        for card in board.cards:
            card.installEventFilter(self.eye)
        self.painted.clear()
        began, cpu = time.perf_counter(), time.process_time()
        submit()
        while self.desk.rank._set is None or self.desk.rank._set.id == before or not self.is_painted(board):
            QApplication.processEvents()
            if time.perf_counter() - began > 30:
                raise SystemExit("The next set did not come.")
        return time.perf_counter() - began, time.process_time() - cpu

    def is_painted(self, board):
        """The cards in sight; with many answers others lie below."""
        seen = [card for card in board.cards if not card.visibleRegion().isEmpty()]
        return bool(seen) and set(seen) <= self.painted


def measure(k, orders, seed, folder):
    """Rank ``orders`` random orders in each way, strict and with ties; returns ways by name."""
    from desk_robot import Desk, Order, make_desk, random_order

    kinds = [("keys", False), ("keys", True), ("clicks", False), ("drags", False), ("drags", True)]
    project = make_desk(folder / f"desk-{k}", prompts=1, sets=len(kinds) * orders + 3, k=k)
    desk, made, ways = Desk(project, folder / "window.ini", texts=(), is_whole=True), random.Random(seed), {}
    desk.finish_opening()
    hands = Hands(desk)
    for way, ties in kinds:
        found = ways[f"{way}, {'with ties' if ties else 'strict'}"] = Way()
        for _ in range(orders):
            answers = desk.wait_for_set()
            order = random_order(made, k)
            while ties != bool(order.ties):
                order = random_order(made, k)
            count, submit = getattr(hands, way)(order if ties else Order(order.places))
            for times, seconds in zip((found.next_ms, found.cpu_ms), hands.seconds_to_next(submit), strict=True):
                times.append(1000 * seconds)
            found.gestures.append(count)
            (kept,) = desk.store.rankings(answers.prompt_id)
            found.wrong += [sorted(tier) for tier in kept.tiers] != order.tiers(answers.completion_ids)
    desk.close()
    return ways


def share(values, part):
    return sorted(values)[min(len(values) - 1, int(part * len(values)))]


def report(found, orders):
    print(f"{orders} random orders in each way and size, {platform.machine()}, {os.cpu_count()} CPUs, offscreen\n")
    columns = [f"K = {k}: gestures | next set painted: median, p90, median of the processor" for k in SIZES]
    print(f"| this program, with submitting | {' | '.join(columns)} |")
    print("|---|" + "---|---|" * len(SIZES))
    for way in found[SIZES[0]]:
        cells = []
        for k in SIZES:
            one = found[k][way]
            low, high = min(one.gestures), max(one.gestures)
            mean = statistics.mean(one.gestures)
            cells.append(f"{low}" if low == high else f"{mean:.1f} (at most {high})")
            wall, cpu = statistics.median(one.next_ms), statistics.median(one.cpu_ms)
            cells.append(f"{wall:.0f} ms, {share(one.next_ms, 0.9):.0f} ms, {cpu:.0f} ms")
        print(f"| {way} | " + " | ".join(cells) + " |")
    print("\n| others, derived from their code, not measured | K = 4 | K = 9 | ties |\n|---|---|---|---|")
    for row in OTHERS:
        print("| " + " | ".join(row) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication

    with tempfile.TemporaryDirectory() as folder:
        os.environ["RLHF_STUDIO_DATA"] = folder
        app = QApplication([sys.argv[0], "-style", "fusion"])
        found = {k: measure(k, args.orders, args.seed, Path(folder)) for k in SIZES}
        app.processEvents()
    report(found, args.orders)
    wrong = sum(way.wrong for ways in found.values() for way in ways.values())
    print(f"\norders kept otherwise than meant: {wrong}")
    too_many = [k for k in SIZES if max(found[k]["keys, strict"].gestures) > k]
    return 1 if wrong or too_many else 0


if __name__ == "__main__":
    raise SystemExit(main())
