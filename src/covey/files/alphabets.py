"""Which encoding makes words of the bytes of a text: letters of one language, in order."""

from __future__ import annotations

import re

__all__ = ["likeliest"]

# Letters beyond ASCII in the languages that an encoding is used for; the likeliest come first.
WESTERN = (
    "äöüß", "àâæçéèêëîïôœùûüÿ", "áéíñóúü", "áàâãçéêíóôúü", "àèéìíîòóùú", "åäöé", "æøåéèôü",
    "áæðéíóöþúý", "áéèëïíóöúü", "àçèéíïòóúü", "äöõüšž",
)  # fmt: skip
CENTRAL = (
    "ąćęłńóśźż", "áčďéěíňóřšťúůýž", "áäčďéíĺľňóôŕšťúýž", "áéíóöőúüű", "ăâîşţ", "čćđšž", "äöüß",
)  # fmt: skip
CYRILLIC = (
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
    "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",
    "абвгдђежзијклљмнњопрстћуфхцчџш",
)
GREEK = ("αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰ",)
ENCODINGS = {
    "cp1252": WESTERN,
    "cp1250": CENTRAL,
    "cp1251": CYRILLIC,
    "cp1253": GREEK,
    "cp1254": ("çğıi̇öşüâîû",),  # noqa: RUF001
    "cp1257": ("ąčęėįšųūž", "āčēģīķļņšūž", "äöõüšž"),
    "cp1255": ("אבגדהוזחטיךכלםמןנסעףפץצקרשת",),
    "koi8-r": CYRILLIC[:1],
    "iso8859-2": CENTRAL,
    "cp866": CYRILLIC[:1],
    "cp850": WESTERN,
    "cp852": CENTRAL,
    "mac-roman": WESTERN,
    "mac-cyrillic": CYRILLIC,
}
LATIN = frozenset("".join(WESTERN + CENTRAL) + "".join(ENCODINGS["cp1254"] + ENCODINGS["cp1257"]))
# Signs beyond ASCII that tables hold: units, currencies, marks of quotation.
SIGNS = frozenset("€£¥°²³µ§½¼¾±·‰–—‘’“”„‚…•«»©®™¿¡×№\u00a0")  # noqa: RUF001
WORD = re.compile(r"[^\W\d_]+")
# A sign that belongs before or behind a word, where it cannot stand.
MISPLACED = re.compile(
    r"[¹³²¥¢½¼¾±‰•”»×¤¦¨¯´¸¬¶†‡ˆ˜‹›][^\W\d_]"  # noqa: RUF001
    r"|[^\W\d_][€£¥½¼¾±¿¡„‚«¤¦¨¯´¸¬¶†‡ˆ˜‹›][^\W\d_]?"  # noqa: RUF001
    r"|[ךםןףץ][^\W\d_]"
)
ENOUGH = 0.75  # of the signs beyond ASCII
SAMPLE = 1 << 14  # bytes


def likeliest(content: bytes) -> str | None:
    """The encoding of one byte a letter that makes words of a text.

    Args:
        content: Bytes of some lines, not all of ASCII.

    Returns:
        Its name; None if no encoding makes words of most letters.
    """
    if len(content) > SAMPLE:
        content = content[:SAMPLE].rpartition(b"\n")[0] or content[:SAMPLE]
    scores = {name: _score(content, name) for name in ENCODINGS}
    # of encodings that read the text alike, the first: the commoner
    best = max(scores, key=lambda name: scores[name])
    return best if scores[best] >= ENOUGH else None


def _score(content: bytes, name: str) -> float:
    """The share of the signs beyond ASCII that are as one language writes them, from 0 to 1."""
    try:
        text = content.decode(name)
    except UnicodeDecodeError:
        return 0.0
    beyond = re.findall(r"[^\x00-\x7f]", text)
    if name == "cp1252":
        text = text.replace("õe", "ãe")  # in Portuguese; elsewhere it is Hungarian, misread
    misplaced = sum(2 for _ in MISPLACED.finditer(text))
    signs = sum(1 for each in beyond if each in SIGNS)
    words = [word.lower() for word in WORD.findall(text) if _is_word(word)]
    letters = "".join(letter for word in words for letter in word if not letter.isascii())
    languages = ENCODINGS[name]
    alphabet = set("".join(languages))
    known = sum(1 for letter in letters if letter in alphabet)
    single = max(_in(language, letters) for language in languages)
    mean = (0.7 * known + 0.3 * single + signs - misplaced) / max(len(beyond), 1)
    bonus = {
        "cp1252": 0.02,
        # Russian words seldom do without the letters that would be none in Hebrew
        "cp1255": 0.01 * (len(letters) >= 8),
        # and Icelandic ones without letters that would be none in Turkish
        "cp1254": 0.03 * bool(set("ğış") & set(letters)),
    }
    return round(mean + bonus.get(name, 0.0), 6)


def _in(language: str, letters: str) -> int:
    return sum(1 for letter in letters if letter in set(language))


def _is_word(word: str) -> bool:
    """Whether letters can make up a word: of one script, and no capital after a small letter."""
    if word.isascii():
        return False  # says nothing
    cased = word.lower() != word.upper()
    if (
        cased
        and not (word.islower() or word.isupper() or word[1:].islower() or word[1:] == "")
        and not (re.fullmatch(r"[A-Za-z]{1,3}[^\W\d_]\w+", word) and word[0].isascii())
    ):
        return False
    latin = [letter.isascii() or letter in LATIN for letter in word.lower()]
    if not any(latin):
        return True
    # Latin words do not consist of letters with marks alone
    return all(latin) and (len(word) < 2 or any(letter.isascii() for letter in word))
