"""The reference of Python: a page for each class, and one for each module of functions."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from importlib import import_module
from typing import Any

import covey
from docs.site.docstrings import to_markdown

# Folder of the pages, beside docs/reference/index.md.
FOLDER = "reference/api"
# In the order in which somebody meets them; "" is the top of the package.
MODULES = (
    *("", "distributions", "scores", "plot", "report", "bulk", "serve", "scorers", "families"),
    *("layers", "losses", "errors", "datasets", "demo", "cli"),
)


def pages() -> dict[str, str]:
    """The text of each page, by its path below docs/ and without `.md`."""
    found = {}
    listed = []
    for name in MODULES:
        path = f"covey.{name}".rstrip(".")
        module = import_module(path)
        values = {each: getattr(module, each) for each in module.__all__}
        own = {
            each: value
            for each, value in values.items()
            if not inspect.ismodule(value) and (not name or value is not getattr(covey, each, None))
        }
        classes = {k: v for k, v in own.items() if inspect.isclass(v) and name != "errors"}
        for each, value in classes.items():
            found[f"{FOLDER}/{path}.{each}"] = "\n".join(_class(f"{path}.{each}", value))
        rest = {k: v for k, v in own.items() if k not in classes}
        found[f"{FOLDER}/{path}"] = "\n".join(_module(path, module, classes, rest))
        listed.append(f"* [`{path}`]({path}.md): {_first_line(module)}")
        for each, value in classes.items():
            listed.append(f"  * [`{each}`]({path}.{each}.md): {_first_line(value)}")
    found[f"{FOLDER}/index"] = (
        "# Python\n\nEvery public name, from the docstrings. What is not listed here is not "
        "public, and may change without notice.\n\n" + "\n".join(listed) + "\n"
    )
    return found


def _module(path: str, module: Any, classes: dict[str, Any], rest: dict[str, Any]) -> Iterator[str]:
    yield from (f"# {path}", "", f"```{{py:module}} {path}", "```", "")
    yield from ("```{py:currentmodule} None", "```", "")  # names are given in full
    yield from (to_markdown(inspect.getdoc(module) or ""), "")
    if classes:
        yield from ("## Classes", "")
        for name, value in classes.items():
            yield f"* [`{name}`]({path}.{name}.md): {_first_line(value)}"
        yield ""
    functions = {k: v for k, v in rest.items() if callable(v)}
    for name, value in functions.items():
        kind = "exception" if inspect.isclass(value) else "function"
        yield from (f"## {name}", "")
        yield from _described(kind, f"{path}.{name}", value)
    for name, value in rest.items():
        if name not in functions:
            yield from (f"## {name}", "", f"````{{py:data}} {path}.{name}", f":value: {value!r}")
            yield from ("````", "")


def _class(path: str, kind: Any) -> Iterator[str]:
    yield from (f"# {kind.__name__}", "")
    doc = inspect.getdoc(kind) or ""
    yield from _fenced("class", path, _signature(kind), to_markdown(doc))
    members = {name: getattr(kind, name, None) for name in ours(kind) if hasattr(kind, name)}
    methods = {name: value for name, value in members.items() if callable(value)}
    said = set(re.findall(r"^:ivar (\w+):", to_markdown(doc), re.M))
    others = [name for name in members if name not in methods]
    if methods:
        yield from ("## Methods", "")
        for name in methods:
            static = inspect.getattr_static(kind, name)
            # what scikit-learn makes for a class only then
            known = inspect.isfunction(static) or isinstance(static, classmethod | staticmethod)
            value = static if known else methods[name]
            yield from _described("method", f"{path}.{name}", value)
    if others:
        yield from ("## Attributes", "")
        for name in others:
            member = inspect.getattr_static(kind, name)
            text = _said(member) if _has_own_doc(member) else ""
            if not text and name in said:
                text = "See above."
            yield from _fenced("attribute", f"{path}.{name}", "", text)


def _described(kind: str, path: str, value: Any) -> Iterator[str]:
    options = []
    if isinstance(value, (classmethod, staticmethod)):
        options = [f":{type(value).__name__}:"]
        value = value.__func__
        drop_first = options == [":classmethod:"]
    else:
        drop_first = kind == "method"
    shown = "" if kind == "exception" else _signature(value, drop_first=drop_first)
    yield from _fenced(kind, path, shown, _said(value), options)


def _fenced(
    kind: str, path: str, signature: str, text: str, options: list[str] | None = None
) -> Iterator[str]:
    yield from (f"`````{{py:{kind}}} {path}{signature}", *(options or []), "", text, "`````", "")


def _said(value: Any) -> str:
    """What a docstring says as Markdown; of scikit-learn's, which are reST, the first line."""
    doc = inspect.getdoc(value) or ""
    return _first_line(value) if "\n----" in doc else to_markdown(doc)


def _has_own_doc(member: Any) -> bool:
    return isinstance(member, property) or hasattr(member, "func") or inspect.isroutine(member)


def _first_line(value: Any) -> str:
    return (inspect.getdoc(value) or "").partition("\n\n")[0].replace("\n", " ")


def _signature(value: Any, *, drop_first: bool = False) -> str:
    """Parameters with their defaults, without types: what they may be is said in words."""
    try:
        found = inspect.signature(value)
    except ValueError:
        return "(...)"
    parameters = [each.replace(annotation=each.empty) for each in found.parameters.values()]
    if drop_first:
        parameters = parameters[1:]
    plain = str(found.replace(parameters=parameters, return_annotation=found.empty))
    return re.sub(r"<built-in function (\w+)>", r"\1", plain)


def ours(kind: Any) -> list[str]:
    """Names that Covey gives to a class, and not Keras or scikit-learn; in order of writing."""
    classes = [each for each in kind.__mro__ if each.__module__.split(".")[0] == "covey"]
    return list(dict.fromkeys(n for each in classes for n in vars(each) if not n.startswith("_")))
