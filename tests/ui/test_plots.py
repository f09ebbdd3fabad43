"""Live curves: drawn one panel a turn, bounded, themed, explained."""

import pytest
from PySide6.QtCore import QTimer

from rlhf_studio.events import RunStarted, StepMetrics
from rlhf_studio.ui.plots.figures import PANELS
from rlhf_studio.ui.plots.grid import PlotGrid
from rlhf_studio.ui.plots.objective_line import ObjectiveLine, objective_terms
from rlhf_studio.ui.train.monitor import Monitor

PPO = {
    "objective/scores": 1.5,
    "objective/kl": 4.0,
    "objective/rlhf_reward": 0.9,
    "kl_coef": 0.15,
    "loss/ptx": 2.5,
    "ptx_coef": 0.2,
}


def shown(qtbot, widget, width=700, height=420):
    qtbot.addWidget(widget)
    widget.resize(width, height)
    with qtbot.waitExposed(widget):
        widget.show()
    return widget


@pytest.mark.parametrize("stage", ["sft", "reward", "rl-start", "ppo", "ppo-ptx"])
def test_every_panel_draws_and_says_what_it_shows(qtbot, theme, stage):
    grid = shown(qtbot, PlotGrid(theme, stage))
    metrics = {curve.metric: 0.5 for spec in PANELS[grid.kind] for curve in spec.curves}
    with qtbot.waitSignal(grid.drawn) as drawn:
        grid.add([StepMetrics(step, metrics) for step in (1, 2, 3)])
    assert drawn.args == [3]
    for panel in grid.panels:
        assert not panel.empty.isVisible()
        assert panel.accessibleName()
        for curve in panel.curves:
            assert curve.item.getData()[0].tolist() == [1, 2, 3]
            assert curve.value.text() == format(0.5, panel.spec.form)
        assert "(" in panel.toolTip()


def test_a_hidden_grid_collects_and_draws_when_it_is_shown(qtbot, theme):
    grid = PlotGrid(theme, "sft")
    qtbot.addWidget(grid)
    grid.add([StepMetrics(1, {"loss/train": 2.0})])
    assert [timer for timer in grid.findChildren(QTimer) if timer.isActive()] == []
    assert grid.panels[0].curves[0].item.getData()[0] is None
    with qtbot.waitSignal(grid.drawn):
        grid.show()
    assert grid.panels[0].curves[0].item.getData()[1].tolist() == [2.0]


def test_an_axis_has_numbers_only_beside_a_curve(qtbot, theme):
    grid = shown(qtbot, PlotGrid(theme, "sft"))
    panel = grid.panels[0]
    axis = panel.view.getAxis("left")
    assert (panel.empty.isVisible(), axis.style["showValues"]) == (True, False)
    panel.add(1, {"loss/train": 2.0})
    panel.redraw()
    assert (panel.empty.isVisible(), axis.style["showValues"]) == (False, True)
    panel.clear()
    assert (panel.empty.isVisible(), axis.style["showValues"]) == (True, False)


def test_a_hundred_thousand_steps_stay_drawable(qtbot, theme):
    grid = shown(qtbot, PlotGrid(theme, "reward"))
    with qtbot.waitSignal(grid.drawn, timeout=30_000):
        grid.add([StepMetrics(step, {"loss/train": float(step % 10)}) for step in range(100_000)])
    x, y = grid.panels[0].curves[0].item.getData()
    assert 500 <= len(x) <= 2000
    assert (y.min(), y.max()) == (0, 9)


def test_the_axis_reaches_to_the_end_of_the_run_and_the_curve_is_never_outside(qtbot, theme):
    grid = shown(qtbot, PlotGrid(theme, "sft"))
    grid.set_length(40)
    with qtbot.waitSignal(grid.drawn):
        grid.add([StepMetrics(1, {"loss/train": 2.0})])
    with qtbot.waitSignal(grid.drawn):
        grid.add([StepMetrics(2, {"loss/train": 90.0})])
    (x_low, x_high), (_, y_high) = grid.panels[0].view.getViewBox().viewRange()
    assert (x_low, x_high) == (0, 40)
    assert y_high > 90


def test_colours_follow_the_theme(qtbot, theme):
    grid = shown(qtbot, PlotGrid(theme, "ppo"))
    curve = grid.panels[0].curves[0]
    before = curve.item.opts["pen"].color().name()
    theme.choose("dark")
    assert before == "#b87a00"
    assert curve.item.opts["pen"].color().name() == theme.colours.metric_reward
    theme.choose("light")


def test_held_out_curves_are_dashed(theme, qtbot):
    for specs in PANELS.values():
        for spec in specs:
            for curve in spec.curves:
                assert curve.is_dashed == (
                    curve.metric.endswith("valid") or curve.metric in {"valid/scores", "loss/value_avg", "watch/scores"}
                )


def test_the_objective_is_the_sum_of_its_terms():
    terms = objective_terms(PPO)
    assert terms.objective == pytest.approx(1.5 - 0.15 * 4.0 + 0.2 * -2.5)
    assert terms.score - terms.beta * terms.kl == pytest.approx(PPO["objective/rlhf_reward"])
    assert objective_terms({"loss/train": 1.0}) is None


def test_plain_ppo_has_no_pretraining_term():
    terms = objective_terms({**{k: v for k, v in PPO.items() if k != "loss/ptx"}, "ptx_coef": 0.0})
    assert terms.objective == pytest.approx(0.9)


def test_the_line_shows_numbers_that_add_up(qtbot, theme):
    line = ObjectiveLine(theme)
    qtbot.addWidget(line)
    line.show_step(PPO)
    shown_numbers = {name: float(label.text()) for name, label in line.numbers.items()}
    assert shown_numbers["objective"] == pytest.approx(
        shown_numbers["score"] - shown_numbers["kl"] + shown_numbers["ptx"], abs=0.02
    )
    line.show_step({"loss/train": 1.0})
    assert line.terms.score == 1.5


def test_a_resumed_run_keeps_its_curve_and_a_new_one_begins_empty(qtbot, theme):
    monitor = Monitor(theme)
    qtbot.addWidget(monitor)
    points = monitor.grids["sft"].panels[0].curves
    monitor.take("sft", [RunStarted(0, 9, "sft", "cpu", "float32"), StepMetrics(1, {"loss/train": 1.0})])
    monitor.take("sft", [RunStarted(1, 9, "sft", "cpu", "float32"), StepMetrics(2, {"loss/train": 0.5})])
    assert points[0].points.count == 2
    monitor.take("sft", [RunStarted(0, 9, "sft", "cpu", "float32")])
    assert points[0].points.count == 0
