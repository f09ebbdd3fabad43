"""A little Chinese in the pretraining text, so that the Chinese prompts of the example project are no noise."""

import random

from rlhf_studio.example.wording import sections, words

_READ = dict(sections("chinese"))
_WORDS = {line[0]: words(line[1:]) for line in _READ.pop("words")}
_FACTS = [[part.strip() for part in line.split(" / ")] for line in _READ.pop("facts")]
_PATTERNS = [line.replace("/ ", "") for lines in _READ.values() for line in lines]


def chinese_document(rng: random.Random) -> str:
    """Two to four lines: facts, said or asked, and short sentences."""
    return "\n".join(
        _fact(rng) if rng.random() < 0.5 else _sentence(rng)
        for _ in range(rng.choice((2, 3, 4)))
    )  # fmt: skip


def _fact(rng: random.Random) -> str:
    said, asked, answer = rng.choice(_FACTS)
    return rng.choice((said, f"{asked}{said}", f"{asked}{answer}。"))


def _sentence(rng: random.Random) -> str:
    n, m = rng.sample(_WORDS["n"], 2)
    a, b = rng.sample(_WORDS["a"], 2)
    x, y, z = rng.sample(_WORDS["x"], 3)
    others = {key: rng.choice(_WORDS[key]) for key in "phsd"}
    return rng.choice(_PATTERNS).format(n=n, m=m, a=a, b=b, x=x, y=y, z=z, **others)
