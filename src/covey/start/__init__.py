"""The linear model that every member starts from; never imports Keras."""
