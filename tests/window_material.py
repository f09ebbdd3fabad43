"""Finished runs made of nothing, and models that answer from a list: what a window shows when it is full."""

import math
from itertools import count
from types import SimpleNamespace

from rlhf_studio.events import ModelSaved, RunFinished, RunStarted, SampleShown, StepMetrics
from rlhf_studio.jobs.catalog import rebuild_index
from rlhf_studio.jobs.estimate import RunEstimate
from rlhf_studio.jobs.event_log import EVENT_FILE, EventLog
from rlhf_studio.jobs.inference import (
    AnswerDone,
    AnswersScored,
    AnswerText,
    DeviceFound,
    EstimateFound,
    InferredAnswer,
    ModelLoading,
    RequestDone,
)
from rlhf_studio.jobs.memory import MemoryEstimate
from rlhf_studio.jobs.reward_evaluation import RewardEvaluation, ScoreSample
from rlhf_studio.jobs.run_file import DATA_FILE, RUN_FILE, new_run_file, run_file_json
from rlhf_studio.paths import models_dir
from rlhf_studio.schema import PpoData, RewardData, RunSpec, SftData
from rlhf_studio.stats.intervals import Share
from rlhf_studio.stats.preferences import Agreement, Bin
from rlhf_studio.words import STAGES

NO_DATA = {"sft": SftData(()), "rl-start": SftData(()), "reward": RewardData(()), "ppo": PpoData(())}
LEFT = {"sft": "policy", "rl-start": "policy", "reward": "reward", "ppo": "policy"}
MARKUP = "<b>not bold</b> &amp; <|endoftext|> \u4f60\u597d\uff0c\u4e16\u754c \u0634\u0643\u0631\u0627"


def add_run(project, name, kind, models, events=(), outcome="completed", settings=None):
    """A run folder as a trainer leaves it, without its tensors; returns the path of its model."""
    path = project / "runs" / name
    path.mkdir(parents=True)
    title = STAGES.get(name.split("-", 2)[-1], "")
    run_file, data = new_run_file(RunSpec(kind, settings or {}, models, title), NO_DATA[kind], {})
    (path / DATA_FILE).write_bytes(data)
    (path / RUN_FILE).write_bytes(run_file_json(run_file))
    events = tuple(events)
    steps = max((event.step for event in events), default=0)
    log = EventLog(path / EVENT_FILE)
    for event in (RunStarted(0, steps, kind, "cpu", "float32"), *events):
        log.append(event)
    if outcome is not None:
        model = path / "models" / LEFT[kind]
        model.mkdir(parents=True)
        (model / "studio.json").write_text("{}")
        log.append(ModelSaved(steps, LEFT[kind], f"models/{LEFT[kind]}"))
        log.append(RunFinished(steps, outcome))
    log.close()
    return path / "models" / LEFT[kind]


def add_all_runs(store, steps=40):
    """SFT, reward model, PPO and PPO-ptx, each with curves and answers to the probes, in folders and in the index."""
    project = store.folder
    probes = store.prompts("probe", limit=4) or store.prompts(limit=4)
    add_run(project, "20260101-100000-sft", "sft", {"base": str(models_dir() / "tiny")}, sft_events(steps, probes))
    sft = "runs/20260101-100000-sft/models/policy"
    add_run(project, "20260101-101000-reward", "reward", {"base": sft}, reward_events(steps))
    models = {"policy": sft, "reward": "runs/20260101-101000-reward/models/reward"}
    for name, ptx in (("ppo", 0.0), ("ppo-ptx", 2.0)):
        run = f"20260101-10{20 + len(name)}00-{name}"
        add_run(project, run, "ppo", models, ppo_events(steps, probes, ptx), settings={"ptx_coef": ptx})
    rebuild_index(store)


def sft_events(steps, probes):
    for step in range(steps + 1):
        values = {"loss/train": 3 * math.exp(-step / 12) + 0.4, "time/step_seconds": 0.1}
        if step % 10 == 0:
            values |= {"loss/valid": 3.1 * math.exp(-step / 12) + 0.6, "loss/text_valid": 3.4 + step / 60}
            yield from samples(step, probes)
        yield StepMetrics(step, values)


def reward_events(steps):
    for step in range(steps + 1):
        values = {"loss/train": 0.7 * math.exp(-step / 20), "accuracy/train": 1 - 0.5 * math.exp(-step / 10)}
        if step % 10 == 0:
            values |= {"loss/valid": 0.2 + 0.5 * math.exp(-step / 20), "accuracy/valid": 0.9 - 0.4 * math.exp(-step)}
        yield StepMetrics(step, values | {"time/step_seconds": 0.2})


def ppo_events(steps, probes, ptx):
    for step in range(steps + 1):
        if step % 10 == 0:
            yield from samples(step, probes, score=step / 20, kl=step / 5)
        if step:
            yield StepMetrics(step, ppo_values(step, ptx))


def ppo_values(step, ptx):
    score, kl = 2 - 2 * math.exp(-step / 8) + 0.2 * math.sin(step), 8 - 8 * math.exp(-step / 10)
    values = {
        "objective/scores": score,
        "objective/scores_std": 0.9,
        "objective/kl": kl,
        "kl_coef": 0.07,
        "ptx_coef": ptx,
        "objective/kl_k3": kl,
        "objective/entropy": 30 - step / 4,
        "objective/non_score_reward": -0.07 * kl,
        "objective/rlhf_reward": score - 0.07 * kl,
        "answer/length": 32 - step / 10,
        "answer/finished": min(1.0, 0.9 + step / 400),
        "value/explained_variance": 0.5,
        "loss/policy_avg": -0.02,
        "loss/value_avg": 0.3 * math.exp(-step / 9),
        "policy/approxkl_avg": 0.01,
        "policy/clipfrac_avg": 0.1,
        "time/step_seconds": 2.0,
    }
    if ptx:
        values["loss/ptx"] = 3.4
    return values if step % 5 else values | {"loss/text_valid": 3.5}


def evaluation_of(run, step):
    """What might be found out about a reward model: right the more often the further apart, and too sure."""

    def share(value, count, width=0.06):
        return Share(value, max(0.0, value - width), min(1.0, value + width), count, 60)

    def scores(middle):
        return tuple(middle + 0.8 * math.sin(12.9898 * place) for place in range(80))

    observed = (0.52, 0.63, 0.69, 0.76, 0.88)
    return RewardEvaluation(
        run=run,
        step=step,
        created="2026-01-01T10:20:00+00:00",
        rankings=73,
        left_out=0,
        simulated=0,
        labelers=2,
        accuracy=share(0.851, 599, 0.03),
        loss=0.412,
        by_size=tuple((str(k), share(0.8 + k / 100, 90)) for k in range(4, 10)),
        by_distance=tuple((str(n), share(0.7 + n / 12, 160)) for n in (1, 2, 3)),
        by_labeler=(("Bartholom\u00e4us the Second", share(0.8, 100)), ("Tess", share(0.86, 499))),
        calibration=tuple(Bin(0.55 + n / 10, share(each, 120)) for n, each in enumerate(observed)),
        calibration_error=0.061,
        agreement=Agreement(),
        bias=0.42,
        samples=(
            ScoreSample("demonstrations", "", scores(0.0)),
            ScoreSample("base", "", scores(-1.4)),
            ScoreSample("sft", "20260101-100000-sft", scores(-0.3)),
            ScoreSample("ppo", "20260101-102300-ppo", scores(0.9)),
            ScoreSample("ppo-ptx", "20260101-102700-ppo-ptx", scores(0.7)),
        ),
    )


def samples(step, probes, score=None, kl=None):
    story = "Once there was a red hat that wanted to see the wide blue sea and its friends"
    for prompt in probes:
        text = " ".join(story.split()[: 6 + step // 5]) + "."
        yield SampleShown(step, prompt.id, prompt.text, text, score, kl)


class FakeInference:
    """Stands where ``InferenceService`` stands; a test tells what it answers, or it takes answers from a list."""

    def __init__(self, texts=()):
        self.scores = (
            0.9,
            -0.4,
            1.6,
            0.2,
            -1.1,
            0.5,
            2.0,
            -0.6,
            0.1,
        )  # of answers that are there; None: told by a test
        self.texts = texts  # the answers, over and over; without any the test tells them
        self.asked = []  # one namespace a request
        self.cancelled = []
        self.events = []
        self._numbers = count(1)

    @property
    def has_work(self):
        return bool(self.events)

    def sample(self, model, turns, k, sampling, **options):
        number = next(self._numbers)
        request = SimpleNamespace(number=number, model=model, turns=turns, k=k, sampling=sampling, **options)
        self.asked.append(request)
        if self.texts:
            place = sum(r.k for r in self.asked[:-1])
            for index in range(k):
                text = self.texts[(place + index) % len(self.texts)]
                self.answer(request, text, index, score=0.4 * (place + index) - 1, kl=2.5 * (place + index))
            self.events.append(RequestDone(number, 1.5))
        return number

    def score(self, reward, turns, answers, *, priority=0):
        number = next(self._numbers)
        request = SimpleNamespace(number=number, reward=reward, turns=turns, answers=answers, k=0)
        self.asked.append(request)
        if self.scores is not None:
            self.events += [AnswersScored(number, tuple(self.scores[: len(answers)])), RequestDone(number, 0.1)]
        return number

    def evaluate(self, run, *, priority=10):
        number = next(self._numbers)
        self.asked.append(SimpleNamespace(number=number, run=run, k=0))
        return number

    def estimate(self, project, spec, *, priority=10):
        number = next(self._numbers)
        memory = MemoryEstimate(300_000_000, 0, 0, 0, 0, 0, 10_000_000)
        found = RunEstimate(80.0, memory, 42_000_000, 50_000_000, 12_000_000, 2, 10**10, 10**10)
        self.events += [EstimateFound(number, found), RequestDone(number, 0.1)]
        return number

    def prepare(self, model, *, priority=10):
        number = next(self._numbers)
        self.events += [DeviceFound("CPU"), RequestDone(number, 0.1)]
        return number

    def loading(self, request, title="the model"):
        self.events.append(ModelLoading(request.number, title))

    def write(self, request, text, index=0):
        self.events.append(AnswerText(request.number, index, text))

    def answer(self, request, text, index=0, score=None, kl=None, is_finished=True):
        self.write(request, text, index)
        answer = InferredAnswer(text, tuple(range(len(text.split()) + 1)), is_finished, -12.5, score, kl)
        self.events.append(AnswerDone(request.number, index, answer))

    def tell(self, event):
        self.events.append(event)

    def cancel(self, request):
        self.cancelled.append(request)
        self.events = [event for event in self.events if getattr(event, "request", None) != request]

    def drain(self):
        events, self.events = self.events, []
        return events

    def gpu_memory(self):
        return None

    def close(self, timeout_s):
        return True
