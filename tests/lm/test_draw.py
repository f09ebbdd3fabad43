import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlhf_studio.errors import DataError, ModelError
from rlhf_studio.lm.draw import check_sampling, draw, uniforms
from rlhf_studio.schema import Sampling

PROBABILITIES = torch.tensor([0.05, 0.4, 0.0, 0.25, 0.3])
LOGITS = PROBABILITIES.log()


def test_uniforms_belong_to_the_episode():
    many = uniforms(3, 5, range(10), 7)
    assert many.dtype == torch.float64
    assert torch.equal(uniforms(3, 5, [9, 2], 7), many[[9, 2]])
    assert torch.equal(uniforms(3, 5, range(10), 4), many[:, :4])
    for other in (uniforms(4, 5, range(10), 7), uniforms(3, 6, range(10), 7)):
        assert not (other == many).any()
    assert len(many.unique()) == 70


def test_uniforms_are_numpys_philox():
    bits = np.random.Philox(key=[3, 5], counter=[0, 0, 9, 0])
    assert uniforms(3, 5, [9], 3)[0].tolist() == np.random.Generator(bits).random(3).tolist()


def test_uniforms_are_uniform():
    sample = uniforms(0, 0, range(100), 100).flatten()
    counts = torch.histc(sample, bins=20, min=0, max=1)
    assert float(((counts - 500) ** 2 / 500).sum()) < 43.8  # chi-square, 19 degrees, p = 0.001


def test_inverse_of_the_cumulative_distribution():
    u = torch.tensor([0.0, 0.049, 0.051, 0.449, 0.451, 0.699, 0.701, 0.999999])
    drawn = draw(LOGITS.expand(8, 5), Sampling(), u)
    assert drawn.tokens.tolist() == [0, 0, 1, 1, 3, 3, 4, 4]
    torch.testing.assert_close(drawn.logprobs, LOGITS[drawn.tokens])


@given(st.floats(0, 1, exclude_max=True), st.integers(0, 4))
def test_an_impossible_token_is_never_drawn(u, last):
    logits = torch.full((1, 5000), -torch.inf)
    logits[0, 10 * last : 10 * last + 3] = 0.0
    drawn = draw(logits, Sampling(), torch.tensor([u], dtype=torch.float64))
    assert logits[0, drawn.tokens[0]] == 0


def test_frequencies_match_the_distribution():
    count = 20_000
    for temperature in (1.0, 0.5, 2.0):
        expected = torch.softmax(LOGITS / temperature, 0)
        u = uniforms(1, 0, range(1), count)[0]
        drawn = draw(LOGITS.expand(count, 5), Sampling(temperature=temperature), u)
        counts = torch.bincount(drawn.tokens, minlength=5)
        assert counts[2] == 0
        possible = expected > 0
        chi_square = ((counts - count * expected)[possible] ** 2 / (count * expected[possible])).sum()
        assert float(chi_square) < 16.3  # 3 degrees, p = 0.001
        torch.testing.assert_close(drawn.logprobs, expected.log()[drawn.tokens], atol=1e-6, rtol=0)


def test_temperature_zero_is_the_likeliest_token():
    drawn = draw(LOGITS.expand(2, 5), Sampling(temperature=0.0), torch.tensor([0.0, 0.99]))
    assert drawn.tokens.tolist() == [1, 1]
    torch.testing.assert_close(drawn.logprobs, LOGITS[[1, 1]])


def test_top_p_keeps_the_fewest_likeliest_tokens():
    u = torch.linspace(0, 0.9999, 200)
    for top_p, kept in ((0.3, {1}), (0.4, {1}), (0.41, {1, 4}), (0.7, {1, 4}), (0.71, {1, 3, 4}), (1.0, {0, 1, 3, 4})):
        drawn = draw(LOGITS.expand(200, 5), Sampling(top_p=top_p), u)
        assert set(drawn.tokens.tolist()) == kept
        torch.testing.assert_close(drawn.logprobs, LOGITS[drawn.tokens])  # of the whole distribution


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_no_numbers(bad):
    logits = torch.zeros(2, 5)
    logits[1, 3] = bad
    with pytest.raises(ModelError, match=f"became {bad}"):
        draw(logits, Sampling(), torch.zeros(2))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"temperature": -1.0}, "temperature of -1.0"),
        ({"temperature": float("nan")}, "temperature of nan"),
        ({"top_p": 0.0}, "top_p of 0.0"),
        ({"top_p": 1.5}, "top_p of 1.5"),
        ({"max_new_tokens": 0}, "Answers of 0 tokens"),
    ],
)
def test_settings_that_cannot_be(changes, words):
    with pytest.raises(DataError, match=words):
        check_sampling(Sampling(**changes))
