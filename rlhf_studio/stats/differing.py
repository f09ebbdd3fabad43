"""Which words of an answer are not in another one, in their order."""

import re

# a Chinese, Japanese or Korean character is a word of its own, and so is a sign; spaces do not count
_CJK = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_WORD = re.compile(rf"[{_CJK}]|[^\W_{_CJK}]+(?:['’][^\W_{_CJK}]+)*|[^\w\s]|_")  # noqa: RUF001  typographers' quote
LONGEST = 20_000  # words; the time grows with the product of both


def differing(reference: str, text: str) -> list[tuple[int, int]]:
    """The parts of ``text`` that are not in the reference: first character and the one after the last, ascending.

    What both share is a longest common subsequence of words, so as little as possible differs. A single shared word
    between longer parts that differ counts as differing, too, since nobody reads such a patchwork. Beyond ``LONGEST``
    words the whole text differs.
    """
    old, new = _WORD.findall(reference), list(_WORD.finditer(text))
    if not new or reference == text:
        return []
    if max(len(old), len(new)) > LONGEST:
        return [(new[0].start(), new[-1].end())]
    shared = _calmer(common(old, [word[0] for word in new]))
    spans: list[tuple[int, int]] = []
    for place, word in enumerate(new):
        if shared[place]:
            continue
        if place and not shared[place - 1]:
            spans[-1] = spans[-1][0], word.end()
        else:
            spans.append(word.span())
    return spans


def common(old: list[str], new: list[str]) -> list[bool]:
    """Whether each of the new words belongs to a longest common subsequence of both lists.

    Source: Hyyro 2004, "Bit-parallel LCS-length computation revisited"; a row of the table is one integer whose zero
    bits tell where it grows, so that two texts of 2,000 Chinese characters take milliseconds.
    """
    full = (1 << len(old)) - 1
    where: dict[str, int] = {}
    for place, word in enumerate(old):
        where[word] = where.get(word, 0) | 1 << place
    row = full
    rows = []
    for word in new:
        found = row & where.get(word, 0)
        row = ((row + found) | (row - found)) & full
        rows.append(row)
    shared = [False] * len(new)
    i, j = len(old), len(new)
    while i and j:
        if rows[j - 1] >> (i - 1) & 1:
            i -= 1  # the table does not grow here: the old word is no part
        else:
            j -= 1
            if j and not rows[j - 1] >> (i - 1) & 1:
                continue  # it has grown before this new word
            shared[j] = True
            i -= 1
    return shared


def _calmer(shared: list[bool]) -> list[bool]:
    """Single shared words between two differing ones on either side count as differing."""
    calmer = list(shared)
    for place in range(2, len(shared) - 2):
        around = shared[place - 2 : place] + shared[place + 1 : place + 3]
        if shared[place] and not any(around):
            calmer[place] = False
    return calmer
