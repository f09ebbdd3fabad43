import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel

from rlhf_studio.errors import ModelError, RunError
from rlhf_studio.lm.loading import load_language_model, resolve_device
from rlhf_studio.lm.padding import left_pad
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.schema import Turn

BATCH = left_pad([[40, 50, 60], [70]], 1)
TURNS = (Turn("user", "Why do cats sleep?"),)


@pytest.fixture
def folder(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path / "model", card={"title": "Tiny"})
    return tmp_path / "model"


def edit_json(path, **changes):
    values = {**json.loads(path.read_text()), **changes}
    path.write_text(json.dumps({key: value for key, value in values.items() if value is not None}))


@pytest.mark.parametrize("name", ["tiny_lm", "tiny_gpt2"])
def test_round_trip(name, request, tmp_path):
    lm = request.getfixturevalue(name)
    save_language_model(lm, tmp_path, card={"title": "Tiny"})
    loaded = load_language_model(tmp_path)
    assert torch.equal(loaded.logits(BATCH), lm.logits(BATCH))
    assert loaded.context_length == 128
    assert loaded.source == tmp_path
    assert loaded.codec.template_name == "own"
    assert loaded.codec.encode_prompt(TURNS) == lm.codec.encode_prompt(TURNS)
    assert loaded.parameter_count == lm.parameter_count
    studio = json.loads((tmp_path / "studio.json").read_text())
    assert (studio["kind"], studio["template"], studio["card"]) == ("language_model", "own", {"title": "Tiny"})


def test_transformers_alone_opens_it(tiny_lm, folder):
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    messages = [{"role": "user", "content": TURNS[0].content}]
    ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert ids == tiny_lm.codec.encode_prompt(TURNS)
    batch = left_pad([ids], 1)
    torch.testing.assert_close(model(input_ids=batch.tokens).logits, tiny_lm.logits(batch), atol=1e-5, rtol=0)
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == 0


def test_half_precision_files_are_opened_in_full(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path, dtype=torch.bfloat16)
    assert tiny_lm.dtype == torch.float32
    stored = load_file(tmp_path / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert "lm_head.weight" not in stored  # tied
    loaded = load_language_model(tmp_path)
    assert loaded.dtype == torch.float32
    assert load_language_model(tmp_path, dtype=torch.bfloat16).dtype == torch.bfloat16
    exact = tiny_lm.clone().to(dtype=torch.bfloat16).to(dtype=torch.float32)
    assert torch.equal(loaded.logits(BATCH), exact.logits(BATCH))


def test_loading_is_quiet_and_leaves_the_random_state(folder, capfd):
    torch.manual_seed(7)
    before = torch.get_rng_state()
    load_language_model(folder)
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")


def test_saving_is_quiet(tiny_lm, tmp_path, capfd):
    save_language_model(tiny_lm, tmp_path)
    assert capfd.readouterr() == ("", "")


def test_weights_are_aligned_copies(folder):
    lm = load_language_model(folder)
    assert all(parameter.data_ptr() % 64 == 0 for parameter in lm.module.parameters())
    logits = lm.logits(BATCH)
    (folder / "model.safetensors").write_bytes(b"\0" * (folder / "model.safetensors").stat().st_size)
    assert torch.equal(lm.logits(BATCH), logits)


def test_dropout_is_off(byte_tokenizer, tmp_path):
    config = GPT2Config(vocab_size=300, n_embd=8, n_layer=1, n_head=2, n_positions=16, bos_token_id=None)
    GPT2LMHeadModel(config).save_pretrained(tmp_path)
    byte_tokenizer.save_pretrained(tmp_path)
    lm = load_language_model(tmp_path)
    drops = [part.p for part in lm.module.modules() if isinstance(part, nn.Dropout)]
    assert drops
    assert set(drops) == {0.0}
    assert not lm.module.training


def test_a_models_own_template_is_kept(folder, tmp_path):
    template = "{% for m in messages %}[{{ m['role'] }}] {{ m['content'] }} {% endfor %}"
    (folder / "chat_template.jinja").write_text(template)
    lm = load_language_model(folder)
    assert lm.codec.template_name == "model"
    save_language_model(lm, tmp_path / "again")
    assert (tmp_path / "again/chat_template.jinja").read_text() == template


def no_folder(folder):
    shutil.rmtree(folder)


def no_config(folder):
    (folder / "config.json").unlink()


def half_a_config(folder):
    (folder / "config.json").write_text('{"model_type": "lla')


def list_as_config(folder):
    (folder / "config.json").write_text("[]")


def remote_code(folder):
    edit_json(folder / "config.json", auto_map={"AutoModelForCausalLM": "evil.Model"})


def remote_tokenizer(folder):
    edit_json(folder / "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil.Tokenizer", None]})


def unknown_architecture(folder):
    edit_json(folder / "config.json", model_type="mystery", architectures=["MysteryForCausalLM"])


def no_causal_model(folder):
    edit_json(folder / "config.json", model_type="vit", architectures=["ViTModel"])


def encoder_decoder(folder):
    edit_json(folder / "config.json", model_type="t5", architectures=["T5ForConditionalGeneration"])


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def pickle_only(folder):
    (folder / "model.safetensors").unlink()
    torch.save({"lm_head.weight": torch.zeros(1)}, folder / "pytorch_model.bin")


def damaged_weights(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])


def missing_tensor(folder):
    tensors = load_file(folder / "model.safetensors")
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def misshapen_tensor(folder):
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"] = torch.zeros(31)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


def no_tokenizer(folder):
    (folder / "tokenizer.json").unlink()


def damaged_tokenizer(folder):
    (folder / "tokenizer.json").write_text('{"version": "1.0", "model": {"type": "nonsense"}}')


def no_end_of_text(folder):
    edit_json(folder / "tokenizer_config.json", eos_token=None)


def foreign_tokenizer(folder):
    edit_json(folder / "config.json", vocab_size=200)
    tensors = load_file(folder / "model.safetensors")
    tensors["model.embed_tokens.weight"] = tensors["model.embed_tokens.weight"][:200].clone()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (no_folder, "no model folder"),
        (no_config, "no config.json"),
        (half_a_config, "config.json cannot be read"),
        (list_as_config, "holds list"),
        (remote_code, r"code of its own \(config.json has auto_map\)"),
        (remote_tokenizer, r"code of its own \(tokenizer_config.json has auto_map\)"),
        (unknown_architecture, "mystery"),
        (no_causal_model, "cannot be used"),
        (encoder_decoder, "encoder and a decoder"),
        (no_weights, "has no weights"),
        (pickle_only, r"pickled \(pytorch_model.bin\)"),
        (damaged_weights, "damaged"),
        (missing_tensor, "lack 1 of the model's tensors, first model.layers.1.mlp.up_proj.weight"),
        (misshapen_tensor, "cannot be used"),
        (no_tokenizer, "no tokenizer"),
        (damaged_tokenizer, "tokenizer .* cannot be used"),
        (no_end_of_text, "no end-of-text token"),
        (foreign_tokenizer, "knows token 299, the model only 200"),
    ],
)
def test_hostile_folders(folder, harm, words, capfd):
    harm(folder)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with pytest.raises(ModelError, match=words) as caught:
        load_language_model(folder)
    assert torch.equal(torch.get_rng_state(), before)
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")


def test_devices():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device("auto").type in {"cpu", "cuda", "mps"}
    with pytest.raises(RunError, match=r"no device 'abacus'.*cpu"):
        resolve_device("abacus")
