"""Writes the pages of a community workbook: headings, rows, drop-downs."""

from __future__ import annotations

from typing import Final

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.styles.numbers import FORMAT_TEXT
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from hub.domain.catalogue import Catalogue
from hub.domain.metrics import METRICS
from hub.domain.places import Name
from hub.storage.community.flatten import Row
from hub.storage.community.sheets import FINDINGS, LISTS, NO_UNIT, SHEETS, Column, Sheet

_LAST_ROW: Final = 5000
"""Drop-downs reach this far down."""
_HEADING: Final = PatternFill("solid", fgColor="FFDDE7F0")


def write_page(book: Workbook, sheet: Sheet, rows: list[Row], lists: Lists) -> None:
    """One sheet with its rows."""
    page = book.create_sheet(sheet.title)
    _head(page, sheet)
    for line, row in enumerate(rows, 2):
        for number, column in enumerate(sheet.columns, 1):
            value = _cell(column, row)
            if value is not None:
                cell = page.cell(row=line, column=number, value=value)
                if column.verbatim:
                    cell.number_format = FORMAT_TEXT
                if isinstance(value, str):
                    cell.data_type = "s"  # a name that begins with = is a name, not a formula
    _drop_downs(page, sheet, lists)


def _cell(column: Column, row: Row) -> object:
    """A row's value as a cell."""
    if column.key in ("name_zh", "name_en"):
        name = row.get("name")
        return (name.zh if column.key == "name_zh" else name.en) if isinstance(name, Name) else None
    value = row.get(column.key)
    if column.key == "unit" and value == "":
        return NO_UNIT
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and float(f"{value:.15g}") != value:
        return repr(value)  # a sheet keeps 15 digits of a number, but all of a text
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value)
    return value


def _head(page: Worksheet, sheet: Sheet) -> None:
    page.append([column.heading for column in (*sheet.columns, FINDINGS)])
    for number, column in enumerate((*sheet.columns, FINDINGS), 1):
        cell = page.cell(row=1, column=number)
        cell.font = Font(bold=True)
        cell.fill = _HEADING
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        dimensions = page.column_dimensions[get_column_letter(number)]
        dimensions.width = column.width
        if column.verbatim:
            dimensions.number_format = FORMAT_TEXT  # else 00012345 is taken as 12345, and 1-2 as a day
    page.freeze_panes = "B2"


class Lists:
    """What the drop-downs offer that stands in no sheet of its own: kinds, metrics, presets."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._columns = {
            "kinds": list(catalogue.kinds),
            "metrics": list(METRICS),
            "presets": list(catalogue.rules),
        }

    def range_of(self, name: str) -> str:
        """The cells that hold a list."""
        if name in self._columns:
            letter = get_column_letter(list(self._columns).index(name) + 1)
            return f"'{LISTS}'!${letter}$2:${letter}${len(self._columns[name]) + 1}"
        sheet = next(sheet for sheet in SHEETS if sheet.table == name)
        return f"'{sheet.title}'!$A$2:$A${_LAST_ROW}"

    def write(self, book: Workbook) -> None:
        """The sheet behind the drop-downs."""
        page = book.create_sheet(LISTS)
        for number, (name, values) in enumerate(self._columns.items(), 1):
            for row, value in enumerate([name, *values], 1):
                page.cell(row=row, column=number, value=value)
        page.sheet_state = "hidden"


def _drop_downs(page: Worksheet, sheet: Sheet, lists: Lists) -> None:
    for number, column in enumerate(sheet.columns, 1):
        if not (column.choices or column.refers):
            continue
        formula = f'"{",".join(column.choices)}"' if column.choices else f"={lists.range_of(column.refers)}"
        validation = DataValidation(type="list", formula1=formula, allow_blank=True)
        validation.errorTitle = column.heading
        validation.error = "请从列表中选择。 Choose from the list."
        page.add_data_validation(validation)
        letter = get_column_letter(number)
        validation.add(f"{letter}2:{letter}{_LAST_ROW}")
