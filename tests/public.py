"""The public surface: `python -m tests.public` writes the list that a test holds."""

import inspect
from importlib import import_module
from pathlib import Path

import covey

LIST = Path(__file__).parent / "data" / "public.txt"
MODULES = (
    *("bulk", "datasets", "distributions", "errors", "families", "layers", "losses", "plot"),
    *("report", "scorers", "scores", "regressor", "cli", "demo", "serve"),
)


def signature(value):
    """Parameters with their defaults; types are for the type checker, and change more often."""
    try:
        found = inspect.signature(value)
    except ValueError:
        return "(...)"
    plain = [each.replace(annotation=each.empty) for each in found.parameters.values()]
    return str(found.replace(parameters=plain, return_annotation=found.empty))


def ours(kind):
    """Names of a class that Covey gives it, and not Keras or scikit-learn."""
    classes = [each for each in kind.__mro__ if each.__module__.split(".")[0] == "covey"]
    return sorted({name for each in classes for name in vars(each) if not name.startswith("_")})


def described(path, value):
    """Lines for a public name, and for the members of a class."""
    if inspect.isclass(value):
        raised = issubclass(value, BaseException)
        yield path + ("" if raised else signature(value))
        for name in ours(value):
            if not hasattr(value, name):  # a parameter that is no attribute
                continue
            member = getattr(value, name)
            yield f"{path}.{name}{signature(member) if callable(member) else ''}"
    elif callable(value):
        yield path + signature(value)
    else:
        yield path


def surface():
    """A line for every public name."""
    lines = {
        line
        for name in covey.__all__
        if not inspect.ismodule(getattr(covey, name))
        for line in described(f"covey.{name}", getattr(covey, name))
    }
    top = [getattr(covey, name) for name in covey.__all__]
    for module in MODULES:
        loaded = import_module(f"covey.{module}")
        for name in loaded.__all__:
            value = getattr(loaded, name)
            if any(value is each for each in top):  # listed already, under the shorter name
                lines.add(f"covey.{module}.{name}: covey.{name}")
            else:
                lines.update(described(f"covey.{module}.{name}", value))
    return sorted(lines)


if __name__ == "__main__":
    LIST.write_text("\n".join(surface()) + "\n", encoding="utf-8")
