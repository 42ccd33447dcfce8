"""Tables of reports: a column says what it shows, once for Markdown and for a page."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Column(Generic[T]):
    """A column of a table.

    Attributes:
        title: Its head.
        show: What stands in it for an item.
        on_page: Its head on a page, where there is more room; None: the same.
    """

    title: str
    show: Callable[[T], str]
    on_page: str | None = None


def as_markdown(columns: Sequence[Column[T]], items: Sequence[T]) -> list[str]:
    """Lines of a table, one for each item."""
    cells = [[column.show(item) for column in columns] for item in items]
    rows = [f"| {' | '.join(row)} |" for row in ([column.title for column in columns], *cells)]
    return [rows[0], "|---" * len(columns) + "|", *rows[1:]]


def as_html(columns: Sequence[Column[T]], items: Sequence[T]) -> str:
    """A table that a click on a head sorts."""
    heads = (column.on_page or column.title for column in columns)
    head = "".join(f"<th tabindex=0>{escape(text)}</th>" for text in heads)
    lines = (
        "".join(f"<td>{escape(column.show(item))}</td>" for column in columns) for item in items
    )
    body = "".join(f"<tr>{cells}</tr>\n" for cells in lines)
    return (
        f"<div class=wide><table class=sortable><thead><tr>{head}</tr></thead>\n"
        f"<tbody>{body}</tbody></table></div>"
    )
