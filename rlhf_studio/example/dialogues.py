"""Short documents of the everyday kind: facts in prose, dialogues, lists, moods, ideas, copies and retellings."""

import random

from rlhf_studio.example import world
from rlhf_studio.example.facts import FACTS, Fact
from rlhf_studio.example.stories import write_story
from rlhf_studio.example.wording import and_list, capital, expand, plural, tidy, uncapital, with_article

_FACT_PROSE = (
    "{F}.", "{F}.", '"{F}," said {n}.', '"{F}," {n} told {m}.', "{n} knows that {f}.", "{n} learned at school that {f}.",
    "The teacher said that {f}.", "Everybody knows that {f}.", "{n} read in a book that {f}.", "It is true that {f}.",
    '{n} said to {m}: "{F}."', "In the book it says that {f}.", "My [mother|father|friend] told me that {f}.",
    "Do you know that {f}?", '"Is it true that {f}?" asked {n}. "Yes, {f}," said {m}.', "I know that {f}.",
)  # fmt: skip
_FACT_TALK = (
    '"{Q}" asked {n}. "{F}," said {m}.', '"{Q}" {n} asked. {m} said, "{A}."', '{n} asked {m}, "{Q}" "{F}," said {m}.',
    "{Q} {F}.", "{Q} {A}.", "{n}: {Q}\n{m}: {A}.", "{n}: {Q}\n{m}: {F}.", '"{Q}" asked the teacher. "{A}," said {n}.',
    '{n} did not know the answer: {Q} {m} knew it. {F}.', '"I have a question," said {n}. "{Q}" "{F}," said {m}.',
)  # fmt: skip


def say_fact(rng: random.Random, fact: Fact, frames: tuple[str, ...]) -> str:
    """Put one fact into a frame of prose or talk."""
    one, two = world.pick_people(rng, 2)
    clause = rng.choice(fact.statements)
    slots = {"f": clause, "F": capital(clause), "Q": rng.choice(fact.questions), "A": capital(fact.answer)}
    return expand(rng, rng.choice(frames), slots | {"n": one.name, "m": two.name})


def facts_document(rng: random.Random) -> str:
    """Two to five facts in prose, half of the documents about one relation."""
    first = rng.choice(FACTS)
    same = [fact for fact in FACTS if fact.relation == first.relation]
    pool = same if rng.random() < 0.5 else list(FACTS)
    return " ".join(say_fact(rng, fact, _FACT_PROSE) for fact in [first, *rng.sample(pool, rng.choice((1, 2, 3, 4)))])


def questions_document(rng: random.Random) -> str:
    """Two to four questions about facts with their answers."""
    frame = (rng.choice(_FACT_TALK),) if rng.random() < 0.5 else _FACT_TALK
    return "\n".join(say_fact(rng, fact, frame) for fact in rng.sample(FACTS, rng.choice((2, 3, 3, 4))))


_CLAIMS = [
    fact for fact in FACTS if fact.relation in ("colour", "capital", "kind", "legs") and "orange" not in fact.subject
]


def true_or_false_document(rng: random.Random) -> str:
    """Is it so? Yes, or no and how it is."""
    lines = []
    for fact in rng.sample(_CLAIMS, 3):
        answers = sorted({other.answer for other in FACTS if other.relation == fact.relation})
        said = fact.answer if rng.random() < 0.5 else rng.choice(answers)
        claim = fact.statements[0].replace(fact.answer, said)
        reply = f"Yes, {fact.statements[0]}." if said == fact.answer else f"No, {fact.statements[0]}."
        lines.append(tidy(f"{rng.choice(('Is it true that', 'Is it right that'))} {claim}? {reply}"))
    return "\n".join(lines)


_OPENERS = (
    ("[Hello|Hi|Good morning|Good evening], {m}. How are you[ today|]?", "I am [fine|well|very well|happy today], thank you. And you?"),
    ("[Hello|Hi], {m}. What are you doing?", "I am [reading a book|cooking {meal}|painting a {thing}|looking for my {thing}]."),
    ("Can you help me, {m}? I cannot find my {thing}.", "Yes, of course. [It is {place}|Let us look {place}]."),
    ("I am [tired|hungry|cold|sad] today.", "[I am sorry to hear that|Oh, I am sorry]. [Sit down and rest|Have some {meal}|Let us go home]."),
    ("[May I|Can I] have [some {meal}|a {food}|a cup of {drink}], please?", "[Yes, here you are|Of course, here you are|Sorry, there is none left]."),
    ("What [did you do yesterday|have you done today], {m}?", "I [went {to}|stayed at home|met a friend {place}|made {meal}]."),
    ("Do you like {foods}?", "[Yes, I like {foods} very much|No, I do not like {foods}, but I like {meal}]."),
    ("Where are you going?", "I am going {to}. [Do you want to come?|Come with me.]"),
    ("What is your name?", "My name is {m}. [Nice to meet you|I am new here]."),
    ("Thank you for the {thing}.", "[You are welcome|It was nothing|I am glad you like it]."),
    ("What time is it?", "It is {number} o'clock. [We must go|There is time for tea|It is late]."),
    ("I have a new {thing}. It is {colour}.", "[How nice|That is lovely]! [May I see it|Where did you buy it]?"),
    ("I lost my {thing} {place}.", "[Oh no|That is a pity]. [I will help you to look for it.|Was it the {colour} one?]"),
)  # fmt: skip
_CLOSERS = (
    ("[Goodbye|See you|Bye], {m}.", "[Goodbye|See you tomorrow|Have a nice day], {n}."),
    ("[Thank you|Thank you very much|Thanks].", "[You are welcome|My pleasure|Not at all]."),
    ("[I must go now|It is late].", "[All right. Goodbye|See you soon|Sleep well]."),
    ("That is [good|kind of you|a good idea].", "[I think so too|Yes, it is]."),
)


def talk_slots(rng: random.Random) -> dict[str, str]:
    """Draw what a dialogue may mention."""
    one, two = world.pick_people(rng, 2)
    food = rng.choice(world.FOODS)
    return {
        "n": one.name, "m": two.name, "food": food, "foods": plural(food), "meal": rng.choice(world.MEALS),
        "drink": rng.choice(world.DRINKS), "thing": rng.choice(world.THINGS), "colour": rng.choice(world.COLOURS),
        "place": world.at(rng.choice(world.PLACES)), "to": f"to the {rng.choice(world.OUTINGS)}",
        "number": rng.choice(world.NUMBERS[1:13]),
    }  # fmt: skip


def dialogue_document(rng: random.Random) -> str:
    """Two people talk: one asks, the other answers."""
    slots = talk_slots(rng)
    pairs = [*rng.sample(_OPENERS, rng.choice((1, 2, 2, 3))), rng.choice(_CLOSERS)]
    marks = ("A", "B") if rng.random() < 0.3 else (slots["n"], slots["m"])
    spoken = rng.random() < 0.35
    lines = []
    for ask, answer in pairs:
        one, two = expand(rng, ask, slots), expand(rng, answer, slots)
        if spoken:
            comma = two[:-1] + "," if two.endswith(".") else two
            verb = "asked" if one.endswith("?") else "said"
            one = one[:-1] + "," if one.endswith(".") else one
            lines.append(f'"{one}" {verb} {slots["n"]}. "{comma}" said {slots["m"]}.')
        else:
            lines += [f"{marks[0]}: {one}", f"{marks[1]}: {two}"]
    return "\n".join(lines)


def list_document(rng: random.Random) -> str:
    """Lists of things of one kind, in several forms."""
    lines = []
    for kind in rng.sample(sorted(KINDS_FOR_LISTS), rng.choice((1, 2, 3))):
        many = rng.choice((2, 3, 3, 4, 5))
        items = rng.sample(KINDS_FOR_LISTS[kind], many)
        shown = items if kind in world.UNCOUNTED else [with_article(item) for item in items]
        lines.append(tidy(rng.choice(_list_forms(rng, kind, many, items, shown))))
    return "\n".join(lines)


KINDS_FOR_LISTS = {kind: list(members) for kind, members in world.KINDS.items() if len(members) >= 6}


def _list_forms(rng: random.Random, kind: str, many: int, items: list[str], shown: list[str]) -> list[str]:
    number, kinds = world.NUMBERS[many], _plural_kind(kind)
    who = rng.choice(world.PEOPLE)
    rows = [f"{place}. {capital(item)}" for place, item in enumerate(items, 1)]
    return [
        f"{number} {kinds} are {and_list(shown)}.",
        f"{who.name} knows {number} {kinds}: {', '.join(items)}.",
        f"Here are {number} {kinds}: {and_list(shown)}.",
        f"{number} {kinds}:\n" + "\n".join(rows),
        f"{kinds}: {', '.join(items)}.",
        f'"Can you name {number} {kinds}?" asked {who.name}. "Yes: {and_list(shown)}."',
        f"{who.name} wrote a list of {kinds}: {', '.join(items)}.",
        f"Which {kinds} do you know? I know {and_list(shown)}.",
    ]


def _plural_kind(kind: str) -> str:
    head, of, tail = kind.partition(" of ")
    return f"{plural(head)}{of}{tail}"


def kinds_document(rng: random.Random) -> str:
    """What kind of thing something is, and what does not belong."""
    lines = []
    for _ in range(rng.choice((2, 3, 4))):
        kind, other = rng.sample(sorted(KINDS_FOR_LISTS), 2)
        pool = [word for word in KINDS_FOR_LISTS[kind] if word not in KINDS_FOR_LISTS[other]]
        item, second, third = rng.sample(pool, 3)
        odd = rng.choice([word for word in KINDS_FOR_LISTS[other] if word not in KINDS_FOR_LISTS[kind]])
        form = rng.choice((
            "{item}: {kind}. {second}: {kind}. {odd}: {other}.", "{item} belongs to the {kinds}, {odd} belongs to the {others}.",
            "Is {item} one of the {kinds} or one of the {others}? It is one of the {kinds}.",
            "{item}, {second}, {odd}: which word does not fit? {odd}. The others are {kinds}.",
            "{item} and {third} are {kinds}, but {odd} is not.", "{item}, {second} and {third} are all {kinds}.",
        ))  # fmt: skip
        words = {"item": item, "second": second, "third": third, "odd": odd, "kind": kind, "other": other}
        lines.append(tidy(capital(form.format(**words, kinds=_plural_kind(kind), others=_plural_kind(other)))))
    return "\n".join(lines)


_MOOD_SENTENCES = {
    "happy": ("{n} won a prize.", "{n} got a letter from a good friend.", "{n} laughed and danced {place}.",
              "{n} found the lost {thing}.", "Everybody came to the party of {n}.", "{n} got a new {thing}.",
              "{n} smiled at everybody.", "{n} passed the test.", "The cake was wonderful.", "{n} sang a merry song."),
    "sad": ("{n} lost the {thing}.", "{n} cried {place}.", "Nobody came to the party of {n}.", "The {thing} of {n} broke.",
            "{n} missed the last bus.", "{n} sat alone {place}.", "The {animal} of {n} ran away.", "{n} failed the test.",
            "{n} had nobody to play with.", "It rained on the birthday of {n}."),
    "angry": ("{n} shouted at {m}.", "{n} threw the {thing} on the floor.", "{n} slammed the door.",
              "{n} did not want to talk to {m} any more.", '"Give it back!" shouted {n}.', "{n} kicked the {thing}."),
}  # fmt: skip


def mood_document(rng: random.Random) -> str:
    """How somebody feels, told by what happens."""
    lines = []
    for _ in range(rng.choice((2, 3, 4))):
        mood = rng.choice(sorted(_MOOD_SENTENCES))
        slots = talk_slots(rng) | {"animal": rng.choice(world.PETS), "mood": mood}
        event = expand(rng, rng.choice(_MOOD_SENTENCES[mood]), slots)
        who = next(one for one in world.PEOPLE if one.name == slots["n"])
        forms = ("{e} {n} is {mood}.", "{e} {He} was {mood}.", "{e} That is a {mood} sentence.", "{e} How does {n} feel? {He} feels {mood}.",
                 "{mood}: {e}", "{e} The mood is {mood}.", '"{b}" Is this happy or sad? It is {mood}.')  # fmt: skip
        form = rng.choice(forms if mood != "angry" else forms[:-1])
        if slots["n"] not in event and "{n}" in form:
            form = forms[2]
        lines.append(tidy(capital(form.format(e=event, b=event, He=capital(who.he), **slots))))
    return "\n".join(lines)


_IDEAS = {
    "[stay healthy|feel well|live a healthy life]": (
        "eat [fruit|vegetables|fresh food]", "drink [water|enough water]", "sleep [well|eight hours]", "walk every day",
        "go to bed early", "wash your hands", "swim or run", "ride a bike", "laugh often", "spend time outside"),
    "[enjoy your job again|be excited about your work|find new joy in your career|like your work more]": (
        "learn something new", "talk to your colleagues", "set a small goal", "ask for a new task", "take a short break",
        "help a colleague", "write down what you like", "try a new project", "find a mentor", "celebrate small successes"),
    "[make a friend happy|cheer up a friend]": (
        "write a letter", "bake a cake", "give a small present", "call {m}", "listen well", "cook {meal}", "tell a joke",
        "go for a walk together", "say something kind", "sing a song"),
    "[spend a rainy day|pass the time on a rainy day]": (
        "read a book", "paint a picture", "play a game", "bake bread", "write a story", "make music", "watch a film",
        "tidy the room", "do a puzzle", "call a friend"),
    "[learn a language|learn new words|get better at a language]": (
        "read every day", "talk to people", "listen to songs", "write a diary", "learn five words a day", "watch films",
        "make little cards", "repeat the words", "travel to the country", "play word games"),
    "[save money|spend less money]": (
        "cook at home", "walk and leave the car", "buy only what you need", "mend old things", "make a plan",
        "turn off the lights", "compare prices", "sell what you do not need", "use the library", "drink tap water"),
    "[help at home|help your family]": (
        "wash the plates", "clean the kitchen", "feed the {pet}", "water the flowers", "carry the bags", "make the beds",
        "cook {meal}", "sweep the floor", "take out the rubbish", "set the table"),
    "[have a good party|plan a birthday party|make a party fun]": (
        "invite friends", "bake a cake", "play music", "hang up balloons", "plan some games", "make lemonade",
        "dance together", "sing songs", "light candles", "take pictures"),
    "[sleep better|sleep well]": (
        "go to bed early", "turn off the phone", "read a quiet book", "open the window", "drink warm milk",
        "take a warm bath", "do not eat late", "walk in the evening", "keep the room dark", "breathe slowly"),
    "[protect nature|help the Earth]": (
        "plant a tree", "ride a bike", "save water", "turn off the lights", "pick up rubbish", "buy less",
        "mend old things", "take the bus", "eat more vegetables", "use a bag again"),
}  # fmt: skip


def ideas_document(rng: random.Random) -> str:
    """Ways to reach something, as a paragraph or as a numbered list."""
    goal = rng.choice(sorted(_IDEAS))
    slots = talk_slots(rng) | {"pet": rng.choice(world.PETS)}
    many = rng.choice((3, 4, 5))
    ideas = [uncapital(expand(rng, idea, slots)) for idea in rng.sample(_IDEAS[goal], many)]
    slots |= {"goal": uncapital(expand(rng, goal)), "number": world.NUMBERS[many], "all": and_list(ideas)}
    form = rng.random()
    if form < 0.4:
        heads = "{number} ways to {goal}:|How to {goal}:|Ideas to {goal}:|{n} wrote down {number} ways to {goal}:"
        rows = [f"{place}. {capital(idea)}." for place, idea in enumerate(ideas, 1)]
        return "\n".join([expand(rng, f"[{heads}]", slots), *rows])
    if form < 0.7:
        short = "To {goal}, {all}.|If you want to {goal}, {all}.|{n} has {number} ideas to {goal}: {all}."
        return expand(rng, f"[{short}]", slots)
    starters = ("First, ", "Then ", "Also ", "Next, ", "Last, ")
    linked = " ".join(
        expand(rng, f"[You can|You could|It helps to|Try to|It is good to|{starter}] {idea}.")
        for starter, idea in zip(starters, ideas, strict=False)
    )
    opening = "How can we {goal}?|There are many ways to {goal}.|{n} wants to {goal}."
    return f"{expand(rng, f'[{opening}]', slots)} {linked}"


def story_document(rng: random.Random) -> str:
    """A story alone."""
    return write_story(rng).text


def titled_document(rng: random.Random) -> str:
    """A story with its title before or after, or with a short summary."""
    story = write_story(rng)
    return rng.choice((
        f"{story.title}\n{story.text}", f"{story.title}.\n{story.text}", f"{story.text}\nThe title of the story is: {story.title}",
        f"{story.text}\nIn short: {story.summary}", f"{story.text}\n{story.summary}", f"{story.summary}\n{story.text}",
        f"{story.text}\nThe story has a {story.mood} end." if story.mood != "neutral" else f"{story.text}\nThe end.",
    ))  # fmt: skip
