"""How good a model is, in words and on one page, for people who did not train it."""

from covey.assess.verdict import tabulate, verdict
from covey.report.page import write_report

__all__ = ["tabulate", "verdict", "write_report"]


def __dir__() -> list[str]:
    return __all__
