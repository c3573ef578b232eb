"""The SQL side of the stand-in: T-SQL parsed, typed, and carried out by SQLite."""
