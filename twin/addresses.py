"""What two spellings of one address have in common, as one text that tables can be joined by.

Loaders write it beside addresses and sites; links.py joins by it.
"""

from __future__ import annotations

from dataclasses import replace

from twin.text import AddressKey

#: between the house and the entrance, so that the house alone can be compared too
ENTRANCE = "#"


def match_key(key: AddressKey, *, settlement: str = "") -> str | None:
    """The text by which an address is joined: its house, then its entrance; None when it names no house.

    A house is a number in a street, else a block in an estate, else a number in a quarter without streets.
    `settlement` is the folded name of the place that is meant where the address names none.
    """
    if not key.settlement:
        key = replace(key, settlement=settlement)
    if key.street and key.number:
        house = (key.settlement, key.street, key.number)
    elif key.area and key.block:
        house = (key.settlement, key.area, f"bl {key.block}")
    elif key.area and key.number:
        house = (key.settlement, key.area, key.number)
    else:
        return None
    return f"{'|'.join(house)}{ENTRANCE}{key.entrance}"
