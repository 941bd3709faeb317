"""What a fitted model answers: its predictions, and how good they are."""
