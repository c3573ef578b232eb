"""What a database holds: tables, views, indexes; and the views of schema sys over them.

A table of T-SQL is a table t<object_id> of SQLite with the columns c<column_id>: names need no quoting there, and are looked up here without
regard to case, as the default collation of SQL Server does."""
from __future__ import annotations

import dataclasses
from typing import Any

from contract import DEFAULT_COLLATION, Column, SqlError, Type

from . import values


@dataclasses.dataclass
class ColumnDef:
    id: int
    name: str
    type: Type
    nullable: bool
    identity: tuple[int, int] | None = None
    default: Any = None

    @property
    def sql(self) -> str:
        return f"c{self.id}"

    def shown(self) -> Column:
        return Column(self.name, self.type, self.nullable, self.identity is not None, False)


@dataclasses.dataclass
class Index:
    id: int
    name: str
    columns: list[tuple[int, bool]]  # column id, descending
    included: list[int]
    unique: bool
    primary: bool
    clustered: bool
    filtered: bool = False


@dataclasses.dataclass
class Object:
    id: int
    schema: str
    name: str
    kind: str  # "U", "V"
    columns: list[ColumnDef]
    indexes: list[Index] = dataclasses.field(default_factory=list)
    text: str = ""             # of a view
    columns_named: list[str] | None = None
    next_identity: int = 1

    @property
    def sql(self) -> str:
        return f"t{self.id}"

    def column(self, name: str) -> ColumnDef | None:
        wanted = name.lower()
        return next((c for c in self.columns if c.name.lower() == wanted), None)


@dataclasses.dataclass
class Catalog:
    schemas: list[str] = dataclasses.field(default_factory=lambda: ["dbo", "guest", "sys", "INFORMATION_SCHEMA"])
    objects: dict[tuple[str, str], Object] = dataclasses.field(default_factory=dict)
    next_id: int = 245575913
    surrogates: bool = False  # some text has a lone surrogate, which SQLite takes as UTF-16 bytes only

    def find(self, parts: list[str]) -> Object | None:
        schema = (parts[-2] if len(parts) > 1 and parts[-2] else "dbo").lower()
        return self.objects.get((schema, parts[-1].lower()))

    def by_id(self, object_id: int) -> Object | None:
        return next((o for o in self.objects.values() if o.id == object_id), None)

    def add(self, o: Object) -> None:
        key = (o.schema.lower(), o.name.lower())
        if key in self.objects:
            raise SqlError(2714, f"There is already an object named '{o.name}' in the database.", 16, 6)
        if o.schema.lower() not in [s.lower() for s in self.schemas]:
            raise SqlError(2760, f'The specified schema name "{o.schema}" either does not exist or you do not have permission to use it.')
        self.objects[key] = o

    def new_id(self) -> int:
        self.next_id += 16
        return self.next_id


# ---- schema sys --------------------------------------------------------------------------------------------------------------
TYPE_IDS = {"image": 34, "text": 35, "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43, "tinyint": 48,
            "smallint": 52, "int": 56, "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61, "float": 62, "sql_variant": 98, "ntext": 99,
            "bit": 104, "decimal": 106, "numeric": 108, "smallmoney": 122, "bigint": 127, "varbinary": 165, "varchar": 167, "binary": 173,
            "char": 175, "timestamp": 189, "nvarchar": 231, "nchar": 239, "xml": 241}
CLR_IDS = {"hierarchyid": 128, "geometry": 129, "geography": 130}  # their system_type_id is 240
NAME, INT, BIT, TINY = values.SYSNAME, values.INT, values.BIT, Type("tinyint", 1, 3)
SMALL, BIGINT = Type("smallint", 2, 5), values.BIGINT
CHAR2, TEXT60 = Type("char", 2, collation=DEFAULT_COLLATION), Type("nvarchar", 120, collation=DEFAULT_COLLATION)


def type_ids(t: Type) -> tuple[int, int]:
    name = "timestamp" if t.name == "rowversion" else t.name
    return (240, CLR_IDS[name]) if name in CLR_IDS else (TYPE_IDS[name], TYPE_IDS[name])


def _types(c: Catalog, database: str) -> list[tuple]:
    rows = []
    for name, number in [*TYPE_IDS.items(), *CLR_IDS.items()]:
        length, p, s = values.FIXED.get(name, (8000, 0, 0))
        rows.append((name, 240 if name in CLR_IDS else number, number, 4, length, p, s, None, 1, 0, int(name in CLR_IDS)))
    rows.append(("sysname", 231, 256, 4, 256, 0, 0, DEFAULT_COLLATION, 0, 0, 0))
    return rows


def _columns(c: Catalog, database: str) -> list[tuple]:
    return [(o.id, d.name, d.id, *type_ids(d.type), d.type.length, d.type.precision, values.scale_of(d.type) or d.type.scale, d.type.collation,
             int(d.nullable), int(d.identity is not None), 0, 0) for o in c.objects.values() for d in o.columns]


def _objects(c: Catalog, kinds: str) -> list[tuple]:
    described = {"U": "USER_TABLE", "V": "VIEW"}
    return [(o.name, o.id, _schema_id(c, o.schema), o.kind, described[o.kind]) for o in c.objects.values() if o.kind in kinds]


def _schema_id(c: Catalog, schema: str) -> int:
    return [s.lower() for s in c.schemas].index(schema.lower()) + 1


def _indexes(c: Catalog, database: str) -> list[tuple]:
    rows = []
    for o in c.objects.values():
        if o.kind == "U" and not any(i.clustered for i in o.indexes):
            rows.append((o.id, None, 0, 0, "HEAP", 0, 0, 0, 0))
        rows += [(o.id, i.name, i.id, 1 if i.clustered else 2, "CLUSTERED" if i.clustered else "NONCLUSTERED", int(i.unique), int(i.primary), 0,
                  int(i.filtered)) for i in o.indexes]
    return rows


def _index_columns(c: Catalog, database: str) -> list[tuple]:
    rows = []
    for o in c.objects.values():
        for i in o.indexes:
            every = [(k, n, d, 0) for n, (k, d) in enumerate(i.columns, 1)] + [(k, 0, False, 1) for k in i.included]
            rows += [(o.id, i.id, n, k, key, int(d), inc) for n, (k, key, d, inc) in enumerate(every, 1)]
    return rows


def _information_columns(c: Catalog, database: str) -> list[tuple]:
    return [(database, o.schema, o.name, d.name, d.id, "YES" if d.nullable else "NO", "timestamp" if d.type.name == "rowversion" else d.type.name)
            for o in c.objects.values() for d in o.columns]


# name: (columns, rows of a catalog)
VIEWS: dict[str, tuple[list[tuple[str, Type]], Any]] = {
    "sys.schemas": ([("name", NAME), ("schema_id", INT)], lambda c, d: [(s, i) for i, s in enumerate(c.schemas, 1)]),
    "sys.objects": ([("name", NAME), ("object_id", INT), ("schema_id", INT), ("type", CHAR2), ("type_desc", TEXT60)], lambda c, d: _objects(c, "UV")),
    "sys.tables": ([("name", NAME), ("object_id", INT), ("schema_id", INT), ("type", CHAR2), ("type_desc", TEXT60)], lambda c, d: _objects(c, "U")),
    "sys.views": ([("name", NAME), ("object_id", INT), ("schema_id", INT), ("type", CHAR2), ("type_desc", TEXT60)], lambda c, d: _objects(c, "V")),
    "sys.columns": ([("object_id", INT), ("name", NAME), ("column_id", INT), ("system_type_id", TINY), ("user_type_id", INT), ("max_length", SMALL),
                     ("precision", TINY), ("scale", TINY), ("collation_name", NAME), ("is_nullable", BIT), ("is_identity", BIT), ("is_computed", BIT),
                     ("is_hidden", BIT)], _columns),
    "sys.types": ([("name", NAME), ("system_type_id", TINY), ("user_type_id", INT), ("schema_id", INT), ("max_length", SMALL), ("precision", TINY),
                   ("scale", TINY), ("collation_name", NAME), ("is_nullable", BIT), ("is_user_defined", BIT), ("is_assembly_type", BIT)], _types),
    "sys.indexes": ([("object_id", INT), ("name", NAME), ("index_id", INT), ("type", TINY), ("type_desc", TEXT60), ("is_unique", BIT),
                     ("is_primary_key", BIT), ("is_disabled", BIT), ("has_filter", BIT)], _indexes),
    "sys.index_columns": ([("object_id", INT), ("index_id", INT), ("index_column_id", INT), ("column_id", INT), ("key_ordinal", TINY),
                           ("is_descending_key", BIT), ("is_included_column", BIT)], _index_columns),
    "sys.key_constraints": ([("name", NAME), ("parent_object_id", INT), ("type", CHAR2), ("unique_index_id", INT)],
                            lambda c, d: [(i.name, o.id, "PK", i.id) for o in c.objects.values() for i in o.indexes if i.primary]),
    "sys.databases": ([("name", NAME), ("is_read_committed_snapshot_on", BIT), ("snapshot_isolation_state", TINY)], lambda c, d: [(d, 1, 1)]),
    "information_schema.tables": ([("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME), ("TABLE_TYPE", NAME)],
                                  lambda c, d: [(d, o.schema, o.name, "BASE TABLE" if o.kind == "U" else "VIEW") for o in c.objects.values()]),
    "information_schema.columns": ([("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME), ("COLUMN_NAME", NAME),
                                    ("ORDINAL_POSITION", INT), ("IS_NULLABLE", NAME), ("DATA_TYPE", NAME)], _information_columns),
}
