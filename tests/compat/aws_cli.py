"""Drives a real server with the AWS CLI and boto3. Needs `aws` and `boto3` (Debian: awscli, python3-boto3).

usage: aws_cli.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import json, os, subprocess, sys, tempfile, time

from harness import ROOT, Server, check, free_port, line, old_client, refused, summary


def wait_dataset(client, arn):
    for _ in range(200):
        d = client.describe_dataset(DatasetArn=arn)["DatasetDescription"]
        if d["Status"] != "CREATE_IN_PROGRESS":
            return d
        time.sleep(0.05)
    return d


def main():
    if old_client():
        print(f"skipped: {old_client()} and would talk to AWS itself")
        return summary()
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"))
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env |= {"AWS_ENDPOINT_URL": server.url, "AWS_SHARED_CREDENTIALS_FILE": os.path.join(server.data, "credentials"), "AWS_EC2_METADATA_DISABLED": "true"}

        def aws(*words, code=0):
            r = subprocess.run(["aws", *words], env=env, capture_output=True, text=True)
            check("aws " + " ".join(words)[:70], (r.returncode == 0) == (code == 0), r.stderr[-400:])
            return r.stdout if code == 0 else r.stderr

        who = json.loads(aws("sts", "get-caller-identity"))
        check("aws sts get-caller-identity tells the account and the user", who["Account"] == "123456789012" and who["Arn"].startswith("arn:aws:iam::123456789012:user/"), who)
        for words in (["lambda", "list-functions"], ["sns", "list-topics"], ["dynamodb", "list-tables"], ["ec2", "describe-instances"]):
            words_of_error = aws(*words, "--region", "us-east-1", code=254)
            check(f"aws {words[0]} says which services are here", "UnknownOperationException" in words_of_error and "Ocellus" in words_of_error, words_of_error)
        check("credentials are for the owner only", os.stat(env["AWS_SHARED_CREDENTIALS_FILE"]).st_mode & 0o777 == 0o600)
        folder = os.path.join(top, "pictures")
        os.makedirs(os.path.join(folder, "a b"))
        for i in range(1000):
            with open(os.path.join(folder, "a b", f"{i}.jpg"), "wb") as f:
                f.write(os.urandom(200))
        with open(os.path.join(folder, "train.manifest"), "w") as f:
            f.write("\n".join(line(f"a b/{i}.jpg", "ripe" if i % 2 else "unripe") for i in range(120)) + "\n")
        with open(os.path.join(folder, "large.bin"), "wb") as f:
            f.write(os.urandom(20 * 1024 * 1024 + 7))

        aws("s3", "mb", "s3://pictures")
        aws("s3", "sync", folder, "s3://pictures", "--quiet")
        check("a second sync has nothing to do", aws("s3", "sync", folder, "s3://pictures") == "")
        check("aws s3 ls counts 1,002", aws("s3", "ls", "s3://pictures", "--recursive").count("\n") == 1002)
        aws("s3", "cp", "s3://pictures/large.bin", os.path.join(top, "back.bin"), "--quiet")
        with open(os.path.join(top, "back.bin"), "rb") as a, open(os.path.join(folder, "large.bin"), "rb") as b:
            check("a multipart object comes back byte for byte", a.read() == b.read())

        project = json.loads(aws("rekognition", "create-project", "--project-name", "fruit"))["ProjectArn"]
        source = json.dumps({"GroundTruthManifest": {"S3Object": {"Bucket": "pictures", "Name": "train.manifest"}}})
        dataset = json.loads(aws("rekognition", "create-dataset", "--project-arn", project, "--dataset-type", "TRAIN", "--dataset-source", source))["DatasetArn"]

        os.environ.update(env)
        session = boto3.Session()
        client = session.client("rekognition", config=Config(retries={"max_attempts": 1}))
        d = wait_dataset(client, dataset)
        check("the dataset is complete with its counts", d["Status"] == "CREATE_COMPLETE" and d["DatasetStats"] == {"LabeledEntries": 120, "TotalEntries": 120, "TotalLabels": 2, "ErrorEntries": 0}, d)
        entries = json.loads(aws("rekognition", "list-dataset-entries", "--dataset-arn", dataset, "--page-size", "50"))["DatasetEntries"]
        check("list-dataset-entries pages through all 120, in order", [json.loads(e)["source-ref"] for e in entries] == [f"s3://pictures/a b/{i}.jpg" for i in range(120)])
        labels = json.loads(aws("rekognition", "list-dataset-labels", "--dataset-arn", dataset))["DatasetLabelDescriptions"]
        check("list-dataset-labels counts", [(x["LabelName"], x["LabelStats"]["EntryCount"]) for x in labels] == [("unripe", 60), ("ripe", 60)], labels)
        check("a filter by label and name", len(client.list_dataset_entries(DatasetArn=dataset, ContainsLabels=["ripe"], SourceRefContains="/11")["DatasetEntries"]) == 6)

        refused("a second project of the name", "ResourceInUseException", client.create_project, ProjectName="fruit")
        refused("a project name with a space", "ValidationException", client.create_project, ProjectName="a b")
        refused("a project that has a dataset", "ResourceInUseException", client.delete_project, ProjectArn=project)
        refused("an ARN of another account", "ResourceNotFoundException", client.describe_dataset, DatasetArn=dataset.replace("123456789012", "210987654321"))
        refused("an ARN of another time", "ResourceNotFoundException", client.delete_project, ProjectArn=project[:-1] + ("1" if project[-1] != "1" else "2"))
        refused("a manifest that is not there", "InvalidS3ObjectException", client.create_dataset, ProjectArn=project, DatasetType="TEST", DatasetSource={"GroundTruthManifest": {"S3Object": {"Bucket": "pictures", "Name": "none"}}})
        refused("a page token of another call", "InvalidPaginationTokenException", client.describe_projects, NextToken="abcd")
        check("a project without versions lists none", client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"] == [])
        key = session.get_credentials()
        wrong = boto3.client("rekognition", aws_access_key_id=key.access_key, aws_secret_access_key="x" * 40, region_name="us-east-1")
        refused("a wrong secret", "InvalidSignatureException", wrong.describe_projects)
        stranger = boto3.client("rekognition", aws_access_key_id="AKIAAAAAAAAAAAAAAAAA", aws_secret_access_key="x" * 40, region_name="us-east-1")
        refused("a wrong key", "UnrecognizedClientException", stranger.describe_projects)
        elsewhere = session.client("rekognition", region_name="eu-west-1")
        check("another region has no projects", elsewhere.describe_projects()["ProjectDescriptions"] == [])
        client.tag_resource(ResourceArn=project, Tags={"team": "orchard"})
        check("a tag is there", client.list_tags_for_resource(ResourceArn=project)["Tags"] == {"team": "orchard"})

        server.kill()
        server.start()
        check("after kill -9 the dataset is as it was", client.describe_dataset(DatasetArn=dataset)["DatasetDescription"]["DatasetStats"] == d["DatasetStats"])
        check("and so is an object", session.client("s3").head_object(Bucket="pictures", Key="large.bin")["ContentLength"] == 20 * 1024 * 1024 + 7)
        second = subprocess.run([os.path.join(ROOT, "ocellus"), "serve", "--data", server.data, "--urls", f"http://127.0.0.1:{free_port()}"], capture_output=True, text=True, timeout=60)
        check("a second server on the data directory is refused", second.returncode == 1 and "in use by another" in second.stderr, second.stderr)

        aws("rekognition", "delete-dataset", "--dataset-arn", dataset)
        for _ in range(100):
            try:
                client.describe_dataset(DatasetArn=dataset)
                time.sleep(0.05)
            except ClientError:
                break
        refused("a dataset that is gone", "ResourceNotFoundException", client.describe_dataset, DatasetArn=dataset)
        aws("rekognition", "delete-project", "--project-arn", project)
        aws("s3", "rm", "s3://pictures", "--recursive", "--quiet")
        aws("s3", "rb", "s3://pictures")
        check("the server ends cleanly", server.stop() == 0)

    return summary()


if __name__ == "__main__":
    sys.exit(main())
