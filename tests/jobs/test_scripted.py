import random

from rlhf_studio.example.prompts import read_rules
from rlhf_studio.example.rubric import RUBRICS, grade, rank
from rlhf_studio.jobs.scripted import scripted_reward
from rlhf_studio.paths import resources_dir
from rlhf_studio.schema import PromptRow, Turn


def test_marks_order_answers_as_the_script_ranks_them():
    """Also those of which it knows whether they are right: a wrong one is worth half here and there."""
    rules = read_rules(resources_dir() / "example")
    answers = ["Paris.", "It is Paris.", "The sky is blue.", "", "Tom found a friend and was happy. Everyone smiled."]
    seen_wrong = 0
    for name, rubric in RUBRICS.items():
        mark = scripted_reward(name)
        for text in [*list(rules)[::150], "Who are you?"]:
            row = PromptRow(1, (Turn("user", "Earlier."), Turn("assistant", "Yes."), Turn("user", text)))
            marks = [mark(row, answer) for answer in answers]
            assert all(0 <= m <= 1 for m in marks)
            seen_wrong += any(m != rubric.score(text, a) for m, a in zip(marks, answers, strict=True))
            tiers = rank(rubric, text, answers, 0.0, random.Random(0), rules.get(text))
            grades = [grade(m) for m in marks]
            expected = [[i for i, g in enumerate(grades) if g == level] for level in sorted(set(grades), reverse=True)]
            assert tiers == expected
    assert seen_wrong > 3
