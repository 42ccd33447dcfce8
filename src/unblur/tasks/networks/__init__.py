"""Network files: written, converted, read as weights."""
