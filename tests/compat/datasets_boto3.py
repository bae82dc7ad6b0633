"""Datasets with boto3 against a real server: update, distribute, list, copy, and kill -9 in the middle of each job. Needs `boto3` (Debian: python3-boto3).

usage: datasets_boto3.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import json, os, sys, tempfile, time

from harness import Server, check, line, refused, summary

LABELS = 5


def entries(client, arn, **filters):
    pages = client.get_paginator("list_dataset_entries").paginate(DatasetArn=arn, **filters)
    return [e for page in pages for e in page["DatasetEntries"]]


def refs(lines):
    return [json.loads(e)["source-ref"].removeprefix("s3://pictures/") for e in lines]


def main():
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"))
        for name in [k for k in os.environ if k.startswith("AWS_")]:
            del os.environ[name]
        os.environ |= {"AWS_SHARED_CREDENTIALS_FILE": os.path.join(server.data, "credentials"), "AWS_EC2_METADATA_DISABLED": "true"}
        session = boto3.Session()
        config = Config(retries={"max_attempts": 1})
        client = session.client("rekognition", endpoint_url=server.url, config=config)
        s3 = session.client("s3", endpoint_url=server.url)
        s3.create_bucket(Bucket="pictures")

        def status(arn):
            return client.describe_dataset(DatasetArn=arn)["DatasetDescription"]

        def at_rest(arn):
            for _ in range(1200):
                d = status(arn)
                if not d["Status"].endswith("IN_PROGRESS"):
                    return d
                time.sleep(0.05)
            return d

        def create(project, kind, lines=None, source=None):
            more = {}
            if lines is not None:
                s3.put_object(Bucket="pictures", Key="the.manifest", Body="\n".join(lines).encode())
                more = {"DatasetSource": {"GroundTruthManifest": {"S3Object": {"Bucket": "pictures", "Name": "the.manifest"}}}}
            elif source is not None:
                more = {"DatasetSource": {"DatasetArn": source}}
            return client.create_dataset(ProjectArn=project, DatasetType=kind, **more)["DatasetArn"]

        def project(name):
            return client.create_project(ProjectName=name)["ProjectArn"]

        def update(arn, lines):
            client.update_dataset_entries(DatasetArn=arn, Changes={"GroundTruth": "\n".join(lines).encode()})

        fruit = project("fruit")
        train, test = create(fruit, "TRAIN", [line(f"{i:03}.jpg", f"l{i % LABELS}") for i in range(100)]), create(fruit, "TEST")
        at_rest(train), at_rest(test)

        update(train, [line("new.jpg", "l0"), line("050.jpg", "changed"), json.dumps({"source-ref": "s3://pictures/051.jpg"})])
        check("right after an update the status is an update's", status(train)["Status"] in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"))
        d = at_rest(train)
        check("the update is complete with its counts", d["Status"] == "UPDATE_COMPLETE" and d["DatasetStats"] == {"LabeledEntries": 100, "TotalEntries": 101, "TotalLabels": 6, "ErrorEntries": 0}, d)
        listed = entries(client, train)
        check("known images keep their place, new ones come last", refs(listed) == [f"{i:03}.jpg" for i in range(100)] + ["new.jpg"])
        check("a line without labels took them away", json.loads(listed[51]) == {"source-ref": "s3://pictures/051.jpg", "cl-metadata": {"is_labeled": False}}, listed[51])
        check("unlabeled entries are found", refs(entries(client, train, Labeled=False)) == ["051.jpg"])
        check("HasErrors false is no filter", len(entries(client, train, HasErrors=False)) == 101)
        check("several labels mean any of them", len(entries(client, train, ContainsLabels=["l0", "changed"], PaginationConfig={"PageSize": 7})) == 21)
        update(train, listed)
        check("entries as listed come back unchanged", at_rest(train)["Status"] == "UPDATE_COMPLETE" and entries(client, train) == listed)

        update(train, ["broken", line("x.jpg", "l0"), line("y.jpg", "l0")])
        d = at_rest(train)
        check("too many broken lines change nothing", d["Status"] == "UPDATE_FAILED" and d["StatusMessageCode"] == "CLIENT_ERROR" and "ERROR_TOO_MANY_RECORDS_IN_ERROR" in d["StatusMessage"] and entries(client, train) == listed, d)

        client.distribute_dataset_entries(Datasets=[{"Arn": test}, {"Arn": train}])
        check("right after a distribution both statuses are an update's", {status(a)["Status"] for a in (train, test)} <= {"UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED"})
        d = at_rest(train)
        check("a label with one image cannot be distributed", d["Status"] == at_rest(test)["Status"] == "UPDATE_FAILED" and "ERROR_INSUFFICIENT_IMAGES_PER_LABEL_FOR_DISTRIBUTE" in d["StatusMessage"], d)
        update(train, [line("050.jpg", "l0")])
        at_rest(train)
        client.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
        counts = [at_rest(a)["DatasetStats"]["TotalEntries"] for a in (train, test)]
        check("a fifth has moved", counts == [81, 20], counts)
        check("nothing is lost or doubled", sorted(refs(entries(client, train) + entries(client, test))) == sorted(refs(listed)))
        stats = client.list_dataset_labels(DatasetArn=test)["DatasetLabelDescriptions"]
        check("each label is on the test side", {x["LabelName"] for x in stats} == {f"l{i}" for i in range(LABELS)} and sum(x["LabelStats"]["EntryCount"] for x in stats) == 20, stats)
        refused("a second distribution", "InvalidParameterException", client.distribute_dataset_entries, Datasets=[{"Arn": train}, {"Arn": test}])
        refused("one dataset twice", "InvalidParameterException", client.distribute_dataset_entries, Datasets=[{"Arn": train}, {"Arn": train}])
        refused("three datasets", "ValidationException", client.distribute_dataset_entries, Datasets=[{"Arn": train}] * 3)
        refused("changes of 5 MB and a byte", "ValidationException", client.update_dataset_entries, DatasetArn=train, Changes={"GroundTruth": b" " * 5242881})
        token = client.list_dataset_entries(DatasetArn=train, MaxResults=1)["NextToken"]
        refused("a page token with other filters", "InvalidPaginationTokenException", client.list_dataset_entries, DatasetArn=train, NextToken=token, Labeled=True)

        # kill -9 a little later each time, so that the jobs are met at different places; a job that ended before the kill is well too.
        many = [line(f"{i:05}.jpg", f"l{i % LABELS}") for i in range(12000)]
        met = set()

        def killed(arn, delay):
            time.sleep(delay)
            server.kill()
            server.start()
            try:
                met.add(status(arn)["Status"])
            except ClientError:
                met.add("gone")

        for n, delay in enumerate((0.02, 0.3)):
            p = project(f"killed{n}")
            a = create(p, "TRAIN", many)
            killed(a, delay)
            d = at_rest(a)
            check(f"import, killed after {delay} s", d["Status"] == "CREATE_COMPLETE" and d["DatasetStats"]["TotalEntries"] == 12000 and d["DatasetStats"]["TotalLabels"] == LABELS, d)
            update(a, [line(f"{i:05}.jpg", "changed") for i in range(6000, 18000)])
            killed(a, delay)
            d = at_rest(a)
            found = len(entries(client, a, ContainsLabels=["changed"], SourceRefContains="/06", PaginationConfig={"PageSize": 100}))
            check(f"update, killed after {delay} s", d["Status"] == "UPDATE_COMPLETE" and d["DatasetStats"]["TotalEntries"] == 18000 and found == 1000, (d, found))
            b = create(p, "TEST")
            at_rest(b)
            client.distribute_dataset_entries(Datasets=[{"Arn": a}, {"Arn": b}])
            killed(b, delay)
            d = [at_rest(x) for x in (a, b)]
            check(f"distribution, killed after {delay} s", [(x["Status"], x["DatasetStats"]["TotalEntries"]) for x in d] == [("UPDATE_COMPLETE", 14400), ("UPDATE_COMPLETE", 3600)], d)
            c = create(project(f"copied{n}"), "TRAIN", source=a)
            killed(c, delay)
            check(f"copy, killed after {delay} s", at_rest(c)["DatasetStats"] == d[0]["DatasetStats"])
            check("a copy is its source, page by page", entries(client, c, SourceRefContains="/017") == entries(client, a, SourceRefContains="/017"))
            client.delete_dataset(DatasetArn=a)
            killed(a, delay)
            for _ in range(400):
                try:
                    status(a)
                    time.sleep(0.05)
                except ClientError:
                    break
            refused(f"deletion, killed after {delay} s", "ResourceNotFoundException", client.describe_dataset, DatasetArn=a)
        print(f"        statuses right after the restarts: {', '.join(sorted(met))}")
        check("the server ends cleanly", server.stop() == 0)

    return summary()


if __name__ == "__main__":
    sys.exit(main())
