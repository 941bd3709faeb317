"""Methods and attributes of a fitted estimator: its predictions, and how good they are."""
