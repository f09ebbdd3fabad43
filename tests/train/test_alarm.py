import pytest

from fakes import FixedLogits, MemoryRun, NumberCodec, TokenScores
from rlhf_studio import words
from rlhf_studio.events import Notice, StepMetrics, is_alarm
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import PpoData, PromptRow, Turn
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.alarm import signs
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo

SOUND = {"repetition": 0.03, "length": 20.0, "finished": 0.9, "entropy": 1.5, "scores": 0.0, "scores_variance": 1.0}
WATCHED = {**SOUND, "watched": 0.5, "watched_variance": 0.04}


@pytest.mark.parametrize(
    ("change", "sign"),
    [
        ({}, None),
        ({"repetition": 0.12}, None),
        ({"repetition": 0.14}, "repetition"),
        ({"length": 29.0}, None),
        ({"length": 31.0}, "length"),
        ({"length": 9.0}, "length"),
        ({"finished": 0.62}, None),
        ({"finished": 0.55}, "finished"),
        ({"entropy": 0.8}, None),
        ({"entropy": 0.7}, "entropy"),
        ({"scores": 2.0}, None),
        # of 100 episodes each: errors of 0.1414 for the scores and 0.0283 for the watching marks
        ({"scores": 0.5, "watched": 0.4}, "watched"),
        ({"scores": 0.5, "watched": 0.42}, None),  # 2.8 errors are chance
        ({"scores": 0.4, "watched": 0.4}, None),
        ({"scores": -0.5, "watched": 0.4}, None),  # both fell
    ],
)
def test_each_sign_has_its_limit(change, sign):
    before = WATCHED if "scores" in change else SOUND
    expected = {sign: (before[sign], change[sign])} if sign else {}
    assert signs(before, {**before, **change}, 100) == expected


class StopsAfter(RunControl):
    """Asks for a stop once a number of steps have taken their changes."""

    def __init__(self, steps):
        super().__init__()
        self._left = steps

    def take_changes(self, names=None, step=None):
        if self._left == 0:
            self.request_stop()
        self._left -= 1
        return super().take_changes(names, step)


def bandit(run=None, control=None, **changes):
    """Three tokens, of which the judge likes 0 alone and the watching script 2."""
    base = {"steps": 9, "batch_size": 32, "minibatch_size": 32, "epochs": 1, "learning_rate": 0.3, "kl_coef": 0.0}
    base |= {"warmup_steps": 0, "ptx_coef": 0.0, "max_new_tokens": 4, "probe_every": 99, "rollout_every": 99}
    settings = PpoSettings(**{**base, "threads": 1, "device": "cpu", "watching": "brief", **changes})
    codec = NumberCodec(3)
    policy = LanguageModel(FixedLogits([0.4, 0.3, 0.3]), codec, 64, None)
    data = PpoData(prompts=tuple(PromptRow(i, (Turn("user", f"{i % 3}"),)) for i in range(32)))
    judge = TokenScores([1.0, 0.0, -1.0], codec)
    scripts = {"brief": lambda row, answer: int(answer.split()[-1]) / 2}
    return list(train_ppo(settings, policy, judge, data, run or MemoryRun(), control or RunControl(), scripts))


def alarms(events):
    return {event.message.removeprefix("ppo.alarm."): event for event in events if is_alarm(event)}


def test_a_policy_that_says_one_thing_only_is_told_once_with_what_it_says():
    events = bandit()
    told = alarms(events)
    assert set(told) == {"repetition", "entropy", "watched"}
    assert sum(is_alarm(event) for event in events) == 3
    assert min(event.step for event in told.values()) >= 6  # three steps to begin with, three to compare
    repetition = told["repetition"]
    assert repetition.values["now"] > repetition.values["before"] + 0.1
    lines = repetition.values["examples"].splitlines()
    assert len(lines) == 3
    assert all(line.endswith("\u2192 0 0 0 0") for line in lines)
    steps = {event.step: event.values for event in events if isinstance(event, StepMetrics)}
    for name, metric in {"repetition": "answer/repetition", "watched": "watch/scores"}.items():
        for side, last in (("before", 3), ("now", told[name].step)):
            mean = sum(steps[last - i][metric] for i in range(3)) / 3
            assert told[name].values[side] == pytest.approx(mean, abs=1e-6)


def ending_bandit(probabilities, scores):
    """As ``bandit``, but token 2 ends an answer; the judge looks at the last token."""
    base = {"steps": 9, "batch_size": 32, "minibatch_size": 32, "epochs": 1, "learning_rate": 0.3, "kl_coef": 0.0}
    base |= {"warmup_steps": 0, "ptx_coef": 0.0, "max_new_tokens": 12, "probe_every": 99, "rollout_every": 99}
    codec = NumberCodec(3)
    codec.eos_id = 2
    policy = LanguageModel(FixedLogits(probabilities), codec, 64, None)
    data = PpoData(prompts=tuple(PromptRow(i, (Turn("user", f"{i % 3}"),)) for i in range(32)))
    options = PpoSettings(**{**base, "threads": 1, "device": "cpu"})
    return list(train_ppo(options, policy, TokenScores(scores, codec), data, MemoryRun(), RunControl()))


def test_answers_that_no_longer_end_and_become_long_are_told():
    told = alarms(ending_bandit([0.25, 0.25, 0.5], [1.0, 1.0, -1.0]))
    assert {"finished", "length"} <= set(told)
    ended, length = told["finished"].values, told["length"].values
    assert ended["before"] - ended["now"] > 0.3
    assert length["now"] > 1.5 * length["before"]
    assert all(len(line.split(" \u2192 ")[1].split()) == 12 for line in ended["examples"].splitlines())


def test_answers_that_become_short_are_told():
    told = alarms(ending_bandit([0.45, 0.45, 0.1], [-1.0, -1.0, 1.0]))
    length = told["length"].values
    assert length["now"] < 0.5 * length["before"]
    assert "finished" not in told
    assert all(line.endswith("\u2192 2") for line in length["examples"].splitlines())


def test_it_can_be_switched_off_and_changes_nothing_else():
    def metrics(events):
        found = [dict(event.values) for event in events if isinstance(event, StepMetrics)]
        for values in found:
            values.pop("time/step_seconds", None)
        return found

    quiet = bandit(alarm=False)
    assert not alarms(quiet)
    assert metrics(quiet) == metrics(bandit())


def test_a_run_that_was_stopped_remembers_what_it_saw_and_said():
    whole = bandit()
    for stop_at in (2, 7):
        run = MemoryRun()
        events = bandit(run=run, control=StopsAfter(stop_at))
        again = bandit(run=run)
        assert [e for e in (*events, *again) if is_alarm(e)] == [e for e in whole if is_alarm(e)]


def test_every_sign_has_words():
    for sign in ("repetition", "length", "finished", "entropy", "watched"):
        notice = Notice(7, f"ppo.alarm.{sign}", {"before": 0.5, "now": 0.25, "examples": "Hi \u2192 no"})
        text = words.notice(notice.message, notice.values)
        assert text.startswith("Alarm: ")
        assert text.endswith("\nHi \u2192 no")
    assert not is_alarm(Notice(7, "ppo.kl_stop", {}))
