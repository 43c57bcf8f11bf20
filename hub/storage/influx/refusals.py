"""The lines and roll-ups of a book that a person should look at, with what is wrong with each."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hub.flows.batch import PointKey
from hub.flows.unstored import OldCell, RefusedLine, Unstored, WhyRefused
from hub.storage.influx.book import Book
from hub.storage.influx.posting import NOT_FINITE


def unstored(
    book: Book, keys: Sequence[PointKey], target: str, communities: Collection[str] | None, limit: int
) -> Unstored:
    """Of points of these communities; None: of all, and what is of no point. The newest ``limit`` of each."""
    mine, named = "", list(communities or ())
    if communities is not None:
        mine = f"where point in (select id from points where community in ({', '.join('?' * len(named))}))"
    lines = book.rows(
        f"select point, time, at, status, answer, line from rejected {mine} order by id desc limit ?", [*named, limit]
    )
    cells = book.rows(
        f"select point, start, reason from unread {mine} order by start desc, point limit ?", [*named, limit]
    )
    return Unstored(
        target=target,
        lines_count=book.rows(f"select count(*) from rejected {mine}", named)[0][0],
        lines=tuple(
            RefusedLine(
                None if point is None else keys[point], time, at, why_refused(status, answer), status, answer, line
            )
            for point, time, at, status, answer, line in lines
        ),
        cells_count=book.rows(f"select count(*) from unread {mine}", named)[0][0],
        cells=tuple(OldCell(keys[point], start, reason) for point, start, reason in cells),
    )


def why_refused(status: int, answer: str) -> WhyRefused:
    """From the hub's own word where it did not even send the line, else from the server's. Pure.

    InfluxDB 1.x and 2.x say "points beyond retention policy dropped" or "outside retention policy"; all of them name a
    conflict of types.
    """
    said = answer.lower()
    if answer == NOT_FINITE:
        return WhyRefused.NOT_FINITE
    if status == 0 or "retention" in said:
        return WhyRefused.TOO_OLD
    return WhyRefused.WRONG_TYPE if "conflict" in said or "invalid column type" in said else WhyRefused.OTHER
