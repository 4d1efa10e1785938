"""Taking a text apart for the built-in models: lines, sentences, phrases, numbers, and what kind of request it is."""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator

_TAG = re.compile(r"<[^<>]{0,200}>")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"»”)]*\s+")
_SUMMARY = re.compile(r"\b(summar|r[ée]sum[ée]|condense|shorten|raccourci|synth[èe]|tl;?dr)", re.IGNORECASE)
_GROUNDED = re.compile(
    r"\b(faq|knowledge base|base de connaissances?|context|contexte|using only|only (use|from)|use (only )?th(is|ese)"
    r"|uniquement|d['’]apr[èe]s|based on|[àa] partir d|entry|entries|entr[ée]es?|passage|extrait|excerpt)\b",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^\W*(you are |you're |your task|tu es |vous [êe]tes |act as|(politely |please )?(answer|reply|respond)\b"
    r"|r[ée]pon(ds|dez|dre)\b|write\b|[ée]cri(s|vez|re)\b|r[ée]dige|summar|r[ée]sum|condense|shorten|be (brief|short"
    r"|kind|polite|concise|friendly)|so(is|yez) |do not |don['’]t |never |n['’]invent|ne r[ée]pon"
    r"|keep (it|your|the answer)|extract|extrai|use (only|this|these|the following)|utilise|in (one|two) "
    r"|en (une|deux) |(the )?(faq|context)\b)",
    re.IGNORECASE,
)
_LABEL = re.compile(r"^\s*(?:[-*•]\s*|\d+[.)]\s*)?(?:[\w' -]{1,24}\s?:\s*)?")


def wants_summary(text: str) -> bool:
    """Whether the instruction asks to say a text more shortly."""
    return bool(_SUMMARY.search(text))


def wants_grounding(text: str) -> bool:
    """Whether the instruction gives a text to answer from."""
    return bool(_GROUNDED.search(text))


def plain(text: str) -> str:
    """The text without markup, one line a paragraph."""
    lines = (" ".join(html.unescape(_TAG.sub(" ", line)).split()) for line in re.split(r"</p>|<br */?>|\n", text))
    return "\n".join(line for line in lines if line)


def content_lines(text: str) -> list[str]:
    """The lines that tell something, without those that only say what to do."""
    kept = []
    for line in plain(text).splitlines():
        _, colon, rest = line.partition(":")
        if _INSTRUCTION.match(line):
            # "Answer from this entry: You have 30 days." instructs before the colon and tells after it.
            line = rest.strip() if colon and len(rest.split()) > 3 else ""
        if len(line.split()) > 1:
            kept.append(line)
    return kept


def sentences(text: str) -> list[str]:
    """The sentences of a text, in order."""
    return [part.strip() for line in text.splitlines() for part in _SENTENCE_END.split(line) if part.strip()]


def unlabelled(line: str) -> str:
    """A line without the bullet and the label in front: `- returns: 30 days.` becomes `30 days.`"""
    return _LABEL.sub("", line, count=1) or line


_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:[ \u00a0\u202f.,]\d{3})+(?!\d)|\d+(?:[.,]\d+)?")
_SPELLED = (
    ("two", "deux"),
    ("three", "trois"),
    ("four", "quatre"),
    ("five", "cinq"),
    ("six",),
    ("seven", "sept"),
    ("eight", "huit"),
    ("nine", "neuf"),
    ("ten", "dix"),
    ("eleven", "onze"),
    ("twelve", "douze", "dozen", "douzaine"),
)
_WORDS = {word: value for value, words in enumerate(_SPELLED, 2) for word in words}


def numbers(text: str) -> list[float]:
    """The numbers of a text in order, digits first, then spelled ones: `1 200`, `1,200`, `12,5`, `three`."""
    found = []
    for match in _NUMBER.findall(text):
        grouped = re.fullmatch(r"\d{1,3}(?:[ \u00a0\u202f.,]\d{3})+", match)
        found.append(float(re.sub(r"\D", "", match) if grouped else match.replace(",", ".")))
    found += [float(_WORDS[word]) for word in re.findall(r"[a-zé]+", text.lower()) if word in _WORDS]
    return list(dict.fromkeys(found))


# Words that end a phrase: what stands before and after them are different things.
_BREAK_WORDS = """
from for at in on with by we i you they he she it is are am was were be been have has had need needs want wants would
could can will please reach write and or but my our your their me us to asap hello hi dear regards thanks do does did
sell buy quote looking interested name company called i'm i'd we'd we're i'll we'll pour avec dans sur par chez je nous
vous on il elle ils elles est sont suis avons avez ont ai a aurions aimerais aimerions besoin voudrais voudrions veux
cherche cherchons souhaite faut faudrait serait et ou mais mon ma mes notre nos votre vos bonjour cordialement merci
salut ici devis société hey thx good best wishes morning how much this contact person commander order
"""
_BREAKS = frozenset(_BREAK_WORDS.split()) | _WORDS.keys()
_INNER_WORDS = "the of a an d' l' de du des la le les un une aux au & this that some any about"
_INNER = frozenset(_INNER_WORDS.split())


def phrases(text: str, words: int = 5) -> list[str]:
    """Runs of up to `words` words that may be the name of something, in the order of the text.

    A phrase does not cross punctuation, a number, an address or a word such as `for`, and neither begins nor ends
    with an article. With every phrase its parts are offered, too.
    """
    found: dict[str, None] = {}
    for _, run in _runs(text):
        for start in range(len(run)):
            for end in range(min(len(run), start + words), start, -1):
                if _is_name(run[start:end]):
                    found[" ".join(run[start:end])] = None
    return list(found)


_UNITS = re.compile(
    r"^(eur(os?)?|dollars?|usd|chf|gbp|pounds?|days?|jours?|weeks?|semaines?|months?|mois|years?|ans?"
    r"|hours?|heures?|minutes?|percent|cm|mm|m|km|kg|g)$",
    re.IGNORECASE,
)


def counted(text: str) -> list[str]:
    """What stands right after a number and is no unit: of `40 desk lamps for 900 euros` the desk lamps."""
    after = (run for counts, run in _runs(text) if counts and run and not _UNITS.match(run[0]))
    return list(dict.fromkeys(" ".join(run[:4]) for run in after if _is_name(run[:4])))


def is_proper(phrase: str) -> bool:
    """Whether it is written like the name of a person, a company or a place."""
    return all(word[:1].isupper() or word.lower() in _INNER for word in phrase.split())


def kinship(phrase: str, address: str) -> int:
    """How many words of the phrase an address is made of: people and companies call their addresses after them."""
    folded = _folded(address)
    words = (_folded(word) for word in phrase.split())
    return sum(len(word) > 2 and word in folded for word in words)


def _folded(text: str) -> str:
    """Letters only, without accents and case."""
    apart = unicodedata.normalize("NFKD", text.lower())
    return "".join(sign for sign in apart if sign.isalpha())


def _runs(text: str) -> Iterator[tuple[bool, list[str]]]:
    """The words between two breaks, and whether a number stands right before them."""
    counts, run = False, list[str]()
    for token in [*plain(text).replace("\n", " . ").split(), "."]:
        word = token.strip('.,;:!?()[]{}<>"«»“”–—-*/')
        number = word[:1].isdigit() or word.lower() in _WORDS
        silent = word != "&" and not any(map(str.isalnum, word))
        breaks = number or silent or word.lower() in _BREAKS or "@" in word or "/" in word
        if breaks or token[0] in '([«“"':
            yield counts, run
            counts, run = number, []
        if not breaks:
            run.append(word)
        if token[-1] in '.,;:!?)]»”"' and not number:
            yield counts, run
            counts, run = False, []


def _is_name(run: list[str]) -> bool:
    first, last = run[0], run[-1]
    # `Les Amis` is a name, `les chaises` are chairs: an article counts when it is capitalised.
    opens = first.lower() in _INNER and not (first[0].isupper() and len(run) > 1)
    return not opens and last.lower() not in _INNER and any(sign.isalpha() for sign in first)


ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')]+")
PHONE = re.compile(r"(?<![\w@.])\+?\d[\d .()/-]{5,}\d(?!\w)")


def matches(pattern: re.Pattern[str], text: str) -> list[str]:
    """All different matches, in order, without the full stop of the sentence."""
    found: Iterable[str] = (match.group().rstrip(".,") for match in pattern.finditer(plain(text)))
    return list(dict.fromkeys(found))
