import dataclasses
import json
import math

import pytest

from rlhf_studio import events
from rlhf_studio.events import Notice, RunFinished, StepMetrics, from_json, to_json

EXAMPLES = [
    events.Progress(3, 10, "sample", 0.5),
    events.RunStarted(0, 10, "ppo", "cpu", "float32"),
    events.StepMetrics(1, {"loss/train": 0.25, "time/step_seconds": 1.5}),
    events.SampleShown(5, 7, 'Say "hi"\n', "Hi\u2028 \u00fc <b>", 1.5, None),
    events.SettingChanged(4, "kl_coef", 0.1),
    events.RolloutSaved(10, "rollouts/step-00000010.npz"),
    events.CheckpointSaved(10, "checkpoints/step-00000010"),
    events.ModelSaved(10, "policy", "models/policy"),
    events.Notice(0, "sft.left_out", {"count": 3, "limit": 256}),
    events.RunFinished(10, "failed", "the loss is not finite"),
]


def test_every_kind_of_event_has_an_example_here():
    kinds = {cls for cls in vars(events).values() if dataclasses.is_dataclass(cls)}
    assert {type(event) for event in EXAMPLES} == kinds


@pytest.mark.parametrize("event", EXAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_is_one_line_and_comes_back_as_it_was(event):
    line = to_json(event)
    assert "\n" not in line
    assert json.loads(line)["event"] == type(event).__name__
    assert from_json(line) == event


def test_numbers_that_are_none_come_back_too():
    values = from_json(to_json(StepMetrics(1, {"a": math.nan, "b": math.inf, "c": -math.inf}))).values
    assert math.isnan(values["a"])
    assert (values["b"], values["c"]) == (math.inf, -math.inf)


@pytest.mark.parametrize(
    "line", ["", "{", "[]", "3", '{"step": 1}', '{"event": "Other", "step": 1}', '{"event": "RunFinished", "step"']
)
def test_half_a_line_is_no_event(line):
    with pytest.raises(ValueError, match=r"not an event|Expecting|delimiter"):
        from_json(line)


@pytest.mark.parametrize("line", ['{"event": "RunFinished", "step": 1}', '{"event": "Notice", "step": 1, "what": 2}'])
def test_an_event_with_other_fields_is_none(line):
    with pytest.raises(ValueError, match="event with other fields"):
        from_json(line)


def test_defaults_are_not_shared():
    assert Notice(0, "a").values == {}
    assert RunFinished(1, "completed").message == ""
    assert Notice(0, "a").values is not Notice(0, "a").values
