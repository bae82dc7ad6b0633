"""A data directory goes to PostgreSQL and another store, and back: nothing is lost, the same keys and models work, a copy that was cut short goes on. Two servers on the database: a training goes on at the other
when its server dies. Skipped where `initdb`, `postgres` and `psql` are not there (Debian: postgresql).

usage: migrate.py      (starts a throw-away PostgreSQL and several ./ocellus serve in a temporary folder)
"""
import configparser, json, os, signal, subprocess, sys, tempfile, time

import postgres, postgres_server
from harness import ROOT, Server, check, summary, until, upload_cells


def ocellus(*words, **settings):
    return subprocess.run([os.path.join(ROOT, "ocellus"), *words], env={**os.environ, **settings}, capture_output=True, text=True, timeout=300)


def state_of(client, project):
    return lambda name="one": client.describe_project_versions(ProjectArn=project, VersionNames=[name])["ProjectVersionDescriptions"][0]


def everything(client, project):
    """What a client can see of it."""
    described = client.describe_projects()["ProjectDescriptions"]
    sets = [d["DatasetArn"] for p in described for d in p["Datasets"]]
    entries = [e for s in sets for page in client.get_paginator("list_dataset_entries").paginate(DatasetArn=s) for e in page["DatasetEntries"]]
    versions = client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"]
    return json.dumps([described, entries, versions, client.list_tags_for_resource(ResourceArn=project)["Tags"]], default=str)


def run(top, database, started):
    begin = lambda *words, **settings: started.append(Server(*words, **settings)) or started[-1]
    store = begin(os.path.join(top, "store"))
    keys = configparser.ConfigParser()
    keys.read(os.path.join(store.data, "credentials"))
    settings = {"Ocellus__Database": database.settings, "Ocellus__S3__AccessKey": keys["default"]["aws_access_key_id"], "Ocellus__S3__SecretKey": keys["default"]["aws_secret_access_key"]}
    outside = ["--s3-endpoint", store.url]

    # A server of today, with a model.
    old = begin(os.path.join(top, "old"), Ocellus__Training__TimeBudget="00:00:10")
    s3, client = old.client("s3"), old.client("rekognition")
    key = upload_cells(s3, train=6, test=3)
    s3.put_object(Bucket="samples", Key="ä b/+.txt", Body=b"text", ContentType="text/x-own", Metadata={"a": "1"})
    project = client.create_project(ProjectName="cells", Tags={"who": "ann"})["ProjectArn"]
    for part in ("train", "test"):
        arn = client.create_dataset(ProjectArn=project, DatasetType=part.upper(), DatasetSource={"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{part}.manifest"}}})["DatasetArn"]
        until(lambda: client.describe_dataset(DatasetArn=arn)["DatasetDescription"]["Status"] == "CREATE_COMPLETE")
    output = {"S3Bucket": "samples", "S3KeyPrefix": "out"}
    version = client.create_project_version(ProjectArn=project, VersionName="one", OutputConfig=output, Tags={"ocellus:recipe": "quick"})["ProjectVersionArn"]
    state = state_of(client, project)
    until(lambda: state()["Status"] != "TRAINING_IN_PROGRESS", 300, 0.2)
    detect = lambda client: client.detect_custom_labels(ProjectVersionArn=version, Image={"S3Object": {"Bucket": "samples", "Name": key}}, MinConfidence=0)["CustomLabels"]
    client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    until(lambda: state()["Status"] == "RUNNING", 30)
    answer = detect(client)
    client.stop_project_version(ProjectVersionArn=version)
    until(lambda: state()["Status"] == "STOPPED", 30)
    before, secret = everything(client, project), open(os.path.join(old.data, "credentials")).read()

    held = ocellus("migrate", "--from", old.data, *outside, **settings)
    check("a folder that a server uses is left alone", held.returncode == 1 and "in use" in held.stderr, held.stderr)
    old.stop()
    cut = subprocess.Popen([os.path.join(ROOT, "ocellus"), "migrate", "--from", old.data, *outside], env={**os.environ, **settings}, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    for said in cut.stderr:
        if b"s3://samples" in said or b"access_keys" in said:
            break
    cut.send_signal(signal.SIGKILL)
    cut.wait()
    done = ocellus("migrate", "--from", old.data, *outside, "--json", **settings)
    result = json.loads(done.stdout) if done.returncode == 0 else {}
    check("a copy that was cut short goes on to its end", result.get("models") == 1 and result.get("rows", 0) > 30 and result.get("objects", 0) > 25, done.stdout + done.stderr)
    again = ocellus("migrate", "--from", old.data, *outside, "--json", **settings)
    check("once more changes nothing", again.stdout == done.stdout, again.stdout + again.stderr)

    # Servers that share a database are nodes of one cluster.
    shared = [*outside, "--cluster", "pair"]
    one = begin(os.path.join(top, "one"), shared, **settings, Ocellus__Training__TimeBudget="00:00:40")
    client = one.client("rekognition")
    check("the same key opens the new server", open(os.path.join(one.data, "credentials")).read() == secret)
    check("and it shows the same", everything(client, project) == before, everything(client, project))
    state = state_of(client, project)
    client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    check("the model runs", until(lambda: state()["Status"] == "RUNNING", 30) and detect(client) == answer, state())
    client.stop_project_version(ProjectVersionArn=version)
    until(lambda: state()["Status"] == "STOPPED", 30)

    held = ocellus("migrate", "--from", old.data, *outside, **settings)
    check("a database that a server uses is left alone", held.returncode == 1 and "uses the database" in held.stderr, held.stderr)

    # A second server on the database; the one that trains dies.
    two = begin(os.path.join(top, "two"), shared, **settings, Ocellus__Training__TimeBudget="00:00:40")
    other = two.client("rekognition")
    second = client.create_project_version(ProjectArn=project, VersionName="two", OutputConfig=output)["ProjectVersionArn"]
    owner = lambda: database.sql("SELECT lease_owner FROM training_jobs", "product").stdout.strip()
    kept = lambda: any("/checkpoint" in e for e in list_kept(store))
    check("a checkpoint is kept outside of the server", until(lambda: kept() and owner(), 120, 0.3), list_kept(store))
    victim, survivor = (one, two) if owner() == f"node:{open(os.path.join(one.data, 'node')).read().strip()}" else (two, one)
    children = subprocess.run(["pgrep", "-P", str(victim.process.pid)], capture_output=True, text=True).stdout.split()
    victim.kill()
    seen = state_of(survivor.client("rekognition"), project)
    check("the other server takes the training up", until(lambda: owner() and owner() != f"node:{open(os.path.join(victim.data, 'node')).read().strip()}", 120, 0.5), owner())
    until(lambda: seen("two")["Status"] != "TRAINING_IN_PROGRESS", 200, 0.5)
    check("and completes it", seen("two")["Status"] == "TRAINING_COMPLETED", seen("two"))
    del children, second

    # And back to a folder of its own.
    after = everything(survivor.client("rekognition"), project)
    survivor.stop()
    back = os.path.join(top, "back")
    done = ocellus("migrate", "--to", back, *outside, "--json", **settings)
    check("and back to a data directory", done.returncode == 0 and json.loads(done.stdout)["models"] == 2, done.stdout + done.stderr)
    late = ocellus("migrate", "--from", old.data, *outside, **settings)
    check("a database that was used since is not overwritten by what it began as", late.returncode == 1 and "is in use" in late.stderr and "Nothing was changed" in late.stderr, late.stderr)
    own = begin(back)
    client = own.client("rekognition")
    check("which shows the same", everything(client, project) == after, everything(client, project))
    text = own.client("s3").get_object(Bucket="samples", Key="ä b/+.txt")
    check("objects have kept their type and metadata", (text["Body"].read(), text["ContentType"], text["Metadata"]) == (b"text", "text/x-own", {"a": "1"}), text)
    state = state_of(client, project)
    client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    check("and whose model runs", until(lambda: state()["Status"] == "RUNNING", 30) and detect(client) == answer, state())
    check("the other way round it is refused where something else is", ocellus("migrate", "--from", store.data, *outside, **settings).returncode == 1)


def list_kept(store):
    """The files of trainings under way in the store."""
    s3 = store.client("s3")
    names = []
    for item in s3.list_objects_v2(Bucket="ocellus-internal", Prefix="jobs/").get("Contents", []):
        if item["Key"].endswith("/folder.json"):
            names += ["/" + f["path"] for f in json.loads(s3.get_object(Bucket="ocellus-internal", Key=item["Key"])["Body"].read())["files"]]
    return names


if __name__ == "__main__":
    sys.exit(postgres_server.main(run))
