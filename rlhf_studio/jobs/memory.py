"""How much memory a stage will take: arithmetic from the model's sizes and the settings, before anything is loaded.

Needs no torch. With P weights of the model and Q weights of its body (without an untied output matrix), 4 bytes each,
since weights are float32 in every precision, these are added:

- weights: 4P for each language model in memory, 4Q for each reward model or value network
- gradients: as the weights that learn; Adam moments: twice as much
- activations: what the largest pass over n tokens keeps for its gradient, see ``ModelShape.kept_bytes``
- logits: of the largest pass, 4nV over a vocabulary of V, twice that with their gradient
- leftovers: what the heap keeps between blocks of other sizes
- fixed: the libraries' own buffers and the tokenizer

The largest of each part count together although they do not fall into one moment, because the allocator keeps what it
once had.
"""

import json
import math
import struct
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple, cast

from rlhf_studio.errors import ModelError
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings, TrainSettings

_FLOAT = 4
_EVALUATION_ROWS, _EVALUATION_WINDOW, _SCORED_ROWS = 32, 128, 64  # as in train.evaluate and train.ppo_stage
_LEFTOVERS = 0.2  # this and the next two as measured by tests/bench/memory.py
_HEAP_BLOCK = 32 * 2**20  # glibc gives larger blocks back at once; of smaller ones a long run leaves as much again
_PER_BYTE_OF_DATA = 12  # texts and their tokens as Python keeps them, as measured by tests/bench/probe.py
_LIBRARIES = 38 * 2**20  # kernels and their buffers
_PER_TOKEN_OF_VOCABULARY = 2_000  # three tokenizers and their tables

_NAMES = ("hidden_size", "num_hidden_layers", "num_attention_heads")
_GPT2_NAMES = ("n_embd", "n_layer", "n_head")


@dataclass(frozen=True, slots=True)
class ModelShape:
    """The sizes of a model that memory depends on.

    Attributes:
        parameters: All weights, tied ones once.
        embedding: Weights of the embedding matrix, V x d.
        is_tied: Whether the output matrix is the embedding matrix.
        attention: Width of all query heads together.
        keys: Width of all key heads together.
        is_gated: Whether the feed-forward part multiplies two branches, as in Llama and Qwen.
        has_head_norms: Whether queries and keys pass norms of their own, as in Qwen3.
    """

    parameters: int
    embedding: int
    is_tied: bool
    vocabulary: int
    width: int
    layers: int
    attention: int
    keys: int
    feed_forward: int
    is_gated: bool
    has_head_norms: bool

    @classmethod
    def of_folder(cls, folder: Path) -> "ModelShape":
        """Read the sizes of a model in Hugging Face layout from its ``config.json`` and the heads of its weights.

        Raises:
            ModelError: If they cannot be read.
        """
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            sizes = [math.prod(shape) for path in sorted(folder.glob("*.safetensors")) for shape in _shapes(path)]
            return _shape_of(config, sum(sizes))
        except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
            raise ModelError(
                f"The sizes of the model in {folder} cannot be read ({error!r}), so its memory cannot be estimated. "
                "Copy the model again."
            ) from error

    @property
    def body(self) -> int:
        """Weights without an untied output matrix: what a reward model or a value network has."""
        return self.parameters if self.is_tied else self.parameters - self.embedding

    def kept_bytes(self, precision: str) -> int:
        """Bytes that one layer keeps of one token for the backward pass.

        Counted by torch's saved-tensor hooks in Llama, Qwen and GPT-2: the two norms keep six widths, attention its
        queries, keys, values and result, norms of heads three times what goes into them, a gated feed-forward part
        four of its width and a plain one five. In bfloat16 norms stay in float32 and the linear maps' inputs are kept
        once more.
        """
        heads = self.attention + self.keys
        inner = (5 if self.has_head_norms else 2) * heads + (4 if self.is_gated else 5) * self.feed_forward
        if precision == "bfloat16":
            return 6 * self.width * _FLOAT + 2 * (2 * self.width + inner)
        return (6 * self.width + inner) * _FLOAT


def _shapes(path: Path) -> list[list[int]]:
    """The shapes of the tensors in a safetensors file: its head is JSON, and says how long it is itself."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        head = json.loads(file.read(length))
    return [entry["shape"] for name, entry in head.items() if name != "__metadata__"]


def _shape_of(config: Mapping[str, Any], parameters: int) -> ModelShape:
    is_gpt2 = config["model_type"] == "gpt2"
    width, layers, heads = (config[name] for name in (_GPT2_NAMES if is_gpt2 else _NAMES))
    head = config.get("head_dim") or width // heads
    return ModelShape(
        parameters=parameters,
        embedding=config["vocab_size"] * width,
        is_tied=config.get("tie_word_embeddings", is_gpt2),
        vocabulary=config["vocab_size"],
        width=width,
        layers=layers,
        attention=heads * head,
        keys=(config.get("num_key_value_heads") or heads) * head,
        feed_forward=config.get("intermediate_size") or config.get("n_inner") or 4 * width,
        is_gated=not is_gpt2,
        has_head_norms=str(config["model_type"]).startswith("qwen3"),
    )


@dataclass(frozen=True, slots=True)
class Lengths:
    """Tokens of prompts and answers, and the answers of one ranking.

    For texts of all lengths, such as the example project's, the length that nine in ten do not exceed serves: batches
    put texts of like length together, and the longest of all are rare.
    """

    prompt: int
    answer: int
    answers: int = 4

    @property
    def example(self) -> int:
        return self.prompt + self.answer


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes by part."""

    weights: int
    moments: int
    gradients: int
    activations: int
    logits: int
    leftovers: int
    fixed: int
    texts: int = 0

    @property
    def total(self) -> int:
        """Growth of the process over its idle state, in bytes."""
        parts = (self.weights, self.moments, self.gradients, self.activations, self.logits)
        return sum(parts) + self.leftovers + self.fixed + self.texts


class PassSize(NamedTuple):
    """Tokens of one pass, and how many of them logits are computed of."""

    tokens: int
    predicted: int


@dataclass(frozen=True, slots=True)
class PassSizes:
    """The passes of a whole run, as ``workload.count_work`` finds them: better than lengths that nine in ten keep to.

    Attributes:
        learned: Tokens whose activations are in memory at one time, with a gradient.
        read: Tokens of passes without a gradient.
        data: Bytes of the run's texts as JSON.
        cached: Tokens that sampling keeps keys and values of at one time.
        sampled: Answers that are sampled side by side.
    """

    learned: Collection[PassSize]
    read: Collection[PassSize]
    data: int = 0
    cached: int = 0
    sampled: int = 0


class _Pass(NamedTuple):
    """What one pass over a batch needs, in bytes."""

    activations: int
    logits: int


def estimate_memory(settings: TrainSettings, shape: ModelShape, texts: Lengths | PassSizes) -> MemoryEstimate:
    """The peak of a stage on this model.

    Args:
        settings: Of SFT, the reward model or PPO.
        shape: Of the model; the reward model of PPO has its body.
        texts: Their lengths, or better, every pass over them.

    Raises:
        TypeError: If the settings belong to no stage that this knows.
    """
    weights, learning = _copies(settings, shape)
    if not isinstance(texts, PassSizes):
        return _sum(shape, _passes(settings, shape, texts), weights=weights, learning=learning)
    estimate = _sum(shape, _counted(settings, shape, texts), weights=weights, learning=learning)
    heap = estimate.logits if estimate.logits <= _HEAP_BLOCK else 0
    return replace(estimate, leftovers=estimate.leftovers + heap, texts=_PER_BYTE_OF_DATA * texts.data)


def _copies(settings: TrainSettings, shape: ModelShape) -> tuple[int, int]:
    """Weights of all models in memory, and of those that learn."""
    if isinstance(settings, SftSettings):
        return shape.parameters, shape.parameters
    if isinstance(settings, RewardSettings):
        # the model it starts from stays in memory beside the copy that learns
        return shape.parameters + shape.body, shape.body
    if isinstance(settings, PpoSettings):
        copies = 3 if settings.ema_decay else 2  # policy, reference, average
        return copies * shape.parameters + 2 * shape.body, shape.parameters + shape.body  # reward model, value network
    raise TypeError(f"there is no estimate for {type(settings).__name__}")


def _counted(settings: TrainSettings, shape: ModelShape, sizes: PassSizes) -> list[_Pass]:
    passes = [_learning(settings, shape, *size) for size in sizes.learned]
    passes += [_reading(shape, *size) for size in sizes.read]
    return [*passes, _sampling(shape, sizes.cached, sizes.sampled)]


def _sampling(shape: ModelShape, tokens: int, rows: int) -> _Pass:
    """Keys and values of all tokens, and the last logits of each row."""
    return _Pass(2 * tokens * shape.layers * shape.keys * _FLOAT, rows * shape.vocabulary * _FLOAT)


def _passes(settings: TrainSettings, shape: ModelShape, lengths: Lengths) -> list[_Pass]:
    if isinstance(settings, SftSettings):
        return _sft(settings, shape, lengths)
    if isinstance(settings, PpoSettings):
        return _ppo(settings, shape, lengths)
    return _reward(cast("RewardSettings", settings), shape, lengths)  # _copies knows no other


def _sft(settings: SftSettings, shape: ModelShape, lengths: Lengths) -> list[_Pass]:
    rows = min(settings.micro_batch or settings.batch_size, settings.batch_size)
    tokens = rows * lengths.example
    return [_learning(settings, shape, tokens, tokens), _evaluation(settings, shape, lengths.example)]


def _reward(settings: RewardSettings, shape: ModelShape, lengths: Lengths) -> list[_Pass]:
    together = lengths.answers if settings.pair_batches == "prompt" else 2  # answers that are never cut apart
    answers = settings.batch_size * together
    rows = max(together, min(settings.micro_batch or answers, answers))
    scored = _EVALUATION_ROWS * lengths.example  # to centre the model at the end
    return [_learning(settings, shape, rows * lengths.example, 0), _reading(shape, scored, 0)]


def _ppo(settings: PpoSettings, shape: ModelShape, lengths: Lengths) -> list[_Pass]:
    minibatch = min(settings.minibatch_size, settings.batch_size)
    rows = min(settings.micro_batch or minibatch, minibatch)
    example, answer = lengths.prompt + settings.max_new_tokens, settings.max_new_tokens
    passes = [_learning(settings, shape, rows * example, rows * answer), _evaluation(settings, shape, 0)]
    if settings.ptx_coef:
        windows = max(1, round(settings.ptx_ratio * minibatch))
        tokens = min(windows, settings.micro_batch or windows) * settings.ptx_window
        passes.append(_learning(settings, shape, tokens, tokens))
    scored = min(settings.batch_size, settings.micro_batch or _SCORED_ROWS)
    passes.append(_reading(shape, scored * example, scored * answer))
    return [*passes, _sampling(shape, settings.batch_size * example, settings.batch_size)]


def _learning(settings: TrainSettings, shape: ModelShape, tokens: int, predicted: int) -> _Pass:
    """A forward and a backward pass over so many tokens; of so many of them logits are computed."""
    kept = shape.layers * tokens * shape.kept_bytes(settings.precision)
    if settings.precision == "bfloat16":
        kept += 2 * (shape.body - shape.embedding)  # rounded copies of the matrices, kept while a pass lasts
    return _Pass(kept, 2 * predicted * shape.vocabulary * _FLOAT)


def _reading(shape: ModelShape, tokens: int, predicted: int) -> _Pass:
    """A pass without gradient: the activations of one layer at a time."""
    activations = tokens * (4 * shape.width + 3 * shape.feed_forward) * _FLOAT
    return _Pass(activations, predicted * shape.vocabulary * _FLOAT)


def _evaluation(settings: TrainSettings, shape: ModelShape, longest: int) -> _Pass:
    """Losses of held-out texts."""
    tokens = (settings.micro_batch or _EVALUATION_ROWS) * max(longest, _EVALUATION_WINDOW)
    return _reading(shape, tokens, tokens)


def _sum(shape: ModelShape, passes: Sequence[_Pass], *, weights: int, learning: int) -> MemoryEstimate:
    activations = max(one.activations for one in passes)
    logits = max(one.logits for one in passes)
    gradients = learning * _FLOAT
    return MemoryEstimate(
        weights=weights * _FLOAT,
        moments=2 * gradients,
        gradients=gradients,
        activations=activations,
        # the optimizer's step and the gradient of tied embeddings need two matrices of this size in their turn
        logits=max(logits, 2 * shape.embedding * _FLOAT),
        leftovers=round(_LEFTOVERS * (activations + gradients)),
        fixed=_LIBRARIES + _PER_TOKEN_OF_VOCABULARY * shape.vocabulary,
    )
