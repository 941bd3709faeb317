"""Joint predictions for tabular data: a mean vector and a full covariance matrix per row.

A *family* turns what a network puts out into a distribution; a *regressor* turns a table into a
network. Names are loaded on first use, so that `import covey` stays light: neither Keras nor
pandas is imported before something needs them.
"""

from importlib import import_module

__version__ = "0.1.0"

_MODULES = (
    "datasets",
    "distributions",
    "errors",
    "families",
    "layers",
    "losses",
    "plot",
    "report",
    "scores",
)
_NAMES = {
    "JointRegressor": "regressor",
    "LowRankMultivariateNormal": "distributions",
    "MultivariateNormal": "distributions",
    "MultivariateT": "distributions",
    "Mixture": "distributions",
    "fit": "model_fit",
    "load": "regressor",
}

__all__ = [*_NAMES, *_MODULES, "__version__"]


def __getattr__(name: str) -> object:
    if name in _MODULES:
        return import_module(f"covey.{name}")
    if name in _NAMES:
        return getattr(import_module(f"covey.{_NAMES[name]}"), name)
    raise AttributeError(f"module 'covey' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
