"""What is estimated against what torch keeps, and against what whole runs take."""

import faulthandler
import os
from pathlib import Path

import pytest
import torch
from bench import memory as bench
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config, Qwen3Config

from rlhf_studio.errors import ModelError
from rlhf_studio.jobs import memory
from rlhf_studio.jobs.memory import Lengths, ModelShape, estimate_memory
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import forward_arguments
from rlhf_studio.lm.padding import Padded
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.paths import models_dir
from rlhf_studio.settings import PpoSettings, PretrainSettings, RewardSettings, SftSettings
from rlhf_studio.train.evaluate import EVALUATION_ROWS
from rlhf_studio.train.ppo_stage import PpoStage

SIZES = {"hidden_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
WIDE = {**SIZES, "intermediate_size": 256, "vocab_size": 500}
CONFIGS = {
    "llama, untied": LlamaConfig(**WIDE, tie_word_embeddings=False),
    "llama, tied": LlamaConfig(**WIDE, tie_word_embeddings=True),
    "llama, one key head each": LlamaConfig(**{**WIDE, "num_key_value_heads": 4}),
    "qwen2": Qwen2Config(**WIDE, tie_word_embeddings=True),
    "qwen3": Qwen3Config(**WIDE, head_dim=24),
    "gpt2": GPT2Config(vocab_size=500, n_embd=96, n_layer=2, n_head=4, bos_token_id=None, eos_token_id=0),
}
LENGTHS = Lengths(prompt=30, answer=50)
SMOLLM2 = Path(os.environ.get("RLHF_STUDIO_SMOLLM2", Path(__file__).parents[2] / "smollm2"))
BASES = [models_dir() / "tiny", models_dir() / "small", SMOLLM2]


def shape_of(config, folder):
    module = AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").eval()
    module.save_pretrained(folder)
    for part in module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    return module, ModelShape.of_folder(folder)


def kept_by_torch(module, rows, length):
    """Bytes that a forward pass leaves for the backward pass, beside the weights."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = tensor  # alive, so that no other takes its place
        return tensor

    mask = torch.ones(rows, length, dtype=torch.bool)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        module(**forward_arguments(module, Padded(torch.full((rows, length), 7), mask)))
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_sizes_are_read_without_torch_and_as_torch_counts_them(config, tmp_path):
    module, shape = shape_of(config, tmp_path)
    assert shape.parameters == sum(parameter.numel() for parameter in module.parameters())
    assert shape.body == sum(parameter.numel() for parameter in module.base_model.parameters())
    assert shape.embedding == module.get_input_embeddings().weight.numel()
    assert (shape.vocabulary, shape.layers) == (500, 2)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_activations_are_what_torch_keeps_for_the_backward_pass(config, tmp_path):
    module, shape = shape_of(config, tmp_path)
    few, many = (kept_by_torch(module.base_model, rows, 64) for rows in (4, 8))
    per_token_and_layer = (many - few) / (4 * 64) / shape.layers
    assert shape.kept_bytes("float32") == pytest.approx(per_token_and_layer, rel=0.15)


def test_a_saved_model_of_any_precision_has_the_same_shape(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path / "half", dtype=torch.float16)
    assert ModelShape.of_folder(tmp_path / "half").parameters == tiny_lm.parameter_count
    assert load_language_model(tmp_path / "half").parameter_count == tiny_lm.parameter_count


def test_a_folder_that_is_no_model_is_told(tmp_path):
    with pytest.raises(ModelError, match=r"sizes of the model in .* cannot be read"):
        ModelShape.of_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    (tmp_path / "model.safetensors").write_bytes(b"short")
    with pytest.raises(ModelError, match="sizes of the model"):
        ModelShape.of_folder(tmp_path)


def test_the_parts_are_those_of_each_stage():
    shape = ModelShape.of_folder(models_dir() / "tiny")
    weights = 4 * shape.parameters
    sft, reward, ppo = (estimate_memory(cls(), shape, LENGTHS) for cls in (SftSettings, RewardSettings, PpoSettings))
    assert (sft.weights, sft.gradients, sft.moments) == (weights, weights, 2 * weights)
    assert (reward.weights, reward.gradients, reward.moments) == (2 * weights, weights, 2 * weights)
    assert (ppo.weights, ppo.gradients, ppo.moments) == (5 * weights, 2 * weights, 4 * weights)
    assert estimate_memory(PpoSettings(ema_decay=0), shape, LENGTHS).weights == 4 * weights
    with pytest.raises(TypeError, match="no estimate for PretrainSettings"):
        estimate_memory(PretrainSettings(), shape, LENGTHS)


@pytest.mark.parametrize("cls", [SftSettings, RewardSettings, PpoSettings])
def test_a_smaller_micro_batch_needs_less_and_a_longer_text_more(cls):
    shape = ModelShape.of_folder(models_dir() / "small")
    whole = estimate_memory(cls(), shape, LENGTHS).total
    assert estimate_memory(cls(micro_batch=4), shape, LENGTHS).total < 0.8 * whole
    assert estimate_memory(cls(micro_batch=10_000), shape, LENGTHS).total >= whole
    assert estimate_memory(cls(), shape, Lengths(200, 200)).total > 1.2 * whole


def test_it_counts_the_rows_that_the_trainers_take():
    assert (memory._EVALUATION_ROWS, memory._SCORED_ROWS) == (EVALUATION_ROWS, 64)
    stage = PpoStage.__new__(PpoStage)
    stage.settings = PpoSettings(batch_size=500)
    assert stage.piece == memory._SCORED_ROWS


@pytest.mark.slow
@pytest.mark.skipif(bench.resource is None, reason="this system does not tell a process's peak memory")
@pytest.mark.parametrize("base", BASES, ids=lambda path: path.name)
def test_two_steps_of_each_stage_hold_the_ratio_and_take_what_was_estimated(base, tmp_path):
    """Takes minutes with SmolLM2-135M; README.md says how to make its folder."""
    if not (base / "config.json").is_file():
        pytest.skip(f"SmolLM2 is not in {base}: convert it as README.md says, or name its folder: RLHF_STUDIO_SMOLLM2")
    faulthandler.cancel_dump_traceback_later()  # pytest would take minutes for a halt
    rows = {kind: bench.measure(base, kind, tmp_path, batch=4, micro_batch=2) for kind in bench.STAGES}
    assert rows["ppo"]["gate"] < 1e-5
    for kind, row in rows.items():
        assert row["measured"] == pytest.approx(row["estimate"], rel=0.2), f"{kind}: {row}"


def test_a_shuffled_pair_needs_the_memory_of_two_answers():
    shape = ModelShape.of_folder(models_dir() / "tiny")
    lengths = Lengths(prompt=20, answer=40, answers=9)
    whole, pairs = (estimate_memory(RewardSettings(pair_batches=how), shape, lengths) for how in ("prompt", "shuffled"))
    assert pairs.activations == pytest.approx(whole.activations * 2 / 9)
