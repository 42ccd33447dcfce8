"""Make and check data sets of blurred and sharp photos."""
