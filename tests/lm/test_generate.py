from types import SimpleNamespace

import pytest
import torch
from torch import nn

from fakes import FixedLogits, NumberCodec
from rlhf_studio.errors import DataError
from rlhf_studio.lm.generate import collect, generate, uniforms
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded, left_pad
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.schema import Sampling

PROMPTS = [[2, 40, 50, 60, 3], [2, 90, 3], [2, 110, 120, 130, 140, 150, 160, 3], [2, 70, 3], [2, 71, 3], [2, 72, 3]]
LENGTH = 24


@pytest.fixture(params=["tiny_lm", "tiny_gpt2"])
def lm(request):
    model = request.getfixturevalue(request.param)
    favour_the_end(model)
    return model


def favour_the_end(model):
    """Make end-of-text likely at times, so that answers end at different places and rows are dropped on the way."""
    weight = model.module.get_input_embeddings().weight
    with torch.no_grad():
        weight[model.codec.eos_id] = 0.9 * torch.randn(weight.shape[1], generator=torch.Generator().manual_seed(1))


def sample(lm, prompts=PROMPTS, sampling=None, episodes=None, step=0):
    sampling = sampling or Sampling(max_new_tokens=LENGTH)
    noise = uniforms(0, step, episodes or range(len(prompts)), sampling.max_new_tokens)
    return collect(generate(lm, prompts, sampling, noise))


def teacher_forced(lm, prompts, generation, temperature=1.0):
    left = left_pad(prompts, lm.codec.pad_id)
    batch = Padded(torch.cat([left.tokens, generation.tokens], dim=1), torch.cat([left.mask, generation.mask], dim=1))
    logits = lm.response_logits(batch, generation.tokens.shape[1])
    return token_logprobs(logits, generation.tokens, temperature=temperature).masked_fill(~generation.mask, 0.0)


@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_logprobs_are_those_of_the_training_pass(lm, temperature):
    generation = sample(lm, sampling=Sampling(temperature=temperature, max_new_tokens=LENGTH))
    lengths = generation.mask.sum(dim=1)
    assert len(lengths.unique()) > 2  # else dropping rows was not tested
    expected = teacher_forced(lm, PROMPTS, generation, temperature)
    torch.testing.assert_close(generation.logprobs, expected, atol=1e-5, rtol=0)
    ratio = (expected.detach() - generation.logprobs).exp()
    assert float((ratio - 1).abs().mean()) < 1e-5


def test_shape_of_the_result(lm):
    generation = sample(lm)
    lengths = generation.mask.sum(dim=1)
    assert generation.tokens.shape == generation.mask.shape == generation.logprobs.shape
    assert generation.tokens.shape[1] == int(lengths.max())
    rows = zip(generation.tokens, generation.mask, lengths, generation.finished, strict=True)
    for tokens, mask, length, finished in rows:
        assert mask.tolist() == [True] * int(length) + [False] * (len(mask) - int(length))
        assert (lm.codec.eos_id in tokens[mask].tolist()) == bool(finished)
        assert lm.codec.eos_id not in tokens[: int(length) - 1].tolist()
        assert (tokens[~mask] == lm.codec.pad_id).all()
        assert finished or length == LENGTH
    assert (generation.logprobs[~generation.mask] == 0).all()
    assert not generation.logprobs.requires_grad


def test_the_same_numbers_give_the_same_answers_in_any_batch(lm):
    together = sample(lm)
    order = [4, 1, 5]
    apart = sample(lm, [PROMPTS[i] for i in order], episodes=order)
    for row, i in enumerate(order):
        assert apart.tokens[row][apart.mask[row]].tolist() == together.tokens[i][together.mask[i]].tolist()
    alone = sample(lm, [PROMPTS[2]], episodes=[2])
    assert alone.tokens[0][alone.mask[0]].tolist() == together.tokens[2][together.mask[2]].tolist()
    assert (
        sample(lm, step=1).tokens.shape != together.tokens.shape or (sample(lm, step=1).tokens != together.tokens).any()
    )


def test_torchs_generator_is_left_alone(lm):
    before = torch.get_rng_state()
    sample(lm)
    assert torch.equal(torch.get_rng_state(), before)


def test_greedy_equals_transformers(lm):
    greedy = sample(lm, sampling=Sampling(temperature=0.0, max_new_tokens=LENGTH))
    left = left_pad(PROMPTS, lm.codec.pad_id)
    with torch.no_grad():
        theirs = lm.module.generate(
            input_ids=left.tokens,
            attention_mask=left.mask.long(),
            max_new_tokens=LENGTH,
            do_sample=False,
            eos_token_id=lm.codec.eos_id,
            pad_token_id=lm.codec.pad_id,
        )[:, left.tokens.shape[1] :]
    assert theirs.shape == greedy.tokens.shape
    assert torch.equal(greedy.tokens, theirs)
    torch.testing.assert_close(greedy.logprobs, teacher_forced(lm, PROMPTS, greedy), atol=2e-5, rtol=0)


def test_partials_tell_the_answers(lm):
    sampling = Sampling(max_new_tokens=LENGTH)
    sampler = generate(lm, PROMPTS, sampling, uniforms(0, 0, range(len(PROMPTS)), LENGTH))
    partials = []
    while True:
        assert torch.is_grad_enabled()  # the caller's mode is not changed between tokens
        try:
            partials.append(next(sampler))
        except StopIteration as end:
            generation = end.value
            break
    assert [partial.position for partial in partials] == list(range(generation.tokens.shape[1]))
    assert torch.equal(torch.stack([p.tokens for p in partials], dim=1), generation.tokens)
    assert torch.equal(torch.stack([p.active for p in partials], dim=1), generation.mask)


def test_it_can_be_closed_between_tokens(lm):
    sampler = generate(lm, PROMPTS, Sampling(max_new_tokens=LENGTH), uniforms(0, 0, range(6), LENGTH))
    next(sampler)
    sampler.close()
    assert list(sampler) == []


def test_gradients_still_flow_after_sampling(lm):
    generation = sample(lm)
    logprobs = teacher_forced(lm, PROMPTS, generation)
    (logprobs * generation.logprobs).sum().backward()
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in lm.module.parameters())


def test_poisoned_padding_never_reaches_an_answer(lm):
    clean = sample(lm)
    assert not (clean.tokens[clean.mask] == lm.codec.pad_id).any()
    embedding, head = lm.module.get_input_embeddings(), lm.module.get_output_embeddings()
    head.weight = nn.Parameter(head.weight.detach().clone())  # no longer tied: only what is read is poisoned
    with torch.no_grad():
        embedding.weight[lm.codec.pad_id] = float("nan")
    poisoned = sample(lm)
    assert torch.equal(poisoned.tokens, clean.tokens)
    assert torch.equal(poisoned.logprobs, clean.logprobs)
    lm.codec = SimpleNamespace(eos_id=lm.codec.eos_id, pad_id=10**6)  # an id that the embedding does not have
    assert torch.equal(sample(lm).logprobs, clean.logprobs)


def test_prompts_that_cannot_be_answered(lm):
    with pytest.raises(DataError, match="Prompt 2 is empty"):
        sample(lm, [[1], []])
    with pytest.raises(DataError, match="120 tokens and an answer of up to 24 exceed the model's context of 128"):
        sample(lm, [[5] * 120])
    assert sample(lm, [[5] * 104]).tokens.shape[0] == 1


def test_no_prompts(tiny_lm):
    assert sample(tiny_lm, []).tokens.shape == (0, 0)


def test_frequencies_of_a_known_distribution():
    probabilities = [0.5, 0.3, 0.2]
    lm = LanguageModel(FixedLogits(probabilities), NumberCodec(3), 8, None)
    generation = sample(lm, [[0]] * 4000, Sampling(max_new_tokens=2))
    counts = torch.bincount(generation.tokens.flatten(), minlength=3)
    expected = 8000 * torch.tensor(probabilities)
    assert float(((counts - expected) ** 2 / expected).sum()) < 13.8  # chi-square, 2 degrees, p = 0.001
    assert not generation.finished.any()


class PlainModule(nn.Module):
    """Knows nothing of positions, caches or kept logits, and adds up what it reads."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(12, 12))

    def forward(self, input_ids, attention_mask):
        hidden = self.weight[input_ids] * attention_mask[..., None]
        return SimpleNamespace(logits=hidden.cumsum(dim=1))


def test_a_module_without_cache_reads_everything_again():
    lm = LanguageModel(PlainModule(), NumberCodec(12), 64, None)
    prompts = [[1, 2, 3], [4], [5, 6]]
    generation = sample(lm, prompts)
    torch.testing.assert_close(generation.logprobs, teacher_forced(lm, prompts, generation), atol=1e-5, rtol=0)
