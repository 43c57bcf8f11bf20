"""Community files as Excel workbooks: the same rows as in TOML, with drop-downs, and findings written back."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

from openpyxl import Workbook, load_workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils.exceptions import InvalidFileException
from openpyxl.worksheet.worksheet import Worksheet

from hub.domain.catalogue import Catalogue
from hub.domain.wording import Wording
from hub.errors import ConfigError
from hub.flows.community.picture import FileRefused, Picture, RowError, Wish
from hub.storage.community.assembly import assemble
from hub.storage.community.flatten import flatten
from hub.storage.community.pages import Lists, write_page
from hub.storage.community.rows import RawRow, language_of
from hub.storage.community.sheets import FINDINGS, NO_UNIT, SHEETS, Column, Sheet

_LARGEST: Final = 20 * 1024 * 1024
_LARGEST_UNPACKED: Final = 200 * 1024 * 1024
_ROWS: Final = 100_000
_EXACT: Final = 10**15
"""A spreadsheet keeps 15 digits of a number, and writes zeros for the others."""
_TRUE: Final = frozenset({"true", "yes", "是"})
_FALSE: Final = frozenset({"false", "no", "否"})
_BETWEEN: Final = re.compile("[,，、]")
"""Between several values of a cell: a comma, or what a Chinese keyboard gives for one."""
_WRONG: Final = Font(color="FFB00020")


def read_workbook(path: Path, catalogue: Catalogue) -> Wish:
    """The wish that a workbook states. ConfigError where it cannot be read, FileRefused where its rows are wrong."""
    book = _open(path)
    errors: list[RowError] = []
    rows = [row for sheet in SHEETS for row in _rows_of(book, sheet, errors)]
    book.close()
    if errors:
        raise FileRefused(path.name, errors, language=language_of(rows))
    return assemble(path.name, rows, catalogue)


def write_workbook(picture: Picture, catalogue: Catalogue, path: Path) -> None:
    """The picture as a workbook; reading it back changes nothing."""
    book = Workbook()
    book.remove(book.worksheets[0])
    lists = Lists(catalogue)
    rows = flatten(picture, catalogue)
    for sheet in SHEETS:
        write_page(book, sheet, rows[sheet.table], lists)
    lists.write(book)
    book.save(path)


def write_findings(path: Path, errors: Iterable[RowError], *, language: str, to: Path | None = None) -> int:
    """Write what is wrong beside each row (``to``: into a copy), and clear what is right by now; how many rows.

    ``language``: the one in which the errors are said.
    """
    book = load_workbook(path)
    found: dict[tuple[str, int], list[str]] = {}
    for error in errors:
        if error.line:
            text = error.finding(language)
            heading = _heading_of(error)
            found.setdefault((error.table, error.line), []).append(f"{heading}: {text}" if heading else text)
    for sheet in SHEETS:
        if sheet.title in book.sheetnames:
            _write_back(book[sheet.title], sheet, found)
    book.save(to or path)
    return len(found)


def _open(path: Path) -> Workbook:
    try:
        if path.stat().st_size > _LARGEST:
            raise ConfigError(f"{path}: larger than 20 MB; a community workbook is smaller")
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _LARGEST_UNPACKED:
                raise ConfigError(f"{path}: unpacks to more than 200 MB; a community workbook is smaller")
        return load_workbook(path, read_only=True, data_only=True)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a workbook") from error
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError) as error:
        raise ConfigError(f"{path}: is no Excel workbook (.xlsx): {error}") from error


def _rows_of(book: Workbook, sheet: Sheet, errors: list[RowError]) -> Iterator[RawRow]:
    if sheet.title not in book.sheetnames:
        if sheet.table == "community":
            errors.append(RowError(where=sheet.title, key="", reason=Wording("sheet is missing"), expected=sheet.title))
        return
    lines = book[sheet.title].iter_rows(values_only=True, max_row=_ROWS)
    columns = _columns(sheet, next(lines, ()), errors)
    for number, line in enumerate(lines, 2):
        where = f"{sheet.title} 第{number}行 row {number}"
        cells = {}
        for column, cell in zip(columns, line, strict=False):
            if column is None:
                continue
            if reason := _changed(column, cell):
                expected = Wording("the cell formatted as text, and the characters typed in again")
                errors.append(
                    RowError(
                        where=where, key=column.key, reason=reason, expected=expected, table=sheet.table, line=number
                    )
                )
            elif (value := _read(column, cell)) is not None:
                cells[column.key] = value
        if cells:
            yield RawRow(table=sheet.table, where=where, values=_with_name(sheet, cells), line=number)


def _columns(sheet: Sheet, heading: tuple[Any, ...], errors: list[RowError]) -> list[Column | None]:
    """Which column stands where; people may move columns, and may leave out those that they do not need."""
    known = {column.heading: column for column in sheet.columns}
    columns: list[Column | None] = []
    for text in heading:
        if text is None or text == FINDINGS.heading:
            columns.append(None)
            continue
        if text not in known:
            errors.append(
                RowError(
                    where=f"{sheet.title} 第1行 row 1",
                    key=str(text),
                    reason=Wording("unknown column"),
                    expected=Wording("one of %(names)s", names=", ".join(known)),
                    table=sheet.table,
                    line=1,
                )
            )
        columns.append(known.get(str(text)))
    return columns


def _changed(column: Column, cell: object) -> Wording | None:
    """What the spreadsheet did to characters that were typed in; None: nothing that cannot be undone."""
    if not column.verbatim:
        return None
    if isinstance(cell, date):
        return Wording("the spreadsheet made a date of it")
    if isinstance(cell, int | float) and abs(cell) >= _EXACT:
        return Wording("a number of more than %(digits)s digits, which the spreadsheet has rounded", digits=15)
    return None


def _read(column: Column, cell: object) -> object:
    """A cell as TOML would have said it; None for an empty one."""
    if isinstance(cell, str):
        cell = cell.strip()
    if cell is None or cell == "":
        return None
    if isinstance(cell, datetime) or (column.number and isinstance(cell, int | float)):
        return cell
    text = _text(cell)
    if column.listed:
        parts = [part.strip() for part in _BETWEEN.split(text) if part.strip()]
        values = [_state(part) for part in parts] if column.key == "is" else parts
        return values[0] if len(values) == 1 else values
    if column.switch:
        return _switch(text)
    return "" if column.key == "unit" and text == NO_UNIT else text


def _text(cell: object) -> str:
    """What people typed: a serial number typed into a sheet arrives as a number, a date as a date."""
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _switch(text: str) -> object:
    if text.lower() in _TRUE:
        return True
    return False if text.lower() in _FALSE else text


def _state(text: str) -> object:
    try:
        return float(text)
    except ValueError:
        return _switch(text)


def _with_name(sheet: Sheet, cells: dict[str, Any]) -> dict[str, Any]:
    """``name_zh`` and ``name_en`` are one name."""
    if not any(column.key == "name_zh" for column in sheet.columns):
        return cells
    name = {key.removeprefix("name_"): str(cells.pop(key)) for key in ("name_zh", "name_en") if key in cells}
    return {**cells, "name": name} if name else cells


def _heading_of(error: RowError) -> str:
    columns = next((sheet.columns for sheet in SHEETS if sheet.table == error.table), ())
    keys = ("name_zh",) if error.key == "name" else (error.key,)
    return next((column.heading for column in columns if column.key in keys), error.key)


def _write_back(page: Worksheet, sheet: Sheet, found: dict[tuple[str, int], list[str]]) -> None:
    heading = [cell.value for cell in page[1]]
    place = heading.index(FINDINGS.heading) + 1 if FINDINGS.heading in heading else len(heading) + 1
    page.cell(row=1, column=place, value=FINDINGS.heading).font = Font(bold=True)
    for line in range(1, page.max_row + 1):
        texts = found.get((sheet.table, line))
        cell = page.cell(row=line, column=place)
        if texts and line > 1:
            cell.value = "\n".join(texts)
            cell.font = _WRONG
            cell.alignment = Alignment(wrap_text=True, vertical="top")
        elif texts:
            cell.value = f"{FINDINGS.heading}: {'; '.join(texts)}"
        elif line > 1 and cell.value is not None:
            cell.value = None
