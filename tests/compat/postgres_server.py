"""A server on PostgreSQL, end to end: projects, datasets, a training, start, detect, stop; ended with -9 and started again; PostgreSQL restarted under load, and away for ten seconds; two servers on one database.
Models are in another Ocellus's object store. Skipped where `initdb`, `postgres` and `psql` are not there (Debian: postgresql).

usage: postgres_server.py      (starts a throw-away PostgreSQL and three ./ocellus serve in a temporary folder)
"""
import configparser, json, os, shutil, subprocess, sys, tempfile, threading, time, urllib.error, urllib.request

import postgres
from harness import ROOT, Server, check, refusal, refused, summary, until, upload_cells

PASSWORD = "correct-horse-battery-staple"


class Database(postgres.Postgres):
    """With a password, and on a port, so that it can be ended and started again."""

    def __init__(self, folder):
        from harness import free_port

        self.port = free_port()
        super().__init__(folder)
        self.sql(f"CREATE ROLE product LOGIN PASSWORD '{PASSWORD}'; CREATE DATABASE product OWNER product;")
        with open(os.path.join(self.data, "pg_hba.conf"), "w") as file:
            file.write("local all ocellus trust\nhost all product 127.0.0.1/32 scram-sha-256\n")
        self.restart()

    def start(self):
        words = [postgres.programs["postgres"], "-D", self.data, "-k", self.folder, "-h", "127.0.0.1", "-p", str(self.port), "-c", "unix_socket_permissions=0777", "-F"]
        self.log = open(os.path.join(self.folder, "log"), "ab")
        self.process = subprocess.Popen(words, stdout=self.log, stderr=self.log, cwd=self.folder, **self.user)
        until(lambda: self.sql("SELECT 1").returncode == 0 or self.process.poll() is not None, 60, 0.1)

    def sql(self, text, database="postgres"):
        return self.run(postgres.programs["psql"], "-h", self.folder, "-p", str(getattr(self, "port", 5432)), "-U", "ocellus", "-d", database, "-v", "ON_ERROR_STOP=1", "-q", "-X", "-At", "-f", "-", text=text)

    def restart(self):
        self.stop()
        self.start()

    @property
    def settings(self):
        return f"Host=127.0.0.1;Port={self.port};Database=product;Username=product;Password={PASSWORD}"


class Load(threading.Thread):
    """Describes and changes without a pause; notes what was acknowledged, and each answer that is not one of AWS."""

    def __init__(self, client, project):
        super().__init__(daemon=True)
        self.client, self.project, self.ends = client, project, threading.Event()
        self.done, self.errors, self.wrong, self.tags = 0, 0, [], {}

    def run(self):
        from botocore.exceptions import BotoCoreError, ClientError

        number = 0
        while not self.ends.is_set():
            try:
                self.client.describe_projects()
                number += 1
                self.client.tag_resource(ResourceArn=self.project, Tags={f"tag{number % 50}": str(number)})
                self.tags[f"tag{number % 50}"] = str(number)
                self.done += 1
            except ClientError as error:
                self.errors += 1
                self.tags.pop(f"tag{number % 50}", None)  # not acknowledged: either is right
                if error.response["Error"]["Code"] not in ("InternalServerError", "ServiceUnavailable", "ServiceUnavailableException"):
                    self.wrong.append(str(error))
            except BotoCoreError as error:
                self.wrong.append(str(error))
            time.sleep(0.01)

    def finish(self):
        self.ends.set()
        self.join(60)


def ready(server):
    try:
        with urllib.request.urlopen(server.url + "/health/ready", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def run(top, database, started):
    store = Server(os.path.join(top, "store"))
    keys = configparser.ConfigParser()
    keys.read(os.path.join(store.data, "credentials"))
    own = keys["default"]
    log = open(os.path.join(top, "server.log"), "w+b")
    settings = {"Ocellus__Database": database.settings, "Ocellus__S3__AccessKey": own["aws_access_key_id"], "Ocellus__S3__SecretKey": own["aws_secret_access_key"], "Ocellus__Training__TimeBudget": "00:00:10"}
    one = lambda name: Server(os.path.join(top, name), ["--s3-endpoint", store.url], log=log, **settings)
    server = one("one")
    started += [store, server]
    s3, client = store.client("s3"), server.client("rekognition")
    check("the folder has no database", not os.path.exists(os.path.join(server.data, "ocellus.db")))
    key = upload_cells(s3, train=6, test=3)

    project = client.create_project(ProjectName="cells")["ProjectArn"]
    refused("a second project of the name", "ResourceInUseException", client.create_project, ProjectName="cells")
    sets = {}
    for part in ("train", "test"):
        sets[part] = client.create_dataset(ProjectArn=project, DatasetType=part.upper(), DatasetSource={"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{part}.manifest"}}})["DatasetArn"]
        described = lambda: client.describe_dataset(DatasetArn=sets[part])["DatasetDescription"]
        check(f"import of the {part} manifest", until(lambda: described()["Status"] == "CREATE_COMPLETE") and described()["DatasetStats"]["TotalEntries"] > 0, described())
    labels = client.list_dataset_labels(DatasetArn=sets["train"])["DatasetLabelDescriptions"]
    check("labels are counted", len(labels) == 3 and all(l["LabelStats"]["EntryCount"] == 6 for l in labels), labels)
    pages = [p["DatasetEntries"] for p in client.get_paginator("list_dataset_entries").paginate(DatasetArn=sets["train"], PaginationConfig={"PageSize": 5})]
    check("entries come in pages", [len(p) for p in pages] == [5, 5, 5, 3], [len(p) for p in pages])
    changed = json.loads(pages[0][0])
    changed["cell-metadata"]["class-name"] = "other"
    client.update_dataset_entries(DatasetArn=sets["train"], Changes={"GroundTruth": (json.dumps(changed) + "\n").encode()})
    check("an update is applied", until(lambda: client.describe_dataset(DatasetArn=sets["train"])["DatasetDescription"]["Status"] == "UPDATE_COMPLETE") and "other" in client.list_dataset_entries(DatasetArn=sets["train"], MaxResults=1)["DatasetEntries"][0])
    client.update_dataset_entries(DatasetArn=sets["train"], Changes={"GroundTruth": pages[0][0].encode()})
    until(lambda: client.describe_dataset(DatasetArn=sets["train"])["DatasetDescription"]["Status"] == "UPDATE_COMPLETE")

    output = {"S3Bucket": "samples", "S3KeyPrefix": "out"}
    version = client.create_project_version(ProjectArn=project, VersionName="one", OutputConfig=output, Tags={"ocellus:recipe": "quick"})["ProjectVersionArn"]
    state = lambda client=client: client.describe_project_versions(ProjectArn=project, VersionNames=["one"])["ProjectVersionDescriptions"][0]
    until(lambda: state()["Status"] != "TRAINING_IN_PROGRESS", 300, 0.2)
    check("a training completes", state()["Status"] == "TRAINING_COMPLETED", state())
    client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    check("it runs", until(lambda: state()["Status"] == "RUNNING", 30), state())
    detect = lambda client=client: client.detect_custom_labels(ProjectVersionArn=version, Image={"S3Object": {"Bucket": "samples", "Name": key}}, MinConfidence=0)["CustomLabels"]
    answer = detect()
    check("it answers", len(answer) == 3, answer)

    server.restart_after_kill()
    check("after -9 it runs again", until(lambda: state()["Status"] == "RUNNING", 30) and detect() == answer, state())

    # PostgreSQL restarted under load: errors have the shape of AWS, and nothing that was acknowledged is lost.
    load = Load(server.client("rekognition"), project)
    load.start()
    until(lambda: load.done > 20)
    for _ in range(2):
        database.restart()
        before = load.done
        check("requests are answered again after a restart of PostgreSQL", until(lambda: load.done > before + 20, 30), load.done)
    load.finish()
    tags = client.list_tags_for_resource(ResourceArn=project)["Tags"]
    check(f"under load: {load.done} changes, {load.errors} refused, none lost", load.tags.items() <= tags.items() and load.errors < load.done, (load.tags, tags))
    check("no answer was none of AWS", not load.wrong, load.wrong[:3])

    database.stop()
    check("without PostgreSQL the server is not ready, and says why", until(lambda: ready(server)[0] == 503, 15) and "database" in ready(server)[1], ready(server))
    code = refusal(client.describe_projects)
    check("a request is refused as AWS would", code == "InternalServerError", code)
    check("live it is", urllib.request.urlopen(server.url + "/health/live", timeout=5).status == 200)
    time.sleep(10)
    database.start()
    check("it recovers by itself", until(lambda: ready(server)[0] == 200, 30) and until(lambda: refusal(client.describe_projects) is None, 10), ready(server))
    check("the model has been running", state()["Status"] == "RUNNING" and detect() == answer, state())

    # Losing the folder loses nothing: the same keys, the same model.
    secret = open(os.path.join(server.data, "credentials")).read()
    server.stop()
    shutil.rmtree(server.data)
    server.start()
    check("a server without its folder has the same key", open(os.path.join(server.data, "credentials")).read() == secret)
    check("and fetches its model", until(lambda: state()["Status"] == "RUNNING", 30) and detect() == answer, state())
    client.stop_project_version(ProjectVersionArn=version)
    check("it stops", until(lambda: state()["Status"] == "STOPPED", 30), state())
    model = next(os.path.join(path, "model.onnx") for path, _, files in os.walk(os.path.join(server.data, "models")) if "model.onnx" in files)
    with open(model, "r+b") as file:
        file.seek(os.path.getsize(model) // 2)
        file.write(b"damage")
    client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    check("a damaged copy is fetched again", until(lambda: state()["Status"] in ("RUNNING", "FAILED"), 30) and state()["Status"] == "RUNNING" and detect() == answer, state())
    client.stop_project_version(ProjectVersionArn=version)
    until(lambda: state()["Status"] == "STOPPED", 30)

    refused_at_once = subprocess.run([os.path.join(ROOT, "ocellus"), "serve", "--data", server.data + "-2", "--urls", "http://127.0.0.1:0", "--database", database.settings.replace(PASSWORD, "wrong-" + PASSWORD)], capture_output=True, text=True, timeout=120)
    check("a wrong password ends the start with one sentence", refused_at_once.returncode == 1 and "refuses the connection" in refused_at_once.stderr and len(refused_at_once.stderr.strip().splitlines()) == 1, refused_at_once.stderr)
    log.seek(0)
    said = log.read().decode() + refused_at_once.stderr + refused_at_once.stdout
    check("no password in any log", PASSWORD not in said)
    check("the log says in a line that the database is away", "because the database does not answer" in said)
    check("the server ends cleanly", server.stop() == 0)


def main(run=run):
    postgres.programs.update({name: postgres.program(name) for name in ("initdb", "postgres", "psql")})
    if None in postgres.programs.values():
        print("skipped: no PostgreSQL here (Debian: postgresql)")
        return summary()
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        folder = os.path.join(top, "pg")
        os.mkdir(folder)
        database, started = Database(folder), []
        try:
            run(top, database, started)
        finally:
            for server in started:
                if server.process.poll() is None:
                    server.kill()
            if database.process.poll() is None:
                database.stop()
    return summary()


if __name__ == "__main__":
    sys.exit(main())
