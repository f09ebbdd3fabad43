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


def chosen_words(model: Path) -> str:
    """For the card of a model: by what it was chosen among those of its run; empty for one that simply came last."""
    found = _card(model)
    if found is None:
        return ""
    return (
        f"Chosen among the policies of its run by {found.chosen_by}: at step {found.step} it scored "
        f"{found.score:+.3f} on held-out prompts, {found.kl:.2f} nats per answer from its start."
    )


def _card(path: Path) -> BestPolicy | None:
    try:
        card = json.loads((path / "studio.json").read_bytes())["card"]
        return BestPolicy(path, int(card["step"]), float(card["score"]), float(card["kl"]), str(card["chosen by"]))
    except (OSError, ValueError, KeyError, TypeError):  # there is none, or a better one is just being written
        return None
