"""Tasks in which something is written: generation, brainstorming, chat, rewrite and summarization."""

import random
from functools import cache

from rlhf_studio.example import world
from rlhf_studio.example.checks import Rule, obeys
from rlhf_studio.example.dialogues import talk_slots
from rlhf_studio.example.lists import IDEAS, LISTED
from rlhf_studio.example.retellings import BRIGHTER, EVENTS, RUDE, write_shorter
from rlhf_studio.example.stories import Plot, Story, plots_of, write_story
from rlhf_studio.example.tasks import (
    MORE_CHAT,
    MORE_EVENTS,
    MORE_PAIRS,
    Family,
    Pool,
    Task,
    fill,
    phrase,
    pooled,
    pooled_by_name,
)
from rlhf_studio.example.wording import and_list, capital, expand, plural, sections, seeded, uncapital, with_article

_MOST_STORY_WORDS = 34
_INTENTS = dict(sections("chat"))
# demonstrations end well no more often than otherwise, so there is something left for PPO to raise
_MOODS = ("happy", "sad", "neutral")


def _topics(pool: Pool) -> list[tuple[str, str]]:
    """Return (kind of plot, word) of everything a story can be asked about."""
    things = [word for word in world.THINGS if (word in world.HELD_OUT_TOPICS) == (pool == "test")]
    animals = [word for word in pooled(world.ANIMALS, pool) if word not in ("bear", "seal")]
    people = [who.name for who in pooled(world.PEOPLE, pool)]
    foods = pooled(world.FOODS, pool)
    kinds = (("thing", things), ("animal", animals), ("person", people), ("food", foods))
    return [(kind, word) for kind, words in kinds for word in words]


def story_answer(rng: random.Random, kind: str, word: str, mood: str = "") -> Story:
    """Write a story of three to six sentences about the word."""
    while True:
        # the plot and its end are drawn first, so that no plot ends well more often because it is shorter then
        plot, end = rng.choice(_short_plots(kind)), mood or rng.choice(_MOODS)
        story = _try_story(rng, plot, end, kind, word, tries=100)
        if story:
            return story


@cache
def _short_plots(kind: str) -> tuple[Plot, ...]:
    """Return the plots that can be told shortly with each of the ends, so that none tells the end by its beginning."""
    rng = seeded("short plots", kind)
    word = next(word for of, word in _topics("train") if of == kind)
    kinds = ("animal", "two animals") if kind == "animal" else (kind,)
    return tuple(
        plot for plot in plots_of(kinds) if all(_try_story(rng, plot, end, kind, word, tries=200) for end in _MOODS)
    )


def _try_story(rng: random.Random, plot: Plot, mood: str, kind: str, word: str, tries: int) -> Story | None:
    given = _given(kind, word)
    drawn = (write_story(rng, mood, given=given, plot=plot) for _ in range(tries))
    return next((story for story in drawn if _suits(story.text, word)), None)


def _given(kind: str, word: str) -> dict[str, str]:
    """Return what the slots of a plot must be for a story about the word."""
    if kind == "person":
        who = next(one for one in world.PEOPLE if one.name == word)
        given = {"hero": who.name, "Hero": who.name, "he": who.he, "him": who.him, "his": who.his}
        return given | {"He": capital(who.he), "His": capital(who.his)}
    return {kind: word} | ({"foods": plural(word)} if kind == "food" else {})


def _suits(text: str, word: str) -> bool:
    """Say whether a story is short, comes back to its topic and obeys its rule."""
    is_short = 20 < len(text.split()) <= _MOST_STORY_WORDS
    return is_short and text.lower().count(word.lower()) >= 2 and obeys(Rule("story", (word,)), text)


def _story(rng: random.Random, pool: Pool) -> Task:
    kinds = ("thing", "thing", "thing", "animal", "animal", "person", "food")
    kind = rng.choice(kinds)
    word = rng.choice([word for of, word in _topics(pool) if of == kind])
    if kind == "person":
        who = next(one for one in world.PEOPLE if one.name == word)
        topic = rng.choice((word, f"a {'girl' if who.he == 'she' else 'boy'} called {word}"))
    else:
        topic = with_article(word)
    answers = tuple(story_answer(rng, kind, word).text for _ in range(2))
    return Task("generation", "story", (phrase(rng, "story", topic=topic),), answers, Rule("story", (word,)))


def _friends(rng: random.Random, pool: Pool) -> Task:
    """Two animals meet, as in the brown bear and the seal."""
    one, two = rng.sample([word for kind, word in _topics(pool) if kind == "animal"], 2)
    outing = rng.choice(world.OUTINGS)
    wants = {"animal": one, "animal2": two, "to": f"to the {outing}", "wild": world.at(outing)}
    answers: list[str] = []
    while len(answers) < 2:
        story = write_story(rng, rng.choice((*_MOODS, "happy")), ("two animals",), wants).text
        if obeys(Rule("story", (one, two)), story) and 20 < len(story.split()) <= _MOST_STORY_WORDS:
            answers.append(story)
    first, second = with_article(one), with_article(two)
    asked = phrase(rng, "friends", topic=f"{first} and {second}", first=first, second=second, to=f"to the {outing}")
    words = (one, two) if second in asked else (one,)
    return Task("generation", "friends", (asked,), tuple(answers), Rule("story", words))


def _happening(rng: random.Random, pool: Pool) -> Task:
    things = [word for word in world.THINGS if (word in world.HELD_OUT_TOPICS) == (pool == "test")]
    options = (things, pooled(world.ANIMALS, pool), pooled(world.FOODS, pool))
    slot, words = rng.choice(list(zip(("thing", "animal", "food"), options, strict=True)))
    word = rng.choice(words)
    patterns = [event[1] for event in EVENTS if f"{{{slot}}}" in event[1]]
    answers = tuple(fill(rng, rng.choice(patterns), talk_slots(rng) | {slot: word}) for _ in range(2))
    asked = phrase(rng, "happening", topic=with_article(word), bare=word)
    return Task("generation", "happening", (asked,), answers, Rule("says", (word,)))


def _ideas(rng: random.Random, pool: Pool) -> Task:
    goal = rng.choice(pooled(list(IDEAS), pool))
    many = rng.choice((3, 3, 4, 5))
    answers = []
    for _ in range(2):
        chosen = [capital(expand(rng, idea, talk_slots(rng))) for idea in rng.sample(IDEAS[goal], many)]
        answers.append("\n".join(f"{place}. {idea}." for place, idea in enumerate(chosen, 1)))
    asked = phrase(rng, "ideas", goal=_goal(rng, goal), number=world.NUMBERS[many])
    return Task("brainstorming", "ideas", (asked,), tuple(answers), Rule("ideas", count=many, of=goal))


def _goal(rng: random.Random, goal: str) -> str:
    """Say the goal as it is said to somebody who will answer "you"."""
    return uncapital(expand(rng, goal)).replace("your", "my")


def _members(rng: random.Random, pool: Pool) -> Task:
    kind = rng.choice(pooled(sorted(LISTED), pool))
    many, answers = rng.choice((2, 3, 3, 4)), []
    kinds = plural(kind)
    for _ in range(2):
        chosen = rng.sample(LISTED[kind], many)
        shown = chosen if kind in world.UNCOUNTED else [with_article(item) for item in chosen]
        answers.append(f"{capital(world.NUMBERS[many])} {kinds} are {and_list(shown)}.")
    asked = phrase(rng, "members", number=world.NUMBERS[many], kinds=kinds)
    return Task("brainstorming", "members", (asked,), tuple(answers), Rule("members", count=many, of=kind))


def _chat(rng: random.Random, pool: Pool) -> Task:
    intent = rng.choice(sorted(_INTENTS))
    lines = _INTENTS[intent]
    asks = [line[4:] for line in lines if line.startswith("ask ")]
    # the third wording of each intent is asked in tests only
    options = [asks[2]] if pool == "test" else [*asks[:2], *asks[3:], *MORE_CHAT[intent]]
    answers = [line[4:] for line in lines if line.startswith("say ")]
    wanted = next(line[4:] for line in lines if line.startswith("any "))
    asked = rng.choice(options)
    if rng.random() < 0.4:
        asked = f"{rng.choice(('Hi!', 'Hello!', 'Hello, my friend.', 'Oh.', 'Listen.'))} {asked}"
        asked = asked.replace("Hello! Hello", "Hello").replace("Hi! Hi", "Hi").replace("Hello! Hi", "Hi")
    return Task("chat", "chat", (asked,), tuple(rng.sample(answers, 2)), Rule("any", tuple(wanted.split())))


def _tense(rng: random.Random, pool: Pool) -> Task:
    event = rng.choice(pooled(EVENTS, pool, MORE_EVENTS))
    name, place = rng.choice((("past", 1), ("past", 1), ("future", 2)))
    slots = talk_slots(rng)
    now, changed = (fill(rng, event[part], slots) for part in (0, place))
    return Task("rewrite", name, (phrase(rng, name, s=now),), (changed,), Rule("same", (changed,)))


def _paired(rng: random.Random, name: str, pairs: list[list[str]], more: list[list[str]], pool: Pool) -> Task:
    """Draw a rewrite whose right answers are all the wordings of the second half of a pair."""
    before, after = rng.choice(pooled(pairs, pool, more))
    slots = talk_slots(rng)
    asked = expand(rng, before, slots)
    # enough draws to meet every wording of a pair
    answers = sorted({expand(seeded(name, asked, turn), after, slots) for turn in range(16)})
    return Task("rewrite", name, (phrase(rng, name, s=asked),), tuple(answers), Rule("same", tuple(answers)))


def _polite(rng: random.Random, pool: Pool) -> Task:
    return _paired(rng, "polite", RUDE, MORE_PAIRS["rude"], pool)


def _brighter(rng: random.Random, pool: Pool) -> Task:
    return _paired(rng, "brighter", BRIGHTER, MORE_PAIRS["brighter"], pool)


def _shorter(rng: random.Random, pool: Pool) -> Task:
    patterns = [event for event in pooled_by_name(EVENTS, pool, lambda event: event[1]) if "{n}" in event[1]]
    long, short, names = write_shorter(rng, [event[1] for event in patterns])
    rule = Rule("summary", names, count=1)
    return Task("summarization", "shorter", (phrase(rng, "shorter", s=long),), (short,), rule)


def _story_to_sum_up(rng: random.Random, pool: Pool) -> Story:
    kind, word = rng.choice([(kind, word) for kind, word in _topics(pool) if kind in ("thing", "animal")])
    while True:
        story = story_answer(rng, kind, word)
        if len(story.text.split()) <= 40:
            return story


def _about(rng: random.Random, pool: Pool) -> Task:
    story = _story_to_sum_up(rng, pool)
    about = story.questions[0][1]
    answer = about.replace("It is about", rng.choice(("It is a story about", "It is about", "A story about")))
    rule = Rule("summary", (story.topic,))
    return Task("summarization", "about", (phrase(rng, "about", s=story.text),), (answer, about), rule)


def _title(rng: random.Random, pool: Pool) -> Task:
    story = _story_to_sum_up(rng, pool)
    answer = f"The {story.topic}" if story.topic not in story.title.lower() else story.title
    rule = Rule("summary", (story.topic,))
    return Task("summarization", "title", (phrase(rng, "title", s=story.text),), (answer,), rule)


FAMILIES = (
    Family("generation", "story", 0.72, _story),
    Family("generation", "friends", 0.16, _friends),
    Family("generation", "happening", 0.12, _happening),
    Family("brainstorming", "ideas", 0.5, _ideas),
    Family("brainstorming", "members", 0.5, _members),
    Family("chat", "chat", 1.0, _chat),
    Family("rewrite", "tense", 0.45, _tense),
    Family("rewrite", "polite", 0.3, _polite),
    Family("rewrite", "brighter", 0.25, _brighter),
    Family("summarization", "shorter", 0.4, _shorter),
    Family("summarization", "about", 0.35, _about),
    Family("summarization", "title", 0.25, _title),
)
