"""What a manifest says of each source in the end."""

from unblur.tasks.scale.manifest import read_rows


def last_rows(store):
    """The last row of each source, by its path."""
    return {row["source"]: row for rows in read_rows(store) for row in rows}
