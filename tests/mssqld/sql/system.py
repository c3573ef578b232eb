"""The views of the schemas sys and INFORMATION_SCHEMA: of each the columns, and its rows for a session's database."""
from __future__ import annotations

from typing import Any

from contract import DEFAULT_COLLATION, Type

from . import values
from .catalog import CLR_IDS, TYPE_IDS, Object, type_ids

NAME, INT, BIT, TINY = values.SYSNAME, values.INT, values.BIT, Type("tinyint", 1, 3)
SMALL, BIGINT = Type("smallint", 2, 5), values.BIGINT
CHAR2, TEXT60 = Type("char", 2, collation=DEFAULT_COLLATION), Type("nvarchar", 120, collation=DEFAULT_COLLATION)
TYPE_NAMES = [*((number, name) for name, number in [*TYPE_IDS.items(), *CLR_IDS.items()]), (256, "sysname")]
DESCRIBED = {"U": "USER_TABLE", "V": "VIEW"}


def _each(session: Any, kinds: str = "UV") -> list[Object]:
    return [o for o in session.db.catalog.objects.values() if o.kind in kinds]


def _schema_id(session: Any, schema: str) -> int:
    return [s.lower() for s in session.db.catalog.schemas].index(schema.lower()) + 1


def _schemas(s: Any) -> list[tuple]:
    return [(name, i, 1) for i, name in enumerate(s.db.catalog.schemas, 1)]


def _objects(kinds: str) -> Any:
    def rows(s: Any) -> list[tuple]:
        found = [(o.name, o.id, _schema_id(s, o.schema), 0, o.kind.ljust(2), DESCRIBED[o.kind], 0) for o in _each(s, kinds)]
        if "K" in kinds:
            found += [(i.name, o.id * 100 % 2 ** 31 + i.id, _schema_id(s, o.schema), o.id, *_key_kind(i), 0) for o in _each(s, "U") for i in o.indexes if i.constraint]
        return found
    return rows


def _key_kind(index: Any) -> tuple[str, str]:
    return ("PK", "PRIMARY_KEY_CONSTRAINT") if index.primary else ("UQ", "UNIQUE_CONSTRAINT")


def _types(s: Any) -> list[tuple]:
    rows = []
    for name, number in [*TYPE_IDS.items(), *CLR_IDS.items()]:
        length, p, scale = values.FIXED.get(name, (8000, 0, 0))
        if name in ("decimal", "numeric"):
            length, p, scale = 17, 38, 38
        if name in ("time", "datetime2", "datetimeoffset"):
            t = values.make(name, [7])
            length, p, scale = t.length, t.precision, t.scale
        rows.append((name, 240 if name in CLR_IDS else number, number, 4, length, p, scale, DEFAULT_COLLATION if name in values.TEXTS else None, 1, 0,
                     int(name in CLR_IDS)))
    rows.append(("sysname", 231, 256, 4, 256, 0, 0, DEFAULT_COLLATION, 0, 0, 0))
    return rows


def _columns(s: Any) -> list[tuple]:
    return [(o.id, d.name, d.id, *type_ids(d.type), d.type.length, d.type.precision, values.scale_of(d.type) or d.type.scale, d.type.collation,
             int(d.nullable), int(d.identity is not None), 0, 0) for o in _each(s) for d in o.columns]


def _indexes(s: Any) -> list[tuple]:
    rows = []
    for o in _each(s, "U"):
        if not any(i.clustered for i in o.indexes):
            rows.append((o.id, None, 0, 0, "HEAP", 0, 0, 0, 0, 0))
        rows += [(o.id, i.name, i.id, 1 if i.clustered else 2, "CLUSTERED" if i.clustered else "NONCLUSTERED", int(i.unique), int(i.primary),
                  int(i.constraint and not i.primary), 0, int(i.filtered)) for i in o.indexes]
    return rows


def _index_columns(s: Any) -> list[tuple]:
    rows = []
    for o in _each(s, "U"):
        for i in o.indexes:
            every = [(k, n, d, 0) for n, (k, d) in enumerate(i.columns, 1)] + [(k, 0, False, 1) for k in i.included]
            rows += [(o.id, i.id, n, k, key, int(d), inc) for n, (k, key, d, inc) in enumerate(every, 1)]
    return rows


def _keys(s: Any) -> list[tuple]:
    return [(i.name, o.id * 100 % 2 ** 31 + i.id, _schema_id(s, o.schema), o.id, *_key_kind(i), i.id) for o in _each(s, "U") for i in o.indexes if i.constraint]


def _partitions(s: Any) -> list[tuple]:
    rows = []
    for o in _each(s, "U"):
        n = s.connection.execute(f"SELECT count(*) FROM {o.sql}").fetchone()[0]
        ids = ([] if any(i.clustered for i in o.indexes) else [0]) + [i.id for i in o.indexes]
        rows += [(o.id * 100 + i, o.id, i, 1, n) for i in ids]
    return rows


def _databases(s: Any) -> list[tuple]:
    return [(d.name, number, DEFAULT_COLLATION, 150, 0, 0, "ONLINE", 1, 1, "ON") for number, d in s.server.numbered()]


def _identities(s: Any) -> list[tuple]:
    return [(o.id, c.name, c.id, c.identity[0], c.identity[1]) for o in _each(s, "U") for c in o.columns if c.identity]


def _information_columns(s: Any) -> list[tuple]:
    rows = []
    for o in _each(s):
        for d in o.columns:
            t = d.type
            wide = t.name[0] == "n" and t.name in values.TEXTS
            chars = None if t.name not in values.TEXTS and t.name not in ("binary", "varbinary", "image") else \
                2 ** 30 - 1 if t.name == "ntext" else 2 ** 31 - 1 if t.name in ("text", "image") else -1 if t.length == -1 else t.length // (2 if wide else 1)
            octets = chars if chars is None or chars < 0 or not wide else chars * 2
            number = t.name in values.NUMBERS and t.name != "bit"
            rows.append((s.db.name, o.schema, o.name, d.name, d.id, None, "YES" if d.nullable else "NO", "timestamp" if t.name == "rowversion" else t.name,
                         chars, octets, t.precision if number else None, (2 if t.name in values.FLOATS else 10) if number else None, values.scale_of(t) if number and t.name not in values.FLOATS else None,
                         {"datetime": 3, "smalldatetime": 0, "date": 0}.get(t.name, t.scale) if t.name in values.TIMES else None,
                         ("UNICODE" if wide else "iso_1") if t.name in values.TEXTS else None, t.collation if t.name in values.TEXTS else None))
    return rows


def _information_keys(s: Any) -> list[tuple]:
    return [(s.db.name, o.schema, i.name, s.db.name, o.schema, o.name, "PRIMARY KEY" if i.primary else "UNIQUE")
            for o in _each(s, "U") for i in o.indexes if i.constraint]


def _key_columns(s: Any) -> list[tuple]:
    return [(s.db.name, o.schema, i.name, s.db.name, o.schema, o.name, next(c.name for c in o.columns if c.id == k), n)
            for o in _each(s, "U") for i in o.indexes if i.constraint for n, (k, _) in enumerate(i.columns, 1)]


OBJECT = [("name", NAME), ("object_id", INT), ("schema_id", INT), ("parent_object_id", INT), ("type", CHAR2), ("type_desc", TEXT60), ("is_ms_shipped", BIT)]
CONSTRAINED = [("CONSTRAINT_CATALOG", NAME), ("CONSTRAINT_SCHEMA", NAME), ("CONSTRAINT_NAME", NAME), ("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME),
               ("TABLE_NAME", NAME)]
VIEWS: dict[str, tuple[list[tuple[str, Type]], Any]] = {
    "sys.schemas": ([("name", NAME), ("schema_id", INT), ("principal_id", INT)], _schemas),
    "sys.objects": (OBJECT, _objects("UVK")),
    "sys.tables": (OBJECT, _objects("U")),
    "sys.views": (OBJECT, _objects("V")),
    "sys.columns": ([("object_id", INT), ("name", NAME), ("column_id", INT), ("system_type_id", TINY), ("user_type_id", INT), ("max_length", SMALL),
                     ("precision", TINY), ("scale", TINY), ("collation_name", NAME), ("is_nullable", BIT), ("is_identity", BIT), ("is_computed", BIT),
                     ("is_hidden", BIT)], _columns),
    "sys.types": ([("name", NAME), ("system_type_id", TINY), ("user_type_id", INT), ("schema_id", INT), ("max_length", SMALL), ("precision", TINY),
                   ("scale", TINY), ("collation_name", NAME), ("is_nullable", BIT), ("is_user_defined", BIT), ("is_assembly_type", BIT)], _types),
    "sys.indexes": ([("object_id", INT), ("name", NAME), ("index_id", INT), ("type", TINY), ("type_desc", TEXT60), ("is_unique", BIT),
                     ("is_primary_key", BIT), ("is_unique_constraint", BIT), ("is_disabled", BIT), ("has_filter", BIT)], _indexes),
    "sys.index_columns": ([("object_id", INT), ("index_id", INT), ("index_column_id", INT), ("column_id", INT), ("key_ordinal", TINY),
                           ("is_descending_key", BIT), ("is_included_column", BIT)], _index_columns),
    "sys.identity_columns": ([("object_id", INT), ("name", NAME), ("column_id", INT), ("seed_value", BIGINT), ("increment_value", BIGINT)], _identities),
    "sys.key_constraints": ([("name", NAME), ("object_id", INT), ("schema_id", INT), ("parent_object_id", INT), ("type", CHAR2), ("type_desc", TEXT60),
                             ("unique_index_id", INT)], _keys),
    "sys.partitions": ([("partition_id", BIGINT), ("object_id", INT), ("index_id", INT), ("partition_number", INT), ("rows", BIGINT)], _partitions),
    "sys.dm_db_partition_stats": ([("partition_id", BIGINT), ("object_id", INT), ("index_id", INT), ("partition_number", INT), ("row_count", BIGINT)],
                                  _partitions),
    "sys.databases": ([("name", NAME), ("database_id", INT), ("collation_name", NAME), ("compatibility_level", TINY), ("is_read_only", BIT), ("state", TINY),
                       ("state_desc", TEXT60), ("is_read_committed_snapshot_on", BIT), ("snapshot_isolation_state", TINY),
                       ("snapshot_isolation_state_desc", TEXT60)], _databases),
    "information_schema.schemata": ([("CATALOG_NAME", NAME), ("SCHEMA_NAME", NAME)], lambda s: [(s.db.name, name) for name in s.db.catalog.schemas]),
    "information_schema.tables": ([("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME), ("TABLE_TYPE", NAME)],
                                  lambda s: [(s.db.name, o.schema, o.name, "BASE TABLE" if o.kind == "U" else "VIEW") for o in _each(s)]),
    "information_schema.columns": ([("TABLE_CATALOG", NAME), ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME), ("COLUMN_NAME", NAME), ("ORDINAL_POSITION", INT),
                                    ("COLUMN_DEFAULT", TEXT60), ("IS_NULLABLE", NAME), ("DATA_TYPE", NAME), ("CHARACTER_MAXIMUM_LENGTH", INT), ("CHARACTER_OCTET_LENGTH", INT),
                                    ("NUMERIC_PRECISION", TINY), ("NUMERIC_PRECISION_RADIX", SMALL), ("NUMERIC_SCALE", INT),
                                    ("DATETIME_PRECISION", SMALL), ("CHARACTER_SET_NAME", NAME), ("COLLATION_NAME", NAME)],
                                   _information_columns),
    "information_schema.table_constraints": ([*CONSTRAINED, ("CONSTRAINT_TYPE", NAME)], _information_keys),
    "information_schema.referential_constraints": ([*CONSTRAINED[:3], ("UNIQUE_CONSTRAINT_CATALOG", NAME), ("UNIQUE_CONSTRAINT_SCHEMA", NAME),
                                                    ("UNIQUE_CONSTRAINT_NAME", NAME), ("MATCH_OPTION", NAME), ("UPDATE_RULE", NAME), ("DELETE_RULE", NAME)],
                                                   lambda s: []),  # this server has no foreign keys
    "information_schema.key_column_usage": ([("CONSTRAINT_CATALOG", NAME), ("CONSTRAINT_SCHEMA", NAME), ("CONSTRAINT_NAME", NAME), ("TABLE_CATALOG", NAME),
                                             ("TABLE_SCHEMA", NAME), ("TABLE_NAME", NAME), ("COLUMN_NAME", NAME), ("ORDINAL_POSITION", INT)], _key_columns),
}
