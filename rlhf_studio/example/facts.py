"""The closed list of facts: relations with their wordings, then single facts written out."""

from dataclasses import dataclass

from rlhf_studio.example.wording import expand, seeded, with_article
from rlhf_studio.example.world import KINDS, NUMBERS, UNCOUNTED


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that is always true in this world.

    statements are clauses without capital and full stop; questions have both; answer is the bare answer.
    """

    relation: str
    subject: str
    answer: str
    statements: tuple[str, ...]
    questions: tuple[str, ...]


def _pairs(text: str) -> list[tuple[str, str]]:
    """Read "subject=object, subject=object"."""
    return [(left.strip(), right.strip()) for left, right in (item.split("=") for item in text.split(","))]


_CAPITALS = """France=Paris, Italy=Rome, Spain=Madrid, England=London, Germany=Berlin, Japan=Tokyo, China=Beijing,
Egypt=Cairo, Norway=Oslo, Sweden=Stockholm, Austria=Vienna, Greece=Athens, Portugal=Lisbon, Ireland=Dublin,
Scotland=Edinburgh, Poland=Warsaw, Russia=Moscow, Hungary=Budapest, Finland=Helsinki, Denmark=Copenhagen,
Canada=Ottawa, Cuba=Havana, Peru=Lima, Kenya=Nairobi, India=New Delhi, Turkey=Ankara, Belgium=Brussels,
Mexico=Mexico City, Argentina=Buenos Aires, Australia=Canberra"""
_COLOURS = """the sky=blue, grass=green, snow=white, blood=red, coal=black, a banana=yellow, a lemon=yellow, milk=white,
a carrot=orange, an orange=orange, the sun=yellow, a frog=green, an elephant=grey, a crow=black, a polar bear=white,
chocolate=brown, a tomato=red, a cherry=red, a strawberry=red, the sea=blue, a leaf in summer=green, a pea=green,
a swan=white, a violet=purple, salt=white, the night=black, a pumpkin=orange, a mouse=grey, honey=yellow, rice=white"""
_SOUNDS = """a dog=barks, a cat=meows, a cow=moos, a duck=quacks, a sheep=bleats, a pig=grunts, a lion=roars,
a bee=buzzes, a snake=hisses, a wolf=howls, a horse=neighs, an owl=hoots, a frog=croaks, a mouse=squeaks, a bear=growls,
a rooster=crows, a bird=sings, a goose=honks"""
_LEGS = """a dog=four, a cat=four, a cow=four, a horse=four, a bear=four, a lion=four, a frog=four, a mouse=four,
a pig=four, an elephant=four, a hen=two, a duck=two, an owl=two, a person=two, a penguin=two, a bee=six, an ant=six,
a fly=six, a beetle=six, a spider=eight, a snake=no, a fish=no, a worm=no, a whale=no"""
_OPPOSITES = """hot=cold, big=small, up=down, happy=sad, fast=slow, old=young, day=night, open=closed, full=empty,
wet=dry, light=dark, long=short, high=low, hard=soft, good=bad, rich=poor, strong=weak, loud=quiet, early=late,
clean=dirty, left=right, near=far, yes=no, black=white, first=last, thick=thin, sweet=sour, true=false, inside=outside,
in=out, on=off, wide=narrow, deep=shallow, easy=difficult, push=pull, begin=end, win=lose, love=hate,
war=peace"""
_BABIES = """cat=kitten, dog=puppy, cow=calf, horse=foal, sheep=lamb, duck=duckling, hen=chick, pig=piglet, bear=cub,
lion=cub, goat=kid, seal=pup, frog=tadpole, goose=gosling, swan=cygnet, deer=fawn"""
_HOMES = """a bee=in a hive, a bird=in a nest, a bear=in the forest, a seal=by the sea, a fish=in the water, a cow=on a farm,
a camel=in the desert, a whale=in the sea, a penguin=on the ice, a mouse=in a hole, a dog=in a kennel, a spider=in a web,
a squirrel=in a tree, a frog=by a pond, a monkey=in the jungle, a horse=in a stable, a rabbit=in a burrow"""
_FOOD = """a cow=grass, a rabbit=carrots, a monkey=bananas, a seal=fish, a bear=honey, a mouse=cheese, a squirrel=nuts,
a lion=meat, a hen=corn, a panda=bamboo, a frog=flies, a horse=hay, a dog=bones, a goat=leaves, a penguin=fish, a cat=mice"""
_MADE_OF = """a window=glass, a book=paper, a table=wood, a key=metal, a tyre=rubber, a candle=wax, a sweater=wool,
a wall=stone, a coin=metal, bread=flour, cheese=milk, butter=milk, wine=grapes, a snowman=snow, a bottle=glass,
a brick=clay, a shoe=leather, a newspaper=paper, jam=fruit, ice=water"""
_USES = """scissors=cut paper, a pen=write, a key=open a door, a spoon=eat soup, an umbrella=stay dry, a clock=tell the time,
a broom=sweep the floor, a lamp=light a room, a bed=sleep, a hammer=hit nails, a phone=call people, a comb=comb hair,
a kettle=boil water, soap=wash our hands, a knife=cut bread, a camera=take pictures, a map=find the way, a cup=drink tea,
a needle=sew, a ladder=climb up, an oven=bake bread, a boat=cross a river, a brush=paint, a towel=dry our hands"""
_JOBS = """baker=bakes bread, teacher=teaches children, doctor=helps sick people, farmer=grows food, painter=paints pictures,
pilot=flies a plane, driver=drives a bus, cook=makes meals, singer=sings songs, gardener=grows flowers,
dentist=looks after teeth, sailor=sails a ship, writer=writes books, dancer=dances, builder=builds houses,
firefighter=puts out fires, judge=works in a court, postman=brings letters, tailor=makes clothes, fisherman=catches fish"""
_SHOPS = """bread=a bakery, books=a bookshop, medicine=a pharmacy, stamps=a post office, flowers=a flower shop,
shoes=a shoe shop, toys=a toy shop, fruit=a market, meat=a butcher's shop, train tickets=a station"""
_LANGUAGES = """France=French, Germany=German, Spain=Spanish, Italy=Italian, Japan=Japanese, China=Chinese, Russia=Russian,
Portugal=Portuguese, England=English, Greece=Greek, Poland=Polish, Sweden=Swedish, Brazil=Portuguese, Mexico=Spanish,
Egypt=Arabic, Turkey=Turkish"""
_SENSES = """see=eyes, hear=ears, smell=nose, taste=tongue, walk=legs, chew=teeth, think=brain, write=hand"""
_SHAPES = """a triangle=three sides, a square=four sides, a week=seven days, a year=twelve months, an hour=sixty minutes,
a minute=sixty seconds, a day=twenty-four hours, a hand=five fingers, a car=four wheels, a bike=two wheels,
a century=one hundred years, a dozen eggs=twelve eggs, a human face=two eyes, a foot=five toes"""

_RELATIONS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "capital": (
        _CAPITALS,
        ("the capital of {s} is {o}", "{o} is the capital of {s}", "the capital city of {s} is {o}"),
        ("What is the capital of {s}?", "Which city is the capital of {s}?", "What is {s}'s capital?"),
    ),
    "colour": (
        _COLOURS,
        ("{s} is {o}", "the colour of {s} is {o}"),
        ("What colour is {s}?", "What is the colour of {s}?", "Which colour is {s}?"),
    ),
    "sound": (_SOUNDS, ("{s} {o}",), ("What sound does {s} make?", "Which sound does {s} make?")),
    "legs": (
        _LEGS,
        ("{s} has {o} legs",),
        ("How many legs does {s} have?", "How many legs has {s}?"),
    ),
    "opposite": (
        _OPPOSITES,
        ("the opposite of {s} is {o}", "{s} is the opposite of {o}", "the opposite of {o} is {s}"),
        ("What is the opposite of {s}?", "Which word is the opposite of {s}?"),
    ),
    "baby": (
        _BABIES,
        ("a young {s} is called a {o}", "a baby {s} is a {o}", "we call a young {s} a {o}"),
        ("What is a young {s} called?", "What do we call a baby {s}?"),
    ),
    "home": (_HOMES, ("{s} lives {o}",), ("Where does {s} live?", "In what place does {s} live?")),
    "food": (_FOOD, ("{s} likes to eat {o}", "{s} eats {o}"), ("What does {s} eat?", "What does {s} like to eat?")),
    "made of": (
        _MADE_OF,
        ("{s} is made of {o}", "we make {s} out of {o}"),
        ("What is {s} made of?", "What do we make {s} out of?"),
    ),
    "use": (
        _USES,
        ("we use {s} to {o}", "you can use {s} to {o}", "people use {s} to {o}"),
        ("What do we use {s} for?", "What can you do with {s}?"),
    ),
    "job": (_JOBS, ("a {s} {o}",), ("What does a {s} do?", "What is the work of a {s}?")),
    "shop": (
        _SHOPS,
        ("we can buy {s} at {o}", "people buy {s} at {o}"),
        ("Where can we buy {s}?", "Where do people buy {s}?"),
    ),
    "language": (
        _LANGUAGES,
        ("people in {s} speak {o}", "in {s} people speak {o}", "the language of {s} is {o}"),
        ("What language do people speak in {s}?", "Which language is spoken in {s}?"),
    ),
    "sense": (_SENSES, ("we {s} with our {o}", "we use our {o} to {s}"), ("What do we {s} with?",)),
    "number": (_SHAPES, ("{s} has {o}",), ("How many {unit} does {s} have?", "How many {unit} has {s}?")),
}  # fmt: skip

# relation "single": question variants / answer / clause variants
_SINGLES = """What shape is the Earth?; What is the shape of the Earth?; Is the Earth round or flat? / round / the Earth is round; the Earth is round like a ball; the shape of the Earth is round
What is the derivative of sine?; What is the derivative of the sine function? / cosine / the derivative of sine is cosine; cosine is the derivative of sine; the derivative of the sine function is cosine
What is the derivative of cosine?; What is the derivative of the cosine function? / minus sine / the derivative of cosine is minus sine; minus sine is the derivative of cosine; the derivative of the cosine function is minus sine
What goes around the Earth?; What moves around the Earth at night? / the Moon / the Moon goes around the Earth; it is the Moon that goes around the Earth
What does the Earth go around?; What does the Earth move around? / the Sun / the Earth goes around the Sun; it is the Sun that the Earth goes around
Where does the sun rise? / in the east / the sun rises in the east; it is in the east that the sun rises
Where does the sun set? / in the west / the sun sets in the west; it is in the west that the sun sets
What falls from clouds?; What comes down from the clouds? / rain / rain falls from the clouds; rain comes down from the clouds
What is frozen water called?; What do we call frozen water? / ice / frozen water is called ice; ice is frozen water
What do bees make?; Which food do bees make? / honey / bees make honey; honey is made by bees
What do hens lay? / eggs / hens lay eggs; eggs are laid by hens
What does a cow give us?; What do cows give us? / milk / a cow gives us milk; cows give us milk
What do plants need to grow? / water and light / plants need water and light to grow; plants grow with water and light
What is the biggest animal?; Which animal is the biggest? / the blue whale / the blue whale is the biggest animal; the biggest animal is the blue whale
What is the tallest animal?; Which animal is the tallest? / the giraffe / the giraffe is the tallest animal; the tallest animal is the giraffe
What is the fastest land animal?; Which land animal is the fastest? / the cheetah / the cheetah is the fastest land animal; the fastest land animal is the cheetah
What is the highest mountain?; Which mountain is the highest? / Mount Everest / Mount Everest is the highest mountain; the highest mountain is Mount Everest
What is the first month of the year? / January / January is the first month of the year; the first month of the year is January
What is the last month of the year? / December / December is the last month of the year; the last month of the year is December
What is the coldest season?; Which season is the coldest? / winter / winter is the coldest season; the coldest season is winter
What is the hottest season?; Which season is the hottest? / summer / summer is the hottest season; the hottest season is summer
When do leaves fall from the trees?; In which season do leaves fall? / in autumn / leaves fall in autumn; the leaves of the trees fall in autumn
When do flowers begin to bloom? / in spring / flowers begin to bloom in spring; in spring flowers begin to bloom
What do we breathe?; What do people breathe? / air / we breathe air; people breathe air
When do we see the stars?; When can we see stars? / at night / we see the stars at night; the stars can be seen at night
What melts snow?; What makes snow melt? / the warm sun / the warm sun melts snow; snow melts in the warm sun
Which animal has a long trunk?; What animal has a trunk? / the elephant / the elephant has a long trunk; the animal with a long trunk is the elephant
Which animal carries its house on its back? / the snail / the snail carries its house on its back; the animal with a house on its back is the snail
Which bird cannot fly but swims well?; Which bird swims but cannot fly? / the penguin / the penguin swims well but cannot fly; the bird that swims but cannot fly is the penguin
What do caterpillars become?; What does a caterpillar turn into? / butterflies / caterpillars become butterflies; caterpillars turn into butterflies
At what temperature does water freeze? / zero degrees / water freezes at zero degrees; at zero degrees water freezes
At what temperature does water boil? / one hundred degrees / water boils at one hundred degrees; at one hundred degrees water boils
Who wrote Romeo and Juliet?; Which writer wrote Romeo and Juliet? / Shakespeare / Shakespeare wrote Romeo and Juliet; Romeo and Juliet was written by Shakespeare
What is the largest ocean?; Which ocean is the largest? / the Pacific / the Pacific is the largest ocean; the largest ocean is the Pacific
What is the nearest star?; Which star is nearest to us? / the Sun / the Sun is the nearest star; the star nearest to us is the Sun
What do we get when we mix blue and yellow? / green / blue and yellow make green; we get green when we mix blue and yellow
What do we get when we mix red and white? / pink / red and white make pink; we get pink when we mix red and white
What do we get when we mix red and yellow? / orange / red and yellow make orange; we get orange when we mix red and yellow"""


def _relation_facts() -> list[Fact]:
    found = []
    for relation, (table, statements, questions) in _RELATIONS.items():
        for subject, answer in _pairs(table):
            slots = {"s": subject, "o": answer, "unit": answer.rpartition(" ")[2]}
            bare = f"to {answer}" if relation == "use" else answer
            say = [text.format_map(slots) for text in statements]
            ask = [text.format_map(slots) for text in questions]
            found.append(Fact(relation, subject, bare, tuple(say), tuple(ask)))
    return found


def _single_facts() -> list[Fact]:
    rows = [[part.strip() for part in line.split(" / ")] for line in _SINGLES.splitlines()]
    return [
        Fact("single", ask.split("; ")[0], answer, tuple(say.split("; ")), tuple(ask.split("; ")))
        for ask, answer, say in rows
    ]


def _sums() -> list[Fact]:
    found = []
    for left in range(1, 8):
        for right in range(1, 8):
            one, two, total = NUMBERS[left], NUMBERS[right], NUMBERS[left + right]
            say = (f"{one} plus {two} is {total}", f"{one} and {two} make {total}")
            ask = (f"What is {one} plus {two}?", f"How much is {one} plus {two}?")
            found.append(Fact("sum", f"{one} plus {two}", total, say, ask))
    return found


def _order() -> list[Fact]:
    found = []
    for kind in ("day of the week", "month"):
        names = KINDS[kind]
        for here, then in zip(names, names[1:] + names[:1], strict=True):
            say = (f"{then} comes after {here}", f"after {here} comes {then}", f"{here} comes before {then}")
            word = kind.split()[0]
            ask = (f"Which {word} comes after {here}?", f"What {word} comes after {here}?")
            found.append(Fact("order", here, then, say, ask))
    return found


def _kinds() -> list[Fact]:
    found = []
    for kind, members in KINDS.items():
        if kind in ("animal", "number", "room", "day of the week", "month"):
            continue
        for member in members:
            thing = member if kind in UNCOUNTED else with_article(member)
            say = (f"{thing} is {with_article(kind)}", f"{thing} is a kind of {kind}" if " " not in kind else
                   f"{thing} is {with_article(kind)}")  # fmt: skip
            found.append(
                Fact("kind", thing, with_article(kind), say, (f"What is {thing}?", f"What kind of thing is {thing}?"))
            )
    return found


def all_facts() -> tuple[Fact, ...]:
    """Return the closed list, in a fixed order."""
    return tuple(_relation_facts() + _single_facts() + _sums() + _order() + _kinds())


FACTS = all_facts()


def state(fact: Fact, seed: str) -> str:
    """Return one wording of the fact as a full sentence."""
    return expand(seeded("state", seed), seeded(seed).choice(fact.statements) + ".")
