"""What a person, an import or a program hands in, checked before it reaches the tables."""

import json
import math
from collections.abc import Collection, Sequence
from typing import Any, get_args

from rlhf_studio.errors import DataError
from rlhf_studio.schema import PURPOSES, SPLITS, USE_CASES, NewCompletion, NewPrompt, Sampling, Source

MAX_INT = 2**63 - 1  # SQLite's
CONFIDENCES = (1, 2, 3)


def stored_json(text: str, what: str) -> Any:
    """Read what a table keeps as JSON; only a file that something else wrote to can hold anything else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(
            f"{what} cannot be read ({text[:40]!r}): something else wrote to the project. Put a backup in its place."
        ) from error


def check_text(text: str, what: str) -> None:
    """Refuse text that cannot be written as UTF-8 (half a surrogate pair)."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise DataError(f"{what} holds half a character at position {error.start}. Type or paste it again.") from error


def check_filled(text: str, what: str) -> None:
    """Refuse text that is empty, blank or broken."""
    if not text.strip():
        raise DataError(f"{what} is empty. Write some text.")
    check_text(text, what)


def check_word(word: str, allowed: Collection[str], what: str) -> None:
    """Refuse a word that is not in a fixed list."""
    if word not in allowed:
        raise DataError(f"{what} is {word!r}. Use one of: {', '.join(allowed)}.")


def check_prompt(prompt: NewPrompt, name: str) -> None:
    """Refuse a prompt without text, one that does not end with a user's turn, and unknown words."""
    if not prompt.turns:
        raise DataError(f"{name} is empty. Write some text.")
    for place, turn in enumerate(prompt.turns, start=1):
        check_word(turn.role, ("system", "user", "assistant"), f"The role of turn {place} of {name}")
        check_filled(turn.content, name if len(prompt.turns) == 1 else f"Turn {place} of {name}")
    if prompt.turns[-1].role != "user":
        raise DataError(f"{name} ends with a turn of the {prompt.turns[-1].role}. End it with a user's turn.")
    check_word(prompt.use_case, USE_CASES, f"The use case of {name}")
    check_word(prompt.source, get_args(Source), f"The source of {name}")
    for purpose in sorted(prompt.purposes):
        check_word(purpose, PURPOSES, f"A purpose of {name}")
    if prompt.split is not None:
        check_word(prompt.split, SPLITS, f"The split of {name}")
    check_text(prompt.author, f"The author of {name}")
    check_text(prompt.key or "", f"The key of {name}")
    check_text(prompt.brief, f"The use case that {name} was written for")
    check_text(prompt.family, f"The family of {name}")


def check_completion(completion: NewCompletion) -> None:
    """Refuse sampling settings and token ids that no sampler can have used."""
    name = f"A completion of prompt {completion.prompt_id}"
    for text in (completion.text, completion.model, completion.checkpoint):
        check_text(text, name)
    check_sampling(completion.sampling, name)
    if not all(0 <= token < 2**31 for token in completion.token_ids):
        raise DataError(f"{name} has a token id outside 0 to 2147483647. Sample it again.")


def check_sampling(sampling: Sampling, name: str) -> None:
    """Refuse settings outside their ranges."""
    if not (math.isfinite(sampling.temperature) and sampling.temperature >= 0):
        raise DataError(f"{name} has temperature {sampling.temperature}. Use a number of at least 0.")
    if not 0 < sampling.top_p <= 1:
        raise DataError(f"{name} has top_p {sampling.top_p}. Use a number over 0 and at most 1.")
    if not 0 < sampling.max_new_tokens <= MAX_INT:
        raise DataError(f"{name} has at most {sampling.max_new_tokens} new tokens. Allow at least one.")
    if not -MAX_INT <= sampling.seed <= MAX_INT:
        raise DataError(f"{name} has seed {sampling.seed}. Use one that fits into 64 bits.")


def check_ranking(prompt_id: int, tiers: Sequence[Sequence[int]], shown_order: Sequence[int], seconds: float) -> None:
    """Refuse an order that is not one: fewer than two completions, an empty tier, a completion twice."""
    ids = [completion_id for tier in tiers for completion_id in tier]
    name = f"The ranking of prompt {prompt_id}"
    if len(ids) < 2:
        raise DataError(f"{name} has {len(ids)} completions. Rank at least two.")
    if not all(tiers):
        raise DataError(f"{name} has an empty tier: {[list(tier) for tier in tiers]}. Leave empty tiers out.")
    twice = sorted({completion_id for completion_id in ids if ids.count(completion_id) > 1})
    if twice:
        raise DataError(f"{name} holds completion {twice[0]} more than once. Give each completion one place.")
    if shown_order and sorted(shown_order) != sorted(ids):
        raise DataError(
            f"{name} was shown as {list(shown_order)} but ranks {sorted(ids)}. "
            "Give the order of the same completions, or none."
        )
    if not (math.isfinite(seconds) and seconds >= 0):
        raise DataError(f"{name} took {seconds} seconds. Give a number of at least 0.")


def check_confidence(confidence: int | None, name: str) -> None:
    """Refuse a confidence that is none of the three."""
    if confidence is not None and confidence not in CONFIDENCES:
        raise DataError(f"{name} has confidence {confidence}. Use 1 (a guess), 2 (fairly sure), 3 (sure) or none.")
