"""The main job on the bundled data, told step by step."""

from covey.demo.story import run

__all__ = ["run"]


def __dir__() -> list[str]:
    return __all__
