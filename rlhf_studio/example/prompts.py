"""The example project "Tiny tales": its prompts with purpose, split and author, their demonstrations and guidance."""

import hashlib
import json
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rlhf_studio.example import reading_tasks, writing_tasks
from rlhf_studio.example.checks import Rule, read_rule
from rlhf_studio.example.tasks import MOST_WORDS, Family, Pool, Task, draw_task
from rlhf_studio.example.wording import sections, seeded
from rlhf_studio.example.world import held_out

SEED = 2022
USE_CASES = (
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
FAMILIES = (*writing_tasks.FAMILIES, *reading_tasks.FAMILIES)
AUTHORS = {
    "train": (
        "Ada Quill",
        "Bruno Fell",
        "Clio Marsh",
        "Dario Penn",
        "Edda Thorn",
        "Finn Oak",
        "Gina Rook",
        "Hal Brook",
    ),
    "valid": ("Ines Wold", "Jonas Reed"),
    "test": ("Kira Stone", "Levi Moss"),
}

# (purpose, split): prompts about stories and the like (generation), prompts in each of the nine other use cases
COUNTS: dict[tuple[str, str], tuple[int, int]] = {
    ("demonstrate", "valid"): (6, 4),
    ("demonstrate", "test"): (14, 12),
    ("rank", "train"): (180, 20),
    ("rank", "valid"): (24, 2),
    ("rank", "test"): (14, 1),
    ("ppo", "train"): (72, 8),
    ("ppo", "valid"): (46, 2),
    ("ppo", "test"): (12, 4),
}
# most where many ways of asking or changing must be seen before a new one is understood
DEMONSTRATED: dict[str, int] = {
    "generation": 260,
    "open_qa": 260,
    "brainstorming": 200,
    "chat": 400,
    "rewrite": 500,
    "summarization": 220,
    "classification": 850,
    "other": 300,
    "closed_qa": 320,
    "extract": 450,
}
_TWO_ANSWERS = ("generation",)
_FEW_SHOT = ("rewrite", "classification", "other", "open_qa", "extract")
_FEW_SHOT_SHARE, _USER_SHARE = 0.06, 0.08
_USERS = (
    "I am a teacher.",
    "This is for my class.",
    "I write for a small paper.",
    "My little brother wants to know.",
    "This is for my website.",
    "I work in a library.",
    "I help at a school.",
    "This is for a game.",
)


@dataclass(frozen=True, slots=True)
class ExamplePrompt:
    """One prompt of the project; turns are user, assistant, user ... and end with the user's."""

    key: str
    turns: tuple[str, ...]
    use_case: str
    source: str
    purposes: tuple[str, ...]
    author: str
    split: str
    family: str
    answers: tuple[str, ...]
    rule: Rule

    @property
    def text(self) -> str:
        """The last user turn."""
        return self.turns[-1]


def written_tasks() -> list[Task]:
    """Read the prompts that were written one by one."""
    tasks: list[Task] = []
    for use_case, lines in sections("prompts"):
        for line in lines:
            mark, _, text = line.partition(" ")
            if mark == ">":
                turns = tuple(turn.strip() for turn in text.split("||"))
                tasks.append(Task(use_case, "written", turns, (), Rule("says")))
            else:
                tasks[-1] = _with_mark(tasks[-1], mark, text)
    return tasks


def _with_mark(task: Task, mark: str, text: str) -> Task:
    if mark == "=":
        return replace(task, answers=(*task.answers, text))
    if mark == "~":
        return replace(task, rule=read_rule(text))
    return replace(task, source=text) if mark == "@" else replace(task, is_probe=True)


def _variant(rng: random.Random, task: Task, families: list[Family], pool: Pool) -> Task:
    """Sometimes put worked examples before a prompt, or say who asks."""
    kind = rng.random()
    if task.use_case in _FEW_SHOT and kind < _FEW_SHOT_SHARE:
        same = [family for family in families if family.name == task.family] or families
        shown = [draw_task(rng, same, pool) for _ in range(2)]
        text = "\n".join([*(f"Q: {one.text}\nA: {one.answers[0]}" for one in shown), f"Q: {task.text}\nA:"])
        if len(text.split()) <= MOST_WORDS:
            return replace(task, turns=(text,), source="few_shot")
    elif task.use_case != "chat" and kind > 1 - _USER_SHARE and len(task.text.split()) < MOST_WORDS - 8:
        return replace(task, turns=(f"{rng.choice(_USERS)} {task.text}",), source="user_based")
    return task


def _key(task: Task) -> str:
    return f"{task.use_case}-{hashlib.sha256(' || '.join(task.turns).encode()).hexdigest()[:8]}"


def _prompt(task: Task, purpose: str, split: str) -> ExamplePrompt:
    key = _key(task)
    answers = task.answers if task.family == "written" or task.use_case in _TWO_ANSWERS else task.answers[:1]
    if purpose in ("rank", "ppo"):
        answers = ()
    author = seeded("author", key).choice(AUTHORS[split])
    return ExamplePrompt(
        key, task.turns, task.use_case, task.source, (purpose,), author, split, task.family, answers, task.rule
    )


def _written_prompts() -> list[ExamplePrompt]:
    found = []
    for task in written_tasks():
        split = "test" if task.is_probe or held_out("written", task.text, share=0.12) else "train"
        found.append(_prompt(task, "probe" if task.is_probe else "demonstrate", split))
    return found


@cache
def example_prompts() -> tuple[ExamplePrompt, ...]:
    """Return all prompts, always the same; no two have the same text."""
    found = _written_prompts()
    seen = {prompt.text.lower() for prompt in found}
    for (purpose, split), counts in {("demonstrate", "train"): (0, 0), **COUNTS}.items():
        pool: Pool = "test" if split == "test" else "train"
        for use_case in USE_CASES:
            count = counts[0] if use_case == "generation" else counts[1]
            if (purpose, split) == ("demonstrate", "train"):
                count = DEMONSTRATED[use_case]
            rng = seeded(SEED, purpose, split, use_case)
            found += [_prompt(task, purpose, split) for task in _fresh(rng, use_case, count, pool, seen)]
    return tuple(found)


def _fresh(rng: random.Random, use_case: str, count: int, pool: Pool, seen: set[str]) -> list[Task]:
    """Draw tasks whose texts have not been seen."""
    families = [family for family in FAMILIES if family.use_case == use_case]
    tasks: list[Task] = []
    while len(tasks) < count:
        task = _variant(rng, draw_task(rng, families, pool), families, pool)
        if task.text.lower() not in seen:
            seen.add(task.text.lower())
            tasks.append(task)
    return tasks


def fresh_tests(use_case: str, count: int, seed: int) -> list[ExamplePrompt]:
    """Draw more test prompts than the project holds, from the same held-out material, to measure with less noise."""
    seen = {prompt.text.lower() for prompt in example_prompts()}
    tasks = _fresh(seeded("fresh tests", seed, use_case), use_case, count, "test", seen)
    return [_prompt(task, "demonstrate", "test") for task in tasks]


def prompt_row(prompt: ExamplePrompt) -> dict[str, Any]:
    """Return the prompt as prompts.jsonl holds it."""
    roles = ("user", "assistant")
    turns = [{"role": roles[place % 2], "content": text} for place, text in enumerate(prompt.turns)]
    return {
        "key": prompt.key,
        "turns": turns,
        "use_case": prompt.use_case,
        "source": prompt.source,
        "purposes": list(prompt.purposes),
        "author": prompt.author,
        "split": prompt.split,
    }


def demonstration_rows() -> list[dict[str, str]]:
    """Return every demonstration as demonstrations.jsonl holds it; who asks does not always answer."""
    rows = []
    for prompt in example_prompts():
        for place, text in enumerate(prompt.answers):
            author = seeded("answer", prompt.key, place).choice(AUTHORS[prompt.split])
            rows.append({"prompt": prompt.key, "text": text, "author": author})
    return rows


def check_rows() -> list[dict[str, Any]]:
    """Return the rule of every prompt as checks.jsonl holds it."""
    return [{"prompt": prompt.key, "rule": asdict(prompt.rule)} for prompt in example_prompts()]


def rule_from_row(row: Mapping[str, Any]) -> Rule:
    """Read a rule back from a row of checks.jsonl."""
    rule = row["rule"]
    return Rule(rule["kind"], tuple(rule["words"]), tuple(rule["without"]), rule["count"], rule["of"])


def read_rules(files: Path) -> dict[str, Rule]:
    """Read the rule of each prompt from the example's files, by the text of its last user turn; none without checks."""
    if not (files / "checks.jsonl").is_file():
        return {}
    lines = {name: (files / f"{name}.jsonl").read_text(encoding="utf-8").splitlines() for name in ("prompts", "checks")}
    texts = {row["key"]: row["turns"][-1]["content"] for row in map(json.loads, lines["prompts"])}
    return {texts[row["prompt"]]: rule_from_row(row) for row in map(json.loads, lines["checks"])}


@cache
def guidance() -> dict[str, dict[str, str]]:
    """Return for each use case its title, what a good answer is, and one example prompt with its answer."""
    names = {"title": "title", "guide": "guidance", "ask": "prompt", "say": "answer"}
    found = {}
    for use_case, lines in sections("guidance"):
        parts = (line.partition(" ") for line in lines)
        found[use_case] = {names[word]: text for word, _, text in parts}
    return found


def summary() -> Counter[tuple[str, str]]:
    """Count prompts by (purpose, split)."""
    return Counter((prompt.purposes[0], prompt.split) for prompt in example_prompts())
