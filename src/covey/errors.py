"""The exceptions and warnings Covey raises on purpose.

```
Exception
└── CoveyError              everything below, for one `except`
    ├── InputError          data or an argument that cannot be used (also a ValueError)
    ├── ArtifactError       a file that is not a usable Covey model (also a ValueError)
    └── EngineError         Keras cannot find an engine to run on (also an ImportError)
UserWarning
└── CoveyWarning            the work goes on, but somebody should know
```

Every message says what was expected, what came and what to do. An estimator that was not fitted
raises scikit-learn's own `NotFittedError`.
"""

__all__ = ["ArtifactError", "CoveyError", "CoveyWarning", "EngineError", "InputError"]


class CoveyError(Exception):
    """Base of every exception that Covey raises on purpose."""


class InputError(CoveyError, ValueError):
    """Data or an argument that cannot be used as it is."""


class ArtifactError(CoveyError, ValueError):
    """A file that is not a Covey model, is damaged, or was written by a newer Covey."""


class EngineError(CoveyError, ImportError):
    """Keras is missing, or the engine it was told to use is not installed."""


class CoveyWarning(UserWarning):
    """The work goes on, but its result has a property somebody should know of."""
