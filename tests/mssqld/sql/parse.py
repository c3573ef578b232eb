"""Statements of a batch, one after the other; what is not known is a syntax error.

SELECT (joins, subqueries, common tables, VALUES, UNION, EXCEPT, INTERSECT, GROUP BY, windows, TOP, OFFSET), INSERT, UPDATE, DELETE, TRUNCATE; CREATE, ALTER and
DROP of tables, indexes, views and schemas; transactions; DECLARE, SET, IF, WHILE, BEGIN ... END, RETURN, PRINT, RAISERROR, THROW, EXEC, USE.  Not: procedures,
functions, triggers, temporary tables, MERGE, OUTPUT, computed columns, CHECK and FOREIGN KEY, TRY ... CATCH, APPLY, PIVOT, FOR XML and FOR JSON.

Of the SET options TEXTSIZE, NOCOUNT, ROWCOUNT, FMTONLY, XACT_ABORT, LOCK_TIMEOUT, IDENTITY_INSERT and the isolation level have their effect.
A table may be a view of the schema sys or INFORMATION_SCHEMA (system.py), or the function sys.dm_db_stats_histogram (statistics.py).
The ANSI options, ARITHABORT, CONCAT_NULL_YIELDS_NULL and QUOTED_IDENTIFIER are taken, and what they say is as if ON; hints are taken and do nothing."""
from __future__ import annotations

import dataclasses
from typing import Any, Iterator

from contract import SqlError

from . import ast, collate, values
from .ast import Statement
from .cursor import RESERVED
from .flow import Flow
from .parse_query import Queries

SET_SWITCHES = {"ANSI_NULLS", "ANSI_PADDING", "ANSI_WARNINGS", "ANSI_NULL_DFLT_ON", "ANSI_DEFAULTS", "ARITHABORT", "CONCAT_NULL_YIELDS_NULL",
                "QUOTED_IDENTIFIER", "NUMERIC_ROUNDABORT", "NOCOUNT", "XACT_ABORT", "IMPLICIT_TRANSACTIONS", "CURSOR_CLOSE_ON_COMMIT", "FMTONLY",
                "NOEXEC", "ARITHIGNORE", "ANSI_NULL_DFLT_OFF"}


LEVELS = [("READ", "COMMITTED"), ("READ", "UNCOMMITTED"), ("REPEATABLE", "READ"), ("SNAPSHOT",), ("SERIALIZABLE",)]


class Parser(Flow, Queries):
    def statements(self) -> Iterator[Any]:
        """Lazily: an error further on does not hinder what stands before it only where SQL Server would also run that; callers parse all."""
        while True:
            while self.accept_op(";"):
                pass
            if self.now.kind == "end":
                return
            yield self.statement()

    def statement(self) -> Any:
        t = self.now
        if t.text in ("SELECT", "WITH") or self.is_op("("):
            return Statement("select", t.line, {"query": self.query()})
        handler = getattr(self, f"_s_{t.text.lower()}", None) if t.kind == "word" else None
        if not handler:
            if self.at == 0 and t.kind in ("word", "name") and t.text not in RESERVED:  # the first statement may leave EXEC out
                return self._execute(t.line)
            raise self.syntax()
        self.take()
        return handler(t.line)

    # ---- data --------------------------------------------------------------------------------------------------------------
    def _s_insert(self, line: int) -> Statement:
        self.accept("INTO")
        table = self.names()
        self._hints()
        columns = self.bracketed_names() if self.is_op("(") and self.peek().text != "SELECT" else None
        if self.accept("DEFAULT"):
            self.expect("VALUES")
            return Statement("insert", line, {"table": table, "columns": [], "rows": [[]], "query": None})
        if not self.accept("VALUES"):
            if self.is_word("SELECT") or self.is_word("WITH") or self.is_op("("):
                return Statement("insert", line, {"table": table, "columns": columns, "rows": None, "query": self.query()})
            raise self.syntax()
        rows = [self._row()]
        while self.accept_op(","):
            rows.append(self._row())
        return Statement("insert", line, {"table": table, "columns": columns, "rows": rows, "query": None})

    def _row(self) -> list:
        self.expect_op("(")
        row = [self._value()]
        while self.accept_op(","):
            row.append(self._value())
        self.expect_op(")")
        return row

    def _value(self) -> Any:
        return None if self.accept("DEFAULT") else self.expression()

    def _s_update(self, line: int) -> Statement:
        table = self.names()
        self._hints()
        self.expect("SET")
        sets = []
        while True:
            column = self.names()[-1]
            self.expect_op("=")
            sets.append((column, self._value()))
            if not self.accept_op(","):
                break
        source = self._sources() if self.accept("FROM") else None
        return Statement("update", line, {"table": table, "sets": sets, "source": source, "where": self.condition() if self.accept("WHERE") else None})

    def _s_delete(self, line: int) -> Statement:
        top = None
        if self.accept("TOP"):
            self.expect_op("(")
            top = self.expression()
            self.expect_op(")")
        self.accept("FROM")
        table = self.names()
        self._hints()
        source = self._sources() if self.accept("FROM") else None
        return Statement("delete", line, {"table": table, "top": top, "source": source, "where": self.condition() if self.accept("WHERE") else None})

    def _s_truncate(self, line: int) -> Statement:
        self.expect("TABLE")
        return Statement("truncate", line, {"table": self.names()})

    # ---- definitions -------------------------------------------------------------------------------------------------------
    def _s_create(self, line: int) -> Statement:
        if self.accept("TABLE"):
            return self._create_table(line)
        if self.accept("SCHEMA"):
            return Statement("create_schema", line, {"name": self.name()})
        if self.accept("DATABASE"):
            return Statement("create_database", line, {"name": self.name()})
        if self.accept("VIEW"):
            name = self.names()
            columns = self.bracketed_names() if self.is_op("(") else None
            self.expect("AS")
            start = self.now.start
            query = self.query()
            return Statement("create_view", line, {"name": name, "columns": columns, "query": query, "text": self.sql[start:self.now.start].rstrip("; \n\t")})
        unique = self.accept("UNIQUE")
        clustered = self.accept("CLUSTERED")
        if not clustered:
            self.accept("NONCLUSTERED")
        self.expect("INDEX")
        name = self.name()
        self.expect("ON")
        table = self.names()
        columns = self._index_columns()
        included = self.bracketed_names() if self.accept("INCLUDE") else []
        where = self.condition() if self.accept("WHERE") else None
        self._with_options()
        return Statement("create_index", line, {"name": name, "table": table, "columns": columns, "included": included, "unique": unique,
                                                "clustered": clustered, "filtered": where is not None})

    def _with_options(self) -> None:
        if self.accept("WITH"):
            self.expect_op("(")
            while not self.accept_op(")"):
                if self.now.kind == "end":
                    raise self.syntax()
                self.take()

    def _index_columns(self) -> list[tuple[str, bool]]:
        self.expect_op("(")
        columns = []
        while True:
            name = self.name()
            columns.append((name, self.accept("DESC") or (self.accept("ASC") and False)))
            if not self.accept_op(","):
                break
        self.expect_op(")")
        return columns

    def _create_table(self, line: int) -> Statement:
        name = self.names()
        self.expect_op("(")
        columns, constraints = [], []
        while True:
            if self.now.text in ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"):
                constraints.append(self._table_constraint())
            else:
                columns.append(self._column(constraints))
            if not self.accept_op(","):
                break
        self.expect_op(")")
        self._with_options()
        return Statement("create_table", line, {"name": name, "columns": columns, "constraints": constraints})

    def _key_kind(self, unique: bool) -> bool:
        """Is the index clustered?"""
        clustered = not unique
        if self.accept("CLUSTERED"):
            clustered = True
        elif self.accept("NONCLUSTERED"):
            clustered = False
        return clustered

    def _table_constraint(self) -> tuple:
        name = self.name() if self.accept("CONSTRAINT") else None
        if self.accept("PRIMARY", "KEY"):
            kind = "primary"
        elif self.accept("UNIQUE"):
            kind = "unique"
        else:
            raise self.syntax()
        clustered = self._key_kind(kind == "unique")
        columns = self._index_columns()
        self._with_options()
        return kind, name, columns, clustered

    def _column(self, constraints: list) -> dict:
        name = self.name()
        if self.accept("AS"):
            raise SqlError(102, "Incorrect syntax near 'AS'.", 15, line=self.now.line)  # computed columns are not done here
        c = {"name": name, "type": self.type(), "nullable": None, "identity": None, "default": None}
        if c["type"].name == "rowversion":
            c["nullable"] = False
        constraint = None
        while True:
            if self.accept("NOT", "NULL"):
                c["nullable"] = False
            elif self.accept("NULL"):
                c["nullable"] = True
            elif self.accept("CONSTRAINT"):
                constraint = self.name()
            elif self.accept("IDENTITY"):
                c["identity"] = (1, 1)
                if self.accept_op("("):
                    first = self.number()
                    self.expect_op(",")
                    c["identity"] = (first, self.number())
                    self.expect_op(")")
            elif self.accept("DEFAULT"):
                c["default"] = self._primary() if self.is_op("(") else self.expression()
            elif self.accept("COLLATE"):
                if c["type"].name not in values.TEXTS:
                    raise SqlError(447, f"Expression type {c['type'].name} is invalid for COLLATE clause.")
                c["type"] = dataclasses.replace(c["type"], collation=collate.known(self.name(), self.now.line))
            elif self.accept("PRIMARY", "KEY"):
                constraints.append(("primary", constraint, [(name, False)], self._key_kind(False)))
            elif self.accept("UNIQUE"):
                constraints.append(("unique", constraint, [(name, False)], self._key_kind(True)))
            else:
                return c

    def _s_drop(self, line: int) -> Statement:
        kind = self.take().text.lower()
        if kind not in ("table", "view", "index", "schema"):
            self.at -= 1
            raise self.syntax()
        exists = self.accept("IF", "EXISTS")
        names = [self.names()]
        while self.accept_op(","):
            names.append(self.names())
        table = self.names() if kind == "index" and self.accept("ON") else None
        return Statement("drop", line, {"what": kind, "names": names, "if_exists": exists, "table": table})

    def _s_alter(self, line: int) -> Statement:
        self.expect("TABLE")
        table = self.names()
        if self.accept("ALTER", "COLUMN"):
            constraints: list = []
            action = ("alter", {"column": self._column(constraints)})
            if constraints:
                raise self.syntax()
            return Statement("alter", line, {"table": table, "actions": [action]})
        actions = []
        if self.accept("DROP"):
            what = "drop_constraint" if self.accept("CONSTRAINT") else "drop"
            if what == "drop":
                self.expect("COLUMN")
            actions.append((what, {"name": self.name()}))
            while self.accept_op(","):
                actions.append((what, {"name": self.name()}))
            return Statement("alter", line, {"table": table, "actions": actions})
        self.expect("ADD")
        while True:
            if self.now.text in ("CONSTRAINT", "PRIMARY", "UNIQUE"):
                actions.append(("constraint", {"constraint": self._table_constraint()}))
            else:
                found: list = []
                actions.append(("add", {"column": self._column(found)}))
                actions += [("constraint", {"constraint": c}) for c in found]
            if not self.accept_op(","):
                return Statement("alter", line, {"table": table, "actions": actions})

    # ---- the session -------------------------------------------------------------------------------------------------------
    def _s_declare(self, line: int) -> Statement:
        found = []
        while True:
            if self.now.kind != "variable":
                raise self.syntax()
            name = self.take().raw
            self.accept("AS")
            t = self.type()
            found.append((name, t, self.expression() if self.accept_op("=") else None))
            if not self.accept_op(","):
                return Statement("declare", line, {"variables": found})

    def _s_set(self, line: int) -> Statement:
        if self.now.kind == "variable":
            name = self.take().raw
            self.expect_op("=")
            return Statement("set_variable", line, {"name": name, "value": self.expression()})
        if self.accept("TRANSACTION"):
            self.expect("ISOLATION", "LEVEL")
            level = next((w for w in LEVELS if self.accept(*w)), None)
            if not level:
                raise self.syntax()
            return Statement("set", line, {"option": "ISOLATION", "value": " ".join(level)})
        if self.accept("IDENTITY_INSERT"):
            table = self.names()
            return Statement("set", line, {"option": "IDENTITY_INSERT", "value": self.accept("ON") or (self.expect("OFF") or False), "table": table})
        options = [self.take().text]
        while self.accept_op(","):
            options.append(self.take().text)
        if all(o in SET_SWITCHES for o in options):
            on = self.accept("ON") or (self.expect("OFF") or False)
            return Statement("set", line, {"option": options, "value": on})
        if options[0] in ("TEXTSIZE", "LOCK_TIMEOUT", "ROWCOUNT", "DATEFIRST", "QUERY_GOVERNOR_COST_LIMIT"):
            return Statement("set", line, {"option": options[0], "value": self.number()})
        if options[0] in ("LANGUAGE", "DATEFORMAT", "DEADLOCK_PRIORITY"):
            return Statement("set", line, {"option": options[0], "value": self.take().raw})
        self.at -= 1
        raise self.syntax()

    def _s_use(self, line: int) -> Statement:
        return Statement("use", line, {"database": self.name()})

    def _s_print(self, line: int) -> Statement:
        return Statement("print", line, {"value": self.expression()})

    def _s_begin(self, line: int) -> Statement:
        if not self.accept("TRAN") and not self.accept("TRANSACTION"):
            return self.block(line)
        return Statement("begin", line, {"name": self._transaction_name()})

    def _transaction_name(self) -> str | None:
        return self.name() if self.now.kind == "name" or (self.now.kind == "word" and self.now.text not in RESERVED) else None

    def _s_commit(self, line: int) -> Statement:
        self.accept("TRAN") or self.accept("TRANSACTION") or self.accept("WORK")
        self._transaction_name()
        return Statement("commit", line, {})

    def _s_rollback(self, line: int) -> Statement:
        self.accept("TRAN") or self.accept("TRANSACTION") or self.accept("WORK")
        return Statement("rollback", line, {"name": self._transaction_name()})

    def _s_save(self, line: int) -> Statement:
        if not self.accept("TRAN"):
            self.expect("TRANSACTION")
        return Statement("save", line, {"name": self.name()})

    def _s_exec(self, line: int) -> Statement:
        return self._execute(line)

    _s_execute = _s_exec

    def _execute(self, line: int) -> Statement:
        if self.accept_op("("):
            text = self.expression()
            self.expect_op(")")
            return Statement("exec_text", line, {"text": text})
        name = self.names()
        args = []
        if self.now.kind in ("variable", "string", "nstring", "number", "binary", "name") or self.is_op("-") or self.is_word("NULL") or \
                (self.now.kind == "word" and self.now.text not in RESERVED):
            while True:
                parameter = None
                if self.now.kind == "variable" and self.peek().kind == "op" and self.peek().raw == "=":
                    parameter = self.take().raw
                    self.take()
                value = ast.Literal(None, self.take().raw) if self.now.kind == "word" and self.now.text != "NULL" else self._unary()
                args.append((parameter, value, self.accept("OUTPUT") or self.accept("OUT")))
                if not self.accept_op(","):
                    break
        return Statement("exec", line, {"name": name, "args": args})


def parse(sql: str) -> list:
    return list(Parser(sql).statements())


def parameter_list(text: str) -> list[tuple]:
    """"@a int, @b nvarchar(10) OUTPUT" of sp_executesql: (name, type, output)."""
    p = Parser(text)
    found = []
    while p.now.kind != "end":
        if p.now.kind != "variable":
            raise p.syntax()
        name = p.take().raw
        p.accept("AS")
        t = p.type()
        if p.accept_op("="):
            p.expression()
        found.append((name, t, p.accept("OUTPUT") or p.accept("OUT")))
        if not p.accept_op(","):
            break
    return found
