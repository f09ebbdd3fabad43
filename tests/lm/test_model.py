import pytest
import torch

from rlhf_studio.lm.padding import left_pad, right_pad

ROWS = [[40, 50, 60, 70, 80], [90, 100], [110, 120, 130]]


@pytest.fixture(params=["tiny_lm", "tiny_gpt2"])
def lm(request):
    return request.getfixturevalue(request.param)


def last_logits(lm, padded):
    logits = lm.logits(padded)
    last = padded.mask.shape[1] - 1 - padded.mask.flip(1).int().argmax(1)
    return logits[torch.arange(len(last)), last].detach()


def test_padding_and_order_change_nothing(lm):
    alone = torch.cat([last_logits(lm, left_pad([row], 1)) for row in ROWS])
    for padded in (left_pad(ROWS, 1), left_pad(ROWS, 1, length=40), right_pad(ROWS, 1), right_pad(ROWS, 0, length=9)):
        torch.testing.assert_close(last_logits(lm, padded), alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(last_logits(lm, left_pad(ROWS[::-1], 1)).flip(0), alone, atol=1e-5, rtol=0)


def test_poisoned_padding_never_shows(lm):
    embedding = lm.module.get_input_embeddings().weight
    clean = last_logits(lm, left_pad(ROWS, 1))
    with torch.no_grad():
        embedding[1] = float("nan")
    dirty = last_logits(lm, left_pad(ROWS, 1, length=12))
    rest = [i for i in range(clean.shape[1]) if i != 1]  # the output embedding is tied
    torch.testing.assert_close(dirty[:, rest], clean[:, rest], atol=1e-5, rtol=0)
    outside = left_pad(ROWS, 10**6)  # a pad id that the embedding does not have
    torch.testing.assert_close(last_logits(lm, outside)[:, rest], clean[:, rest], atol=1e-5, rtol=0)


def test_gradients_of_poisoned_padding(lm):
    loss = lm.logits(left_pad(ROWS, 1))[:, -1].logsumexp(1).sum()
    loss.backward()
    short = [p.grad.clone() for p in lm.module.parameters()]
    lm.module.zero_grad()
    lm.logits(left_pad(ROWS, 1, length=11))[:, -1].logsumexp(1).sum().backward()
    for parameter, gradient in zip(lm.module.parameters(), short, strict=True):
        torch.testing.assert_close(parameter.grad, gradient, atol=1e-5, rtol=0)


def test_response_logits_predict_the_last_tokens(lm):
    batch = left_pad(ROWS, 1)
    full = lm.logits(batch)
    torch.testing.assert_close(lm.response_logits(batch, 2), full[:, -3:-1], atol=1e-5, rtol=0)
    torch.testing.assert_close(lm.logits(batch, keep=1), full[:, -1:], atol=1e-5, rtol=0)
    assert lm.response_logits(batch, 2).shape == (3, 2, lm.codec.vocab_size)


def test_clone_has_weights_of_its_own(lm):
    copy = lm.clone(frozen=True)
    assert not any(p.requires_grad for p in copy.module.parameters())
    assert all(p.requires_grad for p in lm.module.parameters())
    before = last_logits(copy, left_pad(ROWS, 1))
    with torch.no_grad():
        for parameter in lm.module.parameters():
            parameter.add_(1.0)
    assert torch.equal(last_logits(copy, left_pad(ROWS, 1)), before)
    assert copy.codec is lm.codec


def test_figures(tiny_lm):
    assert tiny_lm.device == torch.device("cpu")
    assert tiny_lm.dtype == torch.float32
    d, inner, vocabulary = 32, 64, 300
    per_layer = 2 * d * d + 2 * d * 16 + 3 * d * inner + 2 * d
    assert tiny_lm.parameter_count == vocabulary * d + 2 * per_layer + d
    assert tiny_lm.to("cpu", torch.bfloat16).dtype == torch.bfloat16
