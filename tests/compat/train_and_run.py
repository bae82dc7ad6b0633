"""The main job with the AWS CLI and boto3 against a real server: train, wait, describe, start, ask, stop, delete; with kill -9 in
the middle of an import, a training, a running and a stopping model. Needs `aws` and `boto3` (Debian: awscli, python3-boto3).

usage: train_and_run.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import json, os, subprocess, sys, tempfile

from harness import ROOT, Server, check, old_client, refusal, summary, until

CELLS = os.path.join(ROOT, "samples", "cells")
PICTURES = {"train": 12, "test": 5}  # of each label: enough to learn cells, few enough for two minutes on a busy machine


def lines(part):
    counts = {}
    for text in open(os.path.join(CELLS, f"{part}.manifest")):
        label = json.loads(text)["cell-metadata"]["class-name"]
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= PICTURES[part]:
            yield text


def main():
    if old_client():
        print(f"skipped: {old_client()} and would talk to AWS itself")
        return summary()
    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"), Ocellus__Training__TimeBudget="00:01:30")
        environment = {**os.environ, "AWS_ENDPOINT_URL": server.url, "AWS_SHARED_CREDENTIALS_FILE": os.path.join(server.data, "credentials")}

        def aws(*words, parse=True):
            done = subprocess.run(["aws", *words], env=environment, capture_output=True, text=True)
            if done.returncode:
                return done.stderr
            return json.loads(done.stdout) if parse and done.stdout.strip() else done.stdout

        refused = lambda call, code, **arguments: refusal(call, **arguments) == code
        folder = os.path.join(top, "cells")
        for part in PICTURES:
            os.makedirs(os.path.join(folder, part))
            with open(os.path.join(folder, f"{part}.manifest"), "w") as manifest:
                for text in lines(part):
                    manifest.write(text)
                    name = json.loads(text)["source-ref"].split("/cells/")[1]
                    os.link(os.path.join(CELLS, name), os.path.join(folder, name))

        aws("s3", "mb", "s3://samples", parse=False)
        aws("s3", "cp", "--recursive", folder, "s3://samples/cells/", parse=False)
        listed = aws("s3", "ls", "s3://samples/cells/train/", parse=False).strip().splitlines()
        check("aws s3 cp --recursive, then ls", len(listed) == 3 * PICTURES["train"], listed[:3])
        project = aws("rekognition", "create-project", "--project-name", "cells")["ProjectArn"]

        # An import that a kill -9 meets in its middle: 20,000 lines, killed as soon as it is accepted.
        big = "".join(text.replace("s3://samples/cells/", f"s3://samples/cells/{i}-") for i in range(20000 // (3 * PICTURES["train"])) for text in lines("train"))
        server.client("s3").put_object(Bucket="samples", Key="big.manifest", Body=big)
        source = {"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": "big.manifest"}}}
        rekognition = server.client("rekognition")
        dataset = rekognition.create_dataset(ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
        state = rekognition.describe_dataset(DatasetArn=dataset)["DatasetDescription"]["Status"]
        server.restart_after_kill()
        described = lambda: rekognition.describe_dataset(DatasetArn=dataset)["DatasetDescription"]
        until(lambda: described()["Status"] != "CREATE_IN_PROGRESS", 120)
        check("kill -9 in an import: it is finished after the restart", state == "CREATE_IN_PROGRESS" and described()["Status"] == "CREATE_COMPLETE" and described()["DatasetStats"]["TotalEntries"] == big.count("\n"), (state, described()))
        rekognition.delete_dataset(DatasetArn=dataset)
        until(lambda: refused(rekognition.describe_dataset, "ResourceNotFoundException", DatasetArn=dataset))

        for kind in PICTURES:
            arn = aws("rekognition", "create-dataset", "--project-arn", project, "--dataset-type", kind.upper(), "--dataset-source", json.dumps({"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"cells/{kind}.manifest"}}}))["DatasetArn"]
            until(lambda: aws("rekognition", "describe-dataset", "--dataset-arn", arn)["DatasetDescription"]["Status"] == "CREATE_COMPLETE")
        check("list-dataset-entries", len(aws("rekognition", "list-dataset-entries", "--dataset-arn", arn)["DatasetEntries"]) == 3 * PICTURES["test"])
        check("list-dataset-labels", {d["LabelName"] for d in aws("rekognition", "list-dataset-labels", "--dataset-arn", arn)["DatasetLabelDescriptions"]} == {"red", "white", "platelet"})

        version = aws("rekognition", "create-project-version", "--project-arn", project, "--version-name", "one", "--output-config", "S3Bucket=samples,S3KeyPrefix=out")["ProjectVersionArn"]
        one = lambda: rekognition.describe_project_versions(ProjectArn=project, VersionNames=["one"])["ProjectVersionDescriptions"][0]
        check("a version trains as soon as it is made", one()["Status"] == "TRAINING_IN_PROGRESS")
        check("a training version cannot be deleted", refused(rekognition.delete_project_version, "ResourceInUseException", ProjectVersionArn=version))
        check("nor started", refused(rekognition.start_project_version, "ResourceInUseException", ProjectVersionArn=version, MinInferenceUnits=1))
        # Fine-tuning has checkpoints; a machine too busy to get there within the budget is killed in what it does instead.
        until(lambda: "fine-tuning" in one()["StatusMessage"], 60)
        server.restart_after_kill()
        check("kill -9 in a training: it is still training", one()["Status"] == "TRAINING_IN_PROGRESS", one()["Status"])
        until(lambda: one()["Status"] != "TRAINING_IN_PROGRESS", 400, 0.3)
        check("and completes", one()["Status"] == "TRAINING_COMPLETED", one())
        check("wait project-version-training-completed", aws("rekognition", "wait", "project-version-training-completed", "--project-arn", project, "--version-names", "one") == "")
        f1 = aws("rekognition", "describe-project-versions", "--project-arn", project)["ProjectVersionDescriptions"][0]["EvaluationResult"]["F1Score"]
        check(f"F1 of the small sample is {f1:.3f}, at least 0.8", f1 >= 0.8)
        check("output files", sorted(n.split("-")[0] for n in aws("s3", "ls", "s3://samples/out/", parse=False).split() if n.endswith(".json")) == ["EvaluationResultSummary", "ManifestSummary", "TestingGroundTruth", "TestingManifestWithValidation", "TrainingGroundTruth", "TrainingManifestWithValidation"])

        picture = os.path.join(folder, "test", sorted(os.listdir(os.path.join(folder, "test")))[-1])
        with open(picture, "rb") as file:
            data = file.read()
        detect = lambda **more: rekognition.detect_custom_labels(ProjectVersionArn=version, Image={"Bytes": data}, **more)["CustomLabels"]
        check("a version that does not run cannot be asked", refused(rekognition.detect_custom_labels, "ResourceNotReadyException", ProjectVersionArn=version, Image={"Bytes": data}))
        check("start answers STARTING", aws("rekognition", "start-project-version", "--project-version-arn", version, "--min-inference-units", "1") == {"Status": "STARTING"})
        check("wait project-version-running", aws("rekognition", "wait", "project-version-running", "--project-arn", project, "--version-names", "one") == "")
        answer = aws("rekognition", "detect-custom-labels", "--project-version-arn", version, "--image-bytes", f"fileb://{picture}")
        check("detect-custom-labels on bytes", isinstance(answer, dict) and answer["CustomLabels"] and answer["CustomLabels"][0]["Name"] in os.path.basename(picture), answer)
        key = "cells/test/" + os.path.basename(picture)
        stored = aws("rekognition", "detect-custom-labels", "--project-version-arn", version, "--image", json.dumps({"S3Object": {"Bucket": "samples", "Name": key}}))
        check("and on an object: the same answer", stored == answer, (stored, answer))
        every = detect(MinConfidence=0)
        check("--min-confidence 0 gives every label, best first", len(every) == 3 and [c["Confidence"] for c in every] == sorted((c["Confidence"] for c in every), reverse=True), every)
        check("--max-results 1 gives one", len(aws("rekognition", "detect-custom-labels", "--project-version-arn", version, "--image-bytes", f"fileb://{picture}", "--min-confidence", "0", "--max-results", "1")["CustomLabels"]) == 1)
        check("a running version cannot be deleted", refused(rekognition.delete_project_version, "ResourceInUseException", ProjectVersionArn=version))

        server.restart_after_kill()
        check("kill -9 of a running model: it is STARTING or RUNNING", one()["Status"] in ("STARTING", "RUNNING"), one()["Status"])
        until(lambda: one()["Status"] == "RUNNING")
        check("and answers again as before", detect(MinConfidence=0) == every)
        check("stop answers STOPPING", aws("rekognition", "stop-project-version", "--project-version-arn", version) == {"Status": "STOPPING"})
        server.restart_after_kill()
        until(lambda: one()["Status"] == "STOPPED")
        check("kill -9 while stopping: STOPPED", one()["Status"] == "STOPPED" and "MinInferenceUnits" not in one(), one())
        check("a stopped version can be started again", rekognition.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1, MaxInferenceUnits=2)["Status"] == "STARTING")
        until(lambda: one()["Status"] == "RUNNING")
        rekognition.stop_project_version(ProjectVersionArn=version)
        check("a second stop is refused", refused(rekognition.stop_project_version, "ResourceInUseException", ProjectVersionArn=version))
        until(lambda: one()["Status"] == "STOPPED")

        check("delete answers DELETING", aws("rekognition", "delete-project-version", "--project-version-arn", version) == {"Status": "DELETING"})
        check("and it is gone", until(lambda: not rekognition.describe_project_versions(ProjectArn=project, VersionNames=["one"])["ProjectVersionDescriptions"]))
        for held in rekognition.describe_projects()["ProjectDescriptions"][0]["Datasets"]:
            aws("rekognition", "delete-dataset", "--dataset-arn", held["DatasetArn"])
        until(lambda: not rekognition.describe_projects()["ProjectDescriptions"][0]["Datasets"])
        check("delete-project", aws("rekognition", "delete-project", "--project-arn", project) == {"Status": "DELETING"})
        check("terminating the server ends it with code 0", server.stop() == 0)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
