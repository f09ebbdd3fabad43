"""The pair matrix: silent until the order is whole or somebody peeks, then in numbers for every cell."""

import math

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_material import FakeInference, add_run, sft_events

from rlhf_studio.jobs.inference import AnswersScored, RequestDone, RequestFailed
from rlhf_studio.schema import NewCompletion, Turn
from rlhf_studio.ui.rank.judge import PEEKED, RewardJudge
from rlhf_studio.ui.rank.matrix_panel import MatrixPanel

# rewards ln 9, ln 3, 0: sigmoid of the differences are 3/4 and 9/10
SCORES = (math.log(9), math.log(3), 0.0, math.log(3))
TURNS = (Turn("user", "Tell a story."),)


@pytest.fixture
def service(session):
    session.inference.close(5)
    session.inference = FakeInference()
    session.inference.scores = None
    return session.inference


@pytest.fixture
def reward_run(store):
    add_run(store.folder, "20260101-101000-reward", "reward", {"base": "x"}, sft_events(1, ()))


@pytest.fixture
def answers(store):
    set_id = store.add_answer_set(1, [NewCompletion(1, f"answer {i}", "m", token_ids=(i, 2)) for i in range(4)]).ids[0]
    return store.set_answers(set_id)


@pytest.fixture
def judge(session, service):
    return RewardJudge(session)


@pytest.fixture
def panel(qtbot, reward_run, judge, theme):
    panel = MatrixPanel(judge, theme)
    qtbot.addWidget(panel)
    panel.resize(208, 480)
    with qtbot.waitExposed(panel):
        panel.show()
    panel.refresh()
    return panel


def tell(session, service, event):
    service.tell(event)
    service.tell(RequestDone(event.request, 0.1))
    session.poll_answers()
    QApplication.processEvents()  # what has another size is laid out in the next turn


def order(judge, *digits, whole=True):
    tiers = tuple((digit - 1,) for digit in digits)
    judge.take_order(tiers, tiers if whole else None)


def test_nothing_is_shown_before_the_order_is_whole(panel, judge, session, service, answers):
    judge.open(1, TURNS, answers)
    judge.take_order((), None)  # as when a set is opened
    assert not service.asked  # a model is not loaded because somebody looks
    order(judge, 2, whole=False)
    assert [answer.token_ids for answer in service.asked[0].answers] == [(i, 2) for i in range(4)]
    tell(session, service, AnswersScored(service.asked[0].number, SCORES))
    assert not panel.matrix.isVisible()
    assert panel.peek.isVisible()
    order(judge, 1, 2, 3, 4)
    assert panel.matrix.isVisible()
    assert not panel.peek.isVisible()
    assert judge.note("hard") == "hard"
    assert len(service.asked) == 1  # scores come once for each set


def test_what_disagrees_is_counted_and_costs(panel, judge, session, service, answers):
    judge.open(1, TURNS, answers)
    order(judge, 1, 3, 2, 4)
    assert "reads the answers" in panel.state.text()
    tell(session, service, AnswersScored(service.asked[0].number, SCORES))
    assert panel.matrix.order == (0, 2, 1, 3)
    assert panel.matrix.cost.disagreed == {(2, 1), (2, 3)}
    losses = [-math.log(p) for p in (0.9, 0.75, 0.75, 0.25, 0.25, 0.5)]
    assert panel.state.text().startswith("The model disagrees on 2 of 6 pairs")
    assert f"{sum(losses) / 6:.2f} nats" in panel.state.text()
    assert "C(K,2)" in panel.state.toolTip()
    order(judge, 1, 2, 4, 3)
    assert panel.matrix.cost.disagreed == frozenset()


def test_peeking_is_kept_with_the_ranking(panel, judge, session, service, answers):
    judge.open(1, TURNS, answers)
    panel.peek.click()
    tell(session, service, AnswersScored(service.asked[0].number, SCORES))
    assert panel.matrix.isVisible()
    assert panel.matrix.order == (0, 1, 2, 3)
    assert (judge.note(""), judge.note("hard")) == (PEEKED, f"hard {PEEKED}")
    assert judge.note(judge.note("hard")) == f"hard {PEEKED}"
    order(judge, 2, whole=False)
    assert panel.matrix.order == (1, 0, 2, 3)
    assert "(peeked)" in panel.state.text()
    judge.open(1, TURNS, answers)  # it comes back
    order(judge, 1, 2, 3, 4)
    assert judge.note("") == PEEKED


def test_looking_after_the_order_is_whole_is_no_peeking(panel, judge, session, service, answers):
    judge.open(1, TURNS, answers)
    order(judge, 1, 2, 3, 4)
    judge.peek()
    assert judge.note("") == ""


def test_the_last_set_stays_in_view(panel, judge, session, service, answers):
    judge.open(1, TURNS, answers)
    order(judge, 3, 1, 2, 4)
    tell(session, service, AnswersScored(service.asked[0].number, SCORES))
    judge.submitted()
    judge.open(2, TURNS, answers[:3])
    assert panel.state.text().startswith("Last set: the model disagreed on 3 of 6 pairs, loss ")
    assert panel.matrix.isVisible()
    order(judge, 1, 2, 3)
    tell(session, service, AnswersScored(service.asked[1].number, SCORES[:3]))
    assert panel.state.text().startswith("The model disagrees on 0 of 3 pairs")


def test_without_a_reward_model_there_is_nothing(qtbot, judge, theme, answers, session, service):
    panel = MatrixPanel(judge, theme)
    qtbot.addWidget(panel)
    judge.open(1, TURNS, answers)
    order(judge, 1, 2, 3, 4)
    judge.peek()
    assert not panel.isVisibleTo(None)
    assert not service.asked
    assert judge.note("hard") == "hard"


def test_a_model_that_cannot_score_says_why(panel, judge, session, service, answers):
    judge.open(1, TURNS, answers)
    order(judge, 1, 2, 3, 4)
    service.tell(RequestFailed(service.asked[0].number, "The answers are too long."))
    session.poll_answers()
    assert panel.state.text() == "The answers are too long."
    judge.peek()  # asks again
    assert len(service.asked) == 2


def test_a_cell_is_told_by_mouse_and_by_arrows(qtbot, panel, judge, session, service, answers):
    judge.open(1, TURNS, answers)
    order(judge, 1, 3, 2, 4)
    tell(session, service, AnswersScored(service.asked[0].number, SCORES))
    matrix = panel.matrix
    place = matrix._rect(1, 2).center()
    QTest.mouseMove(matrix, QPoint(1, 1))
    QTest.mouseMove(matrix, place)
    assert matrix.cell == (2, 1)
    assert "P(3 over 2) = sigmoid(r(3) - r(2)) = sigmoid(0.00 - 1.10) = 0.25" in matrix.explain()
    assert "Your order puts 3 above 2, the model does not: loss -ln 0.25 = 1.39 nats." in matrix.explain()
    panel.activateWindow()
    qtbot.waitUntil(panel.isActiveWindow)
    matrix.setFocus()
    QTest.keyClick(matrix, Qt.Key.Key_Right)
    assert matrix.cell == (2, 3)
    QTest.keyClick(matrix, Qt.Key.Key_Down)
    QTest.keyClick(matrix, Qt.Key.Key_Down)
    assert matrix.cell == (3, 3)
    assert matrix.explain() == "r(4) = 1.10: the reward of answer 4."
    assert matrix.accessibleDescription() == matrix.explain()
    panel.peek.show()
    panel.peek.setFocus()
    assert matrix.cell is None


def test_disagreeing_cells_have_a_frame_and_others_have_none(panel, judge, session, service, answers, theme):
    judge.open(1, TURNS, answers)
    order(judge, 1, 3, 2, 4)
    tell(session, service, AnswersScored(service.asked[0].number, SCORES))
    matrix = panel.matrix
    picture = matrix.grab().toImage()
    danger = QColor(theme.colours.danger)

    def is_framed(row, column):
        return QColor(picture.pixel(matrix._rect(row, column).topLeft() + QPoint(1, 1))) == danger

    framed = {(row, column) for row in range(4) for column in range(4) if is_framed(row, column)}
    assert framed == {(1, 2), (2, 1), (1, 3), (3, 1)}


def test_nine_answers_fit_below_the_rail(panel, judge, session, service, store):
    set_id = store.add_answer_set(1, [NewCompletion(1, f"answer {i}", "m") for i in range(9)]).ids[0]
    judge.open(set_id, TURNS, store.set_answers(set_id))
    order(judge, *range(1, 10))
    tell(session, service, AnswersScored(service.asked[0].number, tuple(float(i) for i in range(9))))
    assert panel.matrix._rect(8, 8).right() < panel.width()
    assert panel.matrix._rect(8, 8).bottom() < panel.matrix.height()
