from rlhf_studio.events import Progress, RunStarted, SettingChanged, StepMetrics
from rlhf_studio.report.curves import Curve, curves_csv, read_changes, read_curves


def test_metrics_become_curves_in_order_of_their_steps():
    events = [
        RunStarted(0, 2, "sft", "cpu", "float32"),
        StepMetrics(0, {"loss/valid": 3.0}),
        StepMetrics(1, {"loss/train": 2.0}),
        Progress(2, 2, "update"),
        StepMetrics(2, {"loss/train": 1.0, "loss/valid": 2.5}),
    ]
    assert read_curves(events) == {"loss/valid": Curve((0, 2), (3.0, 2.5)), "loss/train": Curve((1, 2), (2.0, 1.0))}


def test_a_step_that_was_measured_twice_counts_once():
    events = [StepMetrics(1, {"a": 1.0}), StepMetrics(2, {"a": 2.0}), StepMetrics(1, {"a": 5.0})]
    assert read_curves(events)["a"] == Curve((1, 2), (5.0, 2.0))


def test_csv_leaves_cells_empty_where_nothing_was_measured():
    curves = {"loss": Curve((0, 2), (1.5, 0.5)), "kl": Curve((1,), (float("nan"),))}
    assert curves_csv(curves) == "step,loss,kl\n0,1.5,\n1,,nan\n2,0.5,\n"


def test_csv_tells_what_was_changed_at_the_step_from_which_it_holds():
    changes = [SettingChanged(2, "kl_coef", 0.1), SettingChanged(2, "clip", 0.3), SettingChanged(4, "kl_coef", 1e-5)]
    assert read_changes([StepMetrics(1, {}), *changes]) == tuple(changes)
    told = curves_csv({"loss": Curve((1, 2), (1.5, 0.5))}, changes)
    assert told == "step,loss,changed\n1,1.5,\n2,0.5,kl_coef=0.1 clip=0.3\n4,,kl_coef=1e-05\n"
