"""Counts a text's tokens with nothing but the tokenizers library, which is there at once."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from rlhf_studio.errors import ModelError
from rlhf_studio.lm.template_texts import PLAIN_TEMPLATE, ROLE_TOKENS, ROLES_TEMPLATE
from rlhf_studio.schema import Turn


class TokenCounter:
    """Says how long an answer is for a model, as ``Codec.encode_answer`` sees it."""

    def __init__(self, model_folder: Path) -> None:
        """Open the folder's tokenizer.

        Raises:
            ModelError: If there is none, or it cannot be read.
        """
        path = model_folder / "tokenizer.json"
        try:
            state = json.loads(path.read_text(encoding="utf-8"))
            template = _chat_template(model_folder)
            known = {token["content"] for token in state["added_tokens"]}
            own = ROLES_TEMPLATE if known.issuperset(ROLE_TOKENS) else PLAIN_TEMPLATE
            self._tokenizer = text_tokenizer(state, template or own)
        except Exception as error:  # the Rust library raises bare Exception
            raise ModelError(
                f"The tokenizer {path} cannot be read ({error}), so tokens are not counted. Copy the model again."
            ) from error
        # our template for such tokenizers begins with what the tokenizer puts before every text
        is_plain = own == PLAIN_TEMPLATE and (template is None or template.endswith(PLAIN_TEMPLATE))
        self._before = " " if is_plain else ""
        self._has_roles = own == ROLES_TEMPLATE and template in {None, ROLES_TEMPLATE}

    def count(self, text: str) -> int:
        """Tokens of an answer, without the end-of-text that closes it."""
        return len(self._tokenizer.encode(self._before + text, add_special_tokens=False).ids)

    def count_prompt(self, turns: Sequence[Turn]) -> int:
        """Tokens of a conversation up to where the answer begins: of all of it where the chat template is our own for
        tokenizers with roles, else of what the turns say, which is a little less than the model reads.
        """
        texts = [len(self._tokenizer.encode(turn.content, add_special_tokens=False).ids) for turn in turns]
        marks = {"user": 2, "assistant": 1, "system": 1} if self._has_roles else {}
        return sum(texts) + sum(marks.get(turn.role, 0) for turn in turns)


def text_tokenizer(state: dict[str, Any], template: str) -> Tokenizer:
    """A tokenizer to which special tokens in a person's text are text; it neither cuts nor pads.

    Args:
        state: Content of a ``tokenizer.json``; is changed.
        template: Tokens that are not marked special but occur in this chat template are special all the same.
    """
    for token in state["added_tokens"]:
        token["special"] = token["special"] or token["content"] in template
    tokenizer = whole_tokenizer(state)
    tokenizer.encode_special_tokens = True
    return tokenizer


def whole_tokenizer(state: dict[str, Any]) -> Tokenizer:
    """A tokenizer that neither cuts nor pads."""
    tokenizer: Tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def _chat_template(folder: Path) -> str | None:
    """As transformers finds it."""
    path = folder / "chat_template.jinja"
    if path.is_file():
        return path.read_text(encoding="utf-8")
    path = folder / "tokenizer_config.json"
    values = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    template = values.get("chat_template")
    if isinstance(template, list):  # several by name
        template = next((entry["template"] for entry in template if entry.get("name") == "default"), None)
    return template if isinstance(template, str) else None
