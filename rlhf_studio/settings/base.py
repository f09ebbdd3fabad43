"""How a setting is declared, and what all stages share."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from rlhf_studio.errors import DataError

NOT_IN_PAPER = "not in the paper"
NO_UNIT = ""  # of a pure number, said on purpose


def option(
    default: Any,
    title: str,
    description: str,
    *,
    unit: str | None = None,
    paper: str = NOT_IN_PAPER,
    ours: str = "",
    simple: bool = False,
    **bounds: Any,
) -> Any:
    """Declare one setting.

    Args:
        default: Value of the preset "Small and safe".
        title: Two or three words for a label.
        description: One or two sentences of help; says where our default comes from if the paper is silent.
        unit: What a number counts, e.g. "tokens", or ``NO_UNIT``; switches and choices have none.
        paper: InstructGPT's value with its section, or ``NOT_IN_PAPER``.
        ours: Where our default comes from, if the paper is silent.
        simple: Whether the short form (at most six fields) shows it.
        **bounds: pydantic's ``ge``, ``gt``, ``le``, ``lt``.
    """
    extra: dict[str, JsonValue] = {"unit": unit, "paper": paper, "ours": ours, "simple": simple}
    return Field(default, title=title, description=description, json_schema_extra=extra, **bounds)


class StageSettings(BaseModel):
    """Base of all settings: frozen, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TrainSettings(StageSettings):
    """What every training stage has."""

    seed: int = option(
        0,
        "Seed",
        "Fixes data order, sampling and dropout. The same seed gives the same run.",
        ge=0,
        unit=NO_UNIT,
        ours="Any number does.",
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = option(
        "auto",
        "Device",
        "Where the models live. auto takes the GPU if there is one, then Apple's, else the CPU.",
        ours="What runs fastest where it is there.",
    )
    precision: Literal["float32", "bfloat16"] = option(
        "float32",
        "Precision",
        "float32 is exact and right for small models; bfloat16 halves memory on newer GPUs.",
        paper="float16 with float32 master weights (C)",
    )
    threads: int = option(
        0,
        "CPU threads",
        "Threads for tensor work. 0 takes one less than there are cores: with all cores taken, "
        "anything else that runs slows training down many times.",
        unit="threads",
        ge=0,
        le=512,
        ours="Measured on two cores.",
    )
    micro_batch: int = option(
        0,
        "Micro-batch",
        "Sequences in one forward pass. 0 takes the whole minibatch; smaller needs less memory, and the result "
        "is the same.",
        unit="sequences",
        ge=0,
        le=65536,
        ours="The whole minibatch is fastest where the memory suffices.",
    )
    checkpoint_seconds: float = option(
        60.0,
        "Checkpoint every",
        "Longest time that a crash can cost.",
        unit="seconds",
        gt=0,
        le=60,
        ours="Our limit of what a crash may cost.",
    )
    keep_checkpoints: int = option(
        2,
        "Checkpoints kept",
        "The newest so many stay, to resume or to fork from; older ones are removed. With 1 there is none to fall back "
        "on if the disk damages it.",
        unit="checkpoints",
        ge=1,
        le=10_000,
        ours="Two, so that one damaged on the disk leaves another.",
    )
    keep_best: bool = option(
        False,
        "Keep the best one",
        "One more checkpoint stays: the best by held-out loss (SFT, reward model) or by reward minus KL penalty (PPO).",
        ours="Off, to save disk space.",
    )
    max_grad_norm: float = option(
        1.0,
        "Gradient clipping",
        "The gradient is scaled down to this norm. 0 switches clipping off. Common practice.",
        ge=0,
        unit=NO_UNIT,
        ours="Common practice: 1 is the default of transformers' Trainer.",
    )
    adam_beta1: float = option(
        0.9, "Adam beta 1", "Memory of the mean gradient.", paper="0.9 (C)", ge=0, lt=1, unit=NO_UNIT
    )
    adam_beta2: float = option(
        0.95, "Adam beta 2", "Memory of the squared gradient.", paper="0.95 (C)", ge=0, lt=1, unit=NO_UNIT
    )
    adam_epsilon: float = option(
        1e-5,
        "Adam epsilon",
        "Damps steps of tiny gradients. Ours is that of OpenAI's published RLHF code.",
        gt=0,
        unit=NO_UNIT,
        ours="OpenAI's published RLHF code.",
    )
    weight_decay: float = option(
        0.0,
        "Weight decay",
        "Decoupled decay of the weights (AdamW). Off by default.",
        ge=0,
        unit=NO_UNIT,
        ours="Off, as in OpenAI's published RLHF code, which uses plain Adam.",
    )


@dataclass(frozen=True, slots=True)
class Option:
    """One setting, as a form, the command line or a document needs it."""

    name: str
    title: str
    help: str
    unit: str
    paper: str
    ours: str
    is_simple: bool
    annotation: Any
    default: Any
    bounds: Mapping[str, float]

    @property
    def source(self) -> str:
        """The paper's value with its section; where it is silent, also where ours comes from."""
        return f"{self.paper}; ours: {self.ours}" if self.ours else self.paper


def options(settings: type[StageSettings]) -> list[Option]:
    """Every setting of a stage, in the order of its declaration, its own before the shared ones."""
    fields = settings.model_fields
    own = [name for name in fields if name not in TrainSettings.model_fields]
    return [_describe(name, fields[name]) for name in own + [name for name in fields if name not in own]]


def _describe(name: str, info: Any) -> Option:
    extra = info.json_schema_extra or {}
    bounds = {key: getattr(m, key) for m in info.metadata for key in ("ge", "gt", "le", "lt") if hasattr(m, key)}
    return Option(
        name=name,
        title=info.title or name,
        help=info.description or "",
        unit=extra.get("unit") or NO_UNIT,
        paper=extra.get("paper", NOT_IN_PAPER),
        ours=extra.get("ours", ""),
        is_simple=bool(extra.get("simple")),
        annotation=info.annotation,
        default=info.default,
        bounds=bounds,
    )


S = TypeVar("S", bound=StageSettings)


def parse_settings(cls: type[S], values: Mapping[str, Any]) -> S:
    """Check values from a file, a form or the command line.

    Raises:
        DataError: Naming the first wrong setting, its value and what it may be.
    """
    try:
        return cls.model_validate(dict(values))
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        if first["type"] == "extra_forbidden":
            raise DataError(_unknown(cls, name)) from error
        raise DataError(
            f"The setting '{name}' cannot be {first.get('input')!r}: {first['msg'].lower()}. Choose another value."
        ) from error


def differences(cls: type[StageSettings], values: Mapping[str, Any]) -> list[tuple[Option, Any]]:
    """The settings whose value is not the default, each with its value."""
    return [(one, values[one.name]) for one in options(cls) if one.name in values and values[one.name] != one.default]


def _unknown(cls: type[StageSettings], name: str) -> str:
    near = get_close_matches(name, cls.model_fields, n=3, cutoff=0.5)
    hint = f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(cls.model_fields)}."
    return f"There is no setting '{name}' in this stage. {hint}"
