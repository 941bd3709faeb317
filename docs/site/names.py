"""Names in the text of a page lead to where they are described."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from docutils import nodes

from docs.site import api

_DESCRIBED = re.compile(r"^`{3,}\{py:(?!currentmodule)(\w+)\} ([\w.]+)", re.M)


def places() -> dict[str, tuple[str, str]]:
    """The page and the anchor of each name that means one thing, as pages write it."""
    found: dict[str, tuple[str, str]] = {}
    top: list[tuple[str, tuple[str, str]]] = []
    methods: set[str] = set()
    for page, text in api.pages().items():
        for kind, name in _DESCRIBED.findall(text):
            place = page, "module-" + name if kind == "module" else name
            found[name] = place
            if kind in ("class", "function", "exception"):
                top.append((name.rpartition(".")[2], place))
                found[name.removeprefix("covey.")] = place
            last = name.rpartition(".")[2]
            if name.startswith("covey.JointRegressor.") and "_" in last:
                top.append((last, place))
            elif kind in ("method", "attribute"):
                methods.add(last)  # `fit` is that of an estimator, more often than `covey.fit`
    count = Counter(name for name, _ in top)
    return found | {n: place for n, place in top if count[n] == 1 and n not in methods}


def link(app: Any, doctree: nodes.document, docname: str) -> None:
    """Turn code that is a public name into a link to its description."""
    known = app.covey_places
    for literal in list(doctree.findall(nodes.literal)):
        name = re.sub(r"\(.*\)$", "", literal.astext())
        page, anchor = known.get(name, (docname, ""))
        if page == docname or _inside(literal, (nodes.reference, nodes.title, nodes.target)):
            continue
        uri = f"{app.builder.get_relative_uri(docname, page)}#{anchor}"
        literal.replace_self(nodes.reference("", "", literal.deepcopy(), refuri=uri, internal=True))


def _inside(node: nodes.Node, kinds: tuple[type, ...]) -> bool:
    parent = node.parent
    while parent is not None and not isinstance(parent, kinds):
        parent = parent.parent
    return parent is not None
