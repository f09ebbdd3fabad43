import struct
import sys
import threading
from dataclasses import replace

import numpy as np
from matplotlib.axes import Axes
from report_material import stages

from rlhf_studio.events import SettingChanged
from rlhf_studio.report.colours import DARK, LIGHT
from rlhf_studio.report.curves import Curve
from rlhf_studio.report.material import StageFacts
from rlhf_studio.report.plots import PLOTS, available_plots, draw, draw_all


def size_of(png):
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def test_every_plot_that_has_a_curve_is_drawn_at_the_size_the_page_announces():
    pictures = draw_all(stages())
    assert set(pictures) == {plot.name for plot in available_plots(stages())}
    assert {size_of(png) for png in pictures.values()} == {(720, 470)}


def test_a_plot_without_any_curve_is_left_out():
    only_sft = [stage for stage in stages() if stage.key == "sft"]
    assert [plot.name for plot in available_plots(only_sft)] == ["sft-loss"]


def test_what_was_changed_while_a_run_went_on_is_marked(monkeypatch):
    plot = next(plot for plot in PLOTS if plot.name == "ppo-kl")
    (ppo,) = [stage for stage in stages() if stage.key == "ppo"]
    told = []
    monkeypatch.setattr(Axes, "annotate", lambda _, text, xy, **__: told.append((text, xy[0])))
    changes = (SettingChanged(8, "kl_coef", 0.1), SettingChanged(8, "clip", 0.3), SettingChanged(20, "kl_coef", 0.2))
    marked = draw(plot, [replace(ppo, changes=changes)])
    assert told == [("beta 0.1, clip 0.3", 8), ("beta 0.2", 20)]
    assert marked != draw(plot, [ppo])
    assert len(told) == 2


def test_themes_differ():
    plot = PLOTS[0]
    assert draw(plot, stages(), LIGHT) != draw(plot, stages(), DARK)


def test_a_curve_with_gaps_and_infinities_is_drawn():
    curves = {"loss/train": Curve((1, 2, 3), (1.0, float("nan"), float("inf"))), "loss/valid": Curve((1,), (1.0,))}
    assert draw(PLOTS[0], [StageFacts("sft", "sft", curves, {})])


def test_plots_are_drawn_from_another_thread_without_pyplot():
    pictures = []
    thread = threading.Thread(target=lambda: pictures.append(draw(PLOTS[0], stages())))
    thread.start()
    thread.join()
    assert len(pictures) == 1
    assert "matplotlib.pyplot" not in sys.modules


def test_colours_of_models_are_far_apart_for_all_kinds_of_sight():
    """Viénot, Brettel and Mollon 1999: projections that a protanope and a deuteranope see."""
    protan = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])
    deutan = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
    for theme in (LIGHT, DARK):
        colours = [[int(c[i : i + 2], 16) / 255 for i in (1, 3, 5)] for c in theme.models.values()]
        linear = np.array(colours) ** 2.2
        for sight in (np.eye(3), protan, deutan):
            seen = np.clip(linear @ sight.T, 0, 1) ** (1 / 2.2)
            gaps = np.linalg.norm(seen[:, None] - seen[None], axis=2) + np.eye(len(seen))
            assert gaps.min() > 0.1
