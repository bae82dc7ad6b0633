"""Import, export and pull with the real program and two real servers, looked at with boto3: interrupted by Ctrl-C, kill -9 and a server that restarts; a
dataset that is busy; a model that comes along. Needs `boto3` (Debian: python3-boto3).

usage: import_export.py      (starts ./ocellus serve twice, on free ports and temporary data directories)
"""
import json, os, signal, subprocess, sys, tempfile, time

from harness import ROOT, Server, check, heed, line, summary, until

OCELLUS = os.path.join(ROOT, "ocellus")
CELLS = os.path.join(ROOT, "samples", "cells")
BLOOD = os.path.join(ROOT, "samples", "blood")
MANY = 3000


def environment():
    return {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}


def run(*words):
    return subprocess.run([OCELLUS, *words], capture_output=True, text=True, env=environment(), timeout=600)


def start(*words):
    return subprocess.Popen([OCELLUS, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(), preexec_fn=heed)


def entries(client, arn):
    return [json.loads(e) for page in client.get_paginator("list_dataset_entries").paginate(DatasetArn=arn) for e in page["DatasetEntries"]]


def datasets(client, name):
    found = client.describe_projects(ProjectNames=[name])["ProjectDescriptions"]
    return {d["DatasetType"]: d["DatasetArn"] for d in found[0]["Datasets"]} if found else {}


def keys(s3, bucket, prefix):
    return {o["Key"]: o["ETag"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix) for o in page.get("Contents", [])}


def boxes(entry):
    name = next(k for k in entry if k + "-metadata" in entry)
    labels = entry[name + "-metadata"]["class-map"]
    return sorted((labels[str(b["class_id"])], *(round(b[k], 2) for k in ("left", "top", "width", "height"))) for b in entry[name]["annotations"])


def by_name(client, project):
    return {(kind, os.path.basename(e["source-ref"])): boxes(e) for kind, arn in datasets(client, project).items() for e in entries(client, arn)}


def many(folder):
    """Small pictures, each of its own bytes, one folder a label."""
    with open(os.path.join(CELLS, "test", "red-001.jpg"), "rb") as file:
        picture = file.read()
    for i in range(MANY):
        place = os.path.join(folder, "odd" if i % 2 else "even")
        os.makedirs(place, exist_ok=True)
        with open(os.path.join(place, f"{i:04}.jpg"), "wb") as file:
            file.write(picture + str(i).encode())


def there_and_back(server, client, top):
    r = run("import", BLOOD, "--project", "blood", "--data", server.data, "--json")
    check("a folder with manifests is imported", r.returncode == 0, r.stderr)
    sets = datasets(client, "blood")
    check("it has a TRAIN and a TEST dataset", sorted(sets) == ["TEST", "TRAIN"], sets)
    source = {}
    for part in ("train", "test"):
        for text in open(os.path.join(BLOOD, f"{part}.manifest")):
            entry = json.loads(text)
            source[part.upper(), os.path.basename(entry["source-ref"])] = boxes(entry)
    check("every box is where it was", by_name(client, "blood") == source)
    check("no entry has errors", all(client.describe_dataset(DatasetArn=a)["DatasetDescription"]["DatasetStats"]["ErrorEntries"] == 0 for a in sets.values()))
    project = client.describe_projects(ProjectNames=["blood"])["ProjectDescriptions"][0]["ProjectArn"]
    for form in ("coco", "yolo", "voc"):
        out = os.path.join(top, form)
        r = run("export-dataset", project, "--to", form, "--out", out, "--data", server.data, "--json")
        check(f"it is exported as {form}", r.returncode == 0 and json.loads(r.stdout)["images"] == len(source), r.stderr)
        r = run("import", out, "--project", f"from-{form}", "--data", server.data, "--json")
        check(f"and imported from {form}", r.returncode == 0, r.stderr)
        again = by_name(client, f"from-{form}")
        off = max((abs(a - b) for name in again for one, other in zip(again[name], source.get(name, [])) for a, b in zip(one[1:], other[1:])), default=9)
        same = again.keys() == source.keys() and all([b[0] for b in again[name]] == [b[0] for b in source[name]] for name in again)
        check(f"{form}: boxes to a hundredth of a pixel, labels and splits the same", same and off <= 0.011, (off, sorted(again.keys() ^ source.keys())[:6]))


def interrupted(server, client, s3, top):
    folder = os.path.join(top, "many")
    many(folder)
    words = ["import", folder, "--project", "many", "--bucket", "many", "--data", server.data, "--json"]
    for name, number, code in (("Ctrl-C", signal.SIGINT, 130), ("kill -9", signal.SIGKILL, -9)):
        before = len(keys(s3, "many", "many/")) if name != "Ctrl-C" else 0
        process = start(*words)
        if name == "Ctrl-C":
            until(lambda: "many" in [b["Name"] for b in s3.list_buckets()["Buckets"]], 120)
        until(lambda: len(keys(s3, "many", "many/")) > before + 100 or process.poll() is not None, 120, 0.01)
        process.send_signal(number)
        check(f"{name} ends an import", process.wait(60) == code, process.returncode)
    half = len(keys(s3, "many", "many/"))
    check("some pictures are there, not all", 0 < half < MANY, half)
    process = start(*words)
    until(lambda: len(keys(s3, "many", "many/")) > half + 100 or process.poll() is not None, 120, 0.01)
    server.restart_after_kill()
    out, err = process.communicate(timeout=300)
    check("an import outlives a restart of the server", process.returncode == 0, err)
    listed = entries(client, datasets(client, "many")["TRAIN"])
    check("everything is there, once", len(listed) == MANY and len({e["source-ref"] for e in listed}) == MANY and len(keys(s3, "many", "many/")) == MANY)
    r = run(*words)
    result = json.loads(r.stdout)
    check("again, nothing is uploaded or written", (result["picturesUploaded"], result["datasets"][0]["written"]) == (0, 0), result)


def busy(server, client, s3, top):
    folder = os.path.join(top, "few")
    for i in range(3):
        os.makedirs(os.path.join(folder, "new"), exist_ok=True)
        with open(os.path.join(CELLS, "test", "red-001.jpg"), "rb") as a, open(os.path.join(folder, "new", f"{i}.jpg"), "wb") as b:
            b.write(a.read())
    arn = datasets(client, "many")["TRAIN"]
    client.update_dataset_entries(DatasetArn=arn, Changes={"GroundTruth": "\n".join(line(f"x{i}.jpg", "x") for i in range(12000)).encode()})
    r = run("import", folder, "--project", "many", "--data", server.data, "--json")
    check("a dataset that a job is at work on is waited for", r.returncode == 0 and json.loads(r.stdout)["datasets"][0]["total"] == MANY + 12003, r.stderr + r.stdout)


def pulled(one, other, client, top):
    r = run("pull", "--from", one.url, "--from-data", one.data, "--project", "blood", "--data", other.data, "--json")
    check("a project is pulled from one server to the other", r.returncode == 0, r.stderr)
    theirs = other.client("rekognition")
    for kind, arn in datasets(theirs, "blood").items():
        check(f"its {kind} dataset is the same", entries(theirs, arn) == entries(client, datasets(client, "blood")[kind]))
    bucket = json.loads(r.stdout)["projects"][0]["datasets"][0]
    check("all pictures came", bucket["withoutPicture"] == 0 and bucket["picturesCopied"] > 0, bucket)
    r = run("pull", "--from", one.url, "--from-data", one.data, "--project", "blood", "--data", other.data, "--json")
    again = json.loads(r.stdout)["projects"][0]["datasets"][0]
    check("again, nothing is copied", (again["picturesCopied"], again["written"]) == (0, 0), again)


def main():
    with tempfile.TemporaryDirectory() as top:
        one, other = Server(os.path.join(top, "one")), Server(os.path.join(top, "other"))
        for name in [k for k in os.environ if k.startswith("AWS_")]:
            del os.environ[name]
        os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
        client, s3 = one.client("rekognition"), one.client("s3")
        there_and_back(one, client, top)
        interrupted(one, client, s3, top)
        busy(one, client, s3, top)
        pulled(one, other, client, top)
        other.stop()
        one.stop()
    return summary()


sys.exit(main())
