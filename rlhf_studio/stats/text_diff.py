"""Which words of a text are new against an earlier one."""

import re
from typing import Literal

# a word with the space before it; a Chinese, Japanese or Korean character is a word of its own
_WORD = re.compile(r"\s*(?:[぀-ヿ㐀-鿿가-힯豈-﫿]|[^\s぀-ヿ㐀-鿿가-힯豈-﫿]+)|\s+$")
Change = Literal["same", "new", "gone"]
LONGEST = 4000  # words; beyond that everything counts as changed rather than the window waiting


def changed_words(before: str, after: str) -> list[tuple[str, bool]]:
    """The later text in pieces, each with whether it is new; the pieces together are the whole text."""
    pieces: list[tuple[str, bool]] = []
    for text, kind in word_changes(before, after):
        if kind == "gone":
            continue
        is_new = kind == "new"
        if pieces and pieces[-1][1] == is_new:
            pieces[-1] = (pieces[-1][0] + text, is_new)
        else:
            pieces.append((text, is_new))
    return pieces


def words(text: str) -> list[str]:
    """The words of a text with the spaces before them; joined they are the text."""
    return _WORD.findall(text)


def word_changes(before: str, after: str) -> list[tuple[str, Change]]:
    """Both texts as one, in pieces: words of both, words that are new, and words that are gone.

    The pieces that are not gone are the later text; spaces alone make no difference.

    Source: the longest common subsequence by bits of one long number (Hyyrö 2004, "Bit-parallel LCS-length computation
    revisited"), since ``difflib`` takes seconds for a few hundred words that repeat, as a bad model's do.
    """
    old, new = words(before), words(after)
    if len(old) > LONGEST or len(new) > LONGEST:
        replaced: list[tuple[str, Change]] = [(before, "gone"), (after, "new")]
        return [(text, kind) for text, kind in replaced if text]
    pieces: list[tuple[str, Change]] = []
    done_old = done_new = 0
    for i, j in [*_common([w.strip() for w in old], [w.strip() for w in new]), (len(old), len(new))]:
        _add(pieces, "".join(old[done_old:i]), "gone")
        _add(pieces, "".join(new[done_new:j]), "new")
        _add(pieces, "".join(new[j : j + 1]), "same")
        done_old, done_new = i + 1, j + 1
    return pieces


def _add(pieces: list[tuple[str, Change]], text: str, kind: Change) -> None:
    """Join it to the piece before where that is of the same kind."""
    if text and pieces and pieces[-1][1] == kind:
        pieces[-1] = (pieces[-1][0] + text, kind)
    elif text:
        pieces.append((text, kind))


def _common(old: list[str], new: list[str]) -> list[tuple[int, int]]:
    """Places of the words of a longest common subsequence in both, ascending."""
    everything = (1 << len(old)) - 1
    places: dict[str, int] = {}
    for i, word in enumerate(old):
        places[word] = places.get(word, 0) | 1 << i
    row = everything  # bit i is 0 where old[: i + 1] has one word more in common with new[:j] than old[:i]
    rows = [row]
    for word in new:
        both = row & places.get(word, 0)
        row = (row + both | row - both) & everything
        rows.append(row)
    pairs = []
    i, j = len(old), len(new)
    while i and j:
        if old[i - 1] == new[j - 1]:
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif rows[j] >> (i - 1) & 1:
            i -= 1
        else:
            j -= 1
    return pairs[::-1]
