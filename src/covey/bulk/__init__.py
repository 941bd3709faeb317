"""Scoring of tables that are larger than memory, file by file, on one machine or on many."""

from covey.bulk.scorer import Scorer
from covey.bulk.scoring import Scored, score

__all__ = ["Scored", "Scorer", "score"]


def __dir__() -> list[str]:
    return __all__
