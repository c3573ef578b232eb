"""Stored procedures of the system, and EXEC."""
from __future__ import annotations

from typing import Iterator

from contract import Column, Columns, Done, Event, Info, Param, ReturnStatus, Rows, SqlError, Type

from . import ast, values
from .catalog import type_ids
from .convert import convert
from .parse import parameter_list

TEXT_MAX = values.make("nvarchar", [-1])
DESCRIBED = [("is_hidden", values.BIT), ("column_ordinal", values.INT), ("name", values.SYSNAME), ("is_nullable", values.BIT), ("system_type_id", values.INT),
             ("system_type_name", values.make("nvarchar", [256])), ("max_length", Type("smallint", 2, 5)), ("precision", Type("tinyint", 1, 3)),
             ("scale", Type("tinyint", 1, 3)), ("collation_name", values.SYSNAME), ("user_type_id", values.INT), ("is_identity_column", values.BIT),
             ("error_number", values.INT), ("error_message", values.make("nvarchar", [4000]))]
QUIET = {"sp_reset_connection", "sp_unprepare", "sp_set_session_context"}


class Procedures:
    """Methods of a session."""

    def call(self, procedure: str, params: list[Param]) -> Iterator[Event]:
        name = procedure.lower().split(".")[-1].strip("[]")
        method = {"sp_executesql": self._executesql, "sp_describe_first_result_set": self._describe_first, "sp_server_info": self._server_info}.get(name)
        if method:
            yield from method(params)
        elif name in QUIET:
            yield ReturnStatus(0)
        else:
            raise SqlError(2812, f"Could not find stored procedure '{procedure}'.", 16, 62)

    def _text_of(self, p: Param) -> str:
        return convert(p.value, p.type, TEXT_MAX) or ""

    def _named(self, params: list[Param], name: str, position: int) -> Param | None:
        named = next((p for p in params if p.name.lower() == name), None)
        return named or (params[position] if position < len(params) and not params[position].name else None)

    def _executesql(self, params: list[Param]) -> Iterator[Event]:
        statement = self._named(params, "@stmt", 0) or self._named(params, "@statement", 0) or (params[0] if params else None)
        if not statement:
            raise SqlError(201, "Procedure or function 'sp_executesql' expects parameter '@statement', which was not supplied.", 16, 10)
        declared = parameter_list(self._text_of(params[1])) if len(params) > 1 else []
        given = params[2:]
        bound, outputs = [], []
        for i, (name, t, output) in enumerate(declared):
            p = next((p for p in given if p.name.lower() == name.lower()), None) or (given[i] if i < len(given) and not given[i].name else None)
            if p is None:
                raise SqlError(8178, f"The parameterized query '{self._text_of(statement)[:60]}' expects the parameter '{name}', which was not supplied.")
            bound.append(Param(name, t, convert(p.value, p.type, t)))
            if output and p.output:
                outputs.append((name, p))
        for p in given:
            if p.name and p.name.lower() not in [n.lower() for n, _, _ in declared]:
                raise SqlError(8145, f"{p.name} is not a parameter for procedure sp_executesql.")
        before = self.variables
        try:
            yield from self.batch(self._text_of(statement), bound)
            after = self.variables
        finally:
            self.variables = before
        yield ReturnStatus(0)
        for name, p in outputs:
            t, v = after[name.lower()]
            yield Param(p.name, t, v, True)

    def _describe_first(self, params: list[Param]) -> Iterator[Event]:
        text = self._named(params, "@tsql", 0)
        declarations = self._named(params, "@params", 1)
        declared = parameter_list(self._text_of(declarations)) if declarations and declarations.value else []
        columns = self.describe(self._text_of(text) if text else "", [Param(n, t, None) for n, t, _ in declared])
        yield Columns([Column(name, t) for name, t in DESCRIBED], [2])
        rows = []
        for i, c in enumerate(columns or [], 1):
            numbers = type_ids(c.type)
            clr = numbers[0] == 240
            rows.append((0, i, c.name or None, int(c.nullable), numbers[0], None if clr else values.declared(c.type), c.type.length, c.type.precision,
                         values.scale_of(c.type) or c.type.scale, c.type.collation, numbers[1], int(c.identity), None, None))
        if rows:
            yield Rows(rows)
        yield Done(len(rows))
        yield ReturnStatus(0)

    def _server_info(self, params: list[Param]) -> Iterator[Event]:
        yield Columns([Column("attribute_id", values.INT), Column("attribute_name", values.SYSNAME), Column("attribute_value", values.SYSNAME)])
        yield Rows([(1, "DBMS_NAME", "Microsoft SQL Server"), (2, "DBMS_VER", self.server.version)])
        yield Done(2)
        yield ReturnStatus(0)

    # ---- EXEC --------------------------------------------------------------------------------------------------------------------
    def do_exec(self, s: ast.Statement) -> Iterator[Event]:
        params, targets = [], {}
        for name, n, output in s.args["args"]:
            if isinstance(n, ast.Literal) and n.type is None:  # a bare word is its text
                params.append(Param(name or "", values.SYSNAME, n.value))
                continue
            if not isinstance(n, (ast.Literal, ast.Variable)):
                raise SqlError(102, "Incorrect syntax near '('.", 15, line=s.line)
            e = self.evaluate(n)
            params.append(Param(name or "", e.type, e.value, output))
            if output and isinstance(n, ast.Variable):
                targets[(name or "").lower()] = n.name.lower()
        before = self.variables
        try:
            for event in self.call(".".join(s.args["name"]), params):
                if isinstance(event, Param):
                    target = targets.get(event.name.lower())
                    if target:
                        before[target] = (before[target][0], convert(event.value, event.type, before[target][0]))
                elif not isinstance(event, ReturnStatus):
                    yield event
        finally:
            self.variables = before

    def do_exec_text(self, s: ast.Statement) -> Iterator[Event]:
        e = self.evaluate(s.args["text"])
        before, self.variables = self.variables, {}
        try:
            yield from self.batch(convert(e.value, e.type, TEXT_MAX) or "", [])
        finally:
            self.variables = before

    def do_print(self, s: ast.Statement) -> Iterator[Event]:
        e = self.evaluate(s.args["value"])
        yield Info(0, convert(e.value, e.type, TEXT_MAX) or "", 0)
