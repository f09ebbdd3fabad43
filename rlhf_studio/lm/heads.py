"""A model that gives numbers instead of words: reward model and value network. Axes: B rows, T positions."""

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING, AutoModel, PreTrainedModel

from rlhf_studio.errors import ModelError
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.last_block import last_positions
from rlhf_studio.lm.loading import check_folder, context_length, load_tokenizer, load_weights
from rlhf_studio.lm.model import LanguageModel, forward_arguments, move
from rlhf_studio.lm.padding import Padded
from rlhf_studio.lm.saving import STUDIO_FILE, write_studio_file

HEAD = "score.weight"  # as transformers' ...ForSequenceClassification name it
_BIAS = "rlhf_studio_bias"


class ScalarModule(nn.Module):
    """A transformer without its unembedding, and a linear head. The bias is set, not learnt."""

    bias: Tensor
    score: nn.Linear

    def __init__(self, backbone: nn.Module, head: Tensor, bias: float = 0.0) -> None:
        super().__init__()
        self.backbone = backbone
        # nn.Linear would draw its start from torch's global generator
        self.score = nn.utils.skip_init(nn.Linear, head.shape[1], 1, bias=False)
        self.score.weight = nn.Parameter(head)
        self.register_buffer("bias", torch.tensor(bias, device=head.device, dtype=head.dtype))

    def forward(self, batch: Padded) -> Tensor:
        """(B, T, d) hidden states after the last norm."""
        hidden: Tensor = self.backbone(**forward_arguments(self.backbone, batch)).last_hidden_state
        return hidden

    def read(self, hidden: Tensor) -> Tensor:
        """One number for each hidden state."""
        numbers: Tensor = self.score(hidden).squeeze(-1) + self.bias
        return numbers


class ScalarModel:
    """A reward model or value network on the policy's tokens.

    Attributes:
        score_std: Standard deviation of scores, set when the reward model is trained; unit of the value clip.
    """

    def __init__(self, module: ScalarModule, codec: Codec, context_length: int, *, score_std: float = 1.0) -> None:
        self.module = module
        self.codec = codec
        self.context_length = context_length
        self.score_std = score_std

    @classmethod
    def from_language_model(cls, lm: LanguageModel, *, seed: int) -> "ScalarModel":
        """A copy of the model's backbone with a new head drawn from N(0, 1 / (d + 1)).

        Source: Stiennon et al. 2020, arXiv:2009.01325, and its code (query_response_model.py).
        """
        backbone = copy.deepcopy(cast("PreTrainedModel", lm.module).base_model)
        size = int(cast("PreTrainedModel", lm.module).config.hidden_size)
        generator = torch.Generator().manual_seed(seed)
        head = torch.randn(1, size, generator=generator) / (size + 1) ** 0.5
        return cls(ScalarModule(backbone, head.to(lm.device, lm.dtype)), lm.codec, lm.context_length)

    @property
    def device(self) -> torch.device:
        return self.module.score.weight.device

    @property
    def dtype(self) -> torch.dtype:
        return self.module.score.weight.dtype

    @property
    def parameter_count(self) -> int:
        return sum(parameter.numel() for parameter in self.module.parameters())

    @property
    def bias(self) -> float:
        """What is added to every score."""
        return float(self.module.bias)

    def shift(self, by: float) -> None:
        """Add a constant to every score from now on."""
        self.module.bias.add_(by)

    def clone(self) -> "ScalarModel":
        """A copy with weights of its own."""
        return ScalarModel(copy.deepcopy(self.module), self.codec, self.context_length, score_std=self.score_std)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "ScalarModel":
        """Move the weights, in place."""
        move(self.module, device, dtype)
        return self

    def per_token(self, batch: Padded) -> Tensor:
        """(B, T) the head's number at every position; meaningless in padded cells."""
        return self.module.read(self.module(batch))

    def scores(self, batch: Padded) -> Tensor:
        """(B,) the number at the last real token, whichever side the padding is on."""
        back = batch.mask.flip(1).int().argmax(dim=1)  # (B,) positions between it and the end
        with last_positions(self.module.backbone, int(back.max()) + 1):
            hidden = self.module(batch)  # (B, T or fewer, d)
        last = hidden.shape[1] - 1 - back
        return self.module.read(hidden[torch.arange(len(last), device=last.device), last])

    def values(self, batch: Padded, response_length: int) -> Tensor:
        """(B, R) the number at the position before each of the last R tokens: the state that the token is chosen in."""
        with last_positions(self.module.backbone, response_length):
            hidden = self.module(Padded(batch.tokens[:, :-1], batch.mask[:, :-1]))
        return self.module.read(hidden[:, -response_length:])

    def save(self, folder: Path, card: Mapping[str, Any] | None = None) -> None:
        """Write the model as transformers' sequence classifier with one label, tokenizer and ``studio.json`` beside.

        The bias has no place in such a classifier: it is in ``config.json`` (rlhf_studio_bias) and ``studio.json``;
        ``classifier.save_classifier`` puts it into the weights.
        """
        folder.mkdir(parents=True, exist_ok=True)
        backbone = cast("PreTrainedModel", self.module.backbone)
        kind: Any = MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING.get(type(backbone.config), None)
        config = copy.deepcopy(backbone.config)
        config.architectures = [kind.__name__ if kind else type(backbone).__name__]
        config.num_labels = 1
        config.pad_token_id = self.codec.pad_id
        config.dtype = str(self.dtype).removeprefix("torch.")
        setattr(config, _BIAS, self.bias)
        config.save_pretrained(folder)
        prefix = kind.base_model_prefix if kind else backbone.base_model_prefix
        tensors = {f"{prefix}.{name}": tensor for name, tensor in backbone.state_dict().items()}
        tensors[HEAD] = self.module.score.weight
        whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        save_file(whole, folder / "model.safetensors", metadata={"format": "pt"})
        self.codec.tokenizer.save_pretrained(folder)
        write_studio_file(
            folder, self.codec, kind="scalar_model", card=card, bias=self.bias, score_std=float(self.score_std)
        )


def load_scalar_model(
    folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> ScalarModel:
    """Open what ``ScalarModel.save`` wrote, or a sequence classifier with one label of another tool.

    Raises:
        ModelError: If the folder lacks something, is damaged, or has no scalar head.
    """
    folder = Path(folder)
    config: Any = check_folder(folder)
    head = _read_head(folder).to(dtype)
    codec = Codec(load_tokenizer(folder))
    backbone = load_weights(AutoModel, folder, dtype)
    if head.shape != (1, config.hidden_size):
        raise ModelError(
            f"The head of {folder} has shape {tuple(head.shape)}, a reward model wants (1, {config.hidden_size}). "
            "Choose a model that was trained as a reward model."
        )
    bias, score_std = float(getattr(config, _BIAS, 0.0)), 1.0
    if (folder / STUDIO_FILE).is_file():
        bias, score_std = _read_figures(folder / STUDIO_FILE)
    model = ScalarModel(ScalarModule(backbone, head, bias), codec, context_length(config), score_std=score_std)
    return model.to(device)


def _read_head(folder: Path) -> Tensor:
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            if HEAD in file.keys():  # noqa: SIM118 - the file is no mapping
                head: Tensor = file.get_tensor(HEAD)
                return head.clone()
    raise ModelError(
        f"The model in {folder} has no scalar head ({HEAD}), so it gives no scores. "
        "Choose a model that was trained as a reward model."
    )


def _read_figures(path: Path) -> tuple[float, float]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return float(values["bias"]), float(values["score_std"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path} cannot be read ({error!r}). Copy the model again.") from error
