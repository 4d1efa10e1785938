"""Taking a text apart for the built-in models: lines, sentences, phrases, numbers, and what kind of request it is."""

import html
import re
from collections.abc import Iterable

_TAG = re.compile(r"<[^<>]{0,200}>")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"»”)]*\s+")
_SUMMARY = re.compile(
    r"\b(summar|r[ée]sum[ée]|condense|shorten|raccourci|synth[èe]|tl;?dr|in (one|two|a few) (short )?sentences?"
    r"|en (une|deux|quelques) phrases?)",
    re.IGNORECASE,
)
_GROUNDED = re.compile(
    r"\b(faq|knowledge base|base de connaissances?|context|contexte|using only|only (use|from)|use (only )?th(is|ese)"
    r"|uniquement|d['’]apr[èe]s|based on|[àa] partir d|entry|entries|entr[ée]es?|passage|extrait|excerpt)\b",
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"^\W*(you are|you're|your task|tu es|vous [êe]tes|answer|reply|respond|r[ée]pon|use|utilise|write|[ée]cri|r[ée]dige"
    r"|summar|r[ée]sum|condense|be |sois|soyez|do not|don['’]t|never|ne |n['’]|keep|give|donne|extract|extrai|turn|find"
    r"|read|lis|lisez|say|dis|if |si |in (one|two)|en (une|deux)|please|fill|faq\b|context|politely|help|aide)",
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
        head, colon, rest = line.partition(":")
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
_BREAKS = set(
    [
        "from",
        "for",
        "at",
        "in",
        "on",
        "with",
        "by",
        "we",
        "i",
        "you",
        "they",
        "he",
        "she",
        "it",
        "is",
        "are",
        "am",
        "was",
        "were",
        "be",
        "been",
        "have",
        "has",
        "had",
        "need",
        "needs",
        "want",
        "wants",
        "would",
        "could",
        "can",
        "will",
        "please",
        "reach",
        "write",
        "and",
        "or",
        "but",
        "my",
        "our",
        "your",
        "their",
        "me",
        "us",
        "to",
        "asap",
        "hello",
        "hi",
        "dear",
        "regards",
        "thanks",
        "pour",
        "avec",
        "dans",
        "sur",
        "par",
        "chez",
        "je",
        "nous",
        "vous",
        "on",
        "il",
        "elle",
        "ils",
        "elles",
        "est",
        "sont",
        "suis",
        "avons",
        "avez",
        "ont",
        "ai",
        "a",
        "aurions",
        "aimerais",
        "besoin",
        "voudrais",
        "voudrions",
        "veux",
        "cherche",
        "cherchons",
        "souhaite",
        "faut",
        "serait",
        "et",
        "ou",
        "mais",
        "mon",
        "ma",
        "mes",
        "notre",
        "nos",
        "votre",
        "vos",
        "bonjour",
        "cordialement",
        "merci",
        "salut",
        "ici",
        "name",
        "company",
        "called",
        "i'm",
        "i'd",
        "we'd",
        "we're",
    ]
)
_INNER = set(
    [
        "the",
        "of",
        "a",
        "an",
        "d'",
        "l'",
        "de",
        "du",
        "des",
        "la",
        "le",
        "les",
        "un",
        "une",
        "aux",
        "au",
        "&",
        "this",
        "that",
        "some",
        "any",
        "about",
    ]
)


def phrases(text: str, words: int = 5) -> list[str]:
    """Runs of up to `words` words that may be the name of something, in the order of the text.

    A phrase does not cross punctuation, a number, an address or a word such as `for`, and neither begins nor ends
    with an article. With every phrase its parts are offered, too.
    """
    found: dict[str, None] = {}
    run: list[str] = []
    for token in [*plain(text).replace("\n", " . ").split(), "."]:
        word = token.strip('.,;:!?()[]{}<>"«»“”–—*')
        opens = token[:1] in '([«“"' or not word
        if opens or word.lower() in _BREAKS or any(sign in word for sign in "@/") or word[0].isdigit():
            _offer(run, words, found)
            run = []
        if word and word.lower() not in _BREAKS and not word[0].isdigit() and not any(sign in word for sign in "@/"):
            run.append(word)
        if token[-1:] in '.,;:!?)]»”"':
            _offer(run, words, found)
            run = []
    return list(found)


def _offer(run: list[str], words: int, found: dict[str, None]) -> None:
    for start in range(len(run)):
        for end in range(min(len(run), start + words), start, -1):
            first, last = run[start], run[end - 1]
            # `Les Amis` is a name, `les chaises` are chairs: an article counts when it is capitalised.
            opens = first.lower() in _INNER and not (first[:1].isupper() and end - start > 1)
            if not opens and last.lower() not in _INNER and any(sign.isalpha() for sign in first):
                found[" ".join(run[start:end])] = None


ADDRESS = re.compile(r"[\w.+'-]+@[\w-]+(?:\.[\w-]+)+")
LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"')]+")
PHONE = re.compile(r"(?<![\w@.])\+?\d[\d .()/-]{5,}\d(?!\w)")


def matches(pattern: re.Pattern[str], text: str) -> list[str]:
    """All different matches, in order, without the full stop of the sentence."""
    found: Iterable[str] = (match.group().rstrip(".,") for match in pattern.finditer(plain(text)))
    return list(dict.fromkeys(found))
