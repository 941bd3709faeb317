"""What Python's callers call arguments, in the words of the command line."""

from __future__ import annotations

import re
import shlex

from covey.cli.parameters import NOTHING

# Messages have names of arguments in backticks, and values given to them as name=value.
OPTIONS = {
    "X": "the table",
    "Y": "the targets",
    "sample_weight": "--sample-weight",
    "groups": "--groups",
    "time": "--time",
    "family": "--family",
    "members": "--members",
    "cv": "--cv",
    "max_time": "--max-time",
    "random_state": "--random-state",
    "categorical": "--categorical",
    "dates": "--dates",
    "transform": "--transform",
    "trees": "--trees",
    "given": "--given",
    "columns": "--columns",
    "max_rows": "--max-rows",
    "max_bytes": "--max-bytes",
    "max_seconds": "--max-seconds",
    "token_file": "--token-file",
    "keep": "--keep",
    "strict": "--strict",
    "engine": "--engine",
    "address": "--address",
    "part_rows": "--part-rows",
    "sep": "--sep",
    "decimal": "--decimal",
    "encoding": "--encoding",
    "na": "--na",
    "sheet": "--sheet",
    "targets": "--targets",
    "features": "--features",
    "trusted": "--trusted",
    "resume": "--resume",
    "checkpoint": "the checkpoint",
}
# These are given in a file.
PARAMETERS = (
    *("rank", "base", "hidden_units", "activation", "dropout", "learning_rate", "weight_decay"),
    *("batch_size", "max_steps", "callbacks", "verbose"),
)
NAMED = re.compile(r"(^|[.] )?`(\w+)`")
FUNCTIONS = {
    "`fit`": "covey fit",
    "`fit_files`": "--stream",
    "`calibrate`": "covey calibrate",
    "`evaluate`": "covey evaluate",
    "`out_of_fold_evaluation_`": "the verdict that covey fit printed",
}
# what only Python can give
OF_PYTHON = re.compile(r", a numpy\.random\.RandomState, or None| \(n_samples = \d+\)")
PAIR = r"['\"]([^'\"]*)['\"]: *(?:['\"]([^'\"]*)['\"]|None)"
# not within quotes, where it is what the user has
GIVEN = re.compile(r"`?(?<!['\"\w])(\w+)=(\"[^\"]*\"|\[[^\]]*\]|\{[^}]*\}|'[^']*'|[\w.+-]+)`?")


# what a model decides for good: other commands do not take them
OF_FIT = ("categorical", "dates", "transform", "trees", "groups", "time", "cv", "family", "members")


def in_options(message: str, command: str | None = None) -> str:
    """A message of the library, for somebody who typed a command.

    Args:
        message: with arguments in backticks, such as "`random_state` must be", and values given to
            them, such as 'members=5'.
        command: the one that was typed, such as "predict"; None if it does not matter.

    Returns:
        The same with the options that give these arguments, and parameters of the file of --params.
    """
    for name, words in FUNCTIONS.items():
        message = message.replace(name, words)
    message = OF_PYTHON.sub("", message)
    late = command not in (None, "fit", "demo")
    message = GIVEN.sub(lambda match: _given(match, late), message)
    return NAMED.sub(_named, message)


def _named(match: re.Match[str]) -> str:
    before, name = match[1], match[2]
    if name in PARAMETERS:
        return f"{before or ''}{name} (of --params)"
    words = OPTIONS.get(name)
    if words is None:
        return match[0]
    if before is not None:  # a sentence begins here
        words = words[0].upper() + words[1:]
    return f"{before or ''}{words}"


def _given(match: re.Match[str], late: bool) -> str:
    name, value = match[1], match[2]
    option = OPTIONS.get(name, "")
    if not option.startswith("--"):
        return match[0]
    again = " in a new covey fit" if late and name in OF_FIT else ""
    return f"{_option(option, value)}{again}"


def _option(option: str, value: str) -> str:
    """An option with a value that Python's callers give in the same place."""
    if pairs := re.findall(PAIR, value):
        return f"{option} {_word([f'{key}={what or NOTHING}' for key, what in pairs])}"
    names = re.findall(r"['\"]([^'\"]*)['\"]", value)
    if value == "True":
        return option
    return f"{option} {_word(names) if names else value}"


def _word(names: list[str]) -> str:
    """Names as one word of a shell, those that hold a comma quoted as in CSV."""
    cells = [
        '"' + name.replace('"', '""') + '"' if {",", '"'} & {*name} else name for name in names
    ]
    return shlex.quote(names[0] if len(names) == 1 else ",".join(cells))
