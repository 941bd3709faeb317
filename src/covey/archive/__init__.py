"""Fitted models as files: data, never code."""
