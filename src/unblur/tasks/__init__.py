"""One file per verb: options in, results out."""
