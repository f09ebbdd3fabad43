"""A device is compared with the CPU; here another precision, or a mistake put in, stands for another device."""

import pytest
import torch

from rlhf_studio.errors import RunError
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.train.device_check import demand, move_and_compare

CPU = torch.device("cpu")


def both(tiny_lm):
    return {"policy": tiny_lm, "reward": ScalarModel.from_language_model(tiny_lm, seed=1)}


@pytest.mark.parametrize("role", ["policy", "reward"])
def test_the_same_device_agrees_to_the_bit_and_another_precision_within_its_limit(tiny_lm, role):
    model = both(tiny_lm)[role]
    same = move_and_compare(model, CPU, "float32")
    assert same.difference == 0
    rounded = move_and_compare(model, CPU, "bfloat16")
    assert rounded.difference > 0
    assert rounded.is_close
    demand(rounded, CPU, role)
    assert not rounded._replace(limit=1e-3).is_close  # as if that were float32


@pytest.mark.parametrize("fault", ["one weight", "no numbers", "positions"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_device_that_is_wrong_is_refused_in_words(tiny_lm, monkeypatch, fault, precision):
    true_to = LanguageModel.to

    def to(self, device=None, dtype=None):
        if fault == "one weight":
            with torch.no_grad():
                next(iter(self.module.model.layers)).mlp.up_proj.weight[0] += 2.0
        elif fault == "no numbers":
            with torch.no_grad():
                self.module.model.norm.weight[0] = float("nan")
        else:
            self.module.model.rotary_emb.inv_freq.mul_(1.5)
        return true_to(self, device, dtype)

    monkeypatch.setattr(LanguageModel, "to", to)
    agreement = move_and_compare(tiny_lm, CPU, precision)
    with pytest.raises(RunError, match="The device cpu computes something else than the CPU: what the policy model"):
        demand(agreement, CPU, "policy")


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("role", ["policy", "reward"])
def test_cuda_agrees_with_the_cpu(tiny_lm, role, precision):
    agreement = move_and_compare(both(tiny_lm)[role], torch.device("cuda"), precision)
    assert agreement.difference > 0
    assert agreement.is_close
