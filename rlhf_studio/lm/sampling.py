"""Several different answers to one prompt, for people to compare."""

from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace

from rlhf_studio.errors import DataError
from rlhf_studio.lm.codec import TextStream
from rlhf_studio.lm.draw import uniforms
from rlhf_studio.lm.generate import Generation, Partial, collect, generate
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
            episodes = [_episode(numbers[p], attempt, answer) for p, answer in part]
            found.update(zip(part, _sample(lm, [encoded[p] for p, _ in part], sampling, step, episodes), strict=True))
        wanted = _repeated(found)
        if not wanted or sampling.temperature == 0:
            break
    for place in wanted:
        found[place] = replace(found[place], is_duplicate=True)
    return [[found[prompt, answer] for answer in range(k)] for prompt in range(len(prompts))]


def stream_answers(
    lm: LanguageModel,
    turns: Sequence[Turn],
    k: int,
    sampling: Sampling,
    *,
    step: int = 0,
    prompt_id: int = 0,
    avoid: Sequence[str] = (),
) -> Generator[dict[int, str], None, list[SampledAnswer]]:
    """The answers of ``sample_many`` to one prompt, while they grow.

    Yields after each token: by index, the whole text so far of each answer that has changed. An answer that is drawn
    again begins anew.

    Args:
        lm: Is used as it is.
        turns: Conversation that ends with a user's turn.
        k: Answers.
        sampling: Its seed, ``step`` and ``prompt_id`` fix the answers.
        step: Another one gives other answers.
        prompt_id: Another one gives other answers; the prompt's key in ``sample_many``.
        avoid: Texts that shall not come again.

    Raises:
        DataError: If the prompt is empty or too long.
    """
    prompt = lm.codec.encode_prompt(turns)
    found: dict[tuple[int, int], SampledAnswer] = {}
    wanted = list(range(k))
    for attempt in range(1 + _TRIES):
        episodes = [_episode(prompt_id, attempt, answer) for answer in wanted]
        noise = uniforms(sampling.seed, step, episodes, sampling.max_new_tokens)
        sampler = generate(lm, [prompt] * len(wanted), sampling, noise)
        generation = yield from _texts(lm, sampler, wanted)
        found.update({(0, index): answer for index, answer in zip(wanted, _answers(lm, generation), strict=True)})
        wanted = [index for _, index in _repeated(found, avoid)]
        if not wanted or sampling.temperature == 0:
            break
    return [replace(found[0, index], is_duplicate=index in wanted) for index in range(k)]


def _texts(
    lm: LanguageModel, sampler: Generator[Partial, None, Generation], indexes: Sequence[int]
) -> Generator[dict[int, str], None, Generation]:
    """What each token brought, as whole texts by index."""
    streams = [TextStream(lm.codec) for _ in indexes]
    texts = [""] * len(indexes)
    while True:
        try:
            partial = next(sampler)
        except StopIteration as end:
            generation: Generation = end.value
            return generation
        changed = {}
        tokens = partial.tokens.tolist()
        for row, is_active in enumerate(partial.active.tolist()):
            if is_active:
                has_ended = tokens[row] == lm.codec.eos_id
                texts[row] += streams[row].flush() if has_ended else streams[row].push(tokens[row])
                changed[indexes[row]] = texts[row]
        yield changed


def _episode(prompt_id: int, attempt: int, answer: int) -> int:
    return (prompt_id * _ATTEMPTS + attempt) * _ANSWERS + answer


def _batches(places: list[tuple[int, int]], encoded: Sequence[Sequence[int]]) -> Iterator[list[tuple[int, int]]]:
    """Places in batches of prompts of like length, which need little padding."""
    ordered = sorted(places, key=lambda place: len(encoded[place[0]]))
    for first in range(0, len(ordered), _ROWS):
        yield ordered[first : first + _ROWS]


def _sample(
    lm: LanguageModel, prompts: Sequence[Sequence[int]], sampling: Sampling, step: int, episodes: Sequence[int]
) -> Iterator[SampledAnswer]:
    noise = uniforms(sampling.seed, step, episodes, sampling.max_new_tokens)
    yield from _answers(lm, collect(generate(lm, prompts, sampling, noise)))


def _answers(lm: LanguageModel, out: Generation) -> Iterator[SampledAnswer]:
    logprobs = out.logprobs.sum(dim=1).tolist()  # zero outside the mask
    for tokens, mask, is_finished, logprob in zip(out.tokens, out.mask, out.finished.tolist(), logprobs, strict=True):
        ids = tuple(tokens[mask].tolist())
        yield SampledAnswer(lm.codec.decode(ids), ids, is_finished, logprob)


def _repeated(found: dict[tuple[int, int], SampledAnswer], avoid: Sequence[str] = ()) -> list[tuple[int, int]]:
    """Answers whose text an earlier answer to the same prompt has, or prompt 0 shall not get; edges do not count."""
    seen: set[tuple[int, str]] = {(0, text.strip()) for text in avoid}
    repeated = []
    for place in sorted(found):
        mark = (place[0], found[place].text.strip())
        if mark in seen:
            repeated.append(place)
        seen.add(mark)
    return repeated
