"""What training has done to a model of the example project, in figures that a rule or a rubric can count.

Accuracy is counted on fresh prompts from held-out material, the same ones for every model and every seed of training;
what rankings prefer is counted on sampled stories, so that a model that has lost its variety is seen.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch

from rlhf_studio.example.checks import obeys
from rlhf_studio.example.prompts import USE_CASES, ExamplePrompt, fresh_tests
from rlhf_studio.example.rubric import RUBRICS, Rubric, ending, is_story_prompt, kept_topic
from rlhf_studio.lm.generate import Generation, collect, generate, uniforms
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.tokenizer_training import token_bytes
from rlhf_studio.report.answers import Judge, judged
from rlhf_studio.report.headline import distinct_pairs
from rlhf_studio.report.material import Effects
from rlhf_studio.schema import PromptRow, Sampling, TextRow, Turn
from rlhf_studio.train.evaluate import EVALUATION_ROWS, greedy_answers, window_logprobs
from rlhf_studio.train.schedule import chunks
from rlhf_studio.train.texts import TokenWindows

PER_USE_CASE = 60  # prompts
STORIES = 128
_TEST_SEED = 4  # of the fresh prompts; training never draws from it
_WINDOW, _WINDOWS = 128, 128  # tokens; as many of natural text


def fresh_prompts(per_use_case: int = PER_USE_CASE) -> dict[str, list[ExamplePrompt]]:
    """Fresh prompts from held-out material, by use case."""
    return {use_case: fresh_tests(use_case, per_use_case, _TEST_SEED) for use_case in USE_CASES}


def story_prompts(count: int = STORIES) -> list[ExamplePrompt]:
    """Fresh prompts that ask for a story about a held-out topic."""
    found = fresh_tests("generation", 3 * count, _TEST_SEED + 1)
    return [prompt for prompt in found if is_story_prompt(prompt.text)][:count]


def effects_of(
    model: LanguageModel,
    prompts: Mapping[str, Sequence[ExamplePrompt]],
    stories: Sequence[ExamplePrompt],
    texts: Sequence[TextRow],
    *,
    judge: Judge | None = None,
    max_new_tokens: int = 48,
    seed: int = 0,
    tell: Callable[[str], None] = lambda _: None,
) -> Effects:
    """Ask a model everything.

    Args:
        model: Whose answers are counted.
        prompts: By use case, each with its rule; answered with the likeliest words.
        stories: Are answered at temperature 1, with the same random numbers for every model.
        texts: Held-out pretraining text, by source.
        judge: Gives scores and KL; without one they stay None.
        max_new_tokens: Answers are cut here.
        seed: Of the sampling.
        tell: Hears what is being measured.
    """
    right, ended = {}, []
    for use_case, asked in prompts.items():
        tell(use_case)
        right[use_case], finished = _share_right(model, asked, max_new_tokens)
        ended.append(finished)
    tell("stories")
    told = sample_answers(model, stories, max_new_tokens=max_new_tokens, seed=seed, judge=judge)
    counted = count_stories(stories, told.texts)
    return Effects(
        right,
        min((len(asked) for asked in prompts.values()), default=0),
        len(stories),
        sum(ended) / max(1, len(ended)),
        *counted,
        score=told.score,
        kl=told.kl,
        bits_per_byte=text_bits(model, texts),
    )


@dataclass(frozen=True, slots=True)
class Sampled:
    """Answers at temperature 1 and what the judge says about them."""

    texts: tuple[str, ...]
    score: float | None = None
    kl: float | None = None
    scores: tuple[float, ...] = ()


def sample_answers(
    model: LanguageModel,
    prompts: Sequence[ExamplePrompt],
    *,
    max_new_tokens: int = 48,
    seed: int = 0,
    judge: Judge | None = None,
) -> Sampled:
    """One sampled answer to each prompt."""
    encoded = [model.codec.encode_prompt(turns_of(prompt)) for prompt in prompts]
    noise = uniforms(seed, 0, range(len(encoded)), max_new_tokens)
    generation = collect(generate(model, encoded, Sampling(max_new_tokens=max_new_tokens), noise))
    texts = tuple(_texts(model, generation))
    if judge is None:
        return Sampled(texts)
    scores, kl = judged(model, judge, encoded, generation)
    return Sampled(texts, float(scores.mean()), float(kl.mean()), tuple(scores.tolist()))


def count_stories(
    prompts: Sequence[ExamplePrompt], texts: Sequence[str]
) -> tuple[float, float, float, dict[str, float]]:
    """Share of friendly ends, topic kept, distinct-2, and the mean of each rubric."""
    pairs = list(zip(prompts, texts, strict=True))
    count = max(1, len(pairs))
    return (
        sum(ending(text) == 1.0 for text in texts) / count,
        sum(kept_topic(prompt.text, text) for prompt, text in pairs) / count,
        distinct_pairs(texts) or 0.0,
        {name: mean_score(rubric, prompts, texts) for name, rubric in RUBRICS.items()},
    )


def mean_score(rubric: Rubric, prompts: Sequence[ExamplePrompt], texts: Sequence[str]) -> float:
    """The rubric's mean over answers."""
    scores = [rubric.score(prompt.text, text) for prompt, text in zip(prompts, texts, strict=True)]
    return sum(scores) / max(1, len(scores))


def text_bits(model: LanguageModel, texts: Sequence[TextRow]) -> dict[str, float]:
    """Bits per byte of held-out text by source; end-of-text stands for no bytes."""
    sizes = torch.tensor(token_bytes(model.codec.tokenizer))
    found = {}
    for source in sorted({row.source for row in texts}):
        rows = [row for row in texts if row.source == source]
        windows = TokenWindows(model.codec, rows, min(_WINDOW, model.context_length - 1)).spread(_WINDOWS)
        nats = 0.0
        for piece in chunks(range(len(windows)), EVALUATION_ROWS):
            with torch.no_grad():
                nats -= float(window_logprobs(model, windows[piece].to(model.device)).sum())
        found[source] = nats / math.log(2) / int(sizes[windows[:, 1:]].sum())
    return found


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean of a few seeds and half the width of its 95 % interval (Student's t); half is 0 for a single value."""
    mean = sum(values) / len(values)
    if len(values) < 2:
        return mean, 0.0
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    return mean, _T[min(len(values), len(_T) + 1) - 2] * spread / math.sqrt(len(values))


_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)  # 97.5 % points for 1, 2, ... degrees of freedom


def turns_of(prompt: ExamplePrompt) -> tuple[Turn, ...]:
    """The prompt as the models read it."""
    return tuple(Turn("assistant" if place % 2 else "user", text) for place, text in enumerate(prompt.turns))


def best_of(texts: Sequence[Sequence[str]], scores: Sequence[Sequence[float]], n: int) -> list[str]:
    """The answer that scores best among the first ``n``, for each prompt."""
    return [answers[max(range(n), key=values.__getitem__)] for answers, values in zip(texts, scores, strict=True)]


def best_of_kl(n: int) -> float:
    """Nats that best-of-n is away from the sampled policy: log n - (n - 1) / n (Stiennon et al. 2020, appendix G.3)."""
    return math.log(n) - (n - 1) / n


def _share_right(model: LanguageModel, prompts: Sequence[ExamplePrompt], max_new_tokens: int) -> tuple[float, float]:
    """Share of right answers and of answers that end; a prompt too long for the model counts as wrong."""
    rows = [PromptRow(place, turns_of(prompt)) for place, prompt in enumerate(prompts)]
    answers = greedy_answers(model, rows, max_new_tokens=max_new_tokens)
    if answers is None:
        return 0.0, 0.0
    right = sum(obeys(prompts[row.prompt_id].rule, text) for row, text in zip(answers.rows, answers.texts, strict=True))
    return right / len(prompts), float(answers.generation.finished.float().mean())


def _texts(model: LanguageModel, generation: Generation) -> list[str]:
    pairs = zip(generation.tokens, generation.mask, strict=True)
    return [model.codec.decode(ids[mask].tolist()) for ids, mask in pairs]
