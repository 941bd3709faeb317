"""The rows of a fit: what is trained on, and in which order rows depend on each other."""
