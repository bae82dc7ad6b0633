"""What stopped models give back: the resident set before five models start, while they run and answer, and after all five are stopped at once. Needs `boto3`.

usage: memory_back.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import os, sys, tempfile, threading, time

from harness import ROOT, Server, check, summary, until, upload_cells

MODELS = 5
ROUNDS = 3
REQUESTS = 20
# A model that stayed with its buffers is some 25 MB; five of them are told apart on any machine.
MEGABYTES_MAY_STAY = 30
WAIT = 5  # seconds
PATIENCE = 300


def main():
    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"), Ocellus__Training__TimeBudget="00:00:10", Ocellus__Quotas__RunningModels=MODELS, Ocellus__Quotas__Copies=MODELS)
        s3, api = server.client("s3"), server.client("rekognition")
        with open(os.path.join(ROOT, "samples", upload_cells(s3, train=6, test=2)), "rb") as file:
            picture = file.read()
        cells = api.create_project(ProjectName="cells")["ProjectArn"]
        statuses = lambda: {v["Status"] for v in api.describe_project_versions(ProjectArn=cells)["ProjectVersionDescriptions"]}
        data = lambda part: {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{part}.manifest"}}}]}
        output = lambda name: {"S3Bucket": "samples", "S3KeyPrefix": name}
        first = api.create_project_version(ProjectArn=cells, VersionName="m0", OutputConfig=output("m0"), TrainingData=data("train"), TestingData=data("test"))["ProjectVersionArn"]
        until(lambda: statuses() != {"TRAINING_IN_PROGRESS"}, PATIENCE, 0.5)
        arns = [first] + [api.copy_project_version(SourceProjectArn=cells, SourceProjectVersionArn=first, DestinationProjectArn=cells, VersionName=f"m{i}", OutputConfig=output(f"m{i}"))["ProjectVersionArn"] for i in range(1, MODELS)]
        until(lambda: "COPYING_IN_PROGRESS" not in statuses(), PATIENCE, 0.2)
        check(f"a model and {MODELS - 1} copies are there", statuses() == {"TRAINING_COMPLETED", "COPYING_COMPLETED"}, statuses())

        def resident():
            with open(f"/proc/{server.process.pid}/status") as file:
                return next(int(text.split()[1]) for text in file if text.startswith("VmRSS")) / 1024

        def at_once(work):
            threads = [threading.Thread(target=work, args=(arn,)) for arn in arns]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()

        def ask(arn):
            for _ in range(REQUESTS):
                answers.append(api.detect_custom_labels(ProjectVersionArn=arn, Image={"Bytes": picture}, MinConfidence=0)["CustomLabels"])

        for number in range(1, ROUNDS + 1):
            answers, before = [], resident()
            at_once(lambda arn: api.start_project_version(ProjectVersionArn=arn, MinInferenceUnits=1))
            until(lambda: statuses() == {"RUNNING"}, PATIENCE, 0.1)
            at_once(ask)
            check(f"round {number}: all {MODELS} models answer alike", len(answers) == MODELS * REQUESTS and all(a == answers[0] for a in answers), len(answers))
            running = resident()
            at_once(lambda arn: api.stop_project_version(ProjectVersionArn=arn))
            until(lambda: statuses() == {"STOPPED"}, PATIENCE, 0.1)
            at_once_left = resident()
            # In a few seconds the system has its pages back; how many is judged, not how soon.
            time.sleep(WAIT)
            print(f"        round {number}: {before:.0f} MB before the start, {running:.0f} running, {at_once_left:.0f} when all are STOPPED, {resident():.0f} after {WAIT} s")
            if number > 1:
                # In the first the runtime and the network's library stay, once and for all.
                check(f"round {number}: no more than {MEGABYTES_MAY_STAY} MB stay", resident() - before <= MEGABYTES_MAY_STAY, f"{resident() - before:.0f} MB")
        check("the server ends with code 0", server.stop() == 0)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
