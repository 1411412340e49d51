"""The English words that the rules know: verbs in all their forms, and the function words of a sentence."""


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


_VERBS = """
accept access accompany achieve acknowledge acquire activate adapt add address adjust administer adopt advise affect
afford agree aim alert align allow amend analyze announce answer appear append apply appoint approve archive arrange
arrive ask assemble assess assign assist assume attach attend audit authenticate authorize automate avoid await back
bake balance ban base batch become begin believe belong bill bind blend block board boil book boot borrow bring brief
browse build bump burn buy cache calculate calibrate call cancel carry catch cause change charge chat check chill
choose chop clean clear click clone close collect combine come comment commit communicate compare compile complete
comply compress compute concern configure confirm connect consider consist consult consume contact contain continue
contribute control convert cook cool coordinate copy correct cost count cover crash create cross cut cycle deal debug
decide declare decrypt delegate delete deliver demand depart depend deploy deprecate describe deserve design detach
detect determine develop diagnose dial disable discard discover discuss dislike dispatch display distribute dive do
document double download draft drain draw drive drop dry dump duplicate earn eat edit email embed emit employ empty
enable encode encrypt end enforce engineer enjoy ensure enter equip escalate establish estimate evaluate examine
exceed exchange execute exist exit expect expire explain expose export extend extract face fail fall favor feature
feed fetch file fill filter finalize find finish fit fix flag flash flush fly focus fold follow forget format forward
found freeze fry fund gather generate get give go grant greet grind group grow guarantee guard guide handle hand hang
happen hate have head heat help hire hit hold host identify ignore implement import improve include increase inform
ingest inherit initialize inject insert inspect install instruct integrate intend introduce invest investigate invite
invoice involve isolate issue join judge jump justify keep knead know label lack land last launch lead learn leave
lend let license lift like limit link list listen live load locate lock log look lose love lower mail maintain make
manage map mark marry marinate match matter mean measure meet melt mention merge message migrate mind mint miss mix
model modify monitor mount move name need negotiate normalize note notify obtain occur offer onboard open operate
optimize order organize originate outsource oversee own pack page paint parse pass paste patch pause pay peel perform
permit phone pick pin ping pipe place plan plant play plug point populate post pour power practice precede predict
prefer preheat prepare present preserve press prevent preview print process produce profile program prohibit promise
promote prompt propose protect prove provide provision prune publish pull purchase purge push put query queue quit
raise ramp reach react read rebase rebuild reboot receive recommend reconcile record recover recruit redeploy redirect
reduce refer reference refill refresh refund refuse register regenerate reindex reject relate release reload rely
remain remember remind remove rename render renew rent reopen repair repeat replace replicate reply report represent
reproduce request require rerun reschedule research reserve reset reside resize resolve respond rest restart restore
restrict result resume retain retire retrain retrieve retry return reuse revert review revoke rewrite rinse rise roast
roll rotate route run sample save say scale scan schedule scrape scrub seal search seat secure see seed seek seem
select sell send serve set settle share ship shop show shut sign simmer simulate sit skip sleep slice smoke snapshot
solve sort source speak specify speed spend spin split sponsor stage stamp stand start stay steam stir stop store
stream strip study submit subscribe succeed suggest supervise supply support suppose surface suspend swap switch sync
tag take talk target taste teach tell terminate test thank think throw time toggle touch track train transfer
transform translate transport travel treat trigger trim trust try tune turn tweak type undo uninstall unlock unpack
unplug unwrap update upgrade upload use validate value vendor verify view visit vote wait wake walk want warm warn
wash watch wear weigh welcome whisk win wipe wire wish work wrap write yield zip
"""

_IRREGULAR = {
    "be": "is am are was were been being",
    "become": "became become",
    "begin": "began begun",
    "bind": "bound",
    "bring": "brought",
    "build": "built",
    "buy": "bought",
    "catch": "caught",
    "choose": "chose chosen",
    "come": "came come",
    "cost": "cost",
    "cut": "cut",
    "deal": "dealt",
    "do": "does did done",
    "draw": "drew drawn",
    "drive": "drove driven",
    "eat": "ate eaten",
    "fall": "fell fallen",
    "feed": "fed",
    "find": "found",
    "fit": "fit",
    "fly": "flew flown",
    "forget": "forgot forgotten",
    "freeze": "froze frozen",
    "get": "got gotten",
    "give": "gave given",
    "go": "goes went gone",
    "grind": "ground",
    "grow": "grew grown",
    "hang": "hung",
    "have": "has had",
    "hit": "hit",
    "hold": "held",
    "keep": "kept",
    "know": "knew known",
    "lead": "led",
    "learn": "learnt",
    "leave": "left",
    "lend": "lent",
    "let": "let",
    "lose": "lost",
    "make": "made",
    "mean": "meant",
    "meet": "met",
    "oversee": "oversaw overseen",
    "pay": "paid",
    "prove": "proven",
    "put": "put",
    "quit": "quit",
    "read": "read",
    "rebuild": "rebuilt",
    "rerun": "reran rerun",
    "rewrite": "rewrote rewritten",
    "rise": "rose risen",
    "run": "ran run",
    "say": "said",
    "see": "saw seen",
    "seek": "sought",
    "sell": "sold",
    "send": "sent",
    "set": "set",
    "show": "showed shown",
    "shut": "shut",
    "sit": "sat",
    "sleep": "slept",
    "speak": "spoke spoken",
    "spend": "spent",
    "spin": "spun",
    "split": "split",
    "stand": "stood",
    "take": "took taken",
    "teach": "taught",
    "tell": "told",
    "think": "thought",
    "throw": "threw thrown",
    "undo": "undid undone",
    "wake": "woke woken",
    "wear": "wore worn",
    "win": "won",
    "write": "wrote written",
}

_DOUBLED = words(
    """
    ban begin cancel chat chop commit cut debug drop fit flag forget get hit let log map occur permit pin plan plug
    prefer program put quit refer rerun run scan scrub set ship shop shut sit skip spin split stir stop strip submit
    swap tag transfer trim unplug unwrap win wrap zip
    """
)
"""Verbs whose last letter is doubled before -ed and -ing."""


def _third_person(verb: str) -> str:
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ies"
    return f"{verb}es" if verb.endswith(("s", "x", "z", "ch", "sh", "o")) else f"{verb}s"


def _stem(verb: str) -> str:
    """Return the stem to which -ed and -ing are added."""
    return verb + verb[-1] if verb in _DOUBLED else verb


def _past(verb: str) -> str:
    if verb.endswith("e"):
        return f"{verb}d"
    if verb.endswith("y") and verb[-2] not in "aeiou":
        return f"{verb[:-1]}ied"
    return f"{_stem(verb)}ed"


def _gerund(verb: str) -> str:
    if verb.endswith("e") and not verb.endswith(("ee", "oe", "ye")):
        return f"{verb[:-1]}ing"
    return f"{_stem(verb)}ing"


BASE: dict[str, str] = {}
"""Verbs by their base form."""
THIRD: dict[str, str] = {}
"""Verbs by the form with -s."""
PAST: dict[str, str] = {}
"""Verbs by their past tense and participle."""
GERUND: dict[str, str] = {}
"""Verbs by the form with -ing."""
PARTICIPLE: dict[str, str] = {}
"""The past participle of a verb, by its base form."""
THIRD_PERSON: dict[str, str] = {}
"""The form with -s of a verb, by its base form."""

for _verb in _VERBS.split():
    _forms = _IRREGULAR.get(_verb, "").split()
    _third = _forms.pop(0) if _forms and _forms[0] in ("goes", "has", "does") else _third_person(_verb)
    BASE[_verb] = THIRD[_third] = GERUND[_gerund(_verb)] = _verb
    for _form in _forms or [_past(_verb)]:
        PAST[_form] = _verb
    PARTICIPLE[_verb] = (_forms or [_past(_verb)])[-1]
    THIRD_PERSON[_verb] = _third
    for _british in {_verb.replace("ize", "ise"), _verb.replace("yze", "yse")} - {_verb}:
        BASE[_british] = THIRD[_third_person(_british)] = GERUND[_gerund(_british)] = PAST[_past(_british)] = _verb
VERB_FORMS = frozenset().union(BASE, THIRD, PAST, GERUND)
"""Verbs in any form."""

BE = words(
    """
    be is am are was were been being 's 're
    """
)
AUXILIARIES = words(
    """
    can could may might must shall should will would do does did has have had having cannot 'll 've 'd
    """
)
NEGATIONS = frozenset(["not", "never", "no", "n't", "cannot", "nobody", "neither", "nor", "hardly"])
HYPOTHETICAL = frozenset(["would", "could", "might"])
FINITE = BE | AUXILIARIES
"""Words that show that the words before them are a subject."""

DETERMINERS = words(
    """
    a an the this that these those my our your his her its their every each all any some both no another either
    neither several many few most more enough such what which whose one's everyone's
    """
)
NUMBERS = words(
    """
    one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty sixty seventy
    eighty ninety hundred thousand million billion zero half dozen first second third
    """
)
PRONOUNS = words(
    """
    i you he she it we they me him her us them myself yourself himself herself itself ourselves themselves who
    whom somebody someone anybody anyone everybody everyone something anything everything nothing nobody none
    there here it's i'm we're you're they're he's she's that's there's let's one ones mine yours ours theirs
    """
)
PREPOSITIONS = words(
    """
    about above across against along among around as at behind below beneath beside besides between beyond by
    despite down during except for from in inside into like near of off on onto out outside over past per
    through throughout to toward towards under underneath up upon via with within without than
    """
)
CONJUNCTIONS = frozenset(["and", "or", "but", "nor", "plus"])
MARKS = words(
    """
    before after once when whenever until till unless if because while since although though whereas so where
    """
)
JOINING = MARKS | CONJUNCTIONS
CLAUSE_ENDS = JOINING | PREPOSITIONS
"""Words before which a subject or an object ends."""
RELATIVES = frozenset(["which", "who", "that", "whose", "whom"])
ADVERBS = words(
    """
    also always already again almost alone away back often never sometimes usually mostly mainly still yet just
    only now then soon later today tomorrow yesterday tonight first next finally afterwards afterward here there
    too very quite rather well together even ever twice instead please else anyway once currently recently
    directly automatically manually locally weekly daily monthly overnight early late right straight much
    otherwise therefore hence thus however longer somewhat
    """
)
DATES = words(
    """
    monday tuesday wednesday thursday friday saturday sunday january february march april may june july august
    september october november december mondays tuesdays wednesdays thursdays fridays saturdays sundays spring
    summer autumn winter christmas easter am pm utc morning evening noon night afternoon week weeks month months
    year years day days hour hours minute minutes second seconds quarter quarters
    """
)
UNITS = words(
    """
    percent euro euros dollar dollars pound pounds mb gb kb tb ms km kg g ml
    """
)
TIMES = DATES | UNITS
"""Nouns for times and measures, which are not entities."""
QUANTITIES = words(
    """
    new latest same other own whole entire next last previous first second third single couple pair lot lots bit
    few least most more fresh various several different certain full recent current
    """
)
