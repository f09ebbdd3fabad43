"""What a run computes, counted before it starts: every pass over tokens of every stage, from its data and settings.

The plan of batches and pieces is made by the functions that the trainers use, so the shapes are those of the run.
Where a trainer draws other rows in each epoch, one epoch stands for all of them.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from rlhf_studio.jobs.memory import PassSize
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings, TrainSettings
from rlhf_studio.train.evaluate import EVALUATION_ROWS, TEXT_WINDOWS
from rlhf_studio.train.packing import place
from rlhf_studio.train.schedule import by_length, chunks, shuffled

PassKind = Literal["learn", "learn_packed", "learn_scalar", "read", "read_packed", "read_scalar"]

HELD_OUT_WINDOW = 128  # of held-out text, and of SFT's pretraining mix
PROBE_TOKENS = 64  # as in train.sft
_SCORED_ROWS = 64  # as in train.ppo_stage
_HELD_OUT_PROMPTS = 64  # as in train.ppo_stage
_EPISODES = 256  # that stand for all: the steps of a small batch differ more from each other


class Pass(NamedTuple):
    """One forward pass, with its backward pass where it learns.

    ``packed`` ones get their attention mask as numbers, ``scalar`` ones give a score instead of logits.
    """

    kind: PassKind
    rows: int
    length: int  # positions of each row
    predicted: int = 0  # of them, those whose logits are computed

    @property
    def tokens(self) -> int:
        return self.rows * self.length


class Writing(NamedTuple):
    """One batch of answers being sampled side by side."""

    prompt: int  # tokens of the longest prompt
    answers: tuple[int, ...]  # tokens of each


@dataclass(frozen=True, slots=True)
class TextSizes:
    """Tokens of a run's data.

    Attributes:
        train: Prompt and answer of each demonstration, or of each answer of each ranking; of PPO's prompts (n, 0).
        valid: The same of held-out ones.
        demonstrations: Those that centre a reward model.
        probes: Prompts that show what the model says.
        questions: Prompts whose answers a reward model scores before SFT and after each of its epochs.
        answers: What the policy may be expected to write, for PPO; they are taken in turn.
        windows: Of held-out natural text, that are measured on.
        context: The model's.
        bytes: Of all data as JSON.
    """

    train: Sequence[Sequence[tuple[int, int]]]
    valid: Sequence[Sequence[tuple[int, int]]] = ()
    demonstrations: Sequence[tuple[int, int]] = ()
    probes: Sequence[int] = ()
    questions: Sequence[int] = ()
    answers: Sequence[int] = ()
    windows: int = TEXT_WINDOWS
    context: int = 256
    bytes: int = 0


@dataclass(slots=True)
class Workload:
    """Everything that a run does, each with how often it does it.

    Attributes:
        steps: Of the run.
        units: Places at which a checkpoint may fall.
        passes: Forward and backward passes.
        writings: Batches of sampled answers.
        language_steps: Optimizer steps of a language model.
        scalar_steps: Optimizer steps of a reward model or a value network.
        averages: Updates of the weights' moving average.
        comparisons: Measurements of two gradients' lengths, in PPO-ptx.
        together: Tokens and predicted ones of passes whose activations are in memory at one time, with a gradient.
        alone: The same of passes without a gradient.
    """

    steps: int
    units: int
    passes: defaultdict[Pass, float] = field(default_factory=lambda: defaultdict(float))
    writings: defaultdict[Writing, float] = field(default_factory=lambda: defaultdict(float))
    language_steps: int = 0
    scalar_steps: int = 0
    averages: int = 0
    comparisons: int = 0
    together: set[PassSize] = field(default_factory=set)
    alone: set[PassSize] = field(default_factory=set)

    def learn(self, passes: Sequence[Pass], times: float) -> None:
        """Count passes that end in one backward pass."""
        for one in passes:
            self.passes[one] += times
        self.together.add(PassSize(sum(one.tokens for one in passes), sum(one.rows * one.predicted for one in passes)))

    def read(self, passes: Iterable[Pass], times: float) -> None:
        """Count passes without a gradient."""
        for one in passes:
            self.passes[one] += times
            self.alone.add(PassSize(one.tokens, one.rows * one.predicted))

    def write(self, writing: Writing, times: float) -> None:
        """Count a batch of sampled answers."""
        self.writings[writing] += times


def count_work(settings: TrainSettings, sizes: TextSizes) -> Workload:
    """All that a stage computes with these settings on this data.

    Raises:
        TypeError: If the settings belong to no stage that this knows.
    """
    if isinstance(settings, SftSettings):
        return _sft(settings, sizes)
    if isinstance(settings, RewardSettings):
        return _reward(settings, sizes)
    if isinstance(settings, PpoSettings):
        return _ppo(settings, sizes)
    raise TypeError(f"there is no count for {type(settings).__name__}")


def _sft(settings: SftSettings, sizes: TextSizes) -> Workload:
    train = [p + a for item in sizes.train for p, a in item]
    per_epoch = math.ceil(len(train) / settings.batch_size)
    total = settings.epochs * per_epoch
    work = Workload(total, total, language_steps=total)
    capacity = sizes.context if settings.packing else 1
    window = min(HELD_OUT_WINDOW, sizes.context - 1)
    for rows in chunks(shuffled(len(train), settings.seed, 0), settings.batch_size):
        for piece in chunks(rows, settings.micro_batch):
            work.learn([_packed("learn_packed", [train[i] for i in piece], capacity)], settings.epochs)
        if settings.pretraining_share:
            share = settings.pretraining_share
            windows = max(1, round(len(rows) * share / (1 - share)))
            work.learn([Pass("learn", windows, window, window)], settings.epochs)
    valid = [p + a for item in sizes.valid for p, a in item]
    limit = settings.micro_batch or EVALUATION_ROWS
    for piece in chunks(range(len(valid)), limit):
        work.read([_packed("read_packed", [valid[i] for i in piece], 1)], settings.epochs + 1)
    _read_texts(work, sizes, limit, settings.epochs + 1)
    for prompts in (sizes.probes, sizes.questions):
        answers = [min(PROBE_TOKENS, sizes.train[i % len(sizes.train)][0][1]) for i in range(len(prompts))]
        for told, times in (([PROBE_TOKENS] * len(prompts), 1), (answers, settings.epochs)):  # a base finds no end
            if prompts:
                work.write(Writing(max(prompts), tuple(told)), times)
            if prompts and prompts is sizes.questions:
                work.read(_scalar("read_scalar", list(zip(prompts, told, strict=True))), times)
    return work


def _packed(kind: PassKind, lengths: Sequence[int], capacity: int) -> Pass:
    rows = place(lengths, capacity)
    width = max(sum(lengths[i] for i in row) for row in rows)
    return Pass(kind, len(rows), width, width)


def _read_texts(work: Workload, sizes: TextSizes, limit: int, times: float) -> None:
    """Held-out natural text."""
    window = min(HELD_OUT_WINDOW, sizes.context - 1)
    for piece in chunks(range(sizes.windows), limit) if sizes.windows else ():
        work.read([Pass("read", len(piece), window, window)], times)


def _reward(settings: RewardSettings, sizes: TextSizes) -> Workload:
    per_epoch = math.ceil(len(sizes.train) / settings.batch_size)
    total = settings.epochs * per_epoch
    work = Workload(total, total, scalar_steps=total)
    for rows in chunks(shuffled(len(sizes.train), settings.seed, 0), settings.batch_size):
        for piece in _by_answers([sizes.train[i] for i in rows], settings.micro_batch):
            work.learn(_scalar("learn_scalar", piece), settings.epochs)
    every = max(1, per_epoch // 4)
    looks = 1 + sum(step % every == 0 or step == total for step in range(1, total + 1))
    for piece in _by_answers(sizes.valid, settings.micro_batch or EVALUATION_ROWS):
        work.read(_scalar("read_scalar", piece), looks)
    size = min(settings.micro_batch or EVALUATION_ROWS, EVALUATION_ROWS)
    centred = [answer for item in sizes.train for answer in item]
    for examples in (centred, list(sizes.demonstrations) if settings.center else []):
        for rows in chunks(shuffled(len(examples), settings.seed), size) if examples else ():
            work.read(_scalar("read_scalar", [examples[i] for i in rows]), 1)
    return work


def _by_answers(items: Sequence[Sequence[tuple[int, int]]], limit: int) -> list[list[tuple[int, int]]]:
    """Whole prompts in pieces of about ``limit`` answers, as in train.reward."""
    pieces: list[list[tuple[int, int]]] = []
    for item in items:
        if not pieces or (limit and len(pieces[-1]) + len(item) > limit):
            pieces.append([])
        pieces[-1].extend(item)
    return pieces


def _scalar(kind: PassKind, examples: Sequence[tuple[int, int]]) -> list[Pass]:
    lengths = [p + a for p, a in examples]
    return [Pass(kind, len(rows), max(lengths[i] for i in rows)) for rows in by_length(lengths)]


def _ppo(settings: PpoSettings, sizes: TextSizes) -> Workload:
    minibatches = settings.epochs * math.ceil(settings.batch_size / settings.minibatch_size)
    updates = settings.steps * minibatches
    work = Workload(settings.steps, updates, language_steps=updates, scalar_steps=updates)
    work.averages = updates if settings.ema_decay else 0
    work.comparisons = updates if settings.ptx_coef else 0
    drawn = max(1, round(_EPISODES / settings.batch_size))
    order = shuffled(len(sizes.train), settings.seed, 0)
    for number in range(drawn):
        places = range(number * settings.batch_size, (number + 1) * settings.batch_size)
        prompts = [sizes.train[order[i % len(order)]][0][0] for i in places]
        answers = [sizes.answers[i % len(sizes.answers)] for i in places]
        _ppo_step(work, settings, list(zip(prompts, answers, strict=True)), settings.steps / drawn)
    _ppo_probes(work, settings, sizes)
    return work


def _ppo_step(work: Workload, settings: PpoSettings, episodes: list[tuple[int, int]], times: float) -> None:
    """Sampling, scoring and learning of one batch of (prompt, answer) tokens."""
    work.write(Writing(max(p for p, _ in episodes), tuple(a for _, a in episodes)), times)
    _score(work, settings, episodes, times)
    for number in range(settings.epochs):
        for rows in chunks(shuffled(len(episodes), settings.seed, number), settings.minibatch_size):
            lengths = [sum(episodes[i]) for i in rows]
            for piece in by_length(lengths, settings.micro_batch):
                prompt, answer = _widths([episodes[rows[i]] for i in piece])
                work.learn([Pass("learn", len(piece), prompt + answer - 1, answer)], times)
                work.learn([Pass("learn_scalar", len(piece), prompt + answer - 1)], times)
            for windows in _ptx_windows(settings, len(rows)):
                work.learn([Pass("learn", windows, settings.ptx_window, settings.ptx_window)], times)


def _score(work: Workload, settings: PpoSettings, episodes: list[tuple[int, int]], times: float) -> None:
    """Reward model, reference and value network read what was sampled."""
    limit = settings.micro_batch or max(1, min(_SCORED_ROWS, settings.batch_size))
    judges = (settings.reward_source == "model") + (settings.watching == "model")
    for piece in by_length([p + a for p, a in episodes], limit):
        prompt, answer = _widths([episodes[i] for i in piece])
        work.read([Pass("read_scalar", len(piece), prompt + answer)], times * (judges + 1))
        work.read([Pass("read", len(piece), prompt + answer - 1, answer)], times)


def _widths(episodes: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Columns of prompts and of answers when they stand side by side."""
    return max(p for p, _ in episodes), max(a for _, a in episodes)


def _ptx_windows(settings: PpoSettings, episodes: int) -> list[int]:
    """Windows of each micro-batch of one minibatch."""
    if not settings.ptx_coef:
        return []
    windows = max(1, round(settings.ptx_ratio * episodes))
    return [len(piece) for piece in chunks(range(windows), settings.micro_batch)]


def _ppo_probes(work: Workload, settings: PpoSettings, sizes: TextSizes) -> None:
    """What is measured and shown before the first step and now and then."""
    looks = settings.steps // settings.probe_every + (settings.steps % settings.probe_every > 0)
    limit = settings.micro_batch or EVALUATION_ROWS
    _read_texts(work, sizes, limit, looks + 1)
    if sizes.probes:
        answers = tuple(sizes.answers[i % len(sizes.answers)] for i in range(len(sizes.probes)))
        prompt, answer = max(sizes.probes), max(answers)
        work.write(Writing(prompt, answers), looks + 1)
        work.read([Pass("read", len(answers), prompt + answer - 1, answer)], 2 * (looks + 1))
    if settings.best_kl:
        episodes = [
            (sizes.train[i % len(sizes.train)][0][0], sizes.answers[i % len(sizes.answers)])
            for i in range(_HELD_OUT_PROMPTS)
        ]
        work.write(Writing(max(p for p, _ in episodes), tuple(a for _, a in episodes)), looks)
        _score(work, settings, episodes, looks)
