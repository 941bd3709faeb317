"""The methods: for each a script, run in an environment of its own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
ENVIRONMENTS = FOLDER.parents[2] / ".venv-bench"


@dataclass(frozen=True)
class Method:
    """A script that turns a table into predictive distributions.

    Attributes:
        title: what readers see.
        environment: a name in `environments/`, or None for Covey's own.
        script: file name beside this one.
        arguments: further arguments of the script.
        most_targets: D above which it is left out, because its cost explodes.
        density: whether it gives one; if not, it gives samples.
    """

    title: str
    environment: str | None
    script: str
    arguments: tuple[str, ...] = ()
    most_targets: int = 20
    density: bool = True

    @property
    def python(self) -> str:
        """The interpreter to run it with."""
        if self.environment is None:
            return sys.executable
        return str(ENVIRONMENTS / self.environment / "bin" / "python")


METHODS = {
    "covey": Method("Covey", None, "covey_default.py", most_targets=10_000),
    "ridge": Method("ridge + constant covariance", None, "ridge.py", most_targets=10_000),
    "catboost": Method("CatBoost + constant covariance", "trees", "catboost_constant.py"),
    "tfp": Method("TFP recipe", "tfp", "tfp_recipe.py"),
    "ngboost": Method("NGBoost MVN", "trees", "ngboost_mvn.py", most_targets=8),
    "xgboostlss-mvn": Method("XGBoostLSS MVN", "xgboostlss", "xgboostlss_joint.py", ("mvn",), 8),
    "xgboostlss-mvt": Method("XGBoostLSS MVT", "xgboostlss", "xgboostlss_joint.py", ("mvt",), 8),
    "lightgbm": Method("LightGBM + constant covariance", "lightgbm", "lightgbm_constant.py"),
    "neighbours": Method(
        "LightGBM or ridge + covariance of neighbours", "lightgbm", "neighbours_covariance.py"
    ),
    "treeffuser": Method("treeffuser", "treeffuser", "treeffuser_samples.py", density=False),
    "engression": Method("engression", "engression", "engression_samples.py", density=False),
    "mapie": Method("MAPIE learned covariance", "mapie", "mapie_covariance.py"),
}
