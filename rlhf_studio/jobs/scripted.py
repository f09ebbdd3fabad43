"""The scripted labeler's taste as a reward for PPO: what simulated rankings only tell in part, known exactly."""

from collections.abc import Callable

from rlhf_studio.example.checks import obeys
from rlhf_studio.example.prompts import read_rules
from rlhf_studio.example.rubric import RUBRICS
from rlhf_studio.paths import resources_dir
from rlhf_studio.schema import PromptRow

_WRONG = 0.5  # what is left of a wrong answer's mark, as where ``example.rubric.rank`` ranks


def scripted_reward(name: str) -> Callable[[PromptRow, str], float]:
    """The marks, 0 to 1, by which the script of a target orders answers, without its mistakes.

    Of the prompts that ship with the program the right answers are known; a wrong one is worth half.
    """
    rubric, rules = RUBRICS[name], read_rules(resources_dir() / "example")

    def mark(row: PromptRow, answer: str) -> float:
        asked = row.turns[-1].content
        rule = rules.get(asked)
        is_wrong = rule is not None and rule.kind != "story" and not obeys(rule, answer)
        return rubric.score(asked, answer) * (_WRONG if is_wrong else 1.0)

    return mark
