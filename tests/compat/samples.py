"""The flows of AWS's published sample programs for Custom Labels, each with what the program silently relies on: first poll states,
members that are there even when empty, empty tokens, manifests as converters write them. Needs `boto3` and `aws` (Debian: python3-boto3, awscli).

usage: samples.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import base64, configparser, csv, json, os, subprocess, sys, tempfile, time, urllib.error, urllib.request

from harness import ROOT, Server, check, old_client, refusal, refused, summary, upload_cells

REGION, PROFILE, PAGE = "us-west-2", "custom-labels-access", "http://localhost:3000"
QUICK = {"Delay": 1, "MaxAttempts": 180}


class Programs:
    """One user with the profile and the region that the newer programs name; environment variables lead them here."""

    def __init__(self, server, top):
        keys = configparser.ConfigParser()
        keys.read(os.path.join(server.data, "credentials"))
        keys[PROFILE] = dict(keys["default"])
        keys[PROFILE].pop("region", None)
        with open(os.path.join(top, "credentials"), "w") as file:
            keys.write(file)
        for name in [k for k in os.environ if k.startswith("AWS_")]:
            del os.environ[name]
        os.environ |= {"AWS_SHARED_CREDENTIALS_FILE": os.path.join(top, "credentials"), "AWS_CONFIG_FILE": os.path.join(top, "none"), "AWS_EC2_METADATA_DISABLED": "true",
                       "AWS_ENDPOINT_URL_REKOGNITION": server.url, "AWS_ENDPOINT_URL_S3": server.url}
        import boto3

        session = boto3.Session(profile_name=PROFILE)
        self.api, self.s3, self.server, self.top = session.client("rekognition", region_name=REGION), session.client("s3", region_name=REGION), server, top

    def cli(self, *words):
        done = subprocess.run(["aws", "rekognition", *words, "--profile", PROFILE, "--region", REGION, "--output", "json"], capture_output=True, text=True)
        return done.stderr if done.returncode else json.loads(done.stdout or "{}")

    def walk(self, name, poll, path, end=None):
        """Polls as the programs do, from the first answer on, until the last state of the path; any state beside it is unexpected to them."""
        seen = []
        for _ in range(3000):
            state = poll()
            seen += [state] if not seen or seen[-1] != state else []
            if state == (end or path[-1]) or state not in path:
                break
            time.sleep(0.02)
        check(f"{name}: {' or '.join(path)}, ends {end or path[-1]}", seen and set(seen) <= set(path) and seen[-1] == (end or path[-1]), seen)

    def dataset(self, arn):
        return self.api.describe_dataset(DatasetArn=arn)["DatasetDescription"]

    def create(self, name, project, kind, **source):
        arn = self.api.create_dataset(ProjectArn=project, DatasetType=kind.upper(), **({"DatasetSource": source} if source else {}))["DatasetArn"]
        self.walk(name, lambda: self.dataset(arn)["Status"], ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"])
        return arn

    def manifest(self, key, lines):
        """What the converters do at their end: the file goes into the bucket."""
        self.s3.put_object(Bucket="samples", Key=key, Body="".join(json.dumps(line) + "\n" for line in lines))
        return {"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": key}}}

    def version(self, project, name):
        found = self.api.describe_project_versions(ProjectArn=project, VersionNames=[name])["ProjectVersionDescriptions"]
        return found[0] if found else None

    def gone(self, name, listed):
        for _ in range(600):
            if not listed():
                return check(name, True)
            time.sleep(0.05)
        check(name, False, listed())


def projects(p):
    check("list projects: [] when there are none", p.api.describe_projects()["ProjectDescriptions"] == [] and p.cli("describe-projects") == {"ProjectDescriptions": []})
    project = p.api.create_project(ProjectName="cells")["ProjectArn"]
    check("the name is between slashes 1 and 2 of the ARN", project.split("/")[1] == "cells" and f":{REGION}:" in project, project)
    try:
        p.api.create_project(ProjectName="cells")
        text = ""
    except p.api.exceptions.ResourceInUseException as failure:
        text = str(failure)
    check("the error text reaches the user", "cells" in text, text)
    shown = p.cli("describe-projects", "--project-names", "cells")["ProjectDescriptions"][0]
    check("a project has Status and Datasets, a list also when empty", shown["ProjectArn"] == project and shown["Status"] == "CREATED" and shown["Datasets"] == [], shown)
    brief = p.api.create_project(ProjectName="brief")["ProjectArn"]
    check("deleting a project answers Status", p.api.delete_project(ProjectArn=brief)["Status"] == "DELETING")
    p.gone("and polls by its name until it is gone", lambda: p.api.describe_projects(ProjectNames=[brief.split("/")[1]])["ProjectDescriptions"])
    return project


def datasets(p, project):
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": "train.manifest"}}}
    train = p.create("a dataset of a manifest", project, "train", **source)
    test = p.create("an empty dataset", project, "test")
    other = p.api.create_project(ProjectName="other")["ProjectArn"]
    copied = p.create("a dataset of a dataset", other, "train", DatasetArn=train)
    six = {"CreationTimestamp", "LastUpdatedTimestamp", "Status", "StatusMessage", "StatusMessageCode", "DatasetStats"}
    stats = {"LabeledEntries": 0, "TotalEntries": 0, "TotalLabels": 0, "ErrorEntries": 0}
    check("describing a dataset: every member, counts of 0 too", set(p.dataset(test)) == six and p.dataset(test)["DatasetStats"] == stats, p.dataset(test))
    check("a copy counts as its source", p.dataset(copied)["DatasetStats"] == p.dataset(train)["DatasetStats"])
    held = p.api.describe_projects(ProjectNames=["cells"])["ProjectDescriptions"][0]["Datasets"]
    check("a project's datasets", [d["DatasetType"] for d in held] == ["TRAIN", "TEST"] and all(set(d) == {"CreationTimestamp", "DatasetType", "DatasetArn", "Status", "StatusMessage", "StatusMessageCode"} for d in held), held)

    # The program gives the manifest as text, and takes CREATE_COMPLETE for an error from here on.
    more = '{"source-ref": "s3://samples/cells/none.jpg"}\n'
    p.api.update_dataset_entries(DatasetArn=copied, Changes={"GroundTruth": more})
    p.walk("adding images", lambda: p.dataset(copied)["Status"], ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])
    check("with a StatusMessage", p.dataset(copied)["StatusMessage"] and p.dataset(copied)["DatasetStats"]["TotalEntries"] == 19, p.dataset(copied))

    entries, token, calls = [], "", 0
    while token is not None:
        page = p.api.list_dataset_entries(DatasetArn=copied, HasErrors=False, MaxResults=5, NextToken=token)
        entries, token, calls = entries + page["DatasetEntries"], page.get("NextToken"), calls + 1
    check("listing entries: the first token is '', HasErrors False lists all, the end has no token", (len(entries), calls) == (19, 4) and all(json.loads(e)["source-ref"] for e in entries), (len(entries), calls))
    found = p.api.list_dataset_entries(DatasetArn=copied, ContainsLabels=["white"], SourceRefContains="cells/", HasErrors=False, NextToken="")["DatasetEntries"]
    single = [e for page in p.api.get_paginator("list_dataset_entries").paginate(DatasetArn=copied, PaginationConfig={"PageSize": 1}) for e in page["DatasetEntries"]]
    check("filtered, and one by one", len(found) == 6 and single == entries, len(found))
    labels = p.api.list_dataset_labels(DatasetArn=train)["DatasetLabelDescriptions"]
    check("listing labels", {d["LabelName"]: d["LabelStats"] for d in labels} == {n: {"EntryCount": 6, "BoundingBoxCount": 0} for n in ("red", "white", "platelet")}, labels)

    p.api.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
    for arn in (train, test):
        p.walk(f"distributing, {arn.split('/')[3]}", lambda: p.dataset(arn)["Status"], ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"])
    counts = [p.dataset(a)["DatasetStats"]["TotalEntries"] for a in (train, test)]
    check("a fifth is in the test dataset", counts == [14, 4], counts)
    remove(p, copied)
    return train, test


def remove(p, arn):
    p.api.delete_dataset(DatasetArn=arn)
    end = None
    for _ in range(600):
        end = refusal(p.api.describe_dataset, DatasetArn=arn)
        if end:
            break
        time.sleep(0.05)
    check("deleting a dataset ends with the code ResourceNotFoundException", end == "ResourceNotFoundException", end)


def converted(p):
    """Manifests as the guide's converters write them must import, without an error."""
    project = p.api.create_project(ProjectName="converted")["ProjectArn"]

    def imports(name, lines, labels):
        arn = p.create(name, project, "train", **p.manifest(f"{name}.manifest", lines))
        d, got = p.dataset(arn)["DatasetStats"], {x["LabelName"]: tuple(x["LabelStats"].values()) for x in p.api.list_dataset_labels(DatasetArn=arn)["DatasetLabelDescriptions"]}
        check(f"{name}: no entry is lost or wrong, and the labels are right", (d["TotalEntries"], d["ErrorEntries"]) == (len(lines), 0) and got == labels, (d, got))
        entries = p.api.list_dataset_entries(DatasetArn=arn)["DatasetEntries"]
        remove(p, arn)
        return [json.loads(e) for e in entries]

    # COCO: decimal boxes, integer keys that JSON makes text, a picture without annotations.
    coco = {"images": [{"id": i, "file_name": f"board {i}.jpg", "width": 640, "height": 480, "date_captured": "2021-06-01 10:20:30"} for i in (1, 2, 3)],
            "categories": [{"id": 7, "name": "coil"}, {"id": 90, "name": "fuse"}],
            "annotations": [{"image_id": 1, "category_id": 7, "bbox": [12.5, 20.25, 100.75, 80.1]}, {"image_id": 1, "category_id": 90, "bbox": [200.0, 0.0, 55.3, 60.0]}, {"image_id": 2, "category_id": 90, "bbox": [1, 2, 30, 40]}]}
    names, lines = {c["id"]: c["name"] for c in coco["categories"]}, []
    for image in coco["images"]:
        boxes = [a for a in coco["annotations"] if a["image_id"] == image["id"]]
        lines.append({"source-ref": "s3://samples/boards/" + image["file_name"],
                      "bounding-box": {"image_size": [{"width": image["width"], "height": image["height"], "depth": 3}],
                                       "annotations": [dict(zip(("class_id", "left", "top", "width", "height"), (b["category_id"], *b["bbox"]))) for b in boxes]},
                      "bounding-box-metadata": {"objects": [{"confidence": 1} for _ in boxes], "class-map": {b["category_id"]: names[b["category_id"]] for b in boxes}, "type": "groundtruth/object-detection",
                                                "human-annotated": "yes", "creation-date": image["date_captured"].replace(" ", "T"), "job-name": "from coco"}})
    kept = imports("COCO", lines, {"coil": (1, 1), "fuse": (2, 2)})
    check("decimals stay decimals", kept[0]["bounding-box"]["annotations"][0]["left"] == 12.5, kept[0])

    # Ground Truth, several labels: an attribute for each, of the type that the converter leaves as it was.
    truth, lines = [("a", [2, 0]), ("b", [1]), ("c", [0, 1, 2])], []
    for image, ids in truth:
        line = {"source-ref": f"s3://samples/pets/{image}.jpg"}
        for i, label in enumerate(ids):
            line[f"pets{i}"] = i
            line[f"pets{i}-metadata"] = {"class-name": ("cat", "dog", "fish")[label], "confidence": 0.9, "type": "groundtruth/image-classification-multilabel", "job-name": "labeling-job/pets", "human-annotated": "yes", "creation-date": "2021-06-01T10:20:30.123456"}
        lines.append(line)
    imports("multi-label", lines, {"cat": (2, 0), "dog": (2, 0), "fish": (2, 0)})

    # CSV: the attribute is the label's own text, whatever it is.
    rows, lines = list(csv.reader(["a.jpg,red,sold out,", "", "b.jpg,x-metadata", "c.jpg,größe ,red"])), []
    for image, *labels in filter(None, rows):
        line = {"source-ref": "s3://samples/csv/" + image}
        for label in filter(None, labels):
            line[label] = 1
            line[f"{label}-metadata"] = {"confidence": 1, "job-name": f"labeling-job/{label}", "class-name": label, "human-annotated": "yes", "creation-date": "2021-06-01T10:20:30.123456", "type": "groundtruth/image-classification"}
        lines.append(line)
    imports("CSV", lines, {"red": (2, 0), "sold out": (1, 0), "x-metadata": (1, 0), "größe ": (1, 0)})
    p.api.delete_project(ProjectArn=project)


def legacy(p):
    """As programs were before datasets belonged to projects."""
    project = p.api.create_project(ProjectName="legacy")["ProjectArn"]
    asset = {"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": "train.manifest"}}}
    version = p.api.create_project_version(ProjectArn=project, VersionName="first", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": ""}, TrainingData={"Assets": [asset]}, TestingData={"AutoCreate": True})["ProjectVersionArn"]
    return project, version


def trained(p, project, name):
    p.api.get_waiter("project_version_training_completed").wait(ProjectArn=project, VersionNames=[name], WaiterConfig=QUICK)
    shown = p.version(project, name)
    check(f"training {name}: Status and StatusMessage after the waiter", shown["Status"] == "TRAINING_COMPLETED" and shown["StatusMessage"].startswith("The model is ready to run."), shown)
    return shown


def described(p, project, name):
    shown = trained(p, project, name)
    check("it can be printed as JSON", json.loads(json.dumps(shown, default=str))["Status"] == "TRAINING_COMPLETED")
    always = {"CreationTimestamp", "ProjectVersionArn", "Status", "StatusMessage", "TrainingEndTimestamp"}
    check("describing a model: all that the program prints", always <= set(shown) and 0 <= shown["EvaluationResult"]["F1Score"] <= 1 and shown["OutputConfig"] == {"S3Bucket": "samples", "S3KeyPrefix": ""} and shown["BillableTrainingTimeInSeconds"] > 0, shown)

    def read(place):
        return p.s3.get_object(Bucket=place["Bucket"], Key=place["Name"])["Body"].read().decode()

    result = json.loads(read(shown["EvaluationResult"]["Summary"]["S3Object"]))
    matrix = result["AggregatedEvaluationResults"]["ConfusionMatrix"]
    check("the confusion matrix", matrix and all(set(cell) == {"GroundTruthLabel", "PredictedLabel", "Value"} for cell in matrix), matrix)
    check("the manifest summary", json.loads(read(shown["ManifestSummary"]["S3Object"]))["statistics"]["training"]["total_json_lines"] == 14)
    for side in ("TrainingDataResult", "TestingDataResult"):
        for part in ("Output", "Validation"):
            text = read(shown[side][part]["Assets"][0]["GroundTruthManifest"]["S3Object"])
            check(f"{side}.{part} resolves", all("source-ref" in json.loads(line) for line in text.splitlines()) and text, text[:200])


def run(p, project, version):
    name = version.split("/")[3]
    check("starting a model", p.api.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)["Status"] == "STARTING")
    p.api.get_waiter("project_version_running").wait(ProjectArn=project, VersionNames=[name], WaiterConfig=QUICK)
    shown = p.version(project, name)
    check("after the waiter it is RUNNING, with a StatusMessage", shown["Status"] == "RUNNING" and shown["StatusMessage"] and shown["MinInferenceUnits"] == 1, shown)


def stop(p, project, version):
    name = version.split("/")[3]
    check("stopping a model", p.api.stop_project_version(ProjectVersionArn=version)["Status"] == "STOPPING")
    p.walk("polled", lambda: p.version(project, name)["Status"], ["STOPPING", "STOPPED"])
    check("with a StatusMessage", p.version(project, name)["StatusMessage"])


def ask(p, version, key):
    path = os.path.join(ROOT, "samples", key)
    with open(path, "rb") as picture:
        data = picture.read()
    detect = lambda image, **more: p.api.detect_custom_labels(Image=image, ProjectVersionArn=version, **more)["CustomLabels"]
    there = {"S3Object": {"Bucket": "samples", "Name": key}}
    every = detect({"Bytes": data}, MinConfidence=0)
    check("an image: Name and Confidence, no Geometry of a classifier, the best first", len(every) == 3 and all(set(x) == {"Name", "Confidence"} for x in every) and sorted(every, key=lambda x: -x["Confidence"]) == every, every)
    local, stored = detect({"Bytes": data}, MinConfidence=50), detect(there, MinConfidence=50)
    check("the file and the object have one answer, of 50 and more", local == stored == [x for x in every if x["Confidence"] >= 50], (local, stored))
    check("the object can be read to be shown", p.s3.get_object(Bucket="samples", Key=key)["Body"].read() == data)
    at70 = p.cli("detect-custom-labels", "--project-version-arn", version, "--image", json.dumps(there), "--min-confidence", "70")
    check("from the command line with 70", [x["Name"] for x in at70["CustomLabels"]] == [x["Name"] for x in every if x["Confidence"] >= 70], at70)
    bare = p.cli("detect-custom-labels", "--project-version-arn", version, "--image", f"S3Object={{Bucket=samples,Name={key}}}")
    assumed = detect({"Bytes": data})
    check("getting started: assumed thresholds without MinConfidence", isinstance(bare, dict) and [x["Name"] for x in bare["CustomLabels"]] == [x["Name"] for x in assumed], bare)
    check("a video's frames: one answer each, many in a row", all("CustomLabels" in p.api.detect_custom_labels(Image={"Bytes": data}, ProjectVersionArn=version) and detect({"Bytes": data}) == assumed for _ in range(15)))

    # The function maps the code of a refusal to an HTTP answer.
    body = base64.b64decode(base64.b64encode(data))
    check("a function's image in base64", detect({"Bytes": body}) == assumed)
    refused("and its refusal of no image", "InvalidImageFormatException", p.api.detect_custom_labels, Image={"Bytes": b"no picture"}, ProjectVersionArn=version)
    refused("of an object that is not there", "InvalidS3ObjectException", p.api.detect_custom_labels, Image={"S3Object": {"Bucket": "samples", "Name": "none.jpg"}}, ProjectVersionArn=version)


def browser(p):
    """The demonstration page: a preflight without a signature, then the signed request with an Origin."""
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "amz-sdk-request,authorization,content-type,x-amz-date,x-amz-target"}
    answer = urllib.request.urlopen(urllib.request.Request(p.server.url + "/", method="OPTIONS", headers=asked))
    allowed = answer.headers["Access-Control-Allow-Headers"].split(",")
    check("a browser's preflight", answer.status == 200 and answer.headers["Access-Control-Allow-Origin"] == PAGE and answer.headers["Access-Control-Allow-Methods"] == "POST" and set(asked["Access-Control-Request-Headers"].split(",")) <= set(allowed), dict(answer.headers))
    p.api.meta.events.register("before-send.rekognition.DescribeProjects", lambda request, **_: request.headers.update({"Origin": PAGE}))
    headers = p.api.describe_projects()["ResponseMetadata"]["HTTPHeaders"]
    check("and its request", headers.get("access-control-allow-origin") == PAGE and "x-amzn-requestid" in headers["access-control-expose-headers"].lower(), headers)
    try:
        urllib.request.urlopen(urllib.request.Request(p.server.url + "/", method="OPTIONS", headers={**asked, "Origin": "http://elsewhere.example"}))
        check("another origin is refused", False)
    except urllib.error.HTTPError as failure:
        check("another origin is refused", failure.code == 403 and "Access-Control-Allow-Origin" not in failure.headers, failure.code)


def tags(p, project, version):
    p.cli("tag-resource", "--resource-arn", version, "--tags", '{"stage":"test","team":"lab"}')
    p.cli("tag-resource", "--resource-arn", version, "--tags", "stage=live")
    check("tagging a model", p.cli("list-tags-for-resource", "--resource-arn", version) == {"Tags": {"stage": "live", "team": "lab"}})
    p.cli("untag-resource", "--resource-arn", version, "--tag-keys", '["team"]')
    found = []
    for shown in p.api.describe_projects()["ProjectDescriptions"]:
        for model in p.api.describe_project_versions(ProjectArn=shown["ProjectArn"])["ProjectVersionDescriptions"]:
            held = p.api.list_tags_for_resource(ResourceArn=model["ProjectVersionArn"])["Tags"]
            found += [model["ProjectVersionArn"]] if "live" in held.values() else []
    check("finding a tag's value: Tags is there when empty", found == [version] and p.api.list_tags_for_resource(ResourceArn=project)["Tags"] == {}, found)


def copies(p, project, version):
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "ALLOW", "Principal": {"AWS": "111122223333"}, "Action": "rekognition:CopyProjectVersion", "Resource": f"arn:aws:rekognition:{REGION}:123456789012:project/cells/version/*", "Sid": "copy"}]}
    first = p.api.put_project_policy(ProjectArn=project, PolicyName="one", PolicyDocument=json.dumps(document))["PolicyRevisionId"]
    second = p.api.put_project_policy(ProjectArn=project, PolicyName="one", PolicyDocument=json.dumps(document), PolicyRevisionId=first)["PolicyRevisionId"]
    check("attaching a policy with an upper-case effect", first and second and first != second, (first, second))
    listed, token = [], ""
    while token is not None:
        page = p.api.list_project_policies(ProjectArn=project, MaxResults=5, NextToken=token)
        listed, token = listed + page["ProjectPolicies"], page.get("NextToken")
    check("listing policies: the first token is '', every member is there", len(listed) == 1 and set(listed[0]) == {"ProjectArn", "PolicyName", "PolicyRevisionId", "PolicyDocument", "CreationTimestamp", "LastUpdatedTimestamp"} and json.loads(listed[0]["PolicyDocument"]) == document, listed)
    target = p.api.create_project(ProjectName="copies")["ProjectArn"]
    copy = p.api.copy_project_version(SourceProjectArn=project, SourceProjectVersionArn=version, DestinationProjectArn=target, VersionName="copy", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "copied"})["ProjectVersionArn"]
    p.walk("copying a model", lambda: p.version(target, "copy")["Status"], ["COPYING_IN_PROGRESS", "COPYING_COMPLETED"])
    check("with a StatusMessage", p.version(target, "copy")["StatusMessage"])
    gone = p.api.delete_project_policy(ProjectArn=project, PolicyName="one", PolicyRevisionId=second)
    check("deleting a policy: an empty answer", set(gone) == {"ResponseMetadata"} and p.cli("list-project-policies", "--project-arn", project) == {"ProjectPolicies": []})
    delete(p, target, copy)


def delete(p, project, version):
    name = version.split("/")[3]
    check(f"deleting the model {name}", p.api.delete_project_version(ProjectVersionArn=version)["Status"] == "DELETING")
    p.gone("polls by its name until the list is empty", lambda: p.version(project, name))


def main():
    if old_client():
        print(f"skipped: {old_client()} and would talk to AWS itself")
        return summary()
    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"), Ocellus__Training__TimeBudget="00:00:10", Ocellus__Cors__Origins=PAGE)
        p = Programs(server, top)
        project = projects(p)
        key = upload_cells(p.s3, train=6, test=1)
        # The older program's training and the datasets' jobs go on beside each other.
        old, first = legacy(p)
        train, test = datasets(p, project)
        version = p.api.create_project_version(ProjectArn=project, VersionName="one", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": ""}, Tags={})["ProjectVersionArn"]
        check("training a model: it is there at once", p.version(project, "one")["Status"] == "TRAINING_IN_PROGRESS")
        browser(p)
        converted(p)
        trained(p, old, "first")
        run(p, old, first)
        with open(os.path.join(ROOT, "samples", key), "rb") as picture:
            check("the older program detects", "CustomLabels" in p.api.detect_custom_labels(ProjectVersionArn=first, Image={"Bytes": picture.read()}, MinConfidence=50))
        stop(p, old, first)
        described(p, project, "one")
        tags(p, project, version)
        copies(p, project, version)
        run(p, project, version)
        ask(p, version, key)
        stop(p, project, version)
        delete(p, project, version)
        for arn in (train, test):
            remove(p, arn)
        check("and the project goes", p.api.delete_project(ProjectArn=project)["Status"] == "DELETING")
        p.gone("by its name", lambda: p.api.describe_projects(ProjectNames=["cells"])["ProjectDescriptions"])
        check("the server ends cleanly", server.stop() == 0)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
