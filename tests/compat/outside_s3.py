"""Trains and runs with an outside object store: one server has the store, another is told to use it with --s3-endpoint.

usage: outside_s3.py      (starts two ./ocellus serve on free ports and temporary data directories)
"""
import configparser, json, os, subprocess, sys, tempfile, zipfile

from harness import ROOT, Server, check, refusal, refused, summary, until

CELLS = os.path.join(ROOT, "samples", "cells")
PICTURES = {"train": 12, "test": 5}


def main():
    with tempfile.TemporaryDirectory() as top:
        store = Server(os.path.join(top, "store"))
        keys = configparser.ConfigParser()
        keys.read(os.path.join(store.data, "credentials"))
        own = keys["default"]
        server = Server(os.path.join(top, "data"), ["--s3-endpoint", store.url], Ocellus__Training__TimeBudget="00:00:20",
                        Ocellus__S3__AccessKey=own["aws_access_key_id"], Ocellus__S3__SecretKey=own["aws_secret_access_key"])
        s3, rekognition = store.client("s3"), server.client("rekognition")
        s3.create_bucket(Bucket="samples")
        for part, most in PICTURES.items():
            counts, lines = {}, []
            for text in open(os.path.join(CELLS, f"{part}.manifest")):
                label = json.loads(text)["cell-metadata"]["class-name"]
                counts[label] = counts.get(label, 0) + 1
                if counts[label] <= most:
                    lines.append(text)
                    name = json.loads(text)["source-ref"].split("/cells/")[1]
                    with open(os.path.join(CELLS, name), "rb") as picture:
                        s3.put_object(Bucket="samples", Key=f"cells/{name}", Body=picture.read())
            s3.put_object(Bucket="samples", Key=f"cells/{part}.manifest", Body="".join(lines).encode())

        try:
            server.client("s3").list_buckets()
            said = "was accepted"
        except Exception as failure:
            said = str(failure)
        check("the server's own port says where the objects are", "NotImplemented" in said and store.url in said, said)

        project = rekognition.create_project(ProjectName="cells")["ProjectArn"]
        place = lambda name, bucket="samples": {"GroundTruthManifest": {"S3Object": {"Bucket": bucket, "Name": name}}}
        refused("a manifest that is not there", "InvalidS3ObjectException", rekognition.create_dataset, ProjectArn=project, DatasetType="TRAIN", DatasetSource=place("none.manifest"))
        refused("a bucket that is not there", "InvalidS3ObjectException", rekognition.create_dataset, ProjectArn=project, DatasetType="TRAIN", DatasetSource=place("x", "no-such-bucket"))
        for kind in PICTURES:
            arn = rekognition.create_dataset(ProjectArn=project, DatasetType=kind.upper(), DatasetSource=place(f"cells/{kind}.manifest"))["DatasetArn"]
            described = lambda: rekognition.describe_dataset(DatasetArn=arn)["DatasetDescription"]
            check(f"import of the {kind} manifest", until(lambda: described()["Status"] == "CREATE_COMPLETE") and described()["DatasetStats"]["TotalEntries"] == 3 * PICTURES[kind], described())
        output = {"S3Bucket": "samples", "S3KeyPrefix": "out"}
        version = rekognition.create_project_version(ProjectArn=project, VersionName="one", OutputConfig=output)["ProjectVersionArn"]
        one = lambda name="one", of=None: rekognition.describe_project_versions(ProjectArn=of or project, VersionNames=[name])["ProjectVersionDescriptions"][0]
        until(lambda: one()["Status"] != "TRAINING_IN_PROGRESS", 400, 0.3)
        check("the training completes", one()["Status"] == "TRAINING_COMPLETED", one())
        names = [o["Key"] for o in s3.list_objects_v2(Bucket="samples", Prefix="out/").get("Contents", [])]
        check("its output is in the external store", len(names) == 6, names)
        plain = rekognition.create_project(ProjectName="plain")["ProjectArn"]
        check("from manifests there it trains too", rekognition.create_project_version(ProjectArn=plain, VersionName="two", OutputConfig=output, TrainingData={"Assets": [place("cells/train.manifest")]}, TestingData={"Assets": [place("cells/test.manifest")]}) is not None)
        rekognition.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
        until(lambda: one()["Status"] == "RUNNING")
        key = "cells/test/" + sorted(os.listdir(os.path.join(CELLS, "test")))[0]
        with open(os.path.join(CELLS, key.removeprefix("cells/")), "rb") as picture:
            data = picture.read()
        s3.put_object(Bucket="samples", Key=key, Body=data)
        detect = lambda image: rekognition.detect_custom_labels(ProjectVersionArn=version, Image=image, MinConfidence=0)["CustomLabels"]
        there = {"S3Object": {"Bucket": "samples", "Name": key}}
        check("an object there has the answer of its bytes", detect(there) == detect({"Bytes": data}) != [])
        refused("an object that is not there", "InvalidS3ObjectException", rekognition.detect_custom_labels, ProjectVersionArn=version, Image={"S3Object": {"Bucket": "samples", "Name": "none"}})
        until(lambda: one("two", plain)["Status"] != "TRAINING_IN_PROGRESS", 400, 0.3)
        check("and completes", one("two", plain)["Status"] == "TRAINING_COMPLETED", one("two", plain))
        copied = rekognition.copy_project_version(SourceProjectArn=project, SourceProjectVersionArn=version, DestinationProjectArn=project, VersionName="copy", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "copied"})
        check("a copy writes its files there", copied and until(lambda: one("copy")["Status"] == "COPYING_COMPLETED") and s3.list_objects_v2(Bucket="samples", Prefix="copied/")["KeyCount"] == 6)
        keys = {**os.environ, "Ocellus__S3__AccessKey": own["aws_access_key_id"], "Ocellus__S3__SecretKey": own["aws_secret_access_key"]}
        archive = os.path.join(top, "model.zip")
        done = subprocess.run([os.path.join(ROOT, "ocellus"), "export", version, "--data", server.data, "--s3-endpoint", store.url, "--out", archive], env=keys, capture_output=True, text=True)
        check("export takes the evaluation from there", done.returncode == 0 and any(name.endswith("/evaluation.json") for name in zipfile.ZipFile(archive).namelist()), done.stderr)
        store.stop()
        code = refusal(rekognition.detect_custom_labels, ProjectVersionArn=version, Image=there)
        check("a store that is away is told, not hung on", code == "InvalidS3ObjectException", code)
        check("and pictures in the request are still answered", len(detect({"Bytes": data})) == 3)
        check("the server ends cleanly", server.stop() == 0)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
