"""Reading a project from plain files (JSON lines), as the example project comes."""

import codecs
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewCompletion, NewPrompt, Sampling, Split, TextRow, Turn
from rlhf_studio.store.answer_sets import MAX_ANSWERS, MIN_ANSWERS
from rlhf_studio.store.checks import check_prompt
from rlhf_studio.store.database import Changes
from rlhf_studio.store.lines import CompletionLine, DemonstrationLine, PromptLine, QueueLine, RankingLine, TextLine
from rlhf_studio.store.project import DATABASE, Store, create_project, open_project

PRETRAINING = "pretraining.jsonl"
GUIDANCE = "guidance.json"
EXAMPLE = "tiny-tales"

_Line = TypeVar("_Line", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Imported:
    """How many rows of each kind an import wrote."""

    prompts: int
    demonstrations: int
    completions: int
    rankings: int
    changes: Changes


def import_example(store: Store, folder: Path) -> Imported:
    """Read prompts, demonstrations, rankings, a queue of unranked answers, pretraining text and guidance.

    ``prompts.jsonl`` must be there, the other files may be missing.

    Raises:
        DataError: With file and line of the first row that is wrong; nothing at all is imported then.
    """
    store.require_writable()
    if not (folder / "prompts.jsonl").is_file():
        raise DataError(f"There is no prompts.jsonl in {folder}. Choose a folder that holds an exported project.")
    with _copied(store, folder), store.transaction():
        keys = _import_prompts(store, folder / "prompts.jsonl")
        demonstrations = _import_demonstrations(store, folder / "demonstrations.jsonl", keys)
        ranked = [_import_ranking(store, row, keys) for row in _read(folder / "rankings.jsonl", RankingLine)]
        queued = [_import_answers(store, row, keys) for row in _read(folder / "queue.jsonl", QueueLine)]
    changes = Changes(frozenset({"prompt", "demonstration", "completion", "ranking", "answer_set"}))
    return Imported(len(keys), demonstrations, sum(map(len, ranked + queued)), len(ranked), changes)


def pretraining_rows(folder: Path, split: Split) -> tuple[TextRow, ...]:
    """The documents of one split of a project's pretraining text, in the order of the file; none where it is missing.

    Raises:
        DataError: With the line that cannot be read.
    """
    rows = _read(folder / PRETRAINING, TextLine)
    return tuple(TextRow(row.value.text, row.value.source) for row in rows if row.value.split == split)


def open_or_create_example(data_dir: Path, resources: Path) -> Store:
    """Open the user's example project; the first time, make it from the files that ship with the program.

    Raises:
        DataError: If the files are missing or the user's folder cannot be written.
    """
    home = data_dir / EXAMPLE
    if not (home / DATABASE).exists():
        try:
            data_dir.mkdir(parents=True, exist_ok=True)
            _create_example(home, resources / "example")
        except OSError as error:
            raise DataError(
                f"The example project cannot be made in {data_dir} ({error.strerror}). "
                "Set RLHF_STUDIO_DATA to a folder you may write."
            ) from error
    return open_project(home)


def _create_example(home: Path, files: Path) -> None:
    """Make it under another name first, so that it is whole or not there, also when two programs start at once."""
    part = Path(tempfile.mkdtemp(prefix=f".{home.name}-", dir=home.parent))
    try:
        with create_project(part, "Tiny tales") as store:
            import_example(store, files)
        try:
            part.replace(home)
        except OSError:
            if not home.exists():  # else another program was faster, and its project is as good
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class _Row(Generic[_Line]):
    """One line of a file, and where it stands."""

    value: _Line
    place: str

    @contextmanager
    def named(self) -> Iterator[None]:
        """Put file and line before what is wrong with this row."""
        try:
            yield
        except DataError as error:
            raise DataError(f"{self.place}: {error} Nothing was imported.") from error


def _read(path: Path, kind: type[_Line]) -> Iterator[_Row[_Line]]:
    """The rows of a file of JSON lines; blank lines are skipped, and a file that is missing has none."""
    if not path.exists():
        return
    try:
        data = path.read_bytes().removeprefix(codecs.BOM_UTF8)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). Check the file and its permissions.") from error
    for number, line in enumerate(data.split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}, line {number}"
        try:
            value = kind.model_validate_json(line)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise DataError(f"{place}: {field + ': ' if field else ''}{first['msg']}. Correct this line.") from error
        yield _Row(value, place)


def _import_prompts(store: Store, path: Path) -> dict[str, int]:
    known = set(store.prompt_ids())
    prompts = []
    for row in _read(path, PromptLine):
        line = row.value
        prompt = NewPrompt(
            tuple(Turn(turn.role, turn.content) for turn in line.turns),
            line.use_case,
            line.source,
            line.purposes,
            line.author,
            line.split,
            line.key,
            line.brief,
            line.family,
        )
        with row.named():
            check_prompt(prompt, f"Prompt {line.key!r}")
            if line.key in known:
                raise DataError(f"The prompt key {line.key!r} is there already. Give each prompt a key of its own.")
        known.add(line.key)
        prompts.append(prompt)
    ids = store.add_prompts(prompts).ids
    return {prompt.key or "": prompt_id for prompt, prompt_id in zip(prompts, ids, strict=True)}


def _import_demonstrations(store: Store, path: Path, keys: Mapping[str, int]) -> int:
    count = 0
    for row in _read(path, DemonstrationLine):
        with row.named():
            store.import_demonstrations([(_prompt_id(row.value.prompt, keys), row.value.text, row.value.author)])
        count += 1
    return count


def _import_ranking(store: Store, row: _Row[RankingLine], keys: Mapping[str, int]) -> tuple[int, ...]:
    line = row.value
    with row.named():
        places = sorted(place for tier in line.tiers for place in tier)
        if places != list(range(len(line.completions))):
            raise DataError(
                f"The tiers name the completions {places}, but there are {len(line.completions)}, counted from 0. "
                "Name each once."
            )
        if line.shown_order and sorted(line.shown_order) != places:
            raise DataError(f"The shown order is {list(line.shown_order)}. Name each completion once, or none.")
        prompt_id = _prompt_id(line.prompt, keys)
        ids = _add_answers(store, prompt_id, line.completions)
        store.add_ranking(
            prompt_id,
            [[ids[place] for place in tier] for tier in line.tiers],
            [ids[place] for place in line.shown_order],
            line.seconds,
            line.labeler,
            is_simulated=line.simulated,
        )
    return ids


def _import_answers(store: Store, row: _Row[QueueLine], keys: Mapping[str, int]) -> tuple[int, ...]:
    """Answers that can be ranked become a set that waits; others are kept as answers."""
    line = row.value
    with row.named():
        if line.shown_order and sorted(line.shown_order) != list(range(len(line.completions))):
            raise DataError(f"The shown order is {list(line.shown_order)}. Name each completion once, or none.")
        prompt_id = _prompt_id(line.prompt, keys)
        is_set = MIN_ANSWERS <= len(line.completions) <= MAX_ANSWERS and len({c.text for c in line.completions}) > 1
        if not is_set:
            return _add_answers(store, prompt_id, line.completions)
        made = store.add_answer_set(prompt_id, _new_answers(prompt_id, line.completions), line.shown_order or None)
        return store.answer_set(made.ids[0]).completion_ids


def _add_answers(store: Store, prompt_id: int, completions: Sequence[CompletionLine]) -> tuple[int, ...]:
    return store.add_completions(_new_answers(prompt_id, completions)).ids


def _new_answers(prompt_id: int, completions: Sequence[CompletionLine]) -> list[NewCompletion]:
    return [
        NewCompletion(
            prompt_id,
            line.text,
            line.model,
            line.checkpoint,
            Sampling(**line.sampling.model_dump()),
            line.token_ids,
            line.is_finished,
        )
        for line in completions
    ]


def _prompt_id(key: str, keys: Mapping[str, int]) -> int:
    if key not in keys:
        raise DataError(f"There is no prompt with the key {key!r} in prompts.jsonl. Add it there or correct the key.")
    return keys[key]


@contextmanager
def _copied(store: Store, folder: Path) -> Iterator[None]:
    """Copy the plain files aside, and put them in place only when the rows are in."""
    names = [name for name in (PRETRAINING, GUIDANCE) if (folder / name).exists()]
    parts = {name: store.folder / f"{name}.part" for name in names}
    try:
        _check_guidance(folder / GUIDANCE)
        for _ in _read(folder / PRETRAINING, TextLine):
            pass
        for name, part in parts.items():
            shutil.copyfile(folder / name, part)
        yield
        for name, part in parts.items():
            part.replace(store.folder / name)
    except OSError as error:
        raise DataError(f"{folder} cannot be imported into {store.folder} ({error.strerror}).") from error
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)


def _check_guidance(path: Path) -> None:
    if not path.exists():
        return
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is not JSON ({error}). Correct it. Nothing was imported.") from error
    if not isinstance(content, dict):
        raise DataError(f"{path} holds a {type(content).__name__}, not an object. Correct it. Nothing was imported.")
