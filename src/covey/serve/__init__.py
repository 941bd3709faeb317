"""A fitted model that systems can call over HTTP, and a page where people see it move."""

from covey.serve.application import application
from covey.serve.limits import Limits

__all__ = ["Limits", "application"]


def __dir__() -> list[str]:
    return __all__
