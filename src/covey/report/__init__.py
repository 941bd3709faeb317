"""One page that says how good a model is, to people who did not train it."""

from covey.report.page import write_report

__all__ = ["write_report"]
