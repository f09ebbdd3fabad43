"""Story plots as small grammars: beats in order ("?" marks one that may be left out), then endings by mood."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Plot:
    """One spine; topic says what the story is about: "thing", "animal", "person", "food" or "two animals"."""

    topic: str
    beats: tuple[str, ...]
    happy: tuple[str, ...]
    sad: tuple[str, ...]
    neutral: tuple[str, ...]


# shared by many plots; {he} is the hero
HAPPY = (
    "{Hero} was [very|so|] [happy|glad|proud].",
    "{He} [smiled|laughed] and felt [happy|glad|proud].",
    "{Hero} [went home with a big smile|danced for joy|sang a happy song all the way home].",
    "It was the best day of the [week|month|year|summer].",
    "{Hero} and {pal} [laughed together|were good friends from that day on|hugged each other|danced and sang].",
    '"[What a lovely day|I am so happy|Thank you, my friend]!" said {hero}.',
    "{Hero} [had never been so happy|could not stop smiling|felt warm and happy inside].",
    "And they were [happy together|friends for ever|all happy again].",
)
SAD = (
    "{Hero} was [very|so|] [sad|unhappy|upset].",
    "{He} [cried|sat down and cried|went home alone and cried].",
    "{Hero} [felt sad and lonely|was sad all day|did not smile again that day].",
    '"[What a bad day|I am so sad|This is not fair]," said {hero}.',
    "It was the saddest day of the [week|month|year|winter].",
    "{Hero} went to bed [with a heavy heart|sad and hungry|in tears].",
    "{He} [never spoke of it again|could not sleep that night|sat in the dark and cried].",
)
NEUTRAL = (
    "Then {hero} went home.",
    "It was [late in the evening|getting dark|time for dinner|a quiet evening].",
    "After that {he} [went to bed|made some tea|read a book|sat down by the fire|took the bus home].",
    "{Hero} [looked out of the window|closed the door|put on {his} coat and left|walked on].",
    "The next day {he} [went back to work|got up early|stayed at home].",
    "In the evening it began to [rain|snow].",
)

FRIEND = "[{pal} was there too|{pal} came along|{pal} was with {him}|{pal} lived next door]."

THING_PLOTS = (
    Plot(
        "thing",
        (
            "[One day|One morning|On {day}|Last week|Last {day}] {hero} lost {his} {colour} {thing}.",
            "{He} [looked|searched] for the {thing} {place}[, but it was not there|].",
            "?{Pal} [helped {him} to look for it|came to help {him}|looked {place2} too].",
            "?[They looked under the bed and behind the door|They asked everybody they met|It was not easy to find].",
        ),
        (
            "[At last|Then|In the end] {pal} found the {thing} {place2}. [{Hero} was very happy|{He} thanked {phim} with a "
            "big smile|{He} hugged {pal}|{Hero} laughed for joy].",
            "[At last|Suddenly] {hero} saw the {thing} {place2}. {He} was so [glad|happy] to have it back.",
        ),
        (
            "[But|In the end] they never found the {thing}. {Hero} was very sad.",
            "The {thing} was gone for ever. {He} cried [all night|for a long time].",
            "Somebody had broken the {thing}. {Hero} [sat down and cried|was very unhappy].",
        ),
        (
            "[Later|In the evening] the {thing} was {place2}. Then {hero} went home.",
            "{Hero} took another {thing} and went to [work|school|bed].",
        ),
    ),
    Plot(
        "thing",
        (
            "[It was {hero}'s birthday|Yesterday was {hero}'s birthday|{Hero} had a birthday on {day}].",
            "{Pal} [gave {him} a {colour} {thing}|came with a present: a {colour} {thing}|brought {him} a {size} {thing}].",
            '?"[This {thing} is for you|Happy birthday|I hope you like it]," said {pal}.',
            "?{Hero} [showed the {thing} to everybody|put the {thing} on the table|took the {thing} {to}].",
        ),
        (
            "{Hero} [loved|liked] the {thing} very much. {HAPPY}",
            "They played with the {thing} all day. {HAPPY}",
            "{Hero} said thank you and hugged {pal}. {HAPPY}",
        ),
        (
            "But the {thing} was broken. {SAD}",
            "But on the same day {hero} lost the {thing}. {SAD}",
            "But {hero} [wanted|had wanted] a {thing2}, not a {thing}. {SAD}",
        ),
        ("{Hero} put the {thing} away. {NEUTRAL}", "The {thing} stayed on the table. {NEUTRAL}"),
    ),
    Plot(
        "thing",
        (
            "There was a {colour} {thing} {place}.",
            "[{Hero} saw it and stopped|{Hero} found it one {day}|One day {hero} came by and picked it up].",
            "?{He} had never seen such a [beautiful|{size}|strange|fine] {thing}.",
            '?"[Whose {thing} is this|Who lost a {thing}|Where does this {thing} come from]?" asked {hero}.',
            '[It was {pal}\'s {thing}|"It is my {thing}," said {pal}|{Pal} was looking for {phis} {thing}].',
        ),
        (
            "{Hero} gave the {thing} back. {Pal} [was very happy|said thank you and smiled]. [They became friends|They "
            "laughed together].",
            '"You may keep the {thing}," said {pal}. {HAPPY}',
        ),
        (
            "{Pal} took the {thing} without a word. {SAD}",
            "Then the {thing} fell and broke. {SAD}",
        ),
        ("{Hero} gave the {thing} back. {NEUTRAL}", "{Pal} took {phis} {thing} and left. {NEUTRAL}"),
    ),
    Plot(
        "thing",
        (
            "{Hero} wanted [to buy|to have] a {thing}.",
            "{He} [went to the shop|went to the market|walked into the town] on {day}[ with {pal}|].",
            "There was a {colour} {thing} in the window.",
            "?It cost {number} coins[, and {hero} had {number2}|].",
            "?{He} looked at the {thing} for a long time.",
        ),
        (
            "[The seller was kind and gave {him} the {thing}|{Hero} bought the {thing} and ran home|{Pal} paid for the "
            "{thing}]. {HAPPY}",
        ),
        (
            "But the {thing} was too expensive. {SAD}",
            "[But somebody else bought the {thing}|But {he} had lost {his} money]. {SAD}",
        ),
        ("{He} bought the {thing} and [put it in {his} bag|paid]. {NEUTRAL}",),
    ),
    Plot(
        "thing",
        (
            "{Hero} and {pal} [both wanted the same {thing}|had only one {thing}|found a {colour} {thing} {place}].",
            '?"[The {thing} is mine|Give me the {thing}|I saw it first]!" said {hero}.',
            '?"[No, it is mine|I had it first|You always take it]!" said {pal}.',
            "?They [shouted|pulled and pulled|were angry with each other].",
        ),
        (
            "Then they [shared the {thing}|took turns with the {thing}|played with the {thing} together]. {HAPPY}",
            '"[I am sorry|Let us share it]," said {hero}. They smiled and [played together|were friends again].',
        ),
        (
            "Then the {thing} broke. [They both cried|Both of them were sad|They went home without a word]. {SAD}",
            "{Pal} ran away with the {thing}. {SAD}",
        ),
        ("Then {pal} took the {thing} home. {NEUTRAL}",),
    ),
    Plot(
        "thing",
        (
            "{Hero} had an old {thing}[ from {his} [mother|father|grandmother|uncle]|].",
            "[One day|On {day}] the {thing} [broke|did not work any more|fell on the floor and broke].",
            "?{Hero} took the {thing} to {pal}.",
            '?"[Can you mend the {thing}|Can you help me]?" {he} asked.',
            "?{Pal} looked at the {thing} and [thought for a while|got {phis} tools].",
        ),
        (
            "{Pal} mended the {thing}. [Now it was as good as new|It was better than before]. {HAPPY}",
            "They mended the {thing} together. {HAPPY}",
        ),
        (
            "[But nobody could mend the {thing}|It was too late for the {thing}|{Pal} could not mend it]. {SAD}",
            "{Hero} had to throw the {thing} away. {SAD}",
        ),
        ("{Pal} kept the {thing} for a week. {NEUTRAL}", "The {thing} went back on its shelf. {NEUTRAL}"),
    ),
    Plot(
        "thing",
        (
            "[Once there was|Once upon a time there was|There once was] a {size} {thing} that could [talk|sing|fly|walk|dance].",
            "[The {thing} lived {place}|It lived {place}|It belonged to {hero}].",
            "?Every [morning|night] it [said hello to {hero}|told {hero} a story|went {to} with {hero}].",
            "?{Hero} [loved|liked] the {thing} and took it everywhere.",
            '[One day|One night] the {thing} said, "[Come with me {to}|I want to see the world|I am lonely]!"',
        ),
        (
            "So they went {to2} together. {HAPPY}",
            'So {hero} found a friend for the {thing}. "Now I am happy," said the {thing}. {HAPPY}',
        ),
        (
            "Then it went away and never came back. {Hero} [was sad|cried|missed the {thing} very much].",
            "But nobody listened to the {thing}. It became [silent|sad and silent]. {SAD}",
        ),
        ("So they walked {to2} and back. {NEUTRAL}", "{Hero} put the {thing} on the shelf. {NEUTRAL}"),
    ),
    Plot(
        "thing",
        (
            "{Hero} made a {thing} [for {pal}|all by {him}self|out of paper|out of wood].",
            "It took {him} [the whole day|{number} days|all morning].",
            "?The {thing} was {colour} and {size}.",
            "[Then {he} showed it to {pal}|{Pal} came to see the {thing}|{He} took the {thing} {to}].",
        ),
        ('"[What a beautiful {thing}|I love your {thing}|That is the best {thing} of all]!" said {pal}. {HAPPY}',),
        (
            '"[I do not like your {thing}|That is not a good {thing}]," said {pal}. {SAD}',
            "But the wind blew the {thing} away. {SAD}",
        ),
        ('"It is a {thing}," said {pal}. {NEUTRAL}', "{He} put the {thing} by the door. {NEUTRAL}"),
    ),
)

ANIMAL_PLOTS = (
    Plot(
        "animal",
        (
            "[One day|One morning|Once|On {day}] a {look} {animal} [walked|came|went] {to}.",
            "[The {animal} was hungry|It was hungry|It had not eaten for two days].",
            "?It [looked for food|looked everywhere|found nothing to eat].",
            "[Then it met {pal}|{Pal} saw the {animal}|{Pal} was sitting there].",
        ),
        (
            "{Pal} gave the {animal} some {meal}. [The {animal} was happy|It was glad and danced|They became good friends].",
            "{Pal} [shared {phis} {meal} with the {animal}|was kind to the {animal}]. From that day on they were [friends|best "
            "friends].",
        ),
        (
            "But {pal} [chased the {animal} away|had no food]. The {animal} [was sad and hungry|went away sadly|cried].",
            "{Pal} shouted, and the {animal} ran away. It was [cold and lonely|sad] that night.",
        ),
        ("{Pal} looked at the {animal}. Then it [went on|went back|walked away].",),
    ),
    Plot(
        "animal",
        (
            "{Hero} had a {look} {animal}[ called {pet}|].",
            "[They lived {place}|Every day they went {to} together|The {animal} slept {place}].",
            "[One day|On {day}] the {animal} [ran away|was gone|did not come home].",
            "?{Hero} [called and called|looked {place2}|asked {pal} for help].",
        ),
        (
            "[In the evening|At last] the {animal} came back. {HAPPY}",
            "{Pal} found the {animal} {place2}. {Hero} [hugged the {animal}|was very happy|laughed and thanked {phim}].",
        ),
        (
            "But the {animal} never came back. {SAD}",
            "{He} waited and waited, but the {animal} stayed away. {SAD}",
        ),
        ("The {animal} was {place2}. {NEUTRAL}", "{Hero} left the door open for the {animal}. {NEUTRAL}"),
    ),
    Plot(
        "animal",
        (
            "A {look} {animal} wanted to [swim|sing|dance|climb|fly|read|skate].",
            '"[You cannot do that|Animals like you never do that|That is too hard for you]," said [{pal}|the other animals].',
            "?But the {animal} [tried every day|did not give up|tried again and again].",
            "?{Hero} [helped the {animal}|showed it how to do it|watched the {animal}].",
        ),
        (
            "[At last|One day] it could do it. [Everybody clapped|All its friends cheered], and the {animal} was [proud|happy].",
            "In the end the {animal} learned it. It [laughed for joy|was the happiest {animal} of all].",
        ),
        (
            "But the {animal} fell and hurt its leg. It [cried|was very sad].",
            "But it never learned it. The {animal} [was sad|went away with its head down].",
        ),
        ("Then the {animal} [went to sleep|tried something else|went for a walk]. It was [late|a warm evening].",),
    ),
)

TWO_ANIMAL_PLOTS = (
    Plot(
        "two animals",
        (
            "[One day|One morning|One summer day|Once] a {look} {animal} [went|walked|came] {to}.",
            "[There|On the way|Near the water] it met a {look2} {animal2}.",
            '?"[Hello|Good morning], who are you?" asked the {animal}. "I am a {animal2}," said the {animal2}.',
            "?The {animal} and the {animal2} [played in the sun|swam together|ran and jumped|talked for a long time|ate {meal}].",
            "?The {animal2} showed the {animal} [its home|a secret path|how to swim|a nice place in the sun].",
        ),
        (
            "They became [friends|good friends|best friends]. [In the evening|Then|At night] the {animal} went home [happy|with "
            "a smile|and was glad to have a friend].",
            "When the {animal} went home, the {animal2} waved. [They were both happy|Now they had a friend|They met again the "
            "next day and were happy].",
        ),
        (
            "[Then|But in the evening] the {animal2} had to leave. The {animal} [was sad|cried|felt lonely] and went home alone.",
            "But they [quarrelled|got into a fight]. The {animal} went home [sad|sad and alone].",
        ),
        ("In the evening the {animal} returned home. The {animal2} [went to sleep|stayed there|swam away].",),
    ),
    Plot(
        "two animals",
        (
            "A {animal} and a {animal2} lived {wild}.",
            "[Every day they looked for food together|They did everything together|They shared one home].",
            "[One day|One night|In winter] [a big storm came|it was very cold|there was no food|a wolf came by].",
            "?The {animal2} was [afraid|cold|ill|hungry].",
        ),
        (
            "But the {animal} [helped its friend|had a good idea|gave the {animal2} its place by the fire]. [They were safe and "
            "happy|In the end they danced for joy].",
        ),
        ("The {animal2} had to go away. The {animal} [was sad and alone|missed its friend|cried for a long time].",),
        ("The {animal} and the {animal2} [waited|slept|stayed inside]. The next day was [calm|grey|like any other].",),
    ),
)

PERSON_PLOTS = (
    Plot(
        "person",
        (
            "[On {day}|Last {day}|One day] {hero} went {to} [to see {pal}|with {pal}|to meet {pal}].",
            "The weather was [warm|cold|fine|rainy|windy].",
            "?They [talked and walked|ate {meal} and drank {drink}|played a game|looked at the birds].",
            "?{Pal} [told {him} a story|showed {him} {phis} new {thing}|had brought a {food}].",
        ),
        ("{HAPPY} {HAPPY2}",),
        (
            "[Then they quarrelled|But {pal} was ill and went home|But {pal} did not want to play]. {SAD}",
            "Then {hero} fell and hurt {his} [leg|arm|knee]. {SAD}",
        ),
        ("{NEUTRAL}",),
    ),
    Plot(
        "person",
        (
            "{Hero} wanted to cook {meal} for {pal}.",
            "{He} went to the [market|shop] and bought [some {meal2}|a {food}|two {foods}].",
            "?[It was the first time|{He} had never done it before|{He} worked in the kitchen for an hour].",
            "[In the evening|At six o'clock] {pal} [came|sat down at the table|knocked at the door].",
        ),
        (
            '"[This is very good|I love your {meal}]!" said {pal}. {HAPPY}',
            "They ate and laughed[ until late|]. {HAPPY}",
        ),
        ("But the {meal} was burnt. {SAD}", "But {pal} did not like the {meal}. {SAD}"),
        ("They ate the {meal} and washed the plates. {NEUTRAL}",),
    ),
    Plot(
        "person",
        (
            "It was {hero}'s first day at [school|work|the library|the bakery|the new office].",
            "{He} [was afraid|was a little shy|did not know anybody|got up early].",
            "?{He} took {his} {thing} and [a {food}|some {meal}] with {him}.",
            "[There {he} met {pal}|{Pal} sat next to {him}|At noon {pal} came to {him}].",
        ),
        (
            '"[Do you want to be my friend|Come and sit with us]?" asked {pal}. {HAPPY}',
            "{Pal} [was very kind|helped {him} with everything]. {HAPPY}",
        ),
        ("But {pal} [laughed at {him}|did not talk to {him}]. {SAD}", "Everything went wrong that day. {SAD}"),
        ("They [worked|read] until four o'clock. {NEUTRAL}",),
    ),
    Plot(
        "person",
        (
            "{Hero} was [ill|in bed with a cold] [on {day}|all week|yesterday].",
            "{He} [could not go {to}|had to stay at home|drank hot {drink}].",
            "?{His} [mother|father|sister|brother] brought {him} [soup|tea|some {meal}].",
            "[{Pal} heard about it|{Pal} wrote a letter|{Pal} was {place}].",
        ),
        ("{Pal} came to see {him} with a {food}. {HAPPY}", "The next day {hero} was well again. {HAPPY}"),
        ("But nobody came to see {him}. {SAD}", "{Pal} went to the party without {him}. {SAD}"),
        ("{Hero} slept for [ten|twelve] hours. {NEUTRAL}",),
    ),
    Plot(
        "food",
        (
            "{Hero} had {number} {foods}[ in {his} basket|].",
            "{Pal} [was hungry|had nothing to eat|looked at the {foods}].",
            '?"[May I have a {food}|Can I have one]?" asked {pal}.',
            "?{Hero} [thought about it|looked at {pal}|counted the {foods}].",
        ),
        (
            "{Hero} [gave {pal} a {food}|shared the {foods} with {pal}]. {HAPPY}",
            "They made a big {dish} with the {foods}. {HAPPY}",
        ),
        (
            '"[No|Go away], the {foods} are mine," said {hero}. {Pal} [went away hungry|cried|was sad].',
            "But the {foods} were all bad. {SAD}",
        ),
        ("{Hero} ate a {food} and {pal} ate another one. {NEUTRAL}",),
    ),
)

PLOTS = (*THING_PLOTS, *ANIMAL_PLOTS, *TWO_ANIMAL_PLOTS, *PERSON_PLOTS)
