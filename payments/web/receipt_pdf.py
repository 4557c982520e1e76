"""A receipt drawn as one page of PDF."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fpdf import FPDF

FONT = Path(__file__).resolve().parent.parent / "fonts" / "NotoSansSC-GB2312.otf"
"""Latin and GB2312 of Noto Sans SC (SIL Open Font License 1.1, `payments/fonts/OFL.txt`)."""
MARGIN_MM, WIDTH_MM = 24, 210 - 2 * 24
INK, GREY, SEAL = (22, 24, 27), (95, 99, 104), (194, 50, 26)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A receipt's texts, ready to be set."""

    heading: str
    facts: tuple[tuple[str, str], ...]
    lines: tuple[tuple[str, str], ...]
    total: tuple[str, str]
    note: str = ""


def drawn(receipt: Receipt) -> bytes:
    """The receipt as a PDF file. What the font lacks is drawn as an empty box, never refused."""
    from fpdf import FPDF  # it and its fonts' tools cost memory; only a process that draws needs them

    page = FPDF(format="A4")
    page.set_title(f"{receipt.heading} {receipt.facts[0][1]}")
    page.set_creator("Atelier")
    page.set_margins(MARGIN_MM, MARGIN_MM)
    page.add_font("sc", "", fname=FONT)
    page.add_page()
    page.set_fill_color(*SEAL)
    page.rect(MARGIN_MM, MARGIN_MM, 6, 6, style="F")
    page.set_xy(MARGIN_MM + 9, MARGIN_MM - 1)
    _write(page, "Atelier", 14)
    page.set_xy(MARGIN_MM, MARGIN_MM + 18)
    _write(page, receipt.heading, 26)
    page.ln(18)
    for name, value in receipt.facts:
        _pair(page, name, value, GREY)
    page.ln(8)
    _rule(page)
    for name, value in receipt.lines:
        _pair(page, name, value, INK)
    _rule(page)
    _pair(page, *receipt.total, INK, size=14)
    if receipt.note:
        page.ln(8)
        page.set_text_color(*GREY)
        page.set_font("sc", size=9)
        page.multi_cell(WIDTH_MM, 5, receipt.note)
    return bytes(page.output())


def _write(page: FPDF, text: str, size: int) -> None:
    page.set_font("sc", size=size)
    page.set_text_color(*INK)
    page.cell(WIDTH_MM, 8, text)


def _pair(page: FPDF, name: str, value: str, colour: tuple[int, int, int], size: int = 10) -> None:
    """A name on the left, its value on the right, on one line."""
    page.set_font("sc", size=size)
    page.set_text_color(*colour)
    page.cell(WIDTH_MM * 0.62, 8, name)
    page.set_text_color(*INK)
    page.cell(WIDTH_MM * 0.38, 8, value, align="R", new_x="LMARGIN", new_y="NEXT")


def _rule(page: FPDF) -> None:
    y = page.get_y() + 2
    page.set_draw_color(*INK)
    page.line(MARGIN_MM, y, MARGIN_MM + WIDTH_MM, y)
    page.ln(5)
