"""Runs one Python model. kiln starts this in a process of its own and answers it over two pipes.

A line is a JSON object. kiln sends the job; then this side asks: `read` for a relation of the project's database,
`has` whether there is one, `execute` for a statement to be run there, and says what the model prints. It ends
with `done` or `failed`. Relations travel as Parquet files, since only kiln has the database open; columns whose
types Parquet has not go as text and are cast back.
"""

import io
import json
import linecache
import os
import queue
import re
import signal
import sys
import threading
import traceback
import types

# What Ctrl-C does to a statement in SQL: it ends at once.
signal.signal(signal.SIGINT, signal.SIG_DFL)

# Types that Parquet keeps in another form.
INEXACT = re.compile(
    r"\b(U?HUGEINT|BIGNUM|VARINT|ENUM|BIT|UNION|INTERVAL|(?<!WITH )TIME|TIMESTAMP_(?:S|MS|NS)|JSON|VARIANT|GEOMETRY|NULL)\b"
)

# Statements that change the project's database rather than what only this process has.
WRITES = {"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "CREATE", "CREATE_FUNC", "DROP", "ALTER", "COPY", "VACUUM"}

NAME = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+))*)'
COPIES_IN = re.compile(rf"\s*copy\s+{NAME}\s*(\([^)]*\)\s*)?from\b", re.I)
TARGET = re.compile(
    rf"\s*(?:insert\s+(?:or\s+\w+\s+)?into|update|delete\s+from|merge\s+into|copy"
    rf"|(?:drop|alter)\s+\w+(?:\s+if\s+exists)?)\s+{NAME}",
    re.I,
)
MAKES_TEMPORARY = re.compile(r"\s*create\s+(?:or\s+replace\s+)?temp(?:orary)?\b", re.I)
MISSING = re.compile(r"Table with name (.+?) does not exist")
READS = re.compile(r'\b(?:from|join|using)\s+("[^"]+"|\w+)(?!\s*[.(\w"])', re.I)


class Pipe:
    """The way to kiln and back."""

    def __init__(self):
        # What the model or a library prints must not get between the lines of the talk.
        self._out = os.fdopen(os.dup(1), "wb")
        self._in = os.fdopen(os.dup(0), "rb")
        os.dup2(2, 1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        sys.stdout = Printed(self)
        self._answers = queue.Queue()
        self._turn = threading.RLock()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self._in:
            self._answers.put(json.loads(line))
        # kiln is gone: nobody waits for the result.
        os._exit(3)

    def tell(self, message):
        line = json.dumps(message).encode() + b"\n"
        with self._turn:
            self._out.write(line)
            self._out.flush()

    def answer(self):
        return self._answers.get()

    def ask(self, question, **details):
        with self._turn:
            self.tell({"ask": question, **details})
            return self.answer()


class Printed(io.TextIOBase):
    """What the model prints, told line by line."""

    encoding = "utf-8"

    def __init__(self, pipe):
        self._pipe = pipe
        self._rest = ""

    def writable(self):
        return True

    def write(self, text):
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._pipe.tell({"said": line})
        return len(text)

    def finish(self):
        if self._rest:
            self._pipe.tell({"said": self._rest})
            self._rest = ""


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def parts_of(name):
    return [part[1:-1].replace('""', '"') if part[0] == '"' else part for part in re.findall(r'"(?:[^"]|"")+"|[^.]+', name)]


def reading(path, columns):
    """A query that reads a file that was written with `star_of` of these columns."""
    casts = ", ".join(f"cast({quoted(name)} as {kind}) as {quoted(name)}" for name, kind in columns)
    star = f"* replace ({casts})" if casts else "*"
    return f"select {star} from read_parquet('{path}')".replace("\\", "/")


def star_of(columns):
    casts = ", ".join(f"cast({quoted(name)} as varchar) as {quoted(name)}" for name, _ in columns)
    return f"* replace ({casts})" if casts else "*"


def inexact(described):
    """The columns that go as text, with the types that they get back."""
    found = [(row[0], row[1]) for row in described if INEXACT.search(row[1])]
    return [(name, "INTEGER" if kind.strip('"') == "NULL" else kind) for name, kind in found]


class Database:
    """The project's database, as far as this process has copies of it."""

    def __init__(self, pipe, job):
        self._pipe = pipe
        self._folder = job["folder"]
        self._database = job["database"]
        self._schema = job["schema"]
        self._known = {}
        # Copies from before the last write. Relations may still be made of them, so they stay until they are read.
        self._stale = set()
        self._sent = 0

    def prepare(self, connection):
        """Makes names mean what they mean in the project's database."""
        if self._database != "memory":
            connection.execute(f"attach if not exists ':memory:' as {quoted(self._database)}")
        schema = f"{quoted(self._database)}.{quoted(self._schema)}"
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"use {schema}")
        try:
            # Variables of the model are found although this file stands between.
            connection.execute("set python_scan_all_frames = true")
        except Exception:
            pass

    def load(self, connection, names):
        """Gets copies of relations, each once."""
        for name in names:
            if name not in self._known:
                self._known[name] = self._read(connection, name)
                self._stale.discard(name)

    def load_for(self, connection, statement):
        """Gets copies of the relations that a statement reads."""
        try:
            names = connection.get_table_names(statement, qualified=True)
        except Exception:
            names = ()
        # DuckDB looks through a copy that is there, and does not name it.
        again = [name for name in self._stale if parts_of(name)[-1].lower() in statement.lower()]
        self.load(connection, sorted({*names, *again}))

    def _read(self, connection, name):
        parts = parts_of(name)
        if len(parts) > 1 and parts[-2].lower() in ("information_schema", "pg_catalog"):
            return False
        found = self._pipe.ask("read", name=name)
        if "error" in found:
            raise failure(found["error"])
        if "path" not in found:
            return False
        if len(parts) == 3:
            connection.execute(f"attach if not exists ':memory:' as {quoted(parts[0])}")
        if len(parts) > 1:
            connection.execute("create schema if not exists " + ".".join(map(quoted, parts[:-1])))
        view = ".".join(map(quoted, parts))
        connection.execute(f"create or replace view {view} as {reading(found['path'], found['columns'])}")
        return True

    def find(self, connection, statement, missing):
        """Gets a copy of a relation that a statement names and that was not looked for; tells whether there is one."""
        last = parts_of(missing)[-1].lower()
        spelled = {name for name in re.findall(NAME, statement) if parts_of(name)[-1].lower() == last}
        new = sorted(spelled - self._known.keys())
        self.load(connection, new)
        return any(self._known[name] for name in new)

    def is_copied(self, name):
        return bool(self._known.get(name))

    def has(self, name):
        return self._known.get(name) or self._pipe.ask("has", name=name)["has"]

    def execute(self, sql, views):
        answer = self._pipe.ask("execute", sql=sql, views=views)
        # What was read before may be other now.
        self._stale.update(name for name, is_copied in self._known.items() if is_copied)
        self._known.clear()
        if "error" in answer:
            raise failure(answer["error"])

    def file(self):
        self._sent += 1
        return os.path.join(self._folder, f"result_{self._sent}.parquet")


def failure(message):
    """The exception that the model would meet if it had the database itself."""
    import duckdb

    kind = message.split(" Error:")[0].replace(" ", "") + "Exception"
    known = getattr(duckdb, kind, None)
    return known(message) if isinstance(known, type) else duckdb.Error(message)


class Session:
    """A connection that finds the relations of the project's database, and changes that one."""

    def __init__(self, database, connection):
        self._database = database
        self._connection = connection
        database.prepare(connection)

    def __getattr__(self, name):
        return getattr(self._connection, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None

    def cursor(self):
        return Session(self._database, self._connection.cursor())

    def execute(self, query, parameters=None):
        def run(statement):
            return self._connection.execute(statement) if parameters is None else self._connection.execute(statement, parameters)

        self._run(query, run, parameters)
        return self

    def sql(self, query, **options):
        return self._run(query, lambda statement: self._connection.sql(statement, **options), options.get("params"))

    def query(self, query, **options):
        return self._run(query, lambda statement: self._connection.query(statement, **options), options.get("params"))

    def from_query(self, query, **options):
        return self.query(query, **options)

    def table(self, name):
        return self._copy(name) if self._has_copy(name) else self._connection.table(name)

    def view(self, name):
        return self._copy(name) if self._has_copy(name) else self._connection.view(name)

    def _has_copy(self, name):
        self._database.load(self._connection, [name])
        return self._database.is_copied(name)

    def _copy(self, name):
        # A copy is a view, and `view` takes no name with dots.
        return self._connection.sql(f"select * from {name}")

    def _run(self, query, run, parameters):
        text = query if isinstance(query, str) else query.query
        try:
            statements = [(statement.type.name, statement.query) for statement in self._connection.extract_statements(text)]
        except Exception:
            # Running it tells what is wrong with it.
            return run(text)
        result = None
        for place, (kind, statement) in enumerate(statements):
            is_last = place + 1 == len(statements)
            if kind in WRITES and not self._is_local(kind, statement):
                if parameters:
                    raise ValueError(f"parameters cannot be given to a statement that changes the database: {statement.strip()}")
                self._database.execute(statement, self._views_for(statement))
                result = None
                continue
            result = self._retried(run if is_last else self._connection.execute, statement)
        return result

    def _retried(self, run, statement):
        """Runs a statement. DuckDB does not always list what one reads, but it says what it misses."""
        self._database.load_for(self._connection, statement)
        while True:
            try:
                return run(statement)
            except Exception as error:
                missing = MISSING.search(str(error))
                if not missing or not self._database.find(self._connection, statement, missing.group(1)):
                    raise

    def _is_local(self, kind, statement):
        """Whether a statement touches nothing but temporary things of this process."""
        if kind == "COPY" and not COPIES_IN.match(statement):
            return True
        if MAKES_TEMPORARY.match(statement):
            return True
        target = TARGET.match(statement)
        return bool(target) and parts_of(target.group(1))[-1].lower() in self._temporary()

    def _temporary(self):
        found = self._connection.execute(
            "select table_name from duckdb_tables() where temporary and not internal"
            " union all select view_name from duckdb_views() where temporary and not internal"
        ).fetchall()
        return {row[0].lower() for row in found}

    def _views_for(self, statement):
        """Writes what only this process has and the statement reads into files."""
        temporary = self._temporary()
        views = []
        for name in dict.fromkeys(parts_of(found)[0] for found in READS.findall(statement)):
            if name.lower() not in temporary and self._database.has(quoted(name)):
                continue
            try:
                columns = inexact(self._connection.execute(f"describe select * from {quoted(name)}").fetchall())
            except Exception:
                # It is nowhere; the statement will say so.
                continue
            path = self._database.file()
            self._connection.execute(
                f"copy (select {star_of(columns)} from {quoted(name)}) to '{path}' (format parquet)"
            )
            views.append({"name": name, "query": reading(path, columns)})
        return views


def run(pipe, job):
    import duckdb

    connection = duckdb.connect()
    for statement in job["setup"]:
        try:
            connection.execute(statement)
        except Exception:
            # Whoever needs it will be told.
            pass
    session = Session(Database(pipe, job), connection)

    path, code = job["path"], "\n" * job["lines_before"] + job["code"]
    linecache.cache[path] = (len(code), None, code.splitlines(True), path)
    module = types.ModuleType(job["name"])
    module.__file__ = path
    sys.modules.setdefault(job["name"], module)
    exec(compile(code, path, "exec"), module.__dict__)

    dbt = module.dbtObj(lambda name: session.query(f"select * from {name}"))
    frame = module.model(dbt, session)
    # A relation may need temporary tables of its own session; anything else may itself read from that session.
    is_relation = isinstance(frame, duckdb.DuckDBPyRelation)
    try:
        module.materialize(frame, session if is_relation else session.cursor())
    except duckdb.InvalidInputException as error:
        if "not suitable for replacement scans" not in str(error):
            raise
        kind = type(frame).__name__
        raise TypeError(
            f"the model returned a `{kind}`, and not a DuckDB relation or a data frame of pandas, polars or pyarrow"
        ) from None


def without_runner(error):
    """The traceback without the lines of this file."""
    whole = traceback.TracebackException.from_exception(error)
    link = whole
    while link is not None:
        link.stack = traceback.StackSummary.from_list([line for line in link.stack if line.filename != __file__])
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return whole


def report(error, path, lines):
    whole = without_runner(error)
    own = [line.lineno for line in whole.stack if line.filename == path]
    if isinstance(error, SyntaxError) and error.filename == path:
        own = [error.lineno]
    own = [line for line in own if line and line <= lines]
    is_alone = whole.__cause__ is None and (whole.__suppress_context__ or whole.__context__ is None)
    is_plain = len(whole.stack) <= 1 and is_alone
    said = "".join(whole.format_exception_only()).strip()
    return {
        "message": said,
        "trace": None if is_plain else "".join(whole.format()).rstrip(),
        "line": own[-1] if own else None,
        "module": getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None,
    }


def main():
    pipe = Pipe()
    job = pipe.answer()
    # The folder of this file is kiln's own.
    sys.path[:1] = job["module_paths"]
    try:
        run(pipe, job)
    except BaseException as error:
        sys.stdout.finish()
        pipe.tell({"failed": report(error, job["path"], job["lines"])})
    else:
        sys.stdout.finish()
        pipe.tell({"done": True})
    sys.stdout.flush()
    sys.stderr.flush()
    # Threads that the model left behind do not keep the run waiting.
    os._exit(0)


main()
