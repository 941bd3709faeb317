"""Makes the site of `docs/`: `python -m docs.site`, or `make docs`, which sets all up first."""
