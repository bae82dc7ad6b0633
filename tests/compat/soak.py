"""A long time of mixed use against one server: requests with bytes and objects, lists, objects, datasets, a model that starts and stops every minute, trainings, boto3 and the
AWS CLI side by side. Nothing may fail but what is asked wrongly on purpose, and neither memory nor handles may grow. Needs `boto3`; uses `aws` if it is there.
Not a part of ./test, for below ten minutes memory says nothing yet.

usage: soak.py [--minutes N] [--samples FILE] [--busy]      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import argparse, collections, hashlib, json, os, random, shutil, statistics, subprocess, sys, tempfile, threading, time

from harness import ROOT, Server, check, line, refusal, summary, until, upload_cells

SAMPLE_EVERY = 10
TRAIN_EVERY = 600
# Below, the runtime is still growing into its work: compiling methods again, filling pools.
MEMORY_FROM_MINUTES = 10
MEMORY_MAY_GROW = 0.05
HANDLES_MAY_GROW = 3
THREADS_MAY_GROW = 5
# Above all that a loaded machine takes; a training that hangs is found all the same.
TRAINING_PATIENCE = 500
TOO_LATE = "ProvisionedThroughputExceededException"
counts, failures, over = collections.Counter(), [], threading.Event()


class Worker(threading.Thread):
    """Does one thing again and again until the time is over; whatever is raised is a failure and the next turn goes on."""

    busy = False

    def __init__(self, every, work):
        super().__init__(daemon=True)
        self.every, self.work, self.turn = every, work, 0
        self.start()

    def run(self):
        due = time.monotonic()
        while not over.is_set():
            try:
                self.work(self.turn)
            except Exception as error:  # noqa: BLE001: what a client sees is what is counted
                if self.busy and TOO_LATE in str(error):
                    counts.update([f"refused as too late: {self.work.__name__}"])
                else:
                    failures.append(f"{time.strftime('%X')} {self.work.__name__} {self.turn}: {type(error).__name__}: {error}")
                    print(f"FAILURE {failures[-1]}", flush=True)
            self.turn += 1
            due = max(due + self.every, time.monotonic())
            over.wait(due - time.monotonic())


def must(ok, what):
    if not ok:
        raise AssertionError(what)


class Use:
    """The kinds of use. Each is one worker's and touches only what is its own."""

    def __init__(self, server, folder):
        self.server, self.folder = server, folder
        self.s3, self.api = server.client("s3"), server.client("rekognition")
        for client in (self.s3, self.api):
            # Every request is counted, whoever asks.
            client.meta.events.register("after-call", lambda model, **_: counts.update([model.name]))
        self.random = random.Random(8)
        self.stored = {}
        self.environment = {**os.environ, "AWS_ENDPOINT_URL": server.url, "AWS_SHARED_CREDENTIALS_FILE": os.path.join(server.data, "credentials")}

    def prepare(self):
        self.key = upload_cells(self.s3, train=6, test=2)
        self.picture_file = os.path.join(ROOT, "samples", self.key)
        with open(self.picture_file, "rb") as file:
            self.picture = file.read()
        self.s3.create_bucket(Bucket="things")
        self.cells = self.api.create_project(ProjectName="cells")["ProjectArn"]
        self.steady = self.train("steady")
        self.start_model("steady", self.steady)
        self.answer = self.ask(self.steady)
        self.second = self.api.copy_project_version(SourceProjectArn=self.cells, SourceProjectVersionArn=self.steady, DestinationProjectArn=self.cells, VersionName="second", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "second"})["ProjectVersionArn"]
        self.comes("second", "COPYING_COMPLETED")
        check("a first model trains, starts and answers", len(self.answer) == 3, self.answer)

    def status(self, name):
        return self.api.describe_project_versions(ProjectArn=self.cells, VersionNames=[name])["ProjectVersionDescriptions"][0]["Status"]

    def comes(self, name, status, seconds=60):
        must(until(lambda: self.status(name) == status, seconds, 0.2), f"{name} is not {status} but {self.status(name)}")

    def train(self, name):
        data = lambda part: {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{part}.manifest"}}}]}
        arn = self.api.create_project_version(ProjectArn=self.cells, VersionName=name, OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": name}, TrainingData=data("train"), TestingData=data("test"))["ProjectVersionArn"]
        self.comes(name, "TRAINING_COMPLETED", TRAINING_PATIENCE)
        return arn

    def start_model(self, name, arn):
        self.api.start_project_version(ProjectVersionArn=arn, MinInferenceUnits=1)
        self.comes(name, "RUNNING")

    def ask(self, arn, **image):
        return self.api.detect_custom_labels(ProjectVersionArn=arn, Image=image or {"Bytes": self.picture}, MinConfidence=0)["CustomLabels"]

    def detect_bytes(self, turn):
        must(self.ask(self.steady) == self.answer, "another answer")

    def detect_object(self, turn):
        must(self.ask(self.steady, S3Object={"Bucket": "samples", "Name": self.key}) == self.answer, "another answer")

    def wrong(self, turn):
        """What is refused is refused, and costs nothing that stays."""
        for code, arguments in (
            ("ResourceNotFoundException", {"ProjectVersionArn": self.steady[:-1] + ("1" if self.steady[-1] != "1" else "2"), "Image": {"Bytes": self.picture}}),
            ("InvalidImageFormatException", {"ProjectVersionArn": self.steady, "Image": {"Bytes": b"no picture"}}),
            ("InvalidS3ObjectException", {"ProjectVersionArn": self.steady, "Image": {"S3Object": {"Bucket": "samples", "Name": "none"}}}),
        ):
            got = refusal(self.api.detect_custom_labels, **arguments)
            must(got == code, f"{got} instead of {code}")

    def describe(self, turn):
        must(any(p["ProjectArn"] == self.cells for p in self.api.describe_projects()["ProjectDescriptions"]), "the project is not there")
        must(self.status("steady") == "RUNNING", "the steady model does not run")

    def objects(self, turn):
        key, body = f"key {self.random.randrange(30)}", self.random.randbytes(self.random.choice([100, 20_000, 400_000]))
        self.s3.put_object(Bucket="things", Key=key, Body=body)
        self.stored[key] = hashlib.sha256(body).digest()
        key = self.random.choice(sorted(self.stored))
        must(hashlib.sha256(self.s3.get_object(Bucket="things", Key=key)["Body"].read()).digest() == self.stored[key], f"{key} has other content")
        must([o["Key"] for o in self.s3.list_objects_v2(Bucket="things", Prefix="key")["Contents"]] == sorted(self.stored), "another list")
        if turn % 3 == 0:
            self.s3.delete_object(Bucket="things", Key=key)
            del self.stored[key]

    def datasets(self, turn):
        manifest = "\n".join(line(f"{i:05}.jpg", f"l{i % 3}") for i in range(300))
        self.s3.put_object(Bucket="things", Key="a.manifest", Body=manifest.encode())
        project = self.api.create_project(ProjectName=f"p{turn}", Tags={"turn": str(turn)})["ProjectArn"]
        source = {"GroundTruthManifest": {"S3Object": {"Bucket": "things", "Name": "a.manifest"}}}
        train = self.api.create_dataset(ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
        test = self.api.create_dataset(ProjectArn=project, DatasetType="TEST")["DatasetArn"]
        state = lambda arn: self.api.describe_dataset(DatasetArn=arn)["DatasetDescription"]
        rests = lambda arn, status: must(until(lambda: state(arn)["Status"] == status, 60, 0.2), state(arn))
        rests(train, "CREATE_COMPLETE"), rests(test, "CREATE_COMPLETE")
        self.api.update_dataset_entries(DatasetArn=train, Changes={"GroundTruth": "\n".join(line(f"{i:05}.jpg", "new") for i in range(200, 500)).encode()})
        rests(train, "UPDATE_COMPLETE")
        self.api.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
        rests(train, "UPDATE_COMPLETE"), rests(test, "UPDATE_COMPLETE")
        listed = [e for page in self.api.get_paginator("list_dataset_entries").paginate(DatasetArn=train) for e in page["DatasetEntries"]]
        must(len(listed) == 400 and self.api.list_dataset_labels(DatasetArn=train)["DatasetLabelDescriptions"], f"{len(listed)} entries")
        for arn in (train, test):
            self.api.delete_dataset(DatasetArn=arn)
            must(until(lambda: refusal(self.api.describe_dataset, DatasetArn=arn) == "ResourceNotFoundException", 60, 0.2), "a dataset is still there")
        self.api.delete_project(ProjectArn=project)

    def start_stop(self, turn):
        must(refusal(self.api.detect_custom_labels, ProjectVersionArn=self.second, Image={"Bytes": self.picture}) == "ResourceNotReadyException", "a model that does not run answers")
        self.start_model("second", self.second)
        for _ in range(5):
            must(self.ask(self.second) == self.answer, "a copy answers otherwise")
        self.api.stop_project_version(ProjectVersionArn=self.second)
        self.comes("second", "STOPPED")

    def training(self, turn):
        arn = self.train(f"t{turn}")
        self.api.delete_project_version(ProjectVersionArn=arn)
        must(until(lambda: not self.api.describe_project_versions(ProjectArn=self.cells, VersionNames=[f"t{turn}"])["ProjectVersionDescriptions"], 60, 0.2), "a version is still there")

    def command_line(self, turn):
        def aws(*words):
            done = subprocess.run(["aws", *words], env=self.environment, capture_output=True, text=True)
            counts.update(["aws " + words[0]])
            must(done.returncode == 0, done.stderr)
            return done.stdout

        aws("s3", "cp", self.picture_file, "s3://things/cli.png", "--quiet")
        must("cli.png" in aws("s3", "ls", "s3://things/"), "not listed")
        answer = json.loads(aws("rekognition", "detect-custom-labels", "--project-version-arn", self.steady, "--min-confidence", "0", "--image", json.dumps({"S3Object": {"Bucket": "things", "Name": "cli.png"}})))
        must([c["Name"] for c in answer["CustomLabels"]] == [c["Name"] for c in self.answer], answer)


def sample(pid):
    """Resident set in MB, open handles, threads."""
    with open(f"/proc/{pid}/status") as file:
        status = dict(text.split(":", 1) for text in file)
    return int(status["VmRSS"].split()[0]) / 1024, len(os.listdir(f"/proc/{pid}/fd")), int(status["Threads"])


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--minutes", type=float, default=30)
    arguments.add_argument("--samples", type=argparse.FileType("w"), help="file for every sample")
    arguments.add_argument("--busy", action="store_true", help="for a machine that does other work: requests that are refused because no answer was ready in time are counted, not failures")
    arguments = arguments.parse_args()
    Worker.busy = arguments.busy
    seconds = arguments.minutes * 60
    with tempfile.TemporaryDirectory() as top:
        log = open(os.path.join(top, "server.log"), "wb")
        server = Server(os.path.join(top, "data"), log=log, Ocellus__Training__TimeBudget="00:00:10")
        use = Use(server, top)
        use.prepare()
        counts.clear()
        workers = [Worker(0.4, use.detect_bytes), Worker(1, use.detect_object), Worker(1, use.describe), Worker(1.5, use.objects), Worker(7, use.wrong), Worker(10, use.datasets), Worker(60, use.start_stop), Worker(TRAIN_EVERY, use.training)]
        if shutil.which("aws"):
            workers.append(Worker(30, use.command_line))
        began, samples, every = time.monotonic(), [], min(SAMPLE_EVERY, seconds / 18)
        while time.monotonic() - began < seconds and server.process.poll() is None and len(failures) < 100:
            time.sleep(every)
            samples.append(sample(server.process.pid))
            if arguments.samples:
                print(f"{time.monotonic() - began:.0f} s\t{samples[-1][0]:.0f} MB\t{samples[-1][1]} handles\t{samples[-1][2]} threads", file=arguments.samples, flush=True)
        over.set()
        for worker in workers:
            worker.join(TRAINING_PATIENCE + 60)
        took, done = time.monotonic() - began, sum(counts.values())
        print(f"        {done} requests in {took / 60:.1f} min ({done / took:.1f}/s): " + ", ".join(f"{name} {n}" for name, n in counts.most_common()))
        check("no request failed that was not asked wrongly", not failures, f"{len(failures)}: {failures[:5]}")
        check("each kind of use was made", all(w.turn > 0 and not w.is_alive() for w in workers), [(w.work.__name__, w.turn) for w in workers])
        size = len(samples) // 3
        for name, column in (("resident set (MB)", 0), ("handles", 1), ("threads", 2)):
            print(f"        {name}, median of each third (least, most): " + "; ".join(f"{statistics.median(t):.0f} ({min(t):.0f}, {max(t):.0f})" for t in ([s[column] for s in samples[i * size:(i + 1) * size]] for i in range(3))))
        # What leaks is never given back: the median of one third against that of the next; a busy moment moves neither.
        grown = [statistics.median(s[column] for s in samples[2 * size:]) - statistics.median(s[column] for s in samples[size:2 * size]) for column in range(3)]
        if arguments.minutes >= MEMORY_FROM_MINUTES:
            middle = statistics.median(s[0] for s in samples[size:2 * size])
            check(f"the resident set of the last third is within {MEMORY_MAY_GROW:.0%} of the middle's", abs(grown[0]) <= MEMORY_MAY_GROW * middle, f"{grown[0]:+.1f} MB of {middle:.0f}")
        check("handles do not grow", grown[1] <= HANDLES_MAY_GROW, grown[1])
        check("threads do not grow", grown[2] <= THREADS_MAY_GROW, grown[2])
        check("the server ends with code 0", server.stop() == 0)
        log.close()
        errors = [text for text in open(log.name, errors="replace") if text.startswith(("fail:", "crit:")) or "Unhandled exception" in text]
        check("the log has no error", not errors, errors[:5])
    return summary()


if __name__ == "__main__":
    sys.exit(main())
