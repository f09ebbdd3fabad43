"""``label``: let a scripted labeler rank answers, to fill a project for demonstrations and tests."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_studio import words
from rlhf_studio.cli.parser import Commands, LazyParser, add_command
from rlhf_studio.errors import DataError

if TYPE_CHECKING:
    from rlhf_studio.jobs.models import ModelChoice
    from rlhf_studio.jobs.rules import ScriptedLabeler
    from rlhf_studio.schema import Prompt
    from rlhf_studio.store.project import Store
    from rlhf_studio.store.simulated import SimulatedSet

_SAMPLED = 20  # prompts that answers are sampled to, unless --limit says otherwise


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "label",
        "let a scripted labeler rank answers, marked as simulated",
        description="Ranks the sets of answers that wait in a project, or newly sampled ones, by a rule with noise. "
        "The rankings are marked as simulated, and the sets go on waiting for people. Another rule, noise or seed is "
        "another labeler, so several of them can rank the same sets. 'project undo' takes the rankings back.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    from rlhf_studio.jobs.rules import NOISE, TITLES

    add = parser.add_argument
    add("--project", type=Path, required=True, metavar="DIR", help="the project's folder")
    known = "; ".join(f"{name} ({title})" for name, title in TITLES.items())
    add("--rule", required=True, metavar="NAME", help=f"what the script likes: {known}")
    add(
        "--noise",
        type=float,
        default=NOISE,
        metavar="X",
        help=f"share of pairs that it orders the wrong way round, 0 to 0.5 (default {NOISE:g})",
    )
    add("--word", default="", metavar="TEXT", help="the word that the rule 'word' looks for")
    add("--length", type=int, default=0, metavar="N", help="characters that the rule 'length' aims at")
    add("--seed", type=int, default=0, metavar="N", help="another one makes other mistakes (default 0)")
    add("--limit", type=int, metavar="N", help=f"sets at most (default: all that wait; newly sampled ones {_SAMPLED})")
    add("--sample", type=int, metavar="K", help="sample new sets of K answers, 2 to 9, and rank only these")
    add("--model", metavar="MODEL", help="what to sample from: a folder, a bundled model, or a run's id")
    add("--temperature", type=float, default=1.0, metavar="X", help="of sampling (default 1)")
    add("--max-new-tokens", type=int, default=48, metavar="N", help="longest sampled answer, in tokens (default 48)")
    add("--device", default="auto", metavar="{auto,cpu,cuda,mps}", help="where to sample (default auto)")


def run(args: argparse.Namespace) -> int:
    """Sample if asked to, rank, and say how many."""
    from rlhf_studio.jobs.rules import ScriptedLabeler, orders_by
    from rlhf_studio.store.project import open_project

    labeler = ScriptedLabeler(args.rule, args.noise, args.word, args.length, args.seed)
    _check(args)
    with open_project(args.project) as store:
        store.require_writable()
        sets = _sets(store, labeler, args)
        made = store.add_scripted_rankings(list(orders_by(labeler, sets)), labeler.name)
        print(f"{words.plain(labeler.name)}: {len(made.ids)} simulated rankings were made.")
        equal = len(sets) - len(made.ids)
        if equal:
            print(f"{equal} sets hold answers that the rule finds equally good; they got none.")
        print(f"{store.counts().sets_waiting} sets of answers wait to be ranked by people.")
    return 0


def _check(args: argparse.Namespace) -> None:
    from rlhf_studio.store.answer_sets import MAX_ANSWERS, MIN_ANSWERS

    if args.limit is not None and args.limit < 1:
        raise DataError(f"--limit cannot be {args.limit}. Ask for at least 1 set.")
    if args.sample is not None and not MIN_ANSWERS <= args.sample <= MAX_ANSWERS:
        raise DataError(f"--sample cannot be {args.sample}. Ask for {MIN_ANSWERS} to {MAX_ANSWERS} answers.")
    if args.sample is None and args.model is not None:
        raise DataError("--model says what to sample from, but nothing is to be sampled. Add --sample K.")


def _sets(store: "Store", labeler: "ScriptedLabeler", args: argparse.Namespace) -> "Sequence[SimulatedSet]":
    """What is to be ranked."""
    if args.sample is None:
        return store.sets_for_script(list(store.sets_without(labeler.name))[: args.limit])
    prompts = store.prompts_to_rank(args.limit or _SAMPLED)
    if not prompts:
        raise DataError("This project has no prompts to rank answers to. Import or write some first.")
    new = _sample(store, prompts, args)
    print(f"{len(new)} sets of {args.sample} answers were sampled.")
    return store.sets_for_script(new)


def _sample(store: "Store", prompts: "Sequence[Prompt]", args: argparse.Namespace) -> list[int]:
    """The ids of new sets, one for each prompt; those whose answers all came out equal are left out."""
    from rlhf_studio.jobs.model_reading import read_language_model
    from rlhf_studio.lm.loading import resolve_device
    from rlhf_studio.lm.sampling import sample_many
    from rlhf_studio.schema import NewCompletion, Sampling

    choice = _choice(store, args.model)
    model = read_language_model(choice.path, resolve_device(args.device))
    sampling = Sampling(args.temperature, 1.0, args.max_new_tokens)
    ids: list[int] = []
    for prompt in prompts:
        answers = sample_many(
            model, [prompt.turns], args.sample, sampling, step=store.sets_of_prompt(prompt.id), keys=[prompt.id]
        )[0]
        if len({answer.text.strip() for answer in answers}) == 1:
            print(f"All {args.sample} answers to prompt {prompt.id} came out equal; it got no set.")
            continue
        new = [
            NewCompletion(prompt.id, a.text, choice.title, choice.key, sampling, a.token_ids, a.is_finished)
            for a in answers
        ]
        ids.extend(store.add_answer_set(prompt.id, new).ids)
    return ids


def _choice(store: "Store", name: str | None) -> "ModelChoice":
    """The model of a name; without one the newest that was trained here, as in the window, or the one that ships."""
    from rlhf_studio.cli.places import model_folder
    from rlhf_studio.jobs.models import TRAINED, ModelChoice, language_models
    from rlhf_studio.paths import models_dir

    choices = language_models(store.folder, models_dir())
    if name is None:
        trained = [choice for choice in choices if choice.stage in TRAINED]
        return (trained or choices[:1])[-1]
    runs = [choice for choice in choices if choice.run_id and choice.run_id.startswith(name)]
    if len({choice.run_id for choice in runs}) == 1:
        return runs[-1]
    folder = model_folder(name)
    bundled = [choice for choice in choices if choice.path.resolve() == folder.resolve()]
    return bundled[0] if bundled else ModelChoice("", folder.name, "base", folder)
