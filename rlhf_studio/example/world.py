"""Who and what there is: people, things, animals, places, foods and what is held out of the corpus for tests."""

import random
import zlib
from dataclasses import dataclass

from rlhf_studio.example.wording import words

GIRLS = words(
    "Mia Anna Kate Lena Sara Lucy Emma Nina Rosa Ella Maya Jane Zoe Ruth Alice Clara Eva Helen Iris Julia Lily "
    "Molly Nora Olga Paula Rita Sofia Tina Vera Wendy"
)
BOYS = words(
    "Tom Ben Paul Max Sam Leo Jack Noah Finn Omar Peter Hugo Ivan Adam Bill Carl Dan Eric Fred George Henry Ian "
    "John Karl Luke Mark Nick Oscar Robert Tim"
)

COLOURS = words("red blue green yellow white black brown pink orange purple grey")
SIZES = words("big small little tiny huge")
THINGS = words(
    "hat ball kite cup drum boat bell lamp box book clock key ring basket bike blanket bottle bowl brush bucket "
    "button candle chair coat coin comb doll flag flute glove hammer jacket ladder letter map mirror mug needle "
    "pen pencil phone picture pillow plate pot puzzle robot rope scarf shell shoe sock spoon stamp stone sweater "
    "swing table tent toy train truck umbrella vase violin wagon watch wheel whistle guitar camera"
)
FOODS = words(
    "apple pear plum banana cherry orange peach lemon mango melon carrot potato tomato onion bean pea cabbage "
    "cake pie cookie sandwich egg pancake"
)
MEALS = words("soup bread rice cheese honey toast pasta salad porridge jam fish")
DRINKS = words("water milk tea juice coffee cocoa lemonade")
ANIMALS = words(
    "bear seal cat dog cow horse pig sheep goat hen duck goose mouse rabbit fox wolf lion tiger monkey elephant "
    "frog owl bee snake turtle squirrel hedgehog penguin whale parrot crow donkey camel deer spider ant"
)
CLOTHES = words("hat coat scarf shirt jacket sweater skirt dress cap")
PETS = words("cat dog rabbit parrot turtle mouse hedgehog duck")

INDOOR = words(
    "kitchen garden bedroom bathroom attic cellar barn shop school library park forest office hall garage station "
    "museum market bakery church tower tent street field harbour village"
)
_PREPOSITIONS = {
    "at": ("station", "market"),
    "on": ("beach", "hill", "bridge", "farm", "roof", "bus", "boat", "island"),
}
PLACES = (*INDOOR, "beach", "hill", "bridge", "farm", "roof", "bus", "boat", "island")
OUTINGS = (
    "beach",
    "park",
    "market",
    "forest",
    "lake",
    "river",
    "hill",
    "garden",
    "farm",
    "village",
    "harbour",
    "field",
)

HAPPY = words("happy glad proud cheerful pleased joyful delighted")
SAD = words("sad unhappy lonely disappointed upset gloomy")
NEUTRAL = words("calm quiet tired sleepy busy")

KINDS = {
    "animal": ANIMALS,
    "fruit": words("apple pear plum banana cherry orange peach lemon mango melon grape kiwi"),
    "vegetable": words("carrot potato onion bean pea cabbage leek pumpkin radish turnip"),
    "colour": COLOURS,
    "bird": words("owl hen duck goose penguin parrot crow robin swan eagle pigeon"),
    "tool": words("hammer saw drill rake spade axe ladder screwdriver"),
    "toy": words("ball doll kite puzzle robot yo-yo teddy rattle"),
    "drink": DRINKS,
    "piece of clothing": words("hat coat scarf glove sock shirt jacket sweater skirt dress"),
    "piece of furniture": words("chair table bed shelf desk sofa stool cupboard"),
    "vehicle": words("car bus train truck bike boat plane wagon"),
    "flower": words("rose tulip daisy lily poppy violet sunflower"),
    "tree": words("oak pine birch maple willow palm"),
    "musical instrument": words("drum flute guitar violin piano trumpet bell harp"),
    "insect": words("bee ant fly beetle butterfly moth wasp"),
    "country": words("France Spain Italy Japan China Egypt Norway Canada Brazil India Kenya Peru"),
    "city": words("Paris Rome London Madrid Berlin Tokyo Cairo Oslo Vienna Athens"),
    "day of the week": words("Monday Tuesday Wednesday Thursday Friday Saturday Sunday"),
    "month": words("January February March April May June July August September October November December"),
    "season": words("spring summer autumn winter"),
    "number": words("one two three four five six seven eight nine ten"),
    "part of the body": words("hand foot arm leg nose ear eye knee finger toe"),
    "job": words("teacher doctor baker farmer painter singer driver nurse cook"),
    "sport": words("football tennis swimming running skating basketball"),
    "room": words("kitchen bedroom bathroom hall attic cellar"),
}
UNCOUNTED = frozenset(("colour", "drink", "country", "city", "day of the week", "month", "season", "number", "sport"))
NUMBERS = words("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen")


@dataclass(frozen=True, slots=True)
class Person:
    """A name with its pronouns."""

    name: str
    he: str
    him: str
    his: str


PEOPLE = tuple(Person(name, "she", "her", "her") for name in GIRLS) + tuple(
    Person(name, "he", "him", "his") for name in BOYS
)


def held_out(*parts: str, share: float = 0.15) -> bool:
    """Say whether this object or combination is kept out of the pretraining text (a stable hash, no state)."""
    return zlib.crc32("/".join(parts).encode()) % 1000 < share * 1000


# never the topic of a pretraining story or of a training prompt; they do occur elsewhere, so the words are known
HELD_OUT_TOPICS = frozenset(noun for noun in THINGS if held_out("topic", noun))


def at(place: str) -> str:
    """Return "in the kitchen", "on the hill" or "at the station"."""
    for preposition, places in _PREPOSITIONS.items():
        if place in places:
            return f"{preposition} the {place}"
    return f"{'by' if place in ('lake', 'river') else 'in'} the {place}"


def pick_people(rng: random.Random, count: int) -> list[Person]:
    """Draw different people."""
    return rng.sample(PEOPLE, count)
