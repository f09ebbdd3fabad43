"""What the learning loop shows: the same prompts answered before and after, and how the reward models order and score.

Imported in the training thread only, since it needs torch. Axes: N answers.
"""

from collections.abc import Sequence
from itertools import combinations

from rlhf_studio.jobs.loop_news import PromptAnswers, ScoredAnswer
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.sampling import SampledAnswer, sample_many
from rlhf_studio.schema import PromptRow, RankedRow, Sampling
from rlhf_studio.settings import LoopSettings
from rlhf_studio.store.project import Store
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.evaluate import EVALUATION_ROWS
from rlhf_studio.train.packing import Example
from rlhf_studio.train.reward import encode_rankings, score_examples

_MOST_ANSWERS = 2**12  # answers to one prompt, when their random numbers are counted


def shown_prompts(store: Store, new: Sequence[RankedRow], most: int) -> list[tuple[PromptRow, bool]]:
    """The prompts whose answers were ranked last, newest first, then probes; and whether they were ranked."""
    ranked = {row.prompt_id: PromptRow(row.prompt_id, row.turns) for row in reversed(new)}
    probes = [row for row in store.prompt_rows("probe") if row.prompt_id not in ranked]
    room = min(len(probes), most // 2)  # for what was not ranked: does the taste carry over?
    kept = [(row, True) for row in list(ranked.values())[: most - room]]
    return kept + [(row, False) for row in probes[: most - len(kept)]]


def sample_answers(
    policy: LanguageModel, prompts: Sequence[PromptRow], settings: LoopSettings, max_new_tokens: int
) -> list[list[SampledAnswer]]:
    """Answers to each prompt as PPO samples them, by random numbers that depend on the seed, the prompt and the answer.

    Where the models agree on a token they draw the same one, so that a change of the text is a change of the model.
    """
    k = settings.answers
    keys = [row.prompt_id * _MOST_ANSWERS + answer for row in prompts for answer in range(k)]
    turns = [row.turns for row in prompts for _ in range(k)]
    sampling = Sampling(1.0, 1.0, max_new_tokens, settings.seed)
    flat = [answers[0] for answers in sample_many(policy, turns, 1, sampling, keys=keys)]
    return [flat[first : first + k] for first in range(0, len(flat), k)]


def fitting(
    policy: LanguageModel, prompts: Sequence[tuple[PromptRow, bool]], max_new_tokens: int
) -> list[tuple[PromptRow, bool]]:
    """The prompts that leave room for an answer."""
    room = policy.context_length - max_new_tokens
    return [(row, is_ranked) for row, is_ranked in prompts if 0 < len(policy.codec.encode_prompt(row.turns)) <= room]


def scored(
    judges: Sequence[ScalarModel], compute: Compute, prompt: PromptRow, answers: Sequence[SampledAnswer]
) -> tuple[ScoredAnswer, ...]:
    """Answers with the scores of the old reward model, and of the refitted one if it is given, too."""
    ids = tuple(judges[0].codec.encode_prompt(prompt.turns))
    examples = [Example(ids, answer.token_ids) for answer in answers]
    columns = [score_examples(judge, compute, examples).tolist() for judge in judges]
    return tuple(ScoredAnswer(answer.text, *row) for answer, *row in zip(answers, *columns, strict=True))


def prompt_answers(
    judges: Sequence[ScalarModel],
    compute: Compute,
    prompts: Sequence[tuple[PromptRow, bool]],
    before: Sequence[Sequence[SampledAnswer]],
    after: Sequence[Sequence[SampledAnswer]] = (),
) -> tuple[PromptAnswers, ...]:
    """Everything that is shown of the prompts, as far as it is known."""
    nothing: Sequence[Sequence[SampledAnswer]] = [()] * len(prompts)
    return tuple(
        PromptAnswers(
            row.prompt_id,
            row.turns[-1].content,
            is_ranked,
            scored(judges, compute, row, old),
            scored(judges, compute, row, new) if new else (),
        )
        for (row, is_ranked), old, new in zip(prompts, before, after or nothing, strict=True)
    )


def ordered_pairs(judge: ScalarModel, compute: Compute, rows: Sequence[RankedRow]) -> tuple[float, int]:
    """How many pairs a reward model orders as people did, and how many there are; equal scores count half."""
    items, _ = encode_rankings(judge.codec, rows, judge.context_length)
    examples = [answer for item in items for answer in item.answers]
    scores: list[float] = []
    for first in range(0, len(examples), EVALUATION_ROWS):
        scores += score_examples(judge, compute, examples[first : first + EVALUATION_ROWS]).tolist()
    right, pairs, place = 0.0, 0, 0
    for item in items:
        own = scores[place : place + len(item.answers)]
        place += len(item.answers)
        for i, j in combinations(range(len(own)), 2):
            if item.ranks[i] != item.ranks[j]:
                better, worse = (own[i], own[j]) if item.ranks[i] < item.ranks[j] else (own[j], own[i])
                right += 0.5 + 0.5 * ((better > worse) - (better < worse))
                pairs += 1
    return right, pairs
