"""Object detection with boto3 against a real server: train on boxes, read the evaluation files, ask, stop.

usage: train_boxes.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import json, os, subprocess, sys, tempfile

from harness import ROOT, Server, check, summary, until

BLOOD = os.path.join(ROOT, "samples", "blood")
PICTURES = {"train": 16, "test": 4}
BARE_EVERY = 10


def main():
    with tempfile.TemporaryDirectory() as top:
        # A budget far below what the recipe would take: the path is tested here, the quality in the benchmark.
        server = Server(os.path.join(top, "data"), Ocellus__Training__TimeBudget="00:00:25")
        s3, rekognition = server.client("s3"), server.client("rekognition")
        s3.create_bucket(Bucket="samples")
        project = rekognition.create_project(ProjectName="blood")["ProjectArn"]
        for part, count in PICTURES.items():
            with open(os.path.join(BLOOD, f"{part}.manifest")) as file:
                lines = [text for text in file][:count]
            for text in lines:
                key = json.loads(text)["source-ref"].split("/", 3)[3]
                s3.upload_file(os.path.join(ROOT, "samples", key), "samples", key)
            s3.put_object(Bucket="samples", Key=f"{part}.manifest", Body="".join(lines))
            dataset = rekognition.create_dataset(ProjectArn=project, DatasetType=part.upper(), DatasetSource={"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{part}.manifest"}}})["DatasetArn"]
            until(lambda: rekognition.describe_dataset(DatasetArn=dataset)["DatasetDescription"]["Status"] == "CREATE_COMPLETE")
        labels = {d["LabelName"]: d["LabelStats"] for d in rekognition.list_dataset_labels(DatasetArn=dataset)["DatasetLabelDescriptions"]}
        check("labels count pictures with boxes", all(s["BoundingBoxCount"] == s["EntryCount"] > 0 for s in labels.values()), labels)

        version = rekognition.create_project_version(ProjectArn=project, VersionName="one", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "out"})["ProjectVersionArn"]
        one = lambda of=project: rekognition.describe_project_versions(ProjectArn=of)["ProjectVersionDescriptions"][0]
        until(lambda: one()["Status"] != "TRAINING_IN_PROGRESS", 500, 0.5)
        check("a manifest of boxes trains", one()["Status"] == "TRAINING_COMPLETED", one())
        read = lambda place: s3.get_object(Bucket=place["S3Object"]["Bucket"], Key=place["S3Object"]["Name"])["Body"].read().decode()
        report = json.loads(read(one()["EvaluationResult"]["Summary"]))
        overall = report["AggregatedEvaluationResults"]
        check("the summary has AveragePrecision and AverageRecall and no confusion matrix", "AveragePrecision" in overall and "AverageRecall" in overall and "ConfusionMatrix" not in overall, overall)

        # The counts of the snapshot give the numbers of the summary.
        counts = {label: [0, 0, 0, 0] for label in labels}
        for text in read(one()["TestingDataResult"]["Output"]["Assets"][0]["GroundTruthManifest"]).splitlines():
            line = json.loads(text)
            boxes, metadata = line["rekognition-custom-labels-evaluation"]["annotations"], line["rekognition-custom-labels-evaluation-metadata"]
            size = line["rekognition-custom-labels-evaluation"]["image_size"][0]
            for box, thing in zip(boxes, metadata["objects"]):
                details = thing["rekognition-custom-labels-evaluation-details"]
                kind = ["is-true-positive", "is-false-positive", "is-false-negative", "is-true-negative"].index(next(k for k, v in details.items() if v is True and k != "is-present-in-ground-truth"))
                counts[metadata["class-map"][str(box["class_id"])]][kind] += 1
                inside = 0 <= box["left"] and box["left"] + box["width"] <= size["width"] and 0 <= box["top"] and box["top"] + box["height"] <= size["height"]
                if not inside:
                    check("boxes of the snapshot are inside the picture", False, box)
        for entry in report["LabelEvaluationResults"]:
            tp, fp, fn, _ = counts[entry["Label"]]
            metrics = entry["Metrics"]
            precision, recall = tp / (tp + fp) if tp + fp else 0, tp / (tp + fn) if tp + fn else 0
            check(f"{entry['Label']}: snapshot and summary agree", abs(precision - metrics["Precision"]) < 1e-9 and abs(recall - metrics["Recall"]) < 1e-9, ((tp, fp, fn), metrics))

        rekognition.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
        until(lambda: one()["Status"] == "RUNNING")
        key = json.loads(lines[0])["source-ref"].split("/", 3)[3]
        with open(os.path.join(ROOT, "samples", key), "rb") as file:
            found = rekognition.detect_custom_labels(ProjectVersionArn=version, Image={"Bytes": file.read()}, MinConfidence=0)["CustomLabels"]
        boxes = [c["Geometry"]["BoundingBox"] for c in found]
        check("answers have boxes as ratios of the picture", 0 < len(boxes) <= 100 and all(0 <= b["Left"] and 0 <= b["Top"] and b["Left"] + b["Width"] <= 1.000001 and b["Top"] + b["Height"] <= 1.000001 for b in boxes), found[:2])
        check("and no polygon", all("Polygon" not in c["Geometry"] for c in found))
        stored = rekognition.detect_custom_labels(ProjectVersionArn=version, Image={"S3Object": {"Bucket": "samples", "Name": key}}, MinConfidence=0)["CustomLabels"]
        check("the same picture gives the same answer", stored == found)

        model, drawn, picture = os.path.join(top, "model.zip"), os.path.join(top, "drawn"), os.path.join(ROOT, "samples", key)
        ocellus = lambda *words: subprocess.run([os.path.join(ROOT, "ocellus"), *words], capture_output=True, text=True)
        exported = ocellus("export", version, "--data", os.path.join(top, "data"), "--out", model)
        asked = ocellus("detect", model, picture, "--min-confidence", "0", "--draw", drawn, "--json")
        check("the exported model gives the server's answer", exported.returncode == 0 and asked.returncode == 0 and len(json.loads(asked.stdout)["CustomLabels"]) == len(found), exported.stderr + asked.stderr)
        files = os.listdir(drawn) if os.path.isdir(drawn) else []
        content = b"".join(open(os.path.join(drawn, f), "rb").read() for f in files)
        check("detect --draw writes the picture with its boxes", files == [os.path.splitext(os.path.basename(key))[0] + ".boxes.jpg"] and content[:2] == b"\xff\xd8" and content != open(picture, "rb").read(), files)
        rekognition.stop_project_version(ProjectVersionArn=version)
        until(lambda: one()["Status"] == "STOPPED")
        check("stopped", one()["Status"] == "STOPPED")

        # Brand localization: pictures of the bare thing, with the label of the picture, to learn from; scenes with boxes to test with.
        with open(os.path.join(ROOT, "samples", "cells", "train.manifest")) as file:
            crops = list(file)[::BARE_EVERY]
        for text in crops:
            key = json.loads(text)["source-ref"].split("/", 3)[3]
            s3.upload_file(os.path.join(ROOT, "samples", key), "samples", key)
        s3.put_object(Bucket="samples", Key="bare.manifest", Body="".join(crops))
        data = lambda name: {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{name}.manifest"}}}]}
        brand = rekognition.create_project(ProjectName="brand")["ProjectArn"]
        other = rekognition.create_project_version(ProjectArn=brand, VersionName="one", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "brand"}, TrainingData=data("bare"), TestingData=data("test"))["ProjectVersionArn"]
        until(lambda: one(brand)["Status"] != "TRAINING_IN_PROGRESS", 500, 0.5)
        check("labels of whole pictures train a model that is tested with boxes", one(brand)["Status"] == "TRAINING_COMPLETED", one(brand))
        report = json.loads(read(one(brand)["EvaluationResult"]["Summary"]))
        check("its summary is that of boxes", "AveragePrecision" in report["AggregatedEvaluationResults"] and {e["Label"] for e in report["LabelEvaluationResults"]} == set(labels), report)
        rekognition.start_project_version(ProjectVersionArn=other, MinInferenceUnits=1)
        until(lambda: one(brand)["Status"] == "RUNNING")
        with open(picture, "rb") as file:
            found = rekognition.detect_custom_labels(ProjectVersionArn=other, Image={"Bytes": file.read()}, MinConfidence=0)["CustomLabels"]
        check("and it answers with boxes", found and all("BoundingBox" in c["Geometry"] for c in found), found[:2])
        rekognition.stop_project_version(ProjectVersionArn=other)
        until(lambda: one(brand)["Status"] == "STOPPED")
        server.stop()
    return summary()


if __name__ == "__main__":
    sys.exit(main())
