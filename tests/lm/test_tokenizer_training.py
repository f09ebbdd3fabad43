import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.lm.tokenizer_training import RESERVED_TOKENS, is_byte_level, token_bytes, train_tokenizer, word_tokens

TEXTS = ["The cat sat on the mat.", "The dog sat on the log in 1984.", "Ein Bär, 猫 and \U0001f43b\tsat.\n"] * 5


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(TEXTS, 300)


def test_reserved_tokens_have_the_first_ids(tokenizer):
    assert len(RESERVED_TOKENS) == 16
    assert tokenizer.convert_tokens_to_ids(list(RESERVED_TOKENS)) == list(range(16))
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == ("<|endoftext|>", 0)
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == ("<|pad|>", 1)
    assert tokenizer.convert_ids_to_tokens([2, 3, 4]) == ["<|user|>", "<|assistant|>", "<|system|>"]
    assert set(tokenizer.all_special_ids) == set(range(16))
    assert len(tokenizer) == 300


def test_any_text_comes_back(tokenizer):
    for text in (*TEXTS, "unseen: \x00\x7f ÿ \U0001f600  two  blanks ", " leading"):
        assert tokenizer.decode(tokenizer.encode(text, add_special_tokens=False)) == text


def test_the_same_texts_give_the_same_tokenizer(tokenizer):
    again = train_tokenizer(iter(TEXTS), 300)
    assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    assert train_tokenizer(["something else entirely"] * 9, 300).get_vocab() != tokenizer.get_vocab()


def test_frequent_words_become_one_token_and_digits_stay_single(tokenizer):
    assert len(tokenizer.encode(" sat", add_special_tokens=False)) == 1
    assert [tokenizer.decode([i]) for i in tokenizer.encode("1984", add_special_tokens=False)] == list("1984")


def test_token_bytes_add_up_to_the_text(tokenizer):
    sizes = token_bytes(tokenizer)
    assert sizes[:16] == [0] * 16
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        assert sum(sizes[i] for i in ids) == len(text.encode())


def test_word_tokens_begin_a_word():
    names = [f"{a}{b}{c}ola" for a in "bdfgklmn" for b in "aeiou" for c in "rstv"]
    rich = train_tokenizer([" " + " ".join(names)] * 3, 1500)
    words = [rich.decode([i]) for i in word_tokens(rich)]
    assert " bara" in words or " barola" in words
    assert all(word[0] == " " and len(word) >= 4 and word[1:].isalpha() for word in words)


def test_a_vocabulary_without_words_repeats_any_text_token(tokenizer):
    assert word_tokens(tokenizer) == list(range(16, 300))
    assert is_byte_level(tokenizer)


def test_too_small_a_vocabulary_and_no_text_are_refused():
    with pytest.raises(DataError, match="272 are taken"):
        train_tokenizer(TEXTS, 271)
    with pytest.raises(DataError, match="no text"):
        train_tokenizer(["", ""], 300)
