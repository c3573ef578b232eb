"""What a database holds: tables, views, indexes.

A table of T-SQL is a table t<object_id> of SQLite with the columns c<column_id>: names need no quoting there, and are looked up here without
regard to case, as the default collation of SQL Server does."""
from __future__ import annotations

import dataclasses
from typing import Any

from contract import Column, SqlError, Type


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
    constraint: bool = False  # PRIMARY KEY or UNIQUE of the table


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


TYPE_IDS = {"image": 34, "text": 35, "uniqueidentifier": 36, "date": 40, "time": 41, "datetime2": 42, "datetimeoffset": 43, "tinyint": 48,
            "smallint": 52, "int": 56, "smalldatetime": 58, "real": 59, "money": 60, "datetime": 61, "float": 62, "sql_variant": 98, "ntext": 99,
            "bit": 104, "decimal": 106, "numeric": 108, "smallmoney": 122, "bigint": 127, "varbinary": 165, "varchar": 167, "binary": 173,
            "char": 175, "timestamp": 189, "nvarchar": 231, "nchar": 239, "xml": 241}
CLR_IDS = {"hierarchyid": 128, "geometry": 129, "geography": 130}  # their system_type_id is 240


def type_ids(t: Type) -> tuple[int, int]:
    name = "timestamp" if t.name == "rowversion" else t.name
    return (240, CLR_IDS[name]) if name in CLR_IDS else (TYPE_IDS[name], TYPE_IDS[name])
