"""Which words of an answer another one does not have."""

import re
from difflib import SequenceMatcher

# words with the space before them; a character of a language without spaces is a word of its own
_WORD = re.compile(r"[^\s\W\u3000-\u9fff\uac00-\ud7af]+|[^\s]")


def changed_spans(before: str, after: str) -> tuple[tuple[int, int], ...]:
    """Parts of ``after`` that are new or replaced in comparison with ``before``.

    Returns:
        First and one past the last character of each, in order; words that only went missing leave no mark.
    """
    old = [match.group() for match in _WORD.finditer(before)]
    matches = list(_WORD.finditer(after))
    new = [match.group() for match in matches]
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return tuple(
        (matches[first].start(), matches[last - 1].end())
        for kind, _, _, first, last in blocks
        if kind in {"insert", "replace"}
    )
