"""Access with boto3 against a real server, with keys that `ocellus keys` makes while it runs: identity policies on operations and
objects, conditions, a training with the rights of its caller, revocation, two accounts. Needs boto3 (Debian: python3-boto3).

usage: access_boto3.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import json, os, stat, subprocess, sys, tempfile

from harness import ROOT, Server, check, line, refused, summary, until

SAMPLES = os.path.join(ROOT, "samples", "cells", "train")
OTHER = "111122223333"


def document(*statements):
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(actions, resource="*", **more):
    return {"Effect": "Allow", "Action": actions, "Resource": resource, **more}


def main():
    import boto3
    from botocore.config import Config
    from botocore.exceptions import ClientError

    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"), Ocellus__Training__TimeBudget="00:00:10")

        def keys(*words, code=0):
            done = subprocess.run([os.path.join(ROOT, "ocellus"), "keys", *words, "--data", server.data], capture_output=True, text=True)
            if done.returncode != code:
                raise SystemExit(f"keys {words} ended with {done.returncode}: {done.stderr}")
            return done

        def policy(name, *statements):
            path = os.path.join(top, name + ".json")
            with open(path, "w") as file:
                json.dump(document(*statements), file)
            return path

        def make(name, *policies, account="123456789012"):
            words = [w for p in policies for w in ("--policy", p)]
            return json.loads(keys("create", "--name", name, "--account", account, *words, "--json").stdout)

        def client(service, key, region="us-east-1"):
            return boto3.client(service, endpoint_url=server.url, region_name=region, aws_access_key_id=key["accessKeyId"], aws_secret_access_key=key["secretAccessKey"], config=Config(retries={"max_attempts": 1}))

        def words(call, **arguments):
            try:
                call(**arguments)
                return "was accepted"
            except ClientError as error:
                return error.response["Error"]["Message"]

        # A trainer does the whole job; 12 pictures of two labels are enough for a classifier.
        trainer = make("tess", "trainer")
        s3, rekognition = client("s3", trainer), client("rekognition", trainer)
        s3.create_bucket(Bucket="pictures")
        lines = []
        for label in ("red", "white"):
            for name in sorted(n for n in os.listdir(SAMPLES) if n.startswith(label))[:10]:
                s3.upload_file(os.path.join(SAMPLES, name), "pictures", name)
                lines.append(line(name, label))
        s3.put_object(Bucket="pictures", Key="all.manifest", Body="\n".join(lines))
        external = {"TrainingData": {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "pictures", "Name": "all.manifest"}}}]}, "TestingData": {"AutoCreate": True}}
        project = rekognition.create_project(ProjectName="cells", Tags={"team": "lab"})["ProjectArn"]
        train = lambda by, name: by.create_project_version(ProjectArn=project, VersionName=name, OutputConfig={"S3Bucket": "pictures", "S3KeyPrefix": "out"}, **external)["ProjectVersionArn"]
        version = train(rekognition, "one")
        described = lambda name: rekognition.describe_project_versions(ProjectArn=project, VersionNames=[name])["ProjectVersionDescriptions"][0]
        ended = lambda name: until(lambda: described(name)["Status"] != "TRAINING_IN_PROGRESS" and described(name), 300, 0.2)
        check("a trainer trains", ended("one") and described("one")["Status"] == "TRAINING_COMPLETED", described("one"))
        refused("a trainer gives no project away", "AccessDeniedException", rekognition.put_project_policy, ProjectArn=project, PolicyName="p", PolicyDocument="{}")
        rekognition.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
        check("and starts", until(lambda: described("one")["Status"] == "RUNNING"), described("one"))

        # Inference.
        app = make("app", "inference")
        ask = client("rekognition", app)
        with open(os.path.join(SAMPLES, sorted(n for n in os.listdir(SAMPLES) if n.startswith("red"))[0]), "rb") as file:
            picture = file.read()
        detect = lambda by, **image: by.detect_custom_labels(ProjectVersionArn=version, Image=image or {"Bytes": picture}, MinConfidence=0)["CustomLabels"]
        check("an inference key may ask", len(detect(ask)) == 2)
        wanted = f"User: arn:aws:iam::123456789012:user/app is not authorized to perform: rekognition:StopProjectVersion on resource: {version} because no identity-based policy allows the rekognition:StopProjectVersion action"
        check("and not stop, in AWS's words", words(ask.stop_project_version, ProjectVersionArn=version) == wanted, words(ask.stop_project_version, ProjectVersionArn=version))
        refused("nor list buckets", "AccessDenied", client("s3", app).list_buckets)
        refused("nor read an object", "AccessDenied", client("s3", app).get_object, Bucket="pictures", Key="all.manifest")
        key = sorted(n for n in os.listdir(SAMPLES) if n.startswith("red"))[0]
        refused("nor ask about one", "InvalidS3ObjectException", lambda: detect(ask, S3Object={"Bucket": "pictures", "Name": key}))
        keys("attach", "app", "--policy", policy("read-pictures", allow("s3:GetObject", "arn:aws:s3:::pictures/*")))
        check("until a policy for the bucket is attached", len(detect(ask, S3Object={"Bucket": "pictures", "Name": key})) == 2)

        # Deny, conditions.
        held = make("held", "administrator", policy("no-stop", {"Effect": "Deny", "Action": "rekognition:Stop*", "Resource": "*"}))
        text = words(client("rekognition", held).stop_project_version, ProjectVersionArn=version)
        check("an explicit Deny wins", text.endswith(f"on resource: {version} with an explicit deny in an identity-based policy"), text)
        far = make("far", policy("from-elsewhere", allow("rekognition:*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})))
        refused("a condition on the address that does not hold", "AccessDeniedException", client("rekognition", far).describe_projects)
        near = make("near", policy("from-here", allow("rekognition:*", Condition={"IpAddress": {"aws:SourceIp": ["127.0.0.0/8", "::1"]}, "DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}})))
        check("and one that does", len(client("rekognition", near).describe_projects()["ProjectDescriptions"]) == 1)
        tagged = make("tagged", policy("lab-only", allow("rekognition:DescribeProjectVersions", Condition={"StringEquals": {"aws:ResourceTag/team": "lab"}})))
        check("a condition on the project's tag", len(client("rekognition", tagged).describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"]) == 1)
        rekognition.tag_resource(ResourceArn=project, Tags={"team": "zoo"})
        refused("and when the tag has changed", "AccessDeniedException", client("rekognition", tagged).describe_project_versions, ProjectArn=project)
        west = make("west", policy("west", allow("rekognition:*", Condition={"StringEquals": {"aws:RequestedRegion": "eu-west-1"}})))
        check("a condition on the region", client("rekognition", west, "eu-west-1").describe_projects()["ProjectDescriptions"] == [])
        refused("and another region", "AccessDeniedException", client("rekognition", west).describe_projects)

        # Work goes on with the rights of its caller.
        blind = client("rekognition", make("blind", policy("no-bucket", allow("rekognition:*"))))
        dataset = blind.create_dataset(ProjectArn=blind.create_project(ProjectName="blind")["ProjectArn"], DatasetType="TRAIN", DatasetSource={"GroundTruthManifest": {"S3Object": {"Bucket": "pictures", "Name": "all.manifest"}}})["DatasetArn"]
        state = until(lambda: (d := blind.describe_dataset(DatasetArn=dataset)["DatasetDescription"])["Status"] == "CREATE_FAILED" and d)
        check("an import by a caller who may not read the manifest", state and state["StatusMessage"] == "ERROR_INVALID_PERMISSIONS_MANIFEST_S3_BUCKET: The S3 bucket permissions are incorrect.", state)
        writes = allow("s3:PutObject", "arn:aws:s3:::pictures/out/*")
        for name, message, *statements in (
            ("manifest", "The S3 bucket permissions are incorrect.", writes),
            ("images", "The permissions for the images S3 bucket are invalid.", writes, allow("s3:GetObject", "arn:aws:s3:::pictures/*.manifest")),
            ("output", "Unable to write to output S3 bucket.", allow("s3:GetObject")),
        ):
            train(client("rekognition", make(name, policy(f"lacks-{name}", allow("rekognition:*"), *statements))), name)
            end = ended(name)
            check(f"a training whose caller lacks the {name}", end and end["Status"] == "TRAINING_FAILED" and message in end["StatusMessage"], end)

        # Two accounts.
        eve = make("eve", "administrator", account=OTHER)
        theirs, bucket = client("rekognition", eve), client("s3", eve)
        check("another account sees no projects", theirs.describe_projects()["ProjectDescriptions"] == [])
        check("nor buckets", bucket.list_buckets()["Buckets"] == [])
        refused("nor objects", "AccessDenied", bucket.get_object, Bucket="pictures", Key="all.manifest")
        refused("nor may it ask", "ResourceNotFoundException", lambda: detect(theirs))
        bucket.create_bucket(Bucket="theirs")
        target = theirs.create_project(ProjectName="copies")["ProjectArn"]
        copy = {"SourceProjectArn": project, "SourceProjectVersionArn": version, "DestinationProjectArn": target, "VersionName": "copy", "OutputConfig": {"S3Bucket": "theirs", "S3KeyPrefix": "out"}}
        refused("it may not copy", "AccessDeniedException", theirs.copy_project_version, **copy)
        server.client("rekognition").put_project_policy(ProjectArn=project, PolicyName="give", PolicyDocument=json.dumps(document({"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "rekognition:CopyProjectVersion", "Resource": "*"})))
        copied = theirs.copy_project_version(**copy)["ProjectVersionArn"]
        one = lambda: theirs.describe_project_versions(ProjectArn=target)["ProjectVersionDescriptions"][0]["Status"]
        check("until a project policy lets it", until(lambda: one() == "COPYING_COMPLETED"), one())
        theirs.start_project_version(ProjectVersionArn=copied, MinInferenceUnits=1)
        check("and runs the copy in its own account", until(lambda: one() == "RUNNING") and theirs.detect_custom_labels(ProjectVersionArn=copied, Image={"Bytes": picture}, MinConfidence=0)["CustomLabels"] == detect(ask))
        check("with its own evaluation files", any(o["Key"].startswith("out/EvaluationResultSummary") for o in bucket.list_objects_v2(Bucket="theirs")["Contents"]))

        # Keys.
        file = os.path.join(top, "credentials")
        keys("create", "--name", "file", "--policy", "inference", "--credentials", file)
        check("a credentials file for its owner only", stat.S_IMODE(os.stat(file).st_mode) == 0o600 and "aws_secret_access_key" in open(file).read())
        check("is not overwritten", "already exists" in keys("create", "--name", "file", "--policy", "inference", "--credentials", file, code=1).stderr)
        listed = json.loads(keys("list", "--json").stdout)["keys"]
        check("the list has every key and no secret", {"app", "eve", "admin"} <= {k["name"] for k in listed} and trainer["secretAccessKey"] not in json.dumps(listed))
        check("a policy that is not understood is refused and named", "'rekognition:Stpo*'" in keys("create", "--name", "x", "--policy", policy("typo", allow("rekognition:Stpo*")), code=1).stderr)
        keys("revoke", "app")
        refused("a revoked key is unknown at the next request", "UnrecognizedClientException", lambda: detect(ask))
        server.restart_after_kill()
        refused("and stays so after kill -9", "UnrecognizedClientException", lambda: detect(ask))
        check("while the others still work", len(rekognition.describe_projects()["ProjectDescriptions"]) == 2)
        check("terminating the server ends it with code 0", server.stop() == 0)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
