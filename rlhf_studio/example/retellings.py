"""Pairs of texts that say the same: copies, past and present, long and short, rude and polite, happier."""

import random

from rlhf_studio.example import world
from rlhf_studio.example.dialogues import talk_slots
from rlhf_studio.example.stories import write_story
from rlhf_studio.example.wording import capital, expand, plural, words

# (now, yesterday, tomorrow)
_EVENTS = (
    ("{n} walks {to}", "{n} walked {to}", "{n} will walk {to}"),
    ("{n} eats a {food}", "{n} ate a {food}", "{n} will eat a {food}"),
    ("{n} buys a {colour} {thing}", "{n} bought a {colour} {thing}", "{n} will buy a {colour} {thing}"),
    ("{n} sees a {animal} {place}", "{n} saw a {animal} {place}", "{n} will see a {animal} {place}"),
    ("{n} reads a book {place}", "{n} read a book {place}", "{n} will read a book {place}"),
    ("{n} gives {m} a {thing}", "{n} gave {m} a {thing}", "{n} will give {m} a {thing}"),
    ("{n} drinks {drink} with {m}", "{n} drank {drink} with {m}", "{n} will drink {drink} with {m}"),
    ("{n} finds the {thing} {place}", "{n} found the {thing} {place}", "{n} will find the {thing} {place}"),
    ("{n} makes {meal} for {m}", "{n} made {meal} for {m}", "{n} will make {meal} for {m}"),
    ("{n} sings a song for {m}", "{n} sang a song for {m}", "{n} will sing a song for {m}"),
    ("{n} is {place}", "{n} was {place}", "{n} will be {place}"),
    ("{n} has a {colour} {thing}", "{n} had a {colour} {thing}", "{n} will have a {colour} {thing}"),
    ("the {animal} sleeps {place}", "the {animal} slept {place}", "the {animal} will sleep {place}"),
    ("the {animal} runs {to}", "the {animal} ran {to}", "the {animal} will run {to}"),
    ("{n} writes a letter to {m}", "{n} wrote a letter to {m}", "{n} will write a letter to {m}"),
    ("{n} loses the {thing}", "{n} lost the {thing}", "{n} will lose the {thing}"),
    ("{n} plays with {m} {place}", "{n} played with {m} {place}", "{n} will play with {m} {place}"),
)  # fmt: skip
_RUDE = (
    ("Give me the {thing}!", "[Could you please give me the {thing}?|Please give me the {thing}.]"),
    ("Go away!", "[Could you please leave?|Please leave me alone for a while.]"),
    ("Open the {door}!", "[Could you please open the {door}?|Please open the {door}.]"),
    ("I want {meal}!", "[May I have some {meal}, please?|I would like some {meal}, please.]"),
    ("Bring me a {food}!", "[Could you please bring me a {food}?|Please bring me a {food}.]"),
    ("Be quiet!", "[Could you please be quiet?|Please be quiet.]"),
    ("Come here!", "[Could you please come here?|Please come here.]"),
    ("What do you want?", "[How can I help you?|What can I do for you?]"),
    ("Your {thing} is ugly.", "[I do not like your {thing} so much.|Your {thing} is not quite my taste.]"),
    ("Help me with the {thing}!", "[Could you please help me with the {thing}?|Please help me with the {thing}.]"),
    ("Shut the {door}!", "[Could you please shut the {door}?|Please shut the {door}.]"),
    ("Wait!", "[Could you please wait?|Please wait a moment.]"),
)  # fmt: skip
_BRIGHTER = (
    ("{n} lost the {thing} and cried.", "{n} found the {thing} and laughed."),
    ("{n} was sad {place}.", "{n} was happy {place}."),
    ("Nobody came to see {n}.", "Everybody came to see {n}."),
    ("{n} sat alone {place}.", "{n} sat {place} with {m}."),
    ("The {meal} was bad.", "The {meal} was very good."),
    ("{n} broke the {thing}.", "{n} mended the {thing}."),
    ("It was a dark and rainy day.", "It was a bright and sunny day."),
    ("{n} and {m} quarrelled about the {thing}.", "{n} and {m} shared the {thing}."),
    ("The {animal} ran away from {n}.", "The {animal} came back to {n}."),
    ("{n} did not like the {thing}.", "{n} loved the {thing}."),
)  # fmt: skip


def event_slots(rng: random.Random) -> dict[str, str]:
    """Draw what an event may mention."""
    return talk_slots(rng) | {
        "animal": rng.choice(world.ANIMALS),
        "door": rng.choice(("door", "window", "box", "gate")),
    }


def tenses_document(rng: random.Random) -> str:
    """The same event now, yesterday and tomorrow."""
    form = rng.choice((
        "Today {now}. Yesterday {past} too.", "Yesterday {past}. Tomorrow {next} again.", "Now {now}. Tomorrow {next}.",
        "Now: {Now}.\nYesterday: {Past}.", "Yesterday: {Past}.\nTomorrow: {Next}.", "{Past}. {Now} every day.",
        "Now we say: {Now}. About yesterday we say: {Past}. About tomorrow we say: {Next}.",
    ))  # fmt: skip
    lines = []
    for event in rng.sample(_EVENTS, rng.choice((2, 3, 3))):
        slots = event_slots(rng)
        now, past, then = (expand(rng, part, slots) for part in event)
        slotted = {
            "now": _inside(now),
            "past": _inside(past),
            "next": _inside(then),
            "Now": now,
            "Past": past,
            "Next": then,
        }
        lines.append(form.format(**slotted))
    return "\n".join(lines)


def _inside(clause: str) -> str:
    """Undo the capital of a clause that will stand inside a sentence, unless it begins with a name."""
    return clause[0].lower() + clause[1:] if clause.startswith("The ") else clause


def manners_document(rng: random.Random) -> str:
    """The same wish rude and polite, or the same event sad and happy."""
    pairs, frames = rng.choice((
        (_RUDE, ('{n} said: "{one}" That was rude. So {n} said it again: "{two}"', "Rude: {one}\nPolite: {two}",
                 '"{one}" is not polite. It is better to say: "{two}"', 'Do not say "{one}" Say "{two}"')),
        (_BRIGHTER, ("{one} No, let us make it happier. {two}", "Sad: {one}\nHappy: {two}", "First it was like this: {one} "
                     "Then it became better: {two}", "A sad sentence: {one}\nThe same, but happier: {two}")),
    ))  # fmt: skip
    frame = rng.choice(frames)
    lines = []
    for one, two in rng.sample(pairs, rng.choice((2, 2, 3))):
        slots = event_slots(rng)
        lines.append(frame.format(one=expand(rng, one, slots), two=expand(rng, two, slots), n=slots["n"]))
    return "\n".join(lines)


def shorter_document(rng: random.Random) -> str:
    """One event told at length, then in one short sentence (or the other way round)."""
    slots = event_slots(rng)
    past = expand(rng, rng.choice(_EVENTS)[1], slots)
    extras = rng.sample((
        "[It was a {colour2} and quiet morning|The day was long and warm|It was early on {day}].",
        "[The sun was shining|A soft wind came from the hills|The streets were still empty].",
        "[Nobody said anything|Some birds were singing|The clock struck {number}].",
        "[It took a long time|It was not easy|It went quite fast].",
    ), 2)  # fmt: skip
    slots |= {"colour2": "grey", "day": rng.choice(world.KINDS["day of the week"])}
    before, after = (expand(rng, extra, slots) for extra in extras)
    long = f"{before} {past}. {after}"
    return rng.choice((
        f"{long}\nIn short: {past}.", f"{long} In one sentence: {past}.", f"Short: {past}.\nLong: {long}",
        f"Long: {long}\nShort: {past}.", f"{past}. That is the short story. Here is the long one. {long}",
        f"{long} What happened? {past}.",
    ))  # fmt: skip


def copy_document(rng: random.Random) -> str:
    """Somebody says something and somebody says exactly the same again."""
    slots = event_slots(rng)
    sentence = expand(rng, rng.choice(_EVENTS)[rng.randrange(3)] + ".", slots)
    if rng.random() < 0.4:
        sentence = " ".join([sentence, expand(rng, rng.choice(_EVENTS)[1] + ".", event_slots(rng))])
    one, two, three = (who.name for who in world.pick_people(rng, 3))
    frame = rng.choice((
        '{a} said: "{s}" {b} said it again: "{s}"', '{a} wrote: "{s}" {b} copied it: "{s}" {c} read it aloud: "{s}"',
        "{s}\n{s}", "{a}: {s}\n{b}: {s}", '{a} asked, "What did {b} say?" {b} said, "{s}" So {a} knew: "{s}"',
        "First line: {s}\nSecond line: {s}", '"Say it again," said {a}. {b} said: "{s}" And again: "{s}"', "{s} Once more: {s}",
        'The sign says: "{s}" {a} reads: "{s}"',
    ))  # fmt: skip
    return frame.format(a=one, b=two, c=three, s=sentence)


def twice_document(rng: random.Random) -> str:
    """A short story told by one person and told again by another in the same words."""
    story = write_story(rng, kinds=("food", "two animals"))
    sentences = story.text.split(". ")[:3]
    text = ". ".join(sentences).rstrip(".") + "."
    if text.count('"') % 2:
        text = sentences[0].rstrip(".") + "."
    one, two = (who.name for who in world.pick_people(rng, 2))
    return f"{one} told a story. {text}\n{two} told the same story. {text}"


_COMMON = words("time day way year work water house road hand eye night door face side head word line morning light air fire "
           "sun rain wind snow tree leaf grass sea river hill good new first last long great little own other old right "
           "big high small next early young few public bad same able see go come take know get give find think tell "
           "become show leave feel put bring begin keep hold write stand hear let mean set meet run pay sit speak lie "
           "lead read grow lose fall send build stay open walk win buy sing very quite soon often never always here there "
           "now then up down under over after before between with from about because again")  # fmt: skip


def repeat_document(rng: random.Random) -> str:
    """Uniformly random words, then the same words again: the curriculum from which copying emerges."""
    pool = [
        *_COMMON,
        *world.THINGS,
        *world.ANIMALS,
        *world.FOODS,
        *world.COLOURS,
        *world.GIRLS,
        *world.BOYS,
        *world.PLACES,
    ]
    row = rng.choices(pool, k=rng.randint(3, 20))
    times = 2 if len(row) > 12 else rng.choice((2, 3, 4))
    line, joiner = " ".join(row), rng.choice((" ", "\n", ". ", ", "))
    return joiner.join([line] * times) + ("." if joiner == ". " else "")


def counted_document(rng: random.Random) -> str:
    """Somebody has some, gets or loses some, and how many there are then."""
    lines = []
    for _ in range(rng.choice((1, 2, 3))):
        who, pal = world.pick_people(rng, 2)
        thing = plural(rng.choice(world.FOODS + world.THINGS))
        first, change = rng.randint(2, 7), rng.randint(1, 5)
        gain = rng.random() < 0.6 or change >= first
        total = first + change if gain else first - change
        many, more, left = world.NUMBERS[first], world.NUMBERS[change], world.NUMBERS[total]
        step = f"{pal.name} gives {who.him} {more} more" if gain else f"{capital(who.he)} gives {more} to {pal.name}"
        few = thing if total != 1 else ""
        lines.append(f"{who.name} has {many} {thing}. {step}. Now {who.name} has {left}{' ' + few if few else ''}.")
    return "\n".join(lines)
