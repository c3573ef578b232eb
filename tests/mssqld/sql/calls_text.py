"""Functions of texts, bytes and numbers.  Places and lengths in texts count UTF-16 units, as SQL Server does without an _SC collation."""
from __future__ import annotations

from typing import Any

from contract import MAX, SqlError, Type

from . import values
from .scope import E

TEXT_MAX = values.make("nvarchar", [-1])


class TextCalls:
    """Methods of a compiler."""
    cast: Any
    constant: Any
    database: Any

    def _text(self, e: E) -> E:
        if e.type.name in values.TEXTS:
            return e
        if e.type.name in ("image", "sql_variant", "xml") or e.type.name in values.CLR:
            raise SqlError(8116, f"Argument data type {e.type.name} is invalid for argument 1 of a text function.")
        size = 20 if e.type.name == "bigint" else 12 if e.type.name in values.INTS else 100
        return self.cast(e, values.make("varchar", [size]) if e.type.name not in values.BYTES else TEXT_MAX)

    def _chars(self, t: Type) -> int:
        """In characters; MAX for max."""
        return MAX if t.length == MAX or t.name in ("text", "ntext") else t.length // (2 if t.name[0] == "n" else 1)

    def _varying(self, t: Type, chars: int) -> Type:
        wide = t.name[0] == "n"
        return values.make("nvarchar" if wide else "varchar", [MAX if chars == MAX else max(1, min(chars, 4000 if wide else 8000))], t.collation)

    def _limited(self, sql: str, t: Type) -> str:
        return sql if t.length == MAX else f"substr({sql}, 1, {self._chars(t)})"

    def _int(self, e: E) -> str:
        return self.cast(e, values.BIGINT).sql

    def f_len(self, e: E) -> E:
        if e.type.name in values.BYTES:
            return E(f"length({e.sql})", values.INT)
        e = self._text(e)
        return E(f"ms_len({e.sql})", values.BIGINT if e.type.length == MAX else values.INT)

    def f_datalength(self, e: E) -> E:
        from tds.collations import encoding
        page = encoding(e.type.collation) if e.type.name in values.TEXTS and e.type.name[0] != "n" else "utf-16-le"
        return E(f"ms_bytes({e.sql}, '{e.type.name}', {e.type.length}, '{page}')", values.BIGINT if e.type.length == MAX else values.INT)

    def _same(self, function: str, e: E) -> E:
        e = self._text(e)
        return E(f"{function}({e.sql})", self._varying(e.type, self._chars(e.type)), e.nullable, collation=e.collation)

    def f_upper(self, e: E) -> E:
        return self._same("upper", e)

    def f_lower(self, e: E) -> E:
        return self._same("lower", e)

    def f_ltrim(self, e: E) -> E:
        return self._same("ltrim", e)

    def f_rtrim(self, e: E) -> E:
        return self._same("rtrim", e)

    def f_trim(self, e: E) -> E:
        return self._same("trim", e)

    def f_reverse(self, e: E) -> E:
        return self._same("ms_reverse", e)

    def f_substring(self, e: E, start: E, n: E) -> E:
        if e.type.name in values.BYTES:
            t = values.make("varbinary", [e.type.length if e.type.length == MAX else max(1, e.type.length)])
        else:
            e = self._text(e)
            chars = self._chars(e.type)
            known = n.constant and isinstance(n.value, int) and chars != MAX
            t = self._varying(e.type, max(1, min(chars, n.value)) if known else chars)
        return E(f"ms_substring({e.sql}, {self._int(start)}, {self._int(n)})", t, collation=e.collation)

    def f_left(self, e: E, n: E) -> E:
        return self.f_substring(e, self.constant(values.INT, 1), n)

    def f_right(self, e: E, n: E) -> E:
        e = self._text(e)
        return E(f"ms_right({e.sql}, {self._int(n)})", self._varying(e.type, self._chars(e.type)), collation=e.collation)

    def f_replace(self, e: E, old: E, new: E) -> E:
        e = self._text(e)
        t = self._varying(e.type, MAX if self._chars(e.type) == MAX else 8000)
        by = self.collation_of(e, self._text(old))
        return E(self._limited(f"ms_replace({e.sql}, {self._text(old).sql}, {self._text(new).sql}, '{by}')", t), t, collation=e.collation)

    def f_charindex(self, old: E, e: E, start: E | None = None) -> E:
        e, old = self._text(e), self._text(old)
        at = self._int(start) if start else "1"
        return E(f"ms_charindex({old.sql}, {e.sql}, {at}, '{self.collation_of(e, old)}')", values.BIGINT if e.type.length == MAX else values.INT)

    def f_stuff(self, e: E, start: E, n: E, new: E) -> E:
        e = self._text(e)
        t = self._varying(e.type, MAX if self._chars(e.type) == MAX else 8000)
        return E(f"ms_stuff({e.sql}, {self._int(start)}, {self._int(n)}, {self._text(new).sql})", t, collation=e.collation)

    def f_replicate(self, e: E, n: E) -> E:
        e = self._text(e)
        t = self._varying(e.type, MAX if self._chars(e.type) == MAX else 8000)
        return E(f"ms_replicate({e.sql}, {self._int(n)}, {-1 if t.length == MAX else self._chars(t)})", t, collation=e.collation)

    def f_space(self, n: E) -> E:
        return self.f_replicate(self.constant(values.make("varchar", [1]), " "), n)

    def f_concat(self, *items: E) -> E:
        if len(items) < 2:
            raise SqlError(189, "The concat function requires 2 to 254 arguments.", 15)
        texts = [self._text(e) for e in items]
        wide = any(e.type.name[0] == "n" for e in texts)
        sizes = [self._chars(e.type) for e in texts]
        by = next((e.collation or e.type.collation for e in texts if not e.constant), texts[0].type.collation)
        t = self._varying(Type("nvarchar" if wide else "varchar", collation=by), MAX if MAX in sizes else sum(sizes))
        return E(self._limited("(" + " || ".join(f"coalesce({e.sql}, '')" for e in texts) + ")", t), t, False)

    def f_nchar(self, n: E) -> E:
        return E(f"ms_char({self._int(n)}, 65535)", values.make("nvarchar", [1]))

    def f_char(self, n: E) -> E:
        return E(f"ms_char({self._int(n)}, 255)", values.make("varchar", [1]))

    def f_unicode(self, e: E) -> E:
        return E(f"ms_unicode({self._text(e).sql})", values.INT)

    def f_hashbytes(self, algorithm: E, e: E) -> E:
        if e.type.name not in values.TEXTS and e.type.name not in values.BYTES:
            raise SqlError(8116, f"Argument data type {e.type.name} is invalid for argument 2 of hashbytes function.")
        return E(f"ms_hash({algorithm.sql}, {e.sql}, {int(e.type.name[0] == 'n')})", values.make("varbinary", [8000]))

    def f_newid(self) -> E:
        self.volatile = True
        return E("randomblob(16)", values.make("uniqueidentifier", []), False)

    # ---- numbers ---------------------------------------------------------------------------------------------------------------------
    def _number(self, e: E, function: str) -> E:
        if e.type.name in values.TEXTS or e.type.name == "bit":
            return self.cast(e, values.FLOAT)
        if e.type.name not in values.NUMBERS:
            raise SqlError(8116, f"Argument data type {e.type.name} is invalid for argument 1 of {function} function.")
        return e

    def f_abs(self, e: E) -> E:
        e = self._number(e, "abs")
        if e.type.name in ("decimal", "numeric"):
            return E(f"ms_rounded('abs', {e.sql}, 0)", e.type, e.nullable)
        if e.type.name == "tinyint":
            return e
        negative = self.compile_negative(e)
        return E(f"(CASE WHEN {e.sql} < 0 THEN {negative} ELSE {e.sql} END)", e.type, e.nullable)

    def compile_negative(self, e: E) -> str:
        return self._arithmetic("-", self.constant(e.type, 0), e).sql

    def f_round(self, e: E, digits: E, cut: E | None = None) -> E:
        e = self._number(e, "round")
        if e.type.name in values.FLOATS and cut is None:
            return E(f"ms_roundf({e.sql}, {self._int(digits)})", values.FLOAT)
        if e.type.name in values.FLOATS:
            raise SqlError(8116, "ROUND with a third argument is done for exact numbers alone by this server.")
        precision = values.digits_of(e.type)
        how = self._int(cut) if cut else "0"
        t = values.INT if e.type.name in ("tinyint", "smallint") else e.type
        return E(f"ms_round({e.sql}, {self._int(digits)}, {values.scale_of(e.type)}, {precision}, {how})", t)

    def _whole(self, how: str, e: E) -> E:
        e = self._number(e, how)
        if e.type.name in values.FLOATS:
            return E(f"ms_{how}({e.sql})", values.FLOAT)
        if e.type.name in values.INTS:
            return e
        if e.type.name in ("money", "smallmoney"):
            return E(f"ms_rounded('{how}', {e.sql}, 4)", e.type)
        t = values.make(e.type.name, [e.type.precision, 0])
        wide = E(f"ms_rounded('{how}', {e.sql}, {e.type.scale})", e.type)
        return self.cast(wide, t)

    def f_floor(self, e: E) -> E:
        return self._whole("floor", e)

    def f_ceiling(self, e: E) -> E:
        return self._whole("ceiling", e)

    def f_sign(self, e: E) -> E:
        e = self._number(e, "sign")
        zero = self.constant(e.type, 0)
        one = self.constant(e.type, 10 ** values.scale_of(e.type) if e.type.name not in values.FLOATS else 1.0)
        minus = self.constant(e.type, -one.value) if e.type.name != "tinyint" else zero
        return E(f"(CASE WHEN {e.sql} > {zero.sql} THEN {one.sql} WHEN {e.sql} < {zero.sql} THEN {minus.sql} WHEN {e.sql} IS NOT NULL THEN {zero.sql} END)", e.type)

    def f_sqrt(self, e: E) -> E:
        return E(f"ms_sqrt({self.cast(e, values.FLOAT).sql})", values.FLOAT)
