import json
import shutil
import subprocess
import sys

import pytest
from window_material import add_run

from rlhf_studio.errors import ModelError
from rlhf_studio.jobs.token_counter import TokenCounter, longest_example, tokenizer_folder
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.loading import load_tokenizer
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.paths import models_dir
from rlhf_studio.schema import Turn

TEXTS = [
    "",
    "The sky is blue because of the air. Why not 2026?\n\n- one\n- two",
    "天空为什么是蓝色的, 因为空气散射蓝光。",
    "Well done 👩🏽‍🚀🎉 é e\u0301!",
    "It ends with <|endoftext|> and <|user|>hi<|assistant|> <b>bold</b>",
    "  blanks before and after  ",
]


@pytest.mark.parametrize("text", TEXTS)
def test_the_bundled_models_tokens_are_counted_as_training_counts_them(text):
    folder = models_dir() / "tiny"
    codec = Codec(load_tokenizer(folder))
    assert TokenCounter(folder).count(text) == len(codec.encode_answer(text)) - 1


@pytest.fixture(scope="module")
def foreign_tokenizer():
    """One without role tokens, as most models outside have it."""
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from tokenizers.trainers import BpeTrainer
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer(BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend.train_from_iterator(
        ["the sky is blue"], BpeTrainer(special_tokens=["<|endoftext|>"], initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>")


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("template", [None, "{% for m in messages %}[{{ m['content'] }}]{% endfor %}"])
@pytest.mark.parametrize("place", ["file", "config"])
def test_other_models_tokens_are_counted_too(text, template, place, foreign_tokenizer, tmp_path):
    foreign_tokenizer.chat_template = template
    codec = Codec(foreign_tokenizer)
    codec.tokenizer.save_pretrained(tmp_path)
    if place == "config":
        (tmp_path / "chat_template.jinja").unlink()
        path = tmp_path / "tokenizer_config.json"
        named = [{"name": "default", "template": codec.tokenizer.chat_template}]
        path.write_text(json.dumps({**json.loads(path.read_text()), "chat_template": named}))
    assert TokenCounter(tmp_path).count(text) == len(codec.encode_answer(text)) - 1


def test_a_plain_models_answer_begins_with_a_blank(foreign_tokenizer, tmp_path):
    foreign_tokenizer.chat_template = None
    foreign_tokenizer.save_pretrained(tmp_path)
    assert TokenCounter(tmp_path).count("?") == 2


def test_a_folder_without_a_tokenizer_is_refused(tiny_lm, tmp_path):
    save_language_model(tiny_lm, tmp_path / "model")
    (tmp_path / "model" / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match="cannot be read"):
        TokenCounter(tmp_path / "model")
    shutil.rmtree(tmp_path / "model")
    with pytest.raises(ModelError, match=r"tokenizer\.json"):
        TokenCounter(tmp_path / "model")


def test_counting_needs_neither_torch_nor_transformers():
    folder = models_dir() / "tiny"
    code = (
        "import sys\nfrom pathlib import Path\nfrom rlhf_studio.jobs.token_counter import TokenCounter\n"
        f"assert TokenCounter(Path({str(folder)!r})).count('hello') > 0\n"
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


TURNS = (Turn("system", "Be kind."), Turn("user", "Hi!"), Turn("assistant", "Hello!"), Turn("user", TEXTS[4]))


@pytest.mark.parametrize("turns", [TURNS, TURNS[-1:]])
def test_the_bundled_models_prompts_are_counted_as_training_counts_them(turns):
    folder = models_dir() / "tiny"
    assert TokenCounter(folder).count_prompt(turns) == len(Codec(load_tokenizer(folder)).encode_prompt(turns))


def test_other_models_prompts_have_at_least_the_words_of_their_turns(foreign_tokenizer, tmp_path):
    foreign_tokenizer.chat_template = None
    foreign_tokenizer.save_pretrained(tmp_path)
    counted = TokenCounter(tmp_path).count_prompt(TURNS)
    assert 0 < counted <= len(Codec(foreign_tokenizer).encode_prompt(TURNS))


def test_the_longest_example_is_the_context_or_what_the_settings_say():
    folder = models_dir() / "tiny"
    assert [longest_example(folder, most) for most in (0, 100, 10**6)] == [256, 100, 256]


def test_a_model_without_a_context_is_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelError, match="how long its context is"):
        longest_example(tmp_path, 0)


def test_a_checkpoint_has_the_tokenizer_of_the_model_its_run_began_with(tmp_path):
    path = add_run(tmp_path, "20260101-100000-sft", "sft", {"base": str(models_dir() / "tiny")})
    run = path.parent.parent
    assert tokenizer_folder(run / "checkpoints" / "step-00000003") == models_dir() / "tiny"
    assert tokenizer_folder(path) == path
