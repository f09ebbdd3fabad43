"""Pairs of texts that say the same: copies, past and present, long and short, rude and polite, happier."""

import random

from rlhf_studio.example import world
from rlhf_studio.example.dialogues import talk_slots
from rlhf_studio.example.stories import write_story
from rlhf_studio.example.wording import capital, expand, plural, sections, uncapital, words

_READ = dict(sections("retellings"))
EVENTS = [line.split(" / ") for line in _READ["events"]]
RUDE = [line.split(" => ") for line in _READ["rude"]]
BRIGHTER = [line.split(" => ") for line in _READ["brighter"]]

_TENSE_FORMS = (
    "Today {now}. Yesterday {past} too.",
    "Yesterday {past}. Tomorrow {next} again.",
    "Now {now}. Tomorrow {next}.",
    "Now: {Now}.\nYesterday: {Past}.",
    "Yesterday: {Past}.\nTomorrow: {Next}.",
    "{Past}. {Now} every day.",
    "Now we say: {Now}. About yesterday we say: {Past}. About tomorrow we say: {Next}.",
    '"{Now}." That is today. "{Past}." That was yesterday.',
    'The teacher said: "{Now}. Say it in the past." {n} said: "{Past}."',
)
_RUDE_FORMS = (
    '{n} said: "{one}" That was rude. So {n} said it again: "{two}"',
    "Rude: {one}\nPolite: {two}",
    '"{one}" is not polite. It is better to say: "{two}"',
    'Do not say "{one}" Say "{two}"',
    '"{one}" said {n}. "Say it politely," said {m}. "{two}" said {n}.',
)
_BRIGHTER_FORMS = (
    "{one} No, let us make it happier. {two}",
    "Sad: {one}\nHappy: {two}",
    "First it was like this: {one} Then it became better: {two}",
    "A sad sentence: {one}\nThe same, but happier: {two}",
    '"{one}" said {n}. "Tell it in a happier way," said {m}. "{two}"',
)
_COPY_FORMS = (
    '{n} said: "{s}" {m} said it again: "{s}"',
    '{n} wrote: "{s}" {m} copied it: "{s}" {x} read it aloud: "{s}"',
    "{s}\n{s}",
    "{n}: {s}\n{m}: {s}",
    '{n} asked, "What did {m} say?" {m} said, "{s}" So {n} knew: "{s}"',
    "First line: {s}\nSecond line: {s}",
    '"Say it again," said {n}. {m} said: "{s}" And again: "{s}"',
    "{s} Once more: {s}",
    'The sign says: "{s}" {n} reads: "{s}"',
)
_SHORTER_FORMS = (
    "{long}\nIn short: {past}.",
    "{long} In one sentence: {past}.",
    "Short: {past}.\nLong: {long}",
    "Long: {long}\nShort: {past}.",
    "{past}. That is the short story. Here is the long one. {long}",
    "{long} What happened? {past}.",
    '"{long}" said {n}. "Please make it shorter," said {m}. "{past}."',
)
_EXTRAS = (
    "[It was a grey and quiet morning|The day was long and warm|It was early on {day}|It was a fine evening].",
    "[The sun was shining|A soft wind came from the hills|The streets were still empty|The leaves were falling].",
    "[Nobody said anything|Some birds were singing|The clock struck {number}|Far away a dog barked].",
    "[It took a long time|It was not easy|It went quite fast|That was what {x} had asked for].",
)


def tenses_document(rng: random.Random) -> str:
    """The same event now, yesterday and tomorrow."""
    form = rng.choice(_TENSE_FORMS)
    lines = []
    for event in rng.sample(EVENTS, rng.choice((2, 3, 3))):
        slots = talk_slots(rng)
        now, past, then = (expand(rng, part, slots) for part in event)
        inside = {"now": _inside(now), "past": _inside(past), "next": _inside(then)}
        lines.append(form.format(**inside, Now=now, Past=past, Next=then, n=slots["x"]))
    return "\n".join(lines)


def _inside(clause: str) -> str:
    """Undo the capital of a clause that will stand inside a sentence, unless it begins with a name."""
    return uncapital(clause) if clause.startswith("The ") else clause


def manners_document(rng: random.Random) -> str:
    """The same wish rude and polite, or the same event sad and happy."""
    pairs, frames = rng.choice(((RUDE, _RUDE_FORMS), (BRIGHTER, _BRIGHTER_FORMS)))
    frame = rng.choice(frames)
    lines = []
    for pair in rng.sample(pairs, rng.choice((2, 2, 3))):
        slots, speakers = talk_slots(rng), world.pick_people(rng, 2)
        one, two = (expand(rng, part, slots) for part in pair)
        if '{one}" said {n}' in frame and one.endswith("."):
            one = one[:-1] + ","
        lines.append(frame.format(one=one, two=two, n=speakers[0].name, m=speakers[1].name))
    return "\n".join(lines)


def write_shorter(rng: random.Random, patterns: list[str]) -> tuple[str, str, tuple[str, ...]]:
    """Write an event at length and in one sentence, with the name that a short form must keep."""
    slots = talk_slots(rng) | {"day": rng.choice(world.KINDS["day of the week"])}
    past = expand(rng, rng.choice(patterns), slots)
    before, after, later = (expand(rng, extra, slots) for extra in rng.sample(_EXTRAS, 3))
    long = f"{before} {past}. {after}" + (f" {later}" if rng.random() < 0.3 else "")
    return long, f"{past}.", (slots["n"],)


def shorter_document(rng: random.Random) -> str:
    """One event told at length, then in one short sentence (or the other way round)."""
    long, past, _ = write_shorter(rng, [event[1] for event in EVENTS])
    form = rng.choice(_SHORTER_FORMS)
    if 'long}" said' in form:
        long = long[:-1] + ","
    one, two = (who.name for who in world.pick_people(rng, 2))
    return form.format(long=long, past=past[:-1], n=one, m=two)


def copy_document(rng: random.Random) -> str:
    """Somebody says something and somebody says exactly the same again."""
    sentence = expand(rng, rng.choice(EVENTS)[rng.randrange(3)] + ".", talk_slots(rng))
    if rng.random() < 0.4:
        sentence = " ".join([sentence, expand(rng, rng.choice(EVENTS)[1] + ".", talk_slots(rng))])
    one, two, three = (who.name for who in world.pick_people(rng, 3))
    return rng.choice(_COPY_FORMS).format(n=one, m=two, x=three, s=sentence)


def twice_document(rng: random.Random) -> str:
    """A short story told by one person and told again by another in the same words."""
    story = write_story(rng, kinds=("food", "two animals", "animal"))
    sentences = [part for part in story.text.split(". ")[:3] if '"' not in part]
    text = ". ".join(sentences).rstrip(".") + "."
    one, two = (who.name for who in world.pick_people(rng, 2))
    return f"{one} told a story. {text}\n{two} told the same story. {text}"


_COMMON = words(
    "time day way year work water house road hand eye night door face side head word line morning light air fire sun "
    "rain wind snow tree leaf grass sea river hill good new first last long great little own other old right big high "
    "small next early young few public bad same able see go come take know get give find think tell become show leave "
    "feel put bring begin keep hold write stand hear let mean set meet run pay sit speak lie lead read grow lose fall "
    "send build stay open walk win buy sing very quite soon often never always here there now then up down under over "
    "after before between with from about because again"
)
_ANY_WORD = [
    *_COMMON, *world.THINGS, *world.ANIMALS, *world.FOODS, *world.COLOURS, *world.GIRLS, *world.BOYS, *world.PLACES,
]  # fmt: skip


def repeat_document(rng: random.Random) -> str:
    """Uniformly random words, then the same words again: the curriculum from which copying emerges."""
    row = rng.choices(_ANY_WORD, k=rng.randint(3, 20))
    times = 2 if len(row) > 12 else rng.choice((2, 3, 4))
    joiner = rng.choice((" ", "\n", ". ", ", "))
    return joiner.join([" ".join(row)] * times) + ("." if joiner == ". " else "")


def counted_document(rng: random.Random) -> str:
    """Somebody has some, gets or loses some, and how many there are then."""
    lines = []
    for _ in range(rng.choice((1, 2, 3))):
        who, pal = world.pick_people(rng, 2)
        noun = rng.choice(world.FOODS + world.THINGS)
        first, change = rng.randint(2, 7), rng.randint(1, 5)
        gain = rng.random() < 0.6 or change >= first
        total = first + change if gain else first - change
        many, more, left = (world.NUMBERS[number] for number in (first, change, total))
        gets, gives = f"{pal.name} gives {who.him} {more} more", f"{capital(who.he)} gives {more} to {pal.name}"
        shown = noun if total == 1 else plural(noun)
        lines.append(
            f"{who.name} has {many} {plural(noun)}. {gets if gain else gives}. Now {who.name} has {left} {shown}."
        )
    return "\n".join(lines)
