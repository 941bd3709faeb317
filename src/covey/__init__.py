"""Joint predictions for tabular data: a mean vector and a full covariance matrix per row.

A *family* turns what a network puts out into a distribution; a *regressor* turns a table into a
network. Names are loaded on first use, so that `import covey` stays light: neither Keras nor
pandas is imported before something needs them. An `import keras` that comes later finds a backend
that is installed, and the classes that saved models name.
"""

from importlib import import_module

from covey.backend import arrival

TYPE_CHECKING = False  # that of `typing`, whose import takes longer than all that is here
if TYPE_CHECKING:  # what type checkers see in place of `__getattr__`
    from covey import (
        bulk,
        datasets,
        distributions,
        errors,
        families,
        layers,
        losses,
        plot,
        report,
        scorers,
        scores,
        serve,
    )
    from covey.distributions import (
        LowRankMultivariateNormal,
        Mixture,
        MultivariateNormal,
        MultivariateT,
        Transformed,
    )
    from covey.members.keras_fit import fit
    from covey.regressor import JointRegressor, load

__version__ = "0.1.0"

__all__ = [
    "JointRegressor",
    "LowRankMultivariateNormal",
    "Mixture",
    "MultivariateNormal",
    "MultivariateT",
    "Transformed",
    "__version__",
    "bulk",
    "datasets",
    "distributions",
    "errors",
    "families",
    "fit",
    "layers",
    "load",
    "losses",
    "plot",
    "report",
    "scorers",
    "scores",
    "serve",
]

_MODULE_OF = {
    "JointRegressor": "regressor",
    "LowRankMultivariateNormal": "distributions",
    "Mixture": "distributions",
    "MultivariateNormal": "distributions",
    "MultivariateT": "distributions",
    "Transformed": "distributions",
    "fit": "members.keras_fit",
    "load": "regressor",
}

arrival.watch()

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name in _MODULE_OF:
            return getattr(import_module(f"covey.{_MODULE_OF[name]}"), name)
        if name in __all__:
            return import_module(f"covey.{name}")
        raise AttributeError(f"module 'covey' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
