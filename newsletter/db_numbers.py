"""Many numbers handed to a statement as one value, each database in its way."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, Text, bindparam, func, select


def among(dialect: str, column: Any) -> ColumnElement[bool]:
    """``column IN numbers``, handed over as one value named ``numbers``, which :func:`numbers` makes: one statement for any of them."""
    if dialect == "postgresql":
        return column == func.any(bindparam("numbers", type_=ARRAY(BigInteger)))
    each = func.json_each(bindparam("numbers", type_=Text)).table_valued("value")
    return column.in_(select(each.c.value))


def numbers(dialect: str, some: Sequence[int]) -> list[int] | str:
    """Numbers as :func:`among` takes them."""
    return list(some) if dialect == "postgresql" else json.dumps(list(some))
