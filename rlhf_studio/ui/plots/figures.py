"""What is drawn for each kind of run: panels, curves, and how each number comes about."""

from dataclasses import dataclass, replace
from typing import Literal

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

Paint = Literal["metric_reward", "metric_kl", "metric_loss", "sft", "reward", "ppo", "ppo_ptx", "base", "accent"]


@dataclass(frozen=True, slots=True)
class CurveSpec:
    """One curve of a panel.

    Attributes:
        metric: Its name in ``StepMetrics``.
        word: For the legend; empty where the panel has one curve.
        paint: A field of ``theme.Colours``.
        is_dashed: Held-out and watching figures are dashed, never told apart by colour alone.
        is_rare: Most runs have no such curve; the legend names it once there is one.
    """

    metric: str
    word: str
    paint: Paint
    is_dashed: bool = False
    is_rare: bool = False


@dataclass(frozen=True, slots=True)
class PanelSpec:
    """One panel: its title, the unit of its axis, its curves, and formula and source for whoever points at it."""

    name: str
    title: str
    unit: str
    curves: tuple[CurveSpec, ...]
    help: str
    form: str = ".2f"
    least_span: float = 0.05  # of the vertical axis
    empty: str = ""  # what stands there while it has no data, where that may be for good


def _tr(text: str) -> str:
    """Mark a text for translation; ``words`` translates it when it is shown."""
    return str(QT_TRANSLATE_NOOP("Figures", text))


def words(text: str) -> str:
    """A text of this module in the language of the window."""
    return QCoreApplication.translate("Figures", text) if text else ""


_TEXT = PanelSpec(
    "text",
    _tr("Natural text"),
    _tr("nats/token"),
    (CurveSpec("loss/text_valid", "", "base", is_dashed=True),),
    _tr(
        "Cross-entropy of held-out pretraining text. It rises as a model forgets its language; "
        "the pretraining gradients of PPO-ptx hold it down (InstructGPT, section 3.5)."
    ),
)
_OF_SFT = (
    PanelSpec(
        "loss",
        _tr("SFT loss"),
        _tr("nats/token"),
        (
            CurveSpec("loss/train", _tr("train"), "metric_loss"),
            CurveSpec("loss/valid", _tr("held-out"), "sft", True),
        ),
        _tr(
            "Mean cross-entropy of the demonstrations' answer tokens: -mean log p(token). "
            "Held-out: demonstrations that were not trained on (InstructGPT, section 3.5)."
        ),
    ),
    PanelSpec(
        "score",
        _tr("Score of answers"),
        _tr("score"),
        (CurveSpec("valid/scores", "", "reward", is_dashed=True),),
        _tr(
            "Mean score that a reward model gives to sampled answers to held-out prompts, after each epoch. The paper "
            "chooses the SFT model by it, since held-out loss rises while people like the answers better "
            "(InstructGPT, appendix C.1). It needs a reward model of an earlier round."
        ),
        "+.2f",
        0.2,
        _tr("no reward model yet"),
    ),
    _TEXT,
    PanelSpec(
        "lr",
        _tr("Learning rate"),
        _tr("per step"),
        (CurveSpec("lr", "", "base"),),
        _tr("Cosine decay to 10 % of the peak (InstructGPT, appendix C.1)."),
        ".1e",
        1e-6,
    ),
)
PANELS: dict[str, tuple[PanelSpec, ...]] = {
    "sft": _OF_SFT,
    "rl-start": (replace(_OF_SFT[0], title=_tr("Loss of the RL start")), *_OF_SFT[1:]),
    "reward": (
        PanelSpec(
            "loss",
            _tr("Reward model's loss"),
            _tr("nats/pair"),
            (
                CurveSpec("loss/train", _tr("train"), "metric_loss"),
                CurveSpec("loss/valid", _tr("held-out"), "reward", True),
            ),
            _tr(
                "-mean log sigmoid(r(better) - r(worse)), over the pairs of a prompt, then over prompts "
                "(InstructGPT, equation 1). Guessing costs ln 2 = 0.69."
            ),
        ),
        PanelSpec(
            "accuracy",
            _tr("Pairs ordered as people did"),
            _tr("share of pairs"),
            (
                CurveSpec("accuracy/train", _tr("train"), "metric_loss"),
                CurveSpec("accuracy/valid", _tr("held-out"), "reward", True),
            ),
            _tr("Share of pairs in which the better answer scores higher; ties are left out. Guessing gives 50 %."),
            ".0%",
        ),
    ),
    "ppo": (
        PanelSpec(
            "reward",
            _tr("Reward"),
            _tr("score"),
            (
                CurveSpec("objective/scores", _tr("trains"), "metric_reward"),
                CurveSpec("watch/scores", _tr("watches"), "reward", True, True),
            ),
            _tr(
                "Mean score of the sampled answers, before the KL penalty; of the reward model, 0 is a demonstration. "
                "Dashed, where there is one: a reward that only watches."
            ),
            "+.2f",
            0.2,
        ),
        PanelSpec(
            "kl",
            _tr("KL to the start"),
            _tr("nats/answer"),
            (CurveSpec("objective/kl", "", "metric_kl"),),
            _tr(
                "How far the policy has left its start: mean over answers of the sum over tokens of "
                "log p(policy) - log p(start), on sampled tokens (InstructGPT, equation 2)."
            ),
            ".2f",
            0.5,
        ),
        PanelSpec(
            "loss",
            _tr("Policy and value loss"),
            _tr("loss"),
            (
                CurveSpec("loss/policy_avg", _tr("policy"), "metric_loss"),
                CurveSpec("loss/value_avg", _tr("value"), "ppo", True),
            ),
            _tr(
                "Clipped policy objective, negated, and clipped squared error of the value network "
                "(Schulman et al. 2017, equations 7 and 9). They are no measure of progress."
            ),
            "+.3f",
        ),
        PanelSpec(
            "ptx",
            _tr("Pretraining text"),
            _tr("nats/token"),
            (
                CurveSpec("loss/ptx", _tr("train"), "metric_loss"),
                CurveSpec("loss/text_valid", _tr("held-out"), "ppo_ptx", True),
            ),
            _tr(
                "Mean cross-entropy of pretraining text: of the windows that PPO-ptx learns from, and of held-out "
                "text. Held-out loss that rises is language forgotten (InstructGPT, equation 2 and section 4.2)."
            ),
        ),
        PanelSpec(
            "entropy",
            _tr("Entropy"),
            _tr("nats/answer"),
            (CurveSpec("objective/entropy", "", "base"),),
            _tr("-log p of the sampled answers, mean over answers. It falls as the answers become alike."),
            ".1f",
            1.0,
        ),
        PanelSpec(
            "length",
            _tr("Answer length"),
            _tr("tokens"),
            (CurveSpec("answer/length", "", "base"),),
            _tr("Mean number of tokens of the sampled answers, with the end-of-text token."),
            ".1f",
            1.0,
        ),
    ),
}


def kind_of(stage: str) -> str:
    """The panels of a stage: both PPO stages have the same."""
    return "ppo" if stage.startswith("ppo") else stage
