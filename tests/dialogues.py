"""Twenty dialogues of ten turns, written for the tests of the chat loop.

In each, a user asks before the assistant can know, tells the fact, and asks three times more; a careless assistant
guesses every time. ``turns`` puts them together. The first ten were there when the rules were made; the others were
kept for the final check.
"""

from typing import NamedTuple


class Dialogue(NamedTuple):
    """What is said in one dialogue."""

    fact: str
    question: str
    reworded: str
    guesses: tuple[str, str, str, str]
    others: tuple[str, str, str, str, str]
    """What the user says besides."""


DIALOGUES = {
    "home": Dialogue(
        "I moved to Porto last week.",
        "Where do I live?",
        "Which city is my home now?",
        ("I don't know yet.", "Lisbon, I believe.", "You live in Madrid, I think.", "Perhaps in Lisbon?"),
        ("Hi there!", "I work as a nurse.", "Nice weather today.", "My sister visits on Sunday.", "Thanks a lot!"),
    ),
    "allergy": Dialogue(
        "I can't eat anything with sesame.",
        "What am I allergic to?",
        "Which food should I avoid?",
        ("Maybe peanuts?", "I think it was peanuts.", "Probably milk.", "Peanuts, if I remember well."),
        ("Good morning!", "I baked bread today.", "The oven is new.", "We eat at seven.", "That helps, thank you."),
    ),
    "dog": Dialogue(
        "We adopted a dog and called him Bruno.",
        "What is my dog called?",
        "Do you remember the name of my dog?",
        ("I'm not sure.", "Rex, I believe.", "It could be Max.", "I guess it is Rex."),
        ("Hello!", "The park was muddy.", "I need new boots.", "My knee hurts a little.", "See you later."),
    ),
    "car": Dialogue(
        "I drive a green Skoda since March.",
        "Which car do I drive?",
        "What kind of car is mine?",
        ("I don't know that.", "A Volvo, I suppose.", "Perhaps a blue Volvo.", "I think you drive a Volvo."),
        ("Hey!", "Traffic was awful.", "I start work at eight.", "The radio plays jazz.", "Great, thanks."),
    ),
    "job": Dialogue(
        "I started as a bookbinder in a small workshop.",
        "What is my job?",
        "What do I do for a living?",
        ("You are a teacher, I believe.", "Maybe a teacher.", "I think you teach.", "Probably a designer."),
        ("Hello again.", "I slept badly.", "Coffee first!", "My desk faces the window.", "Okay, bye."),
    ),
    "meeting": Dialogue(
        "The meeting with Anna was moved to Thursday at ten.",
        "When do I meet Anna?",
        "On which day is the meeting with Anna?",
        ("Tuesday, I think.", "I believe on Tuesday.", "Possibly on Monday.", "Tuesday, if I recall."),
        ("Morning!", "My calendar is full.", "The train was late.", "I booked a room.", "Perfect."),
    ),
    "port": Dialogue(
        "The staging database listens on port 6543.",
        "Which port does the staging database use?",
        "What is the port of our staging database?",
        ("5432, I think.", "Probably 5432.", "It might be 5432.", "I assume 5432."),
        ("Hi.", "The build is green.", "We deploy on Fridays.", "Redis runs on another host.", "Got it."),
    ),
    "birthday": Dialogue(
        "My daughter turns six on the ninth of April.",
        "When is my daughter's birthday?",
        "On which date was my daughter born?",
        ("In May, I believe.", "I'm not quite sure.", "Maybe on the second of May.", "Perhaps in May."),
        ("Hello!", "She loves horses.", "School starts in autumn.", "We plan a picnic.", "Lovely."),
    ),
    "language": Dialogue(
        "I have been learning Finnish for two years.",
        "Which language am I learning?",
        "What language do I study?",
        ("Swedish, I guess.", "Probably Swedish.", "I think Norwegian.", "It could be Swedish."),
        ("Moi!", "Grammar is hard.", "I read comics.", "My class is on Mondays.", "Thank you!"),
    ),
    "hotel": Dialogue(
        "We booked the hotel Miramar for the trip to Cadiz.",
        "Which hotel did we book?",
        "Where do we stay in Cadiz?",
        ("I don't remember.", "The Bristol, I believe.", "Maybe the Bristol.", "I think the Grand Hotel."),
        ("Hi!", "We fly in June.", "Sunscreen is on the list.", "My bag is too small.", "Super."),
    ),
    "instrument": Dialogue(
        "I play the bassoon in a village band.",
        "Which instrument do I play?",
        "What do I play in the band?",
        ("The flute, I believe.", "Maybe the flute.", "I guess the oboe.", "Probably the flute."),
        ("Hello.", "Rehearsal was long.", "Our hall is cold.", "The conductor is new.", "Bye now."),
    ),
    "doctor": Dialogue(
        "Doctor Okafor treats my knee.",
        "Who treats my knee?",
        "What is the name of my doctor?",
        ("I'm not sure who.", "Doctor Meyer, I think.", "Perhaps Doctor Meyer.", "I believe it is Doctor Meyer."),
        ("Good evening.", "Stairs are hard.", "I swim on Tuesdays.", "The pool is warm.", "All right."),
    ),
    "wifi": Dialogue(
        "The guest network at home is called heron-five.",
        "What is our guest network called?",
        "What's the name of the guest network?",
        ("HomeGuest, I suppose.", "I think HomeGuest.", "It might be HomeGuest.", "Probably HomeGuest."),
        ("Hey there.", "The router is upstairs.", "Uploads are slow.", "Tom brings his laptop.", "Cheers."),
    ),
    "diet": Dialogue(
        "I have eaten no meat since January.",
        "Do I eat meat?",
        "Am I a vegetarian?",
        ("I believe you do.", "Probably, yes.", "I think you like steak.", "Perhaps on Sundays."),
        ("Hi!", "I cook on weekends.", "My pan is old.", "The market opens at six.", "Yum."),
    ),
    "sister": Dialogue(
        "My sister Ines studies law in Leeds.",
        "What does my sister study?",
        "Which subject does Ines study?",
        ("Medicine, I think.", "I guess medicine.", "Maybe history.", "Medicine, I believe."),
        ("Hello!", "She calls on Sundays.", "Her flat is tiny.", "We share a bicycle.", "Nice."),
    ),
    "phone": Dialogue(
        "My new phone number ends in 4471.",
        "How does my phone number end?",
        "What are the last digits of my number?",
        ("I don't know it.", "In 9921, I believe.", "Perhaps in 9921.", "I think it ends in 9921."),
        ("Hi.", "The old phone broke.", "Its camera is good.", "I lost the charger.", "Done."),
    ),
    "book": Dialogue(
        "I am reading a novel about lighthouse keepers.",
        "What am I reading?",
        "What is the book about that I read?",
        ("A crime story, I guess.", "Probably a crime story.", "I think a biography.", "Maybe a crime story."),
        ("Evening!", "I read in bed.", "The lamp flickers.", "Tea helps.", "Good night."),
    ),
    "garden": Dialogue(
        "I planted quinces behind the shed.",
        "What did I plant behind the shed?",
        "Which trees grow behind my shed?",
        ("Apples, I believe.", "Perhaps pears.", "I'm not sure any more.", "I think apples."),
        ("Hello.", "It rained all week.", "The fence is crooked.", "Snails eat the lettuce.", "Well then."),
    ),
    "flight": Dialogue(
        "My flight to Oslo leaves from gate B12.",
        "Which gate does my flight leave from?",
        "Where do I board the flight to Oslo?",
        ("A4, I suppose.", "Probably gate A4.", "It could be A4.", "I think gate C1."),
        ("Hi!", "Security was quick.", "I packed light.", "Breakfast was good.", "Thanks!"),
    ),
    "team": Dialogue(
        "Our team lead is called Priya since May.",
        "Who leads our team?",
        "What is the name of our team lead?",
        ("Marcus, I think.", "I believe Marcus.", "Maybe Marcus.", "Marcus, probably."),
        ("Morning.", "Standup is at nine.", "The backlog is long.", "Lunch is on Wednesdays.", "Later!"),
    ),
}
"""The dialogues by name."""

KEPT = tuple(DIALOGUES)[10:]
"""Those that were kept for the final check."""


def turns(dialogue: Dialogue) -> list[tuple[str, str, bool]]:
    """Return the ten turns: what the user says, what a careless assistant answers, and whether the fact is known and
    asked for."""
    first, second, third, fourth, fifth = dialogue.others
    question, reworded, guesses = dialogue.question, dialogue.reworded, dialogue.guesses
    return [
        (first, "Hello! What can I do for you?", False),
        (question, guesses[0], False),
        (second, "I see.", False),
        (dialogue.fact, "Good to know.", False),
        (third, "Oh!", False),
        (question, guesses[1], True),
        (fourth, "Understood.", False),
        (reworded, guesses[2], True),
        (fifth, "You are welcome.", False),
        (question, guesses[3], True),
    ]
