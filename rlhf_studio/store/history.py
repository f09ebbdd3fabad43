"""What was labeled, by whom and when, newest first: demonstrations, rankings and verdicts, also those taken back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rlhf_studio.store.answer_sets import AnswerSetTables
from rlhf_studio.store.prompt_search import fold
from rlhf_studio.store.prompts import turns_from

ActKind = Literal["demonstration", "ranking", "unrankable", "skipped"]
ActState = Literal["live", "replaced", "taken_back"]
ACT_KINDS: tuple[ActKind, ...] = ("demonstration", "ranking", "unrankable", "skipped")


@dataclass(frozen=True, slots=True)
class LabelAct:
    """One label that was given.

    Attributes:
        kind: A verdict on a set of answers is "unrankable" or "skipped".
        id: Of the demonstration, the ranking, or the verdict.
        set_id: Of the answers that were ranked or judged, where they are a set.
        prompt: The last user turn.
        who: Gave it.
        created: UTC, ISO 8601.
        size: Answers that were ranked; 0 for others.
        seconds: That a ranking took; None for others.
        confidence: 1 (a guess) to 3 (sure), None where nothing was said.
        replaces: The older version of the same label.
        state: Whether it counts, a newer version counts, or it was taken back.
        is_prompt_deleted: With it, whatever the state says.
        is_set_ranked: Whether its labeler has another ranking of the same answers that counts.
    """

    kind: ActKind
    id: int
    prompt_id: int
    set_id: int | None
    prompt: str
    who: str
    created: str
    size: int = 0
    seconds: float | None = None
    confidence: int | None = None
    note: str = ""
    replaces: int | None = None
    is_simulated: bool = False
    is_repeat: bool = False
    is_all_bad: bool = False
    state: ActState = "live"
    is_prompt_deleted: bool = False
    is_set_ranked: bool = False

    @property
    def is_edit(self) -> bool:
        """Whether it is a new version of an older label."""
        return self.replaces is not None


@dataclass(frozen=True, slots=True)
class ActFilter:
    """Which acts are listed; what is None or empty leaves none out.

    Attributes:
        kind: One kind.
        who: One labeler.
        is_simulated: Made by a script, or by a person.
        query: Words in the prompt, whatever their case or width.
    """

    kind: ActKind | None = None
    who: str | None = None
    is_simulated: bool | None = None
    query: str = ""


# Each is read from its index by time, so that a page costs its rows and not the table.
_DEMONSTRATIONS = (
    "SELECT 'demonstration' AS kind, id, prompt_id, author AS who, created FROM demonstration WHERE {where}"
)
_RANKINGS = "SELECT 'ranking' AS kind, id, prompt_id, labeler AS who, created FROM ranking WHERE {where}"
_VERDICTS = """
SELECT verdict AS kind, id, (SELECT prompt_id FROM answer_set WHERE id = set_id) AS prompt_id, who, created
    FROM answer_set_verdict WHERE verdict <> 'waiting' AND {where}"""
_DETAILS = """
SELECT p.kind, p.id, p.prompt_id, p.who, p.created, q.turns,
    r.size, r.seconds, r.confidence, coalesce(r.note, v.note, ''), coalesce(r.replaces, d.replaces),
    coalesce(r.is_simulated, 0), coalesce(r.is_repeat, 0), coalesce(r.is_all_bad, 0),
    coalesce(v.set_id, s.set_id),
    CASE p.kind
        WHEN 'demonstration' THEN EXISTS (SELECT 1 FROM live_demonstration WHERE id = p.id)
        WHEN 'ranking' THEN EXISTS (SELECT 1 FROM live_ranking WHERE id = p.id)
        ELSE (SELECT state FROM answer_set_state WHERE id = v.set_id) IS p.kind
            AND p.id = (SELECT max(id) FROM answer_set_verdict WHERE set_id = v.set_id)
    END,
    CASE p.kind
        WHEN 'demonstration' THEN EXISTS (SELECT 1 FROM demonstration WHERE replaces = p.id)
        WHEN 'ranking' THEN EXISTS (SELECT 1 FROM ranking WHERE replaces = p.id)
        ELSE 0
    END,
    q.is_deleted,
    EXISTS (SELECT 1 FROM answer_set_ranking o JOIN live_ranking l ON l.id = o.ranking_id
        WHERE o.set_id = s.set_id AND l.id <> p.id AND l.labeler = p.who AND NOT l.is_repeat)
FROM page p JOIN prompt q ON q.id = p.prompt_id
    LEFT JOIN demonstration d ON p.kind = 'demonstration' AND d.id = p.id
    LEFT JOIN ranking r ON p.kind = 'ranking' AND r.id = p.id
    LEFT JOIN answer_set_ranking s ON p.kind = 'ranking' AND s.ranking_id = p.id
    LEFT JOIN answer_set_verdict v ON p.kind IN ('unrankable', 'skipped') AND v.id = p.id
ORDER BY p.place"""


class LabelHistory(AnswerSetTables):
    """Pages of label acts, and what was done how fast."""

    def label_acts(self, wanted: ActFilter, *, limit: int, offset: int = 0) -> tuple[LabelAct, ...]:
        """A page of the acts that fit a filter, newest first."""
        parts, values = _parts(wanted)
        if not parts:
            return ()
        rows = self._read(
            f"""WITH listed AS ({" UNION ALL ".join(parts)} ORDER BY created DESC, id DESC LIMIT ? OFFSET ?),
                page AS MATERIALIZED (SELECT *, row_number() OVER () AS place FROM listed)
            {_DETAILS}""",  # noqa: S608  fixed words
            (*values, limit, offset),
        )
        return tuple(_act(row) for row in rows)

    def count_label_acts(self, wanted: ActFilter) -> int:
        """How many acts fit a filter."""
        parts, values = _parts(wanted)
        if not parts:
            return 0
        return int(self._read(f"SELECT count(*) FROM ({' UNION ALL '.join(parts)})", values)[0][0])  # noqa: S608

    def label_act(self, kind: ActKind, act_id: int) -> LabelAct | None:
        """One act as it stands now; None if there is none."""
        table = {"demonstration": _DEMONSTRATIONS, "ranking": _RANKINGS}.get(kind, _VERDICTS)
        part = table.format(where="id = ?")
        rows = self._read(f"WITH page AS MATERIALIZED (SELECT *, 1 AS place FROM ({part})) {_DETAILS}", (act_id,))  # noqa: S608
        return _act(rows[0]) if rows else None

    def everyone(self) -> tuple[str, ...]:
        """All who gave a label, in the order of their names; scripts are among them."""
        rows = self._read(
            "SELECT author FROM demonstration UNION SELECT labeler FROM ranking"
            " UNION SELECT who FROM answer_set_verdict WHERE verdict <> 'waiting' ORDER BY 1"
        )
        return tuple(row[0] for row in rows)

    def ranking_times(self) -> tuple[tuple[str, int, float], ...]:
        """Labeler, K and seconds of each ranking that a person made and that counts, oldest first."""
        return tuple(
            self._read("SELECT labeler, size, seconds FROM live_ranking WHERE NOT is_simulated ORDER BY created, id")
        )


def _parts(wanted: ActFilter) -> tuple[list[str], tuple[Any, ...]]:
    """The statements of the kinds that can fit, and their values."""
    needle = fold(wanted.query.strip().encode("utf-8", "surrogatepass").decode("utf-8", "replace"))
    parts: list[str] = []
    values: list[Any] = []
    for table, kinds, who in (
        (_DEMONSTRATIONS, ("demonstration",), "author"),
        (_RANKINGS, ("ranking",), "labeler"),
        (_VERDICTS, ("unrankable", "skipped"), "who"),
    ):
        if wanted.kind is not None and wanted.kind not in kinds:
            continue
        if wanted.is_simulated and table is not _RANKINGS:  # only rankings can be a script's
            continue
        tests: dict[str, Any] = {}
        if wanted.kind in ("unrankable", "skipped"):
            tests["verdict = ?"] = wanted.kind
        if wanted.who is not None:
            tests[f"{who} = ?"] = wanted.who
        if wanted.is_simulated is not None and table is _RANKINGS:
            tests["is_simulated = ?"] = int(wanted.is_simulated)
        if needle:
            found = "(SELECT prompt_id FROM prompt_search WHERE instr(text, ?))"
            own = (
                "set_id IN (SELECT id FROM answer_set WHERE prompt_id IN {})"
                if table is _VERDICTS
                else "prompt_id IN {}"
            )
            tests[own.format(found)] = needle
        parts.append(table.format(where=" AND ".join(tests) or "1"))
        values += tests.values()
    return parts, tuple(values)


def _act(row: Sequence[Any]) -> LabelAct:
    kind, act_id, prompt_id, who, created, turns, size, seconds, confidence, note, replaces, *rest = row
    is_simulated, is_repeat, is_all_bad, set_id, is_live, has_newer, is_prompt_deleted, is_set_ranked = rest
    state: ActState = "live" if is_live else "replaced" if has_newer else "taken_back"
    return LabelAct(
        kind,
        act_id,
        prompt_id,
        set_id,
        turns_from(turns)[-1].content,
        who,
        created,
        size or 0,
        seconds,
        confidence,
        note,
        replaces,
        bool(is_simulated),
        bool(is_repeat),
        bool(is_all_bad),
        state,
        bool(is_prompt_deleted),
        bool(is_set_ranked),
    )
