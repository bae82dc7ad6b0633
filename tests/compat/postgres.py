"""The SQL of the product in PostgreSQL: every migration is run and every statement prepared and planned, in SQLite too. So all of it stays in the dialect that both share. Skipped where `initdb`, `postgres` and `psql` are not there (Debian: postgresql).

usage: postgres.py      (starts a throw-away PostgreSQL on a unix socket in a temporary folder)
"""
import collections, glob, os, pwd, re, shutil, signal, sqlite3, subprocess, sys, tempfile

from harness import ROOT, check, summary, until

SOURCE = os.path.join(ROOT, "src")
# What is one database's own stays in the folder that knows which database it is.
OWN_DIALECT = os.path.join(SOURCE, "Ocellus.Foundation", "Storage")
OWN_TABLES = {"installation"}
PART = re.compile(r"\s*(WHERE|AND|OR|ORDER BY|GROUP BY|LIMIT|UNION|JOIN|ON CONFLICT|SET|VALUES)\s.*[@=]", re.DOTALL)
VERB = re.compile(r"\s*(SELECT|INSERT INTO|UPDATE|DELETE FROM)\s")
LITERAL = r'\$?"""(?:.*?)"""|\$?"(?:[^"\\\n]|\\.)*"'
# A literal, a constant or a choice of literals; any number of them, added up.
TERM = rf'(?:{LITERAL}|\b[A-Z]\w*(?:\.[A-Z]\w*)?\b(?!\s*[(<])|\((?:[^()"]|\([^()]*\))*\?\s*(?:{LITERAL})\s*:\s*(?:{LITERAL})\))'
SUM = re.compile(rf"(?:{LITERAL}|\bColumns\b|\b\w+Columns\b)(?:\s*(?://[^\n]*\n\s*)*\+\s*{TERM})*", re.DOTALL)
TABLES = ("projects", "datasets", "project_versions")
programs = {}


def program(name):
    """Where it is: Debian keeps the server's programs out of the path."""
    return shutil.which(name) or next(iter(sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"), reverse=True)), None)


def text_of(literal):
    literal = literal.lstrip("$")
    return literal[3:-3] if literal.startswith('"""') else literal[1:-1].replace('\\"', '"')


def parts_of(expression, constants):
    """The texts of a sum, with all of its optional parts and with none."""
    for choice in (0, -1):
        parts = []
        for term in re.findall(TERM, expression, re.DOTALL):
            if term.startswith("("):
                parts.append(sorted((text_of(t) for t in re.findall(LITERAL, term, re.DOTALL)), key=len)[choice])
            else:
                parts.append(text_of(term) if '"' in term else constants.get(term, ""))
        yield "".join(parts)


def collect():
    """The statements of the product, each with its file; and the texts that look like a part of one and were not understood."""
    sources, constants = {}, collections.defaultdict(dict)
    for path in sorted(glob.glob(os.path.join(SOURCE, "Ocellus*", "**", "*.cs"), recursive=True)):
        if not path.startswith(OWN_DIALECT + os.sep):
            with open(path, encoding="utf-8") as file:
                source = re.sub(r"^\s*///.*$", "", file.read(), flags=re.MULTILINE)
            # The files of a partial class share its constants.
            kind = os.path.basename(path).split(".")[0]
            for name, value in re.findall(rf"const string (\w+)\s*=\s*((?:{LITERAL})(?:\s*\+\s*(?:{LITERAL}))*)", source, re.DOTALL):
                constants[kind][name] = "".join(text_of(literal) for literal in re.findall(LITERAL, value, re.DOTALL))
            sources[path] = kind, source
    found, loose = {}, []
    for path, (kind, source) in sources.items():
        for expression in SUM.findall(source):
            for text in parts_of(expression, constants[kind]):
                if not VERB.match(text):
                    loose += [f"{os.path.basename(path)}: {text}"] if PART.match(text) else []
                    continue
                for statement in text.split(";"):
                    for table in TABLES if "{table}" in statement else ("",):
                        if statement.strip():
                            found.setdefault(re.sub(r"\{\w+\}", "0", " ".join(statement.replace("{table}", table).split())), os.path.relpath(path, SOURCE))
    return found, loose


def numbered(statement):
    """With PostgreSQL's parameters, and with lists as Dapper writes them out; and how many there are."""
    statement = re.sub(r"IN @(\w+)", r"IN (@\g<1>1, @\g<1>2)", statement)
    names = list(dict.fromkeys(re.findall(r"@(\w+)", statement)))
    return re.sub(r"@(\w+)", lambda m: f"${names.index(m.group(1)) + 1}", statement), len(names)


class Postgres:
    def __init__(self, folder):
        # The server refuses to be root.
        self.user = {"user": "nobody", "group": pwd.getpwnam("nobody").pw_gid, "extra_groups": []} if os.geteuid() == 0 else {}
        self.folder, self.data = folder, os.path.join(folder, "data")
        os.mkdir(self.data, 0o700)
        if self.user:
            for path in (folder, self.data):
                shutil.chown(path, "nobody")
        made = self.run(programs["initdb"], "-D", self.data, "-U", "ocellus", "--locale=C", "--encoding=UTF8", "--no-sync", "--auth=trust")
        if made.returncode:
            raise SystemExit(made.stdout + made.stderr)
        self.start()

    def start(self):
        self.log = open(os.path.join(self.folder, "log"), "wb")
        self.process = subprocess.Popen([programs["postgres"], "-D", self.data, "-k", self.folder, "-h", "", "-F"], stdout=self.log, stderr=self.log, cwd=self.folder, **self.user)
        until(lambda: self.sql("SELECT 1").returncode == 0 or self.process.poll() is not None, 60, 0.2)

    def run(self, *words, text=None):
        return subprocess.run(words, input=text, capture_output=True, text=True, cwd=self.folder, **self.user)

    def sql(self, text):
        return self.run(programs["psql"], "-h", self.folder, "-U", "ocellus", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-q", "-X", "-f", "-", text=text)

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.wait(60)
        self.log.close()


def in_sqlite(database, statement):
    """What SQLite has against it; None if nothing."""
    try:
        database.execute("EXPLAIN " + re.sub(r"IN @(\w+)", r"IN (@\g<1>)", statement), {name: None for name in re.findall(r"@(\w+)", statement)})
        return None
    except sqlite3.Error as error:
        return f"SQLite: {error}"


def in_postgres(postgres, statements):
    """What PostgreSQL has against each, by number: it prepares and plans it, and a query's columns are of the types that SQLite gives: SUM of a BIGINT is a NUMERIC unless cast."""
    script = ["\\set ON_ERROR_STOP off", "\\t on"]
    for number, statement in enumerate(statements):
        text, count = numbered(statement)
        nulls = f"({', '.join(['NULL'] * count)})" if count else ""
        script += ["BEGIN;", f"PREPARE p AS {text};", rf"\if :ERROR \echo wrong {number} :LAST_ERROR_MESSAGE", r"\else", f"EXPLAIN EXECUTE p{nulls};", rf"\if :ERROR \echo wrong {number} :LAST_ERROR_MESSAGE", r"\endif", r"\endif"]
        if statement.startswith("SELECT"):
            script += [
                f"CREATE TEMP TABLE answer AS EXECUTE p{nulls};",
                f"SELECT 'wrong {number} its column ' || attname || ' is ' || format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = 'answer'::regclass AND attnum > 0 AND atttypid NOT IN ('text'::regtype, 'bigint'::regtype, 'bytea'::regtype);",
            ]
        script += ["ROLLBACK;", "DEALLOCATE ALL;", f"\\echo seen {number}"]
    answer = postgres.sql("\n".join(script)).stdout
    wrong = {number: f"PostgreSQL: {text}" for number, text in ((int(n), t) for n, t in re.findall(r"^\s*wrong (\d+) (.*)$", answer, re.MULTILINE))}
    seen = {int(n) for n in re.findall(r"^seen (\d+)$", answer, re.MULTILINE)}
    return wrong | {number: "PostgreSQL: not reached" for number in set(range(len(statements))) - seen}


def main():
    programs.update({name: program(name) for name in ("initdb", "postgres", "psql")})
    if None in programs.values():
        print("skipped: no PostgreSQL here (Debian: postgresql)")
        return summary()
    found, loose = collect()
    union = [s for s in found if "of_label_0" in s]
    found |= {f"{s} UNION {s.replace('_0', '_1').replace('@label0', '@label1')} ORDER BY ordinal LIMIT @window": found[s] for s in union}
    # Written by string.Join; put together above.
    loose = [text for text in loose if not text.endswith(":  ORDER BY ordinal LIMIT @window")]
    check("each text that is a part of a statement was understood", len(union) == 1 and not loose, loose)
    named = {t for s in found for t in re.findall(r"(?:FROM|INTO|UPDATE|JOIN) ([a-z_]+)", s)}
    with tempfile.TemporaryDirectory() as top:
        postgres, sqlite = Postgres(top), sqlite3.connect(":memory:")
        try:
            for path in sorted(glob.glob(os.path.join(OWN_DIALECT, "Migrations", "*.sql"))):
                with open(path, encoding="utf-8") as file:
                    migration = file.read()
                sqlite.executescript(migration)
                answer = postgres.sql(f"BEGIN;\n{migration};\nCOMMIT;")
                check(f"migration {os.path.basename(path)}", answer.returncode == 0, answer.stderr)
            made = {t for (t,) in sqlite.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            check(f"{len(found)} statements name each of the {len(made)} tables", made - OWN_TABLES <= named, made - named)
            wrong = in_postgres(postgres, list(found))
            for number, (statement, path) in enumerate(found.items()):
                error = in_sqlite(sqlite, statement) or wrong.get(number)
                check(f"{path}: {statement[:90]}", not error, f"{statement}: {error}")
        finally:
            postgres.stop()
    return summary()


if __name__ == "__main__":
    sys.exit(main())
