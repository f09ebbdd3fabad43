"""The nouns of the studio: immutable records shared by every room, torch-free and JSON-able."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import combinations, product
from typing import Any, Literal

from rlhf_studio.errors import DataError

UseCase = Literal[
    "generation",
    "open_qa",
    "brainstorming",
    "chat",
    "rewrite",
    "summarization",
    "classification",
    "other",
    "closed_qa",
    "extract",
]
Source = Literal["plain", "few_shot", "user_based"]
Purpose = Literal["demonstrate", "rank", "ppo", "probe"]
Split = Literal["train", "valid", "test"]
RunKind = Literal["pretrain", "sft", "reward", "rl-start", "ppo"]

USE_CASES: tuple[UseCase, ...] = (  # in the order of InstructGPT's table 1
    "generation",
    "open_qa",
    "brainstorming",
    "chat",
    "rewrite",
    "summarization",
    "classification",
    "other",
    "closed_qa",
    "extract",
)
USE_CASE_PERCENT: dict[
    UseCase, float
] = {  # of the paper's reward model prompts, table 1; rounded there, so 99.9 in all
    "generation": 45.6,
    "open_qa": 12.4,
    "brainstorming": 11.2,
    "chat": 8.4,
    "rewrite": 6.6,
    "summarization": 4.2,
    "classification": 3.5,
    "other": 3.5,
    "closed_qa": 2.6,
    "extract": 1.9,
}
PURPOSES: tuple[Purpose, ...] = ("demonstrate", "rank", "ppo", "probe")
SPLITS: tuple[Split, ...] = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is put to the model and to the labeler: one user turn, or a conversation that ends with one."""

    id: int
    turns: tuple[Turn, ...]
    use_case: UseCase = "other"
    source: Source = "plain"
    purposes: frozenset[Purpose] = frozenset()
    author: str = ""
    split: Split = "train"

    @property
    def text(self) -> str:
        """The last user turn, for lists and plots."""
        return self.turns[-1].content if self.turns else ""


@dataclass(frozen=True, slots=True)
class NewPrompt:
    """A prompt that is not stored yet. Without a split the project assigns one; ``key`` names it in files.

    ``brief`` is the description of the use case that a user-based prompt was written for. Prompts of one ``family``
    were made of each other's answers (few-shot examples), so that they share a split.
    """

    turns: tuple[Turn, ...]
    use_case: UseCase = "other"
    source: Source = "plain"
    purposes: frozenset[Purpose] = frozenset()
    author: str = ""
    split: Split | None = None
    key: str | None = None
    brief: str = ""
    family: str = ""


@dataclass(frozen=True, slots=True)
class Demonstration:
    """An answer that a person wrote."""

    id: int
    prompt_id: int
    text: str
    author: str
    replaces: int | None = None  # the older version of it
    model: str = ""  # whose answer it was made of


@dataclass(frozen=True, slots=True)
class Sampling:
    """How answers are drawn. Temperature 0 is greedy; ``top_p`` 1 switches nucleus sampling off."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 64
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Completion:
    """One sampled answer, with all that is needed to draw it again."""

    id: int
    prompt_id: int
    text: str
    model: str
    checkpoint: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    token_ids: tuple[int, ...] = ()
    is_finished: bool = True  # the model ended it, not the length limit


@dataclass(frozen=True, slots=True)
class NewCompletion:
    """A sampled answer that is not stored yet."""

    prompt_id: int
    text: str
    model: str
    checkpoint: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    token_ids: tuple[int, ...] = ()
    is_finished: bool = True


@dataclass(frozen=True, slots=True)
class Ranking:
    """An order of completions of one prompt, best tier first; completions in one tier are tied."""

    id: int
    prompt_id: int
    tiers: tuple[tuple[int, ...], ...]
    shown_order: tuple[int, ...] = ()
    seconds: float = 0.0
    labeler: str = ""
    is_simulated: bool = False
    is_repeat: bool = False  # a silent one, which measures self-agreement and trains nothing
    replaces: int | None = None  # the older version of it
    confidence: int | None = None  # 1 a guess, 2 fairly sure, 3 sure
    note: str = ""
    is_all_bad: bool = False  # none of the answers is any good

    def pairs(self) -> Iterator[tuple[int, int]]:
        """Yield every (better, worse) pair of completion ids; ties yield nothing."""
        for upper, lower in combinations(self.tiers, 2):
            yield from product(upper, lower)


@dataclass(frozen=True, slots=True)
class DemonstrationRow:
    """What SFT reads: a conversation and the answer a person wrote to it."""

    prompt_id: int
    turns: tuple[Turn, ...]
    answer: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A sampled answer; the token ids win over the text for a model whose tokenizer they are of."""

    text: str
    token_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RankedRow:
    """What the reward model reads: K answers and their ranks (1 is best, equal numbers are ties)."""

    prompt_id: int
    turns: tuple[Turn, ...]
    answers: tuple[Answer, ...]
    ranks: tuple[int, ...]
    labeler: str = ""
    is_simulated: bool = False

    def __post_init__(self) -> None:
        if len(self.answers) < 2 or len(self.answers) != len(self.ranks):
            raise DataError(
                f"A ranking of prompt {self.prompt_id} has {len(self.answers)} answers and {len(self.ranks)} ranks. "
                "Rank at least two answers and give each a rank."
            )

    @property
    def pair_count(self) -> int:
        """Pairs of answers that are not tied."""
        return sum(a != b for a, b in combinations(self.ranks, 2))


@dataclass(frozen=True, slots=True)
class PromptRow:
    """What PPO and the probes read."""

    prompt_id: int
    turns: tuple[Turn, ...]
    use_case: UseCase = "other"


@dataclass(frozen=True, slots=True)
class TextRow:
    """One document of pretraining text."""

    text: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class SftData:
    """All that an SFT run reads, frozen at its start. Pretraining documents are for the RL start's mix only."""

    train: tuple[DemonstrationRow, ...]
    valid: tuple[DemonstrationRow, ...] = ()
    probes: tuple[PromptRow, ...] = ()
    pretraining: tuple[TextRow, ...] = ()
    pretraining_valid: tuple[TextRow, ...] = ()


@dataclass(frozen=True, slots=True)
class RewardData:
    """All that a reward-model run reads; the demonstrations serve to centre the scores.

    ``replay`` is trained on beside ``train``: old rankings, where a reward model is refitted to new ones.
    """

    train: tuple[RankedRow, ...]
    valid: tuple[RankedRow, ...] = ()
    demonstrations: tuple[DemonstrationRow, ...] = ()
    replay: tuple[RankedRow, ...] = ()


@dataclass(frozen=True, slots=True)
class PpoData:
    """All that a PPO run reads; held-out prompts serve to choose the best policy."""

    prompts: tuple[PromptRow, ...]
    probes: tuple[PromptRow, ...] = ()
    pretraining: tuple[TextRow, ...] = ()
    pretraining_valid: tuple[TextRow, ...] = ()
    prompts_valid: tuple[PromptRow, ...] = ()


@dataclass(frozen=True, slots=True)
class RunSpec:
    """What a run is: enough to start it again from nothing.

    ``models`` names folders by role: ``base`` for SFT, the RL start and the reward model, ``policy`` and ``reward`` for
    PPO; and where a run goes on from what another one has left, ``from``: a reward model, or a policy of PPO with its
    ``value``. SFT and the RL start may have a reward model as ``judge`` of their epochs.
    """

    kind: RunKind
    settings: Mapping[str, Any]
    models: Mapping[str, str]
    title: str = ""


def record_json(value: Any, *, sort_keys: bool = False) -> bytes:
    """Records, or sequences and mappings of them, as JSON: an object for each record, a sorted array for each set.

    What ``json.dumps(dataclasses.asdict(value))`` gives, without the copy of every row that ``asdict`` makes first.
    """
    return json.dumps(value, sort_keys=sort_keys, default=_plain).encode()


def digest(value: Any) -> str:
    """SHA-256 of a record's canonical JSON, to say later what a run was trained on."""
    return hashlib.sha256(record_json(value, sort_keys=True)).hexdigest()


def _plain(value: Any) -> Any:
    """What JSON does not know by itself, one level deep; whatever lies below is asked for in its turn."""
    if isinstance(value, frozenset | set):
        return sorted(value)
    names = _field_names(type(value))  # type: ignore[arg-type]  # mypy does not take a class for hashable
    return {name: getattr(value, name) for name in names}


@cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(part.name for part in fields(kind))
