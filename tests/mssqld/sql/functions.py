"""Functions that SQLite calls for what it does otherwise than SQL Server.  Values come as SQLite keeps them; i is a pair of types
(Database.conversion)."""
from __future__ import annotations

import math
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal
from typing import Any

from contract import SqlError
from tds import fromtext

from . import convert, functions_text, functions_time, values


def arithmetic(op: str, a: Any, b: Any, scale_a: int, scale_b: int, scale: int) -> int | None:
    """Exact numbers as scaled integers; the result has `scale`."""
    if a is None or b is None:
        return None
    a, b = (int(v) - values.NUL_ORDER if isinstance(v, str) else v for v in (a, b))
    if op in "/%" and b == 0:
        raise SqlError(8134, "Divide by zero error encountered.")
    if op == "*":
        n = values.rescale(a * b, scale - scale_a - scale_b)
    elif op == "/":
        quotient = fromtext.EXACT.divide(Decimal(a).scaleb(-scale_a, fromtext.EXACT), Decimal(b).scaleb(-scale_b, fromtext.EXACT))
        n = int(quotient.scaleb(scale, fromtext.EXACT).to_integral_value(ROUND_DOWN))
    else:
        a, b = values.rescale(a, scale - scale_a), values.rescale(b, scale - scale_b)
        n = a + b if op == "+" else a - b if op == "-" else (abs(a) % abs(b)) * (-1 if a < 0 else 1)
    return n


def exact(op: str, a: Any, b: Any, scale_a: int, scale_b: int, scale: int, precision: int) -> Any:
    n = arithmetic(op, a, b, scale_a, scale_b, scale)
    if n is not None and abs(n) >= 10 ** precision:
        raise SqlError(8115, "Arithmetic overflow error converting expression to data type numeric.", 16, 2)
    return n if n is None or precision <= 18 else f"{n + values.NUL_ORDER:041d}"


def integer(op: str, a: int | None, b: int | None, low: int, high: int) -> int | None:
    if a is None or b is None:
        return None
    if op == "/" and b:
        n = abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1)
    elif op in "/%":
        n = arithmetic(op, a, b, 0, 0, 0)
    else:
        n = a + b if op == "+" else a - b if op == "-" else a * b
    if not low <= n <= high:
        raise SqlError(8115, f"Arithmetic overflow error converting expression to data type {'int' if high < 2 ** 32 else 'bigint'}.", 16, 2)
    return n


def money(op: str, a: int | None, b: int | None, low: int, high: int) -> int | None:
    n = arithmetic(op, a, b, 4, 4, 4)
    if n is not None and not low <= n <= high:
        raise SqlError(8115, "Arithmetic overflow error converting expression to data type money.", 16, 2)
    return n


def floating(op: str, a: float | None, b: float | None, single: int) -> float | None:
    if a is None or b is None:
        return None
    if op == "/" and b == 0:
        raise SqlError(8134, "Divide by zero error encountered.")
    n = a + b if op == "+" else a - b if op == "-" else a * b if op == "*" else a / b
    return convert._fit_float(n, values.make("real" if single else "float", []))


def limited(n: int | None, low: int, high: int) -> int | None:
    if n is not None and not low <= n <= high:
        raise SqlError(517, "Adding a value to a 'datetime' column caused an overflow.")
    return n


def many() -> None:
    raise SqlError(512, "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, <= , >, >= or when the subquery is "
                        "used as an expression.")


def _number(n: Any) -> int:
    return int(n) - values.NUL_ORDER if isinstance(n, str) else n


def _as(n: int, like: Any) -> Any:
    return f"{n + values.NUL_ORDER:041d}" if isinstance(like, str) else n


def round_exact(v: Any, digits: int | None, scale: int, precision: int, cut: int) -> Any:
    if v is None or digits is None:
        return None
    n, by = _number(v), scale - digits
    if by > 0:
        n = (abs(n) // 10 ** by * 10 ** by) * (-1 if n < 0 else 1) if cut else values.rescale(values.rescale(n, -by), by)
    if abs(n) >= 10 ** precision:
        raise SqlError(8115, "Arithmetic overflow error converting expression to data type numeric.", 16, 2)
    return _as(n, v)


def round_float(v: float | None, digits: int | None) -> float | None:
    if v is None or digits is None:
        return None
    return float(Decimal(repr(v)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, fromtext.EXACT)) if abs(v) < 1e30 else v


def to_whole(how: str, v: Any, scale: int) -> Any:
    if v is None:
        return None
    n, one = _number(v), 10 ** scale
    return _as(abs(n) if how == "abs" else n // one * one if how == "floor" else -(-n // one) * one, v)


def floor(v: float | None) -> float | None:
    return None if v is None else float(math.floor(v))


def ceiling(v: float | None) -> float | None:
    return None if v is None else float(math.ceil(v))


def square_root(v: float | None) -> float | None:
    if v is not None and v < 0:
        raise SqlError(3623, "An invalid floating point operation occurred.")
    return None if v is None else math.sqrt(v)


class Sum:
    """SUM of exact numbers; its second argument is a conversion whose types are the operand's and the result's."""
    database: Any = None

    def __init__(self) -> None:
        self.total: int | None = None
        self.pair = 0

    def step(self, v: Any, pair: int) -> None:
        self.pair = pair
        if v is not None:
            a = self.database.conversions[pair][0]
            self.total = (self.total or 0) + values.decode(a, v)

    def finalize(self) -> Any:
        return None if self.total is None else values.encode(self.database.conversions[self.pair][1], self.total)


SCALARS = [("ms_exact", 7, exact), ("ms_int", 5, integer), ("ms_money", 5, money), ("ms_float", 4, floating), ("ms_limit", 3, limited),
           ("ms_round", 5, round_exact), ("ms_roundf", 2, round_float), ("ms_rounded", 3, to_whole), ("ms_floor", 1, floor), ("ms_ceiling", 1, ceiling),
           ("ms_sqrt", 1, square_root), *functions_text.SCALARS, *functions_time.SCALARS]
