# SPDX-License-Identifier: ISC
"""Every schema and statement of the tree stands on SQLite and on a real PostgreSQL 15."""
import importlib.machinery
import importlib.util
import pathlib
import re
import sqlite3

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = sorted(ROOT.glob("src/**/*.sql"))


def load_embed_sql():
    path = str(ROOT / "script" / "embed-sql")
    loader = importlib.machinery.SourceFileLoader("embed_sql", path)
    spec = importlib.util.spec_from_loader("embed_sql", loader)
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


embed_sql = load_embed_sql()


def parse(path):
    """Statements of the file, and the migrations of its whole module."""
    migrations = []
    for beside in sorted(path.parent.glob("*.sql")):
        migrations += embed_sql.parse(beside)[1].values()
    return embed_sql.parse(path)[0], migrations


def named(path):
    return str(path.relative_to(ROOT))


def test_there_are_statements():
    assert FILES and any(embed_sql.parse(path)[0] for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_sqlite(path):
    statements, migrations = parse(path)
    database = sqlite3.connect(":memory:")
    for script in migrations:
        database.executescript(script.replace("@CLUSTERED@", "WITHOUT ROWID"))
    for name, text in statements.items():
        numbered = text.replace("$", "?")
        count = len(set(re.findall(r"\?\d+", numbered)))
        try:
            database.execute("EXPLAIN " + numbered, [None] * count)
        except sqlite3.Error as problem:
            pytest.fail(f"{named(path)}: {name}: {problem}")


@pytest.mark.parametrize("path", FILES, ids=named)
def test_postgres(path, postgres):
    statements, migrations = parse(path)
    database = postgres.new_database()
    for number, script in enumerate(migrations, 1):
        script = "BEGIN;" + script.replace("@CLUSTERED@", "") + "COMMIT;"
        failed, printed = postgres.psql(database, script)
        assert not failed, f"{named(path)}: migration {number}: {printed}"
    prepared = "".join(f"PREPARE {name} AS {text};\n" for name, text in statements.items())
    failed, printed = postgres.psql(database, prepared)
    assert not failed, f"{named(path)}: {printed}"


def test_postgres_refuses_what_is_not_shared(postgres):
    """The check would be worth nothing if the server took anything."""
    database = postgres.new_database()
    assert not postgres.psql(database, "CREATE TABLE t (a BIGINT PRIMARY KEY, b TEXT);")[0]
    for text in ("INSERT OR REPLACE INTO t VALUES ($1, $2)", "SELECT rowid FROM t",
                 "SELECT a FROM t WHERE b = $1 + 1"):
        failed, printed = postgres.psql(database, f"PREPARE s AS {text};")
        assert failed and "ERROR" in printed, text


@pytest.mark.parametrize("text", [
    "SELECT 1;\n-- name: a\nSELECT 1;", "-- name: a\nSELECT 1; SELECT 2;", "-- name: a\n",
    "-- name: A\nSELECT 1;", "-- name: a\nSELECT $1, $3;", "-- name: a\nSELECT ?;",
    "-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "-- migration: 2\nSELECT 1;"])
def test_malformed_files_are_refused(tmp_path, text):
    path = tmp_path / "bad.sql"
    path.write_text(text)
    with pytest.raises(embed_sql.Malformed):
        embed_sql.parse(path)


def test_generated_text_is_the_statement(tmp_path):
    path = tmp_path / "good.sql"
    path.write_text('-- migration: 1\nCREATE TABLE t (a BIGINT);\n\n-- name: one\n-- why\n'
                    'SELECT "a" FROM t\n\tWHERE a = $1;\n')
    names, migrations = embed_sql.parse(path)
    assert names == {"one": 'SELECT "a" FROM t\n\tWHERE a = $1'}
    assert migrations == {1: "CREATE TABLE t (a BIGINT);"}
    assert "GOOD_SQL_ONE," in embed_sql.header("good", names, migrations)
    source = embed_sql.source("good", names, migrations, "good_sql.h")
    assert r'"SELECT \"a\" FROM t\n"' in source
    assert "good_migrations[GOOD_MIGRATIONS]" in source
