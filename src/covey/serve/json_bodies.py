"""Bodies of JSON, in and out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable
from typing import Any

from covey.errors import clipped, shown
from covey.serve.refusal import Refusal

PIECE = 64  # entries of a list that are written in one go: no thread gets a turn meanwhile
# text in ASCII: what came as half a character (a surrogate) can go back as it came
ENCODE = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


def read_json(body: bytes, rows: Collection[str] = (), *, nan_is_null: bool = False) -> Any:
    """What a body of JSON holds.

    Args:
        body: its bytes.
        rows: names of the lists that hold a row in each entry, for messages.
        nan_is_null: whether NaN, which is no JSON, stands for null, as some clients write gaps.

    Returns:
        Its content.

    Raises:
        Refusal: 400 if it is no JSON; 422 if an object has a name twice, since either value may be
            what was meant.
    """
    twice: dict[int, str] = {}

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            twice[id(found)] = first_repeated(name for name, _ in pairs)
            kept.append(found)
        return found

    kept: list[Any] = []  # so that no other object comes to have the same identity
    try:
        content = json.loads(
            body, object_pairs_hook=once, parse_constant=_null_or_float if nan_is_null else None
        )
    except RecursionError:
        raise Refusal(400, "Expected JSON. Received lists or objects nested too deeply.") from None
    except ValueError as error:
        raise Refusal(400, f"Expected JSON. Received a body that is none: {error}.") from None
    if twice:
        raise _repeated(content, twice, rows)
    return content


def first_repeated(names: Iterable[str]) -> str:
    """The first name that was there before; there is one."""
    counts = Counter[str]()
    for name in names:
        counts[name] += 1
        if counts[name] > 1:
            return name
    raise AssertionError("no name is repeated")


def _null_or_float(name: str) -> float | None:
    return None if name == "NaN" else float(name)


def write_json(content: Any) -> bytes:
    """Content as JSON, written in pieces between which other threads get their turn.

    Args:
        content: what JSON can hold.
    """
    return _text(content).encode()


def _text(content: Any) -> str:
    if isinstance(content, dict):
        items = (f"{ENCODE(str(name))}:{_text(value)}" for name, value in content.items())
        return "{" + ",".join(items) + "}"
    if isinstance(content, list):
        if len(content) > PIECE:
            starts = range(0, len(content), PIECE)
            return f"[{','.join(ENCODE(content[at : at + PIECE])[1:-1] for at in starts)}]"
        if content and isinstance(content[0], dict | list):
            return f"[{','.join(map(_text, content))}]"
    return ENCODE(content)


def _repeated(content: Any, twice: dict[int, str], rows: Collection[str]) -> Refusal:
    """The refusal of objects that have a name twice, which says where the first is."""
    waiting: list[tuple[Any, list[str | int]]] = [(content, [])]
    while waiting:
        each, path = waiting.pop()
        if (name := twice.get(id(each))) is not None:
            if len(path) == 2 and path[0] in rows and isinstance(path[1], int):
                reason = "expected each name once in an object. Received it twice."
                return Refusal.of_rows([{"row": path[1], "column": name, "reason": reason}])
            steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
            where = f" in {clipped(''.join(steps).removeprefix('.'))!r}" if path else ""
            return Refusal(
                422, f"Expected each name once in an object. Received {shown(name)} twice{where}."
            )
        inner = each.items() if isinstance(each, dict) else enumerate(each)
        below = [(value, [*path, key]) for key, value in inner if isinstance(value, dict | list)]
        waiting += reversed(below)
    raise AssertionError("the object is part of the content")
