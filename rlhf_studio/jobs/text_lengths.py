"""How many tokens a run's texts have: those of some of them, in turn for all."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from rlhf_studio.jobs.workload import HELD_OUT_WINDOW, TextSizes
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import DemonstrationRow, PpoData, PromptRow, RankedRow, RewardData, SftData, TextRow
from rlhf_studio.settings import PpoSettings, SftSettings, TrainSettings
from rlhf_studio.train.evaluate import TEXT_WINDOWS
from rlhf_studio.train.reward import encode_rankings
from rlhf_studio.train.sft import encode_demonstrations

_SAMPLE = 256  # rows that are encoded

Row = TypeVar("Row")
Lengths = list[list[tuple[int, int]]]


@dataclass(frozen=True, slots=True)
class Measured:
    """Sizes of a run's texts, and how many rows were encoded to know them, of how many that the run encodes."""

    sizes: TextSizes
    encoded: int
    rows: int


def text_sizes(settings: TrainSettings, model: LanguageModel, data: SftData | RewardData | PpoData) -> Measured:
    """Encode some of a run's texts.

    Rows that the run would leave out, for instance since they are too long, are left out here in proportion.
    """
    if isinstance(data, SftData):
        return _sft(settings, model, data)
    return _reward(model, data) if isinstance(data, RewardData) else _ppo(settings, model, data)


def answer_lengths(model: LanguageModel, rows: Sequence[DemonstrationRow], limit: int) -> list[int]:
    """Tokens of some demonstrations' answers, cut at a limit: what a model that learnt from them may write."""
    lengths = [answer for item in _demonstrations(model, rows, model.context_length) for _, answer in item]
    return [min(limit, length) for length in lengths[:_SAMPLE]] or [limit]


def _sft(settings: TrainSettings, model: LanguageModel, data: SftData) -> Measured:
    limit = model.context_length
    if isinstance(settings, SftSettings) and settings.max_length:
        limit = min(limit, settings.max_length)
    sizes = TextSizes(
        train=_demonstrations(model, data.train, limit),
        valid=_demonstrations(model, data.valid, limit),
        probes=_prompts(model, data.probes, limit),
        windows=_windows(model, data.pretraining_valid),
        context=model.context_length,
    )
    return _measured(sizes, data.train, data.valid)


def _reward(model: LanguageModel, data: RewardData) -> Measured:
    demonstrations = _demonstrations(model, data.demonstrations, model.context_length)
    sizes = TextSizes(
        train=_rankings(model, data.train),
        valid=_rankings(model, data.valid),
        demonstrations=[pair for item in demonstrations for pair in item],
        context=model.context_length,
    )
    return _measured(sizes, data.train, data.valid, data.demonstrations)


def _ppo(settings: TrainSettings, model: LanguageModel, data: PpoData) -> Measured:
    longest = settings.max_new_tokens if isinstance(settings, PpoSettings) else 0
    room = model.context_length - longest
    sizes = TextSizes(
        train=[[(length, 0)] for length in _prompts(model, data.prompts, room)],
        probes=_prompts(model, data.probes, room),
        windows=_windows(model, data.pretraining_valid),
        context=model.context_length,
    )
    return _measured(sizes, data.prompts)


def _windows(model: LanguageModel, rows: Sequence[TextRow]) -> int:
    """How many windows of held-out text there are to measure on."""
    if not rows:
        return 0
    sample = some(rows)
    tokens = sum(len(ids) for ids in model.codec.encode_documents([row.text for row in sample]))
    length = min(HELD_OUT_WINDOW, model.context_length - 1) + 1
    return min(TEXT_WINDOWS, tokens * len(rows) // len(sample) // length)


def _measured(sizes: TextSizes, *parts: Sequence[object]) -> Measured:
    return Measured(sizes, sum(min(_SAMPLE, len(part)) for part in parts), sum(len(part) for part in parts))


def _demonstrations(model: LanguageModel, rows: Sequence[DemonstrationRow], limit: int) -> Lengths:
    examples, _ = encode_demonstrations(model.codec, some(rows), limit)
    return _for_all([[(len(e.prompt), len(e.answer))] for e in examples], len(rows))


def _rankings(model: LanguageModel, rows: Sequence[RankedRow]) -> Lengths:
    items, _ = encode_rankings(model.codec, some(rows), model.context_length)
    return _for_all([[(len(e.prompt), len(e.answer)) for e in item.answers] for item in items], len(rows))


def _prompts(model: LanguageModel, rows: Sequence[PromptRow], room: int) -> list[int]:
    lengths = [len(model.codec.encode_prompt(row.turns)) for row in some(rows)]
    fitting = _for_all([[(length, 0)] for length in lengths if 0 < length <= room], len(rows))
    return [length for item in fitting for length, _ in item]


def some(rows: Sequence[Row]) -> list[Row]:
    """At most as many rows as are encoded, evenly spread."""
    count = min(len(rows), _SAMPLE)
    return [rows[i * len(rows) // count] for i in range(count)]


def _for_all(known: Lengths, rows: int) -> Lengths:
    """As many as all rows leave, if so many of the encoded ones were left."""
    count = round(len(known) * rows / min(rows, _SAMPLE)) if rows else 0
    return [known[i % len(known)] for i in range(count)]
