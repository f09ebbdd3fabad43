"""Several different answers to one prompt, for people to compare."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from rlhf_studio.errors import DataError
from rlhf_studio.lm.draw import uniforms
from rlhf_studio.lm.generate import collect, generate
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import Sampling, Turn

_TRIES = 4  # further draws for an answer that repeats another
_ROWS = 64  # answers sampled at once
_ATTEMPTS, _ANSWERS = 2**16, 2**16  # how the number of an episode is made up


@dataclass(frozen=True, slots=True)
class SampledAnswer:
    """One answer of a model."""

    text: str
    token_ids: tuple[int, ...]  # with end-of-text if it is finished
    is_finished: bool  # the model ended it, not the length limit
    logprob: float  # of the whole answer at the sampling temperature, nats
    is_duplicate: bool = False  # an earlier answer to the same prompt has the same text, after all tries


def sample_answers(
    lm: LanguageModel, turns: Sequence[Turn], k: int, sampling: Sampling, *, step: int = 0
) -> list[SampledAnswer]:
    """K answers to one prompt; answers with the same text are drawn again a few times, then marked.

    Raises:
        DataError: If the prompt is empty or too long, or all K > 1 answers came out equal.
    """
    answers = sample_many(lm, [turns], k, sampling, step=step)[0]
    if k > 1 and all(answer.is_duplicate for answer in answers[1:]):
        raise DataError(
            f"All {k} answers are equal at temperature {sampling.temperature} ('{answers[0].text[:60]}'), so there is "
            "nothing to rank. Raise the temperature, or choose another prompt."
        )
    return answers


def sample_many(
    lm: LanguageModel,
    prompts: Sequence[Sequence[Turn]],
    k: int,
    sampling: Sampling,
    *,
    step: int = 0,
    keys: Sequence[int] | None = None,
) -> list[list[SampledAnswer]]:
    """K answers to each of many prompts, in batches. Where all K are equal, all but the first are marked.

    Args:
        lm: Is used as it is.
        prompts: Conversations that end with a user's turn.
        k: Answers to each prompt.
        sampling: Its seed, ``step`` and the prompt's key fix the answers, whatever else is sampled beside them.
        step: Another one gives other answers.
        keys: A number for each prompt, such as its id; its place in the list if not given.

    Raises:
        DataError: If a prompt is empty or too long.
    """
    encoded = [lm.codec.encode_prompt(turns) for turns in prompts]
    numbers = range(len(prompts)) if keys is None else keys
    wanted = [(prompt, answer) for prompt in range(len(prompts)) for answer in range(k)]
    found: dict[tuple[int, int], SampledAnswer] = {}
    for attempt in range(1 + _TRIES):
        for part in _batches(wanted, encoded):
            episodes = [(numbers[p] * _ATTEMPTS + attempt) * _ANSWERS + answer for p, answer in part]
            found.update(zip(part, _sample(lm, [encoded[p] for p, _ in part], sampling, step, episodes), strict=True))
        wanted = _repeated(found)
        if not wanted or sampling.temperature == 0:
            break
    for place in wanted:
        found[place] = replace(found[place], is_duplicate=True)
    return [[found[prompt, answer] for answer in range(k)] for prompt in range(len(prompts))]


def _batches(places: list[tuple[int, int]], encoded: Sequence[Sequence[int]]) -> Iterator[list[tuple[int, int]]]:
    """Places in batches of prompts of like length, which need little padding."""
    ordered = sorted(places, key=lambda place: len(encoded[place[0]]))
    for first in range(0, len(ordered), _ROWS):
        yield ordered[first : first + _ROWS]


def _sample(
    lm: LanguageModel, prompts: Sequence[Sequence[int]], sampling: Sampling, step: int, episodes: Sequence[int]
) -> Iterator[SampledAnswer]:
    noise = uniforms(sampling.seed, step, episodes, sampling.max_new_tokens)
    out = collect(generate(lm, prompts, sampling, noise))
    logprobs = out.logprobs.sum(dim=1).tolist()  # zero outside the mask
    for tokens, mask, is_finished, logprob in zip(out.tokens, out.mask, out.finished.tolist(), logprobs, strict=True):
        ids = tuple(tokens[mask].tolist())
        yield SampledAnswer(lm.codec.decode(ids), ids, is_finished, logprob)


def _repeated(found: dict[tuple[int, int], SampledAnswer]) -> list[tuple[int, int]]:
    """Answers whose text an earlier answer to the same prompt has."""
    seen: set[tuple[int, str]] = set()
    repeated = []
    for place in sorted(found):
        mark = (place[0], found[place].text)
        if mark in seen:
            repeated.append(place)
        seen.add(mark)
    return repeated
