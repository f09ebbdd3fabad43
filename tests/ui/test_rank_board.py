"""Answers and ranks as they are seen and dragged: cards, the rail, the columns, and what differs."""

import time

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QDrag, QDragEnterEvent, QDragLeaveEvent, QDragMoveEvent, QDropEvent, QFont
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_material import MARKUP

from rlhf_studio.ui.rank import card
from rlhf_studio.ui.rank.answer_text import AnswerText
from rlhf_studio.ui.rank.card import answer_mime, discard
from rlhf_studio.ui.rank.columns import Chip

ALT, NONE, LEFT = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.NoModifier, Qt.MouseButton.LeftButton
MOVE = Qt.DropAction.MoveAction
LONG = "A long answer goes on and on, with many words in each of its lines. " * 75  # over 5,000 characters


@pytest.fixture
def four(desk):
    desk.first, desk.second = desk.add(4), desk.add(4)
    desk.open(4)
    return desk


@pytest.fixture
def columns(four):
    four.click(four.page.acts.columns)
    four.columns = four.page.columns
    settle(four)
    return four


def settle(desk):
    """Let everything be laid out."""
    QApplication.processEvents()
    QApplication.processEvents()
    desk.qtbot.waitUntil(lambda: desk.page.board.cards[0].width() > 60)


def drag(widget, index, point):
    """Drag an answer to a point of a widget without letting go."""
    mime = answer_mime(index)
    QApplication.sendEvent(widget, QDragEnterEvent(point, MOVE, mime, LEFT, NONE))
    QApplication.sendEvent(widget, QDragMoveEvent(point, MOVE, mime, LEFT, NONE))
    QApplication.processEvents()
    return mime


def drop(widget, index, point):
    mime = drag(widget, index, point)
    QApplication.sendEvent(widget, QDropEvent(QPointF(point), MOVE, mime, LEFT, NONE))
    QApplication.processEvents()
    QApplication.processEvents()


def before(box):
    return QPoint(box.left() + 2, box.center().y())


# --- columns


def test_columns_take_the_place_of_the_rail_and_that_is_remembered(columns):
    assert columns.columns.isVisible()
    assert not columns.page.rail.isVisible()
    assert columns.session.preferences.value("rank_columns") == "1"
    titles = [column.title.text() for column in columns.columns.field.columns]
    assert titles == ["Rank 1 (best)", "Rank 2", "Rank 3", "Rank 4"]
    QTest.keyClick(columns.tab, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert columns.page.rail.isVisible()
    assert not columns.columns.isVisible()


def test_an_order_made_by_dragging_between_columns(columns):
    field = columns.columns.field
    for index, place in ((1, 0), (3, 1), (0, 2)):  # each into the next empty column
        drop(field, index, field.boxes()[place].center())
    assert columns.tiers == ((1,), (3,), (0,))
    drop(field, 0, field.boxes()[1].center())  # the same column is a tie
    assert columns.tiers == ((1,), (0, 3))
    drop(field, 2, before(field.boxes()[1]))  # an answer without a place, between two ranks
    assert columns.tiers == ((1,), (2,), (0, 3))
    drop(field, 1, field.boxes()[3].center())  # the best becomes the worst
    assert columns.tiers == ((2,), (0, 3), (1,))
    columns.press("\n")
    assert columns.ranked(columns.first) == ((2,), (0, 3), (1,))


def test_an_answer_is_dragged_out_of_the_order_and_that_is_taken_back(columns):
    columns.press("12")
    drop(columns.columns.tray, 0, QPoint(10, 10))
    assert columns.tiers == ((1,),)
    columns.press("<")
    assert columns.tiers == ((0,), (1,))


def test_chips_are_moved_by_keys_and_keep_the_keyboard(columns):
    columns.press("12")
    chip = next(chip for chip in columns.columns.findChildren(Chip) if chip.index == 1 and chip.isVisible())
    chip.setFocus()
    for key, tiers in ((Qt.Key.Key_Left, ((0, 1),)), (Qt.Key.Key_Left, ((1,), (0,))), (Qt.Key.Key_Right, ((0, 1),))):
        QTest.keyClick(QApplication.focusWidget(), key, ALT)
        assert columns.tiers == tiers
        focused = QApplication.focusWidget()
        assert isinstance(focused, Chip)
        assert focused.index == 1
    columns.press("3")  # a digit still ranks
    assert columns.tiers == ((0, 1), (2,))


def test_chips_tell_the_first_words(desk):
    desk.add(4, texts=["Once upon a time\nthere was a hat", MARKUP])
    desk.open(4)
    desk.click(desk.page.acts.columns)
    settle(desk)
    chips = {chip.index: chip for chip in desk.page.columns.findChildren(Chip) if chip.isVisible()}
    assert chips[0].accessibleName() == "Answer 1: Once upon a time there was a hat"
    assert chips[0]._label.text().startswith("Once")
    assert chips[1]._label.textFormat() == Qt.TextFormat.PlainText


def test_columns_fit_the_smallest_window(desk):
    desk.add(9, texts=[LONG])
    desk.open(9)
    desk.click(desk.page.acts.columns)
    settle(desk)
    least = desk.tab.minimumSizeHint()
    assert least.width() <= 1024
    assert least.height() <= 560


def test_without_a_rail_the_answers_have_the_whole_width(columns):
    assert columns.page.board.width() > columns.tab.width() - 48
    columns.press("123\n")
    columns.add(2)
    columns.press("123\n")
    settle(columns)
    assert columns.page.is_pair
    assert columns.page.board.width() > columns.tab.width() - 48


# --- marks and scrolling


def test_a_mark_shows_where_it_would_go_and_goes_away(columns):
    columns.press("12")
    field = columns.columns.field
    drag(field, 3, field.boxes()[0].center())
    assert field.mark == (0, False)
    picture = field.grab().toImage()
    accent = columns.session.theme.colours.accent
    assert picture.pixelColor(field.boxes()[0].left() - 2, field.boxes()[0].center().y()).name() == accent
    drag(field, 3, before(field.boxes()[1]))
    assert field.mark == (1, True)
    drag(field, 3, field.boxes()[3].center())
    assert field.mark == (2, True)  # the next rank, wherever on the right
    QApplication.sendEvent(field, QDragLeaveEvent())
    assert field.mark is None


def test_the_rail_scrolls_while_something_is_dragged_near_its_end(desk, qtbot):
    desk.add(9)
    desk.open(9)
    desk.press("12345678")
    settle(desk)
    rows, bar = desk.page.rail.rows, desk.page.rail._scroll.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    seen = desk.page.rail._scroll.viewport()
    drag(rows, 8, rows.mapFrom(seen, QPoint(40, seen.height() - 4)))
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())
    assert rows.mark is not None
    assert rows.mark[0] >= 6  # what lies there by now
    drag(rows, 8, rows.mapFrom(seen, QPoint(40, 4)))
    qtbot.waitUntil(lambda: bar.value() == 0)
    qtbot.waitUntil(lambda: not rows._timer.isActive())
    QApplication.sendEvent(rows, QDragLeaveEvent())
    drop(rows, 8, QPoint(40, 1))
    assert desk.tiers[0] == (8,)


def test_columns_scroll_sideways_while_something_is_dragged(desk, qtbot):
    desk.add(9)
    desk.open(9, size=(760, 560))
    desk.click(desk.page.acts.columns)
    settle(desk)
    area, field = desk.page.columns.area, desk.page.columns.field
    bar = area.horizontalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    drag(field, 0, field.mapFrom(area.viewport(), QPoint(area.viewport().width() - 4, 40)))
    qtbot.waitUntil(lambda: bar.value() == bar.maximum())


def test_a_drag_begins_after_a_few_pixels_and_is_no_click(four, monkeypatch):
    dragged = []
    monkeypatch.setattr(QDrag, "exec", lambda drag, _action: dragged.append(drag.mimeData().data(card.MIME).data()))
    widget = four.page.board.cards[2]
    QTest.mousePress(widget, LEFT, pos=QPoint(40, 60))
    QTest.mouseMove(widget, QPoint(42, 60))
    assert dragged == []
    QTest.mouseMove(widget, QPoint(90, 90))
    QTest.mouseRelease(widget, LEFT, pos=QPoint(90, 90))
    assert dragged == [b"2"]
    assert four.tiers == ()


def test_what_a_drag_began_on_lives_until_it_ends(four, monkeypatch):
    widget = four.page.board.cards[2]
    seen = []

    def drop_elsewhere(_drag, _action):
        discard(widget)
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        seen.append(widget.width() > 0)  # would raise if it were deleted

    monkeypatch.setattr(QDrag, "exec", drop_elsewhere)
    QTest.mousePress(widget, LEFT, pos=QPoint(40, 60))
    QTest.mouseMove(widget, QPoint(90, 90))
    assert seen == [True]
    assert not widget.isVisible()
    four.page.board.cards.remove(widget)


# --- texts


def test_four_long_answers_are_whole_and_scroll_by_keys(desk, qtbot):
    desk.add(4, texts=[LONG, LONG.replace("many", "few"), "短" * 3000, "x" * 5000])
    desk.open(4)
    settle(desk)
    board = desk.page.board
    for shown in board.cards:
        label = shown.text
        assert len(label.text()) >= 3000
        qtbot.waitUntil(lambda label=label: label.height() >= label.heightForWidth(label.width()))
        assert label._laid_out(label.width()).maximumWidth() > 0
        lines = label._laid_out(label.width())
        assert max(lines.lineAt(i).naturalTextWidth() for i in range(lines.lineCount())) <= label.width()
    bar = board.verticalScrollBar()
    assert bar.maximum() > board.height()
    for key, moves in ((Qt.Key.Key_PageDown, 1), (Qt.Key.Key_Down, 1), (Qt.Key.Key_Up, -1), (Qt.Key.Key_PageUp, -1)):
        value = bar.value()
        QTest.keyClick(desk.tab, key)
        assert (bar.value() - value) * moves > 0
    QTest.keyClick(desk.tab, Qt.Key.Key_End)
    assert bar.value() == bar.maximum()
    assert desk.page.rail.isVisible()  # it stays while the answers scroll
    assert desk.tiers == ()
    QTest.keyClick(desk.tab, Qt.Key.Key_Home)
    assert bar.value() == 0


def test_what_is_placed_is_seen_on_its_card(four):
    four.press("2")
    placed = four.page.board.cards[1]
    assert placed.badge.isVisible()
    assert placed.property("look") == "placed"
    assert four.page.board.cards[0].property("look") == "card"
    assert placed.digit.font().pixelSize() >= 28


def test_a_text_keeps_its_lines_spaces_and_code(qtbot, theme):
    text = AnswerText(theme)
    qtbot.addWidget(text)
    text.resize(400, 300)
    text.setText("Use this:\n```python\nif x:\n    return 1\n```\n\tDone 😀 红")
    layout = text._laid_out(400)
    assert layout.lineCount() == 6
    assert layout.text().count("\u2028") == 5
    code = [found for found in layout.formats() if found.format.fontFixedPitch()]
    assert [layout.text()[found.start : found.start + found.length] for found in code] == [
        "if x:\u2028    return 1\u2028"
    ]


def test_marks_count_characters_beyond_the_first_plane(qtbot, theme):
    text = AnswerText(theme)
    qtbot.addWidget(text)
    text.resize(400, 100)
    text.setText("😀😀 red hat")
    text.mark([(3, 6)])
    (found,) = text._laid_out(400).formats()
    assert (found.start, found.length) == (5, 3)
    assert found.format.background().color().name() == theme.colours.changed
    assert found.format.fontUnderline()


def test_a_larger_font_makes_a_text_higher(qtbot, theme):
    text = AnswerText(theme)
    qtbot.addWidget(text)
    text.setText("many words in a row " * 20)
    before = text.heightForWidth(300)
    font = QFont(text.font())
    font.setPixelSize(40)
    text.setFont(font)
    assert text.heightForWidth(300) > before


# --- what differs


def marked(desk):
    texts = [shown.text for shown in desk.page.board.cards]
    return [[text.text()[first:last] for first, last in text.marks] for text in texts]


@pytest.fixture
def alike(desk):
    desk.add(4, texts=["The hat was red.", "The hat was blue.", "The cap was red.", "一顶红帽子。"])
    desk.open(4)
    return desk


def wait_for_marks(desk):
    desk.qtbot.waitUntil(lambda: not desk.page.differences.is_busy)


def test_differences_follow_the_best_answer_and_the_keyboard(alike):
    assert marked(alike) == [[], [], [], []]
    QTest.keyClick(alike.tab, Qt.Key.Key_D, Qt.KeyboardModifier.ControlModifier)
    wait_for_marks(alike)
    assert marked(alike)[:3] == [[], ["blue"], ["cap"]]
    assert alike.page.board.cards[0].reference.isVisible()
    alike.press("2")
    wait_for_marks(alike)
    assert marked(alike)[:3] == [["red"], [], ["cap", "red"]]
    alike.page.board.cards[2].setFocus()
    wait_for_marks(alike)
    assert marked(alike)[:3] == [["hat"], ["hat", "blue"], []]
    assert alike.page.board.cards[2].reference.isVisible()
    assert alike.tiers == ((1,),)
    alike.click(alike.page.acts.differences)
    assert marked(alike) == [[], [], [], []]
    assert not alike.page.board.cards[2].reference.isVisible()


def test_two_answers_are_compared_with_each_other(desk):
    desk.add(2, texts=["The hat was red.", "The hat was blue."])
    desk.open(2)
    desk.click(desk.page.acts.differences)
    wait_for_marks(desk)
    assert marked(desk) == [["red"], ["blue"]]
    assert not any(card.reference.isVisible() for card in desk.page.board.cards)


def test_differences_stay_on_for_the_next_set(alike):
    alike.add(4, texts=["one two", "one three", "one", "two"])
    alike.click(alike.page.acts.differences)
    alike.press("123\n")
    wait_for_marks(alike)
    assert marked(alike) == [[], ["three"], [], []]


def test_nine_answers_of_two_thousand_characters_are_marked_in_short_turns(desk):
    words = "从前有一顶红帽子它想去看大海于是在早晨飞走了再也没有回来"
    texts = ["".join(words[(i * (k + 2) + i // 7) % len(words)] for i in range(2000)) for k in range(9)]
    desk.add(9, texts=texts)
    desk.open(9)
    differences = desk.page.differences
    turns = []
    turn = differences._on_turn

    def measured():
        start = time.perf_counter()
        turn()
        turns.append(time.perf_counter() - start)

    differences._timer.timeout.disconnect()
    differences._timer.timeout.connect(measured)
    desk.click(desk.page.acts.differences)
    wait_for_marks(desk)
    assert len(turns) == 9
    assert sorted(turns)[-2] < 0.05  # one of them may meet a busy machine
    assert all(marked(desk)[1:])
