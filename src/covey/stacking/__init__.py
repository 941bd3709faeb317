"""What boosted trees add to the means of members: stacking, by rows that both held out."""
