import math

import pytest

from fakes import FixedLogits, NumberCodec
from rlhf_studio.errors import DataError
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.sampling import sample_answers, sample_many, stream_answers
from rlhf_studio.schema import Sampling, Turn

PROBABILITIES = [0.4, 0.35, 0.25]
SAMPLING = Sampling(max_new_tokens=8, seed=3)


def ask(text):
    return (Turn("user", text),)


@pytest.fixture
def numbers():
    """Answers are one of three one-token texts."""
    return LanguageModel(FixedLogits(PROBABILITIES), NumberCodec(3), 16, None)


def test_k_answers(tiny_lm):
    answers = sample_answers(tiny_lm, ask("Why?"), 4, SAMPLING)
    assert len({answer.text for answer in answers}) == 4
    for answer in answers:
        assert answer.text == tiny_lm.codec.decode(answer.token_ids)
        assert answer.logprob < 0
        assert answer.is_finished == (answer.token_ids[-1] == tiny_lm.codec.eos_id)
        assert not answer.is_duplicate


def test_duplicates_are_drawn_again(numbers):
    runs = [sample_answers(numbers, ask("1"), 3, Sampling(max_new_tokens=1, seed=seed)) for seed in range(20)]
    distinct = [len({answer.text for answer in answers}) == 3 for answers in runs]
    assert sum(distinct) > 14  # one draw alone would give about 4
    for answer in runs[0]:
        assert answer.logprob == pytest.approx(math.log(PROBABILITIES[int(answer.text)]), abs=1e-6)


def test_duplicates_that_stay_are_marked(numbers):
    answers = sample_answers(numbers, ask("1"), 5, Sampling(max_new_tokens=1))
    assert len({answer.text for answer in answers}) == 3
    assert [answer.is_duplicate for answer in answers].count(True) == 2
    first = {}
    for answer in answers:
        assert answer.is_duplicate == (answer.text in first)
        first[answer.text] = answer


def test_equal_answers_are_told(numbers):
    with pytest.raises(DataError, match=r"All 3 answers are equal at temperature 0.0 \('0'\).*Raise the temperature"):
        sample_answers(numbers, ask("1"), 3, Sampling(temperature=0.0, max_new_tokens=1))
    assert len(sample_answers(numbers, ask("1"), 1, Sampling(temperature=0.0, max_new_tokens=1))) == 1
    rows = sample_many(numbers, [ask("1"), ask("2")], 2, Sampling(temperature=0.0, max_new_tokens=1))
    assert [[answer.is_duplicate for answer in row] for row in rows] == [[False, True], [False, True]]


def test_answers_do_not_depend_on_what_is_sampled_beside(tiny_lm):
    prompts = [ask("Why do cats sleep?"), ask("Hi"), ask("Write a story about a hat, please.")]
    together = sample_many(tiny_lm, prompts, 30, SAMPLING, keys=[7, 8, 9])
    assert [len(row) for row in together] == [30, 30, 30]
    alone = sample_many(tiny_lm, [prompts[2]], 30, SAMPLING, keys=[9])[0]
    assert [answer.token_ids for answer in alone] == [answer.token_ids for answer in together[2]]
    other = sample_many(tiny_lm, [prompts[2]], 30, SAMPLING, keys=[9], step=1)[0]
    assert [answer.token_ids for answer in other] != [answer.token_ids for answer in alone]


def test_an_empty_prompt(tiny_lm):
    with pytest.raises(DataError, match="empty"):
        sample_answers(tiny_lm, ask(" "), 2, SAMPLING)


def test_streamed_answers_are_those_of_sampling(tiny_lm):
    hot = Sampling(temperature=1.5, max_new_tokens=6, seed=4)
    shown, stream = {}, stream_answers(tiny_lm, ask("Why?"), 3, hot, step=2, prompt_id=9)
    while True:
        try:
            shown.update(next(stream))
        except StopIteration as end:
            answers = end.value
            break
    assert answers == sample_many(tiny_lm, [ask("Why?")], 3, hot, step=2, keys=[9])[0]
    # an incomplete last character is not shown before the answer has ended
    assert all(answers[index].text.startswith(text) for index, text in shown.items())
