"""Which words of a text are new against an earlier one."""

import re
from difflib import SequenceMatcher

# a word with the space before it; a Chinese, Japanese or Korean character is a word of its own
_WORD = re.compile(r"\s*(?:[぀-ヿ㐀-鿿가-힯豈-﫿]|[^\s぀-ヿ㐀-鿿가-힯豈-﫿]+)|\s+$")
LONGEST = 4000  # words; beyond that everything counts as changed rather than the window waiting


def changed_words(before: str, after: str) -> list[tuple[str, bool]]:
    """The later text in pieces, each with whether it is new; the pieces together are the whole text."""
    old, new = words(before), words(after)
    if len(old) > LONGEST or len(new) > LONGEST:
        return [(after, before != after)] if after else []
    matcher = SequenceMatcher(None, [word.strip() for word in old], [word.strip() for word in new], autojunk=False)
    pieces: list[tuple[str, bool]] = []
    for tag, _, _, first, last in matcher.get_opcodes():
        text = "".join(new[first:last])
        if text:
            pieces.append((text, tag != "equal"))
    return pieces


def words(text: str) -> list[str]:
    """The words of a text with the spaces before them; joined they are the text."""
    return _WORD.findall(text)
