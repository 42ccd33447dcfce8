"""Photos and pairs of photos to train and score on."""
