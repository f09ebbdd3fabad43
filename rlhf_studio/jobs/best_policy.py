"""The policy of a PPO run that scored best on held-out prompts within a limit of the KL; needs no torch."""

import json
from dataclasses import dataclass
from pathlib import Path

BEST = "policy-best"  # the model's name in its run


@dataclass(frozen=True, slots=True)
class BestPolicy:
    """What the card of such a model says.

    Attributes:
        path: Of its folder.
        step: After which it was kept.
        score: Mean of what PPO learnt from, over answers to held-out prompts.
        kl: To its start on the same answers, nats per answer.
        chosen_by: How it was chosen, in words.
    """

    path: Path
    step: int
    score: float
    kl: float
    chosen_by: str


def best_policy(run: Path) -> BestPolicy | None:
    """The best policy that a run has kept, None where it keeps none."""
    return _card(run / "models" / BEST)


def _card(path: Path) -> BestPolicy | None:
    try:
        card = json.loads((path / "studio.json").read_bytes())["card"]
        return BestPolicy(path, int(card["step"]), float(card["score"]), float(card["kl"]), str(card["chosen by"]))
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or a better one is just being written
        return None
