"""Random work of several clients, and kill -9 at random moments. After every restart the server is held against what it had acknowledged: each accepted change is there
whole, what was under way at the kill is there whole or not at all, everything in between comes to rest, and no version or dataset ever took a way that the table of states
does not have. At the end no temporary file, job folder, model folder or process may be left. Needs `boto3` (Debian: python3-boto3).

usage: faults.py [--kills N] [--seed S] [--journal FILE]      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import argparse, glob, hashlib, json, os, random, sqlite3, subprocess, sys, tempfile, threading, time

from harness import ROOT, Server, check, line, summary, until, upload_cells

CLIENTS = 3
LABELS = 4
MEGABYTE = 1 << 20
PATIENCE = 120

# spec: states of a version and of a dataset. What the database writes down of every change is compared with this.
AT_REST = {"TRAINING_COMPLETED", "TRAINING_FAILED", "COPYING_COMPLETED", "COPYING_FAILED", "STOPPED", "FAILED"}
VERSION_MOVES = (
    {("TRAINING_IN_PROGRESS", "TRAINING_COMPLETED"), ("TRAINING_IN_PROGRESS", "TRAINING_FAILED"), ("COPYING_IN_PROGRESS", "COPYING_COMPLETED"), ("COPYING_IN_PROGRESS", "COPYING_FAILED")}
    | {(s, "STARTING") for s in ("TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED", "FAILED")}
    | {("STARTING", "RUNNING"), ("STARTING", "FAILED"), ("RUNNING", "STOPPING"), ("RUNNING", "FAILED"), ("STOPPING", "STOPPED"), ("STOPPING", "FAILED")}
    # A restart of the server shows STARTING until the model is loaded again.
    | {("RUNNING", "STARTING")}
    | {(s, "DELETING") for s in AT_REST | {"DELETING"}}
)
READY = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED"}
DATASET_MOVES = (
    {("CREATE_IN_PROGRESS", "CREATE_COMPLETE"), ("CREATE_IN_PROGRESS", "CREATE_FAILED"), ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"), ("UPDATE_IN_PROGRESS", "UPDATE_FAILED")}
    | {(s, "UPDATE_IN_PROGRESS") for s in READY}
    | {(s, "DELETE_IN_PROGRESS") for s in READY | {"CREATE_FAILED", "DELETE_IN_PROGRESS"}}
)
WATCH = """
CREATE TABLE watched (id INTEGER PRIMARY KEY, kind TEXT, arn TEXT, was TEXT, now TEXT);
CREATE TRIGGER watch_versions AFTER UPDATE OF status ON project_versions WHEN OLD.status <> NEW.status BEGIN INSERT INTO watched (kind, arn, was, now) VALUES ('version', OLD.arn, OLD.status, NEW.status); END;
CREATE TRIGGER watch_datasets AFTER UPDATE OF status ON datasets WHEN OLD.status <> NEW.status BEGIN INSERT INTO watched (kind, arn, was, now) VALUES ('dataset', OLD.arn, OLD.status, NEW.status); END;
"""
wrong = []
journal = None


def note(what):
    if journal:
        journal.write(f"{time.time():.3f} {threading.current_thread().name} {what}\n")


def expect(ok, what):
    """Holds; or what was found instead is told, with the rest of the run."""
    if not ok:
        wrong.append(what)
        print(f"WRONG   {what}", flush=True)


class Gone(Exception):
    """The server went while it was asked: the change was made or not."""


def call(function, *allowed, **arguments):
    """Calls; the code of a refusal that may happen here, or the answer. Everything else is a fault of the server."""
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

    what = f"{function.__name__} {({k: v for k, v in arguments.items() if k not in ('Body', 'Image', 'Changes')})}"
    try:
        answer = function(**arguments)
        # botocore keeps the status line of a connection's last answer that came instead of '100 Continue', and when the connection ends before the next one takes it for that one's.
        if not answer["ResponseMetadata"]["HTTPHeaders"]:
            raise ConnectionError("an answer without a single header is none")
        note(f"{what} -> done")
        return answer
    except ClientError as error:
        code, status = error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        note(f"{what} -> {code}")
        if code not in allowed:
            expect(False, f"{what} answered {status} {error}")
        return code
    except (BotoCoreError, HTTPClientError, ConnectionError) as error:
        note(f"{what} -> {error}")
        raise Gone(str(error)) from None


def refused(answer):
    return isinstance(answer, str)


class Client:
    """One client with things of its own, and what it knows of them. Of each thing it keeps the set of states in which it may be found."""

    def __init__(self, number, server, random, arena):
        self.number, self.server, self.random, self.arena = number, server, random, arena
        self.s3, self.api = arena.s3, arena.api
        self.bucket = f"bucket{number}"
        self.objects = {}  # key: possible hashes; None stands for its absence
        self.uploads = 0
        self.projects = {}  # name: {"arn", "there": possible bools, "tags": possible dicts, "policies": {name: possible documents}, "sets": {kind: possible contents}}
        self.versions = {}  # arn: {"name", "project", "may": possible states at rest, "wake"}
        self.counter = 0
        self.done = 0

    # What it does.

    def again(self):
        """Works until the server goes."""
        thread = threading.Thread(target=self.run, daemon=True)
        thread.start()
        return thread

    def run(self):
        from botocore.exceptions import BotoCoreError

        work = [self.put, self.put, self.put, self.overwrite, self.delete_object, self.multipart, self.project, self.tag, self.policy, self.create_dataset, self.update, self.update,
                self.distribute, self.delete_dataset, self.delete_project, self.copy, self.start_version, self.start_version, self.detect, self.detect, self.detect, self.stop, self.delete_version, self.wake]
        if self.number == 0:
            work += [self.train] * 3
        try:
            while not self.arena.quiet.is_set():
                self.random.choice(work)()
                self.done += 1
        except (Gone, BotoCoreError):
            # Paginators do not go through call(); what is no refusal is a connection that ended.
            pass
        except Exception as error:  # noqa: BLE001: a fault of this program ends the test, not only a thread
            expect(False, f"client {self.number}: {type(error).__name__}: {error}")
            raise

    def name(self):
        self.counter += 1
        return f"n{self.number}-{self.counter}"

    def change(self, states, key, new, do):
        """The set of possible states before the answer is the old ones and the new one; after it the new one alone, or after a refusal the old ones."""
        old = states.get(key, {None})
        states[key] = old | new
        answer = do()
        states[key] = old if refused(answer) else new
        return answer

    def put(self, key=None):
        key = key or f"key {self.random.randrange(40)}/ü"
        body = self.random.randbytes(self.random.choice([0, 10, 3000, 200_000, 1_500_000]))
        self.change(self.objects, key, {hashlib.sha256(body).hexdigest()}, lambda: call(self.s3.put_object, Bucket=self.bucket, Key=key, Body=body))

    def overwrite(self):
        if self.objects:
            self.put(self.random.choice(sorted(self.objects)))

    def delete_object(self):
        if self.objects:
            key = self.random.choice(sorted(self.objects))
            self.change(self.objects, key, {None}, lambda: call(self.s3.delete_object, Bucket=self.bucket, Key=key))

    def multipart(self):
        key, parts = f"big {self.random.randrange(3)}", [self.random.randbytes(5 * MEGABYTE), self.random.randbytes(1000)]
        upload = call(self.s3.create_multipart_upload, Bucket=self.bucket, Key=key)["UploadId"]
        tags = [{"PartNumber": n, "ETag": call(self.s3.upload_part, Bucket=self.bucket, Key=key, UploadId=upload, PartNumber=n, Body=part)["ETag"]} for n, part in enumerate(parts, 1)]
        if self.random.random() < 0.3:
            call(self.s3.abort_multipart_upload, Bucket=self.bucket, Key=key, UploadId=upload)
        else:
            self.change(self.objects, key, {hashlib.sha256(b"".join(parts)).hexdigest()}, lambda: call(self.s3.complete_multipart_upload, Bucket=self.bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": tags}))

    def project(self):
        if sum(p["there"] == {True} for p in self.projects.values()) >= 6:
            return
        name, tags = self.name(), {"a": str(self.random.random())}
        project = self.projects[name] = {"arn": None, "there": {False, True}, "tags": [tags], "policies": {}, "sets": {}, "arns": {}}
        project["arn"] = call(self.api.create_project, ProjectName=name, Tags=tags)["ProjectArn"]
        project["there"] = {True}

    def pick(self):
        known = [p for p in self.projects.values() if p["there"] == {True}]
        return self.random.choice(known) if known else None

    def tag(self):
        if project := self.pick():
            tags = {**project["tags"][0], self.random.choice("abc"): str(self.random.random())}
            project["tags"].append(tags)
            call(self.api.tag_resource, ResourceArn=project["arn"], Tags=tags)
            project["tags"] = [tags]

    def policy(self):
        if project := self.pick():
            name = self.random.choice(["p", "q"])
            if project["policies"].get(name, {None}) != {None}:
                self.change(project["policies"], name, {None}, lambda: call(self.api.delete_project_policy, ProjectArn=project["arn"], PolicyName=name))
                return
            text = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": f"s{self.random.randrange(10**9)}", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::210987654321:root"}, "Action": "rekognition:CopyProjectVersion", "Resource": "*"}]})
            self.change(project["policies"], name, {text}, lambda: call(self.api.put_project_policy, ProjectArn=project["arn"], PolicyName=name, PolicyDocument=text))

    # A dataset's content is a frozenset of (picture, label).

    def create_dataset(self):
        project = self.pick()
        kind = self.random.choice(["TRAIN", "TEST"])
        if not project or project["sets"].get(kind, {None}) != {None}:
            return
        count = 0 if kind == "TEST" and self.random.random() < 0.7 else self.random.choice([40, 400, 3000])
        content = frozenset((f"{i:05}.jpg", f"l{i % LABELS}") for i in range(count))
        source = {}
        if count:
            text = "\n".join(line(*entry) for entry in sorted(content))
            self.change(self.objects, "the.manifest", {hashlib.sha256(text.encode()).hexdigest()}, lambda: call(self.s3.put_object, Bucket=self.bucket, Key="the.manifest", Body=text.encode()))
            source = {"DatasetSource": {"GroundTruthManifest": {"S3Object": {"Bucket": self.bucket, "Name": "the.manifest"}}}}
        answer = self.change(project["sets"], kind, {content}, lambda: call(self.api.create_dataset, "LimitExceededException", "ResourceAlreadyExistsException", ProjectArn=project["arn"], DatasetType=kind, **source))
        if not refused(answer):
            project["arns"][kind] = answer["DatasetArn"]
            # The manifest is read by the job and is this client's own: it must not change before.
            if count:
                self.rest(answer["DatasetArn"])

    def rest(self, arn):
        for _ in range(PATIENCE * 20):
            answer = call(self.api.describe_dataset, "ResourceNotFoundException", DatasetArn=arn)
            if refused(answer) or not answer["DatasetDescription"]["Status"].endswith("IN_PROGRESS"):
                return None if refused(answer) else answer["DatasetDescription"]
            time.sleep(0.05)
        expect(False, f"{arn} does not come to rest: {answer}")
        return None

    def dataset(self):
        known = [(p, k) for p in self.projects.values() if p["there"] == {True} for k, s in p["sets"].items() if len(s) == 1 and None not in s]
        return self.random.choice(known) if known else (None, None)

    def update(self):
        project, kind = self.dataset()
        if not project:
            return
        (old,) = project["sets"][kind]
        changes = {f"{self.random.randrange(4000):05}.jpg": f"l{self.random.randrange(LABELS)}" for _ in range(self.random.choice([1, 50, 800]))}
        new = frozenset({**dict(old), **changes}.items())
        text = "\n".join(line(*entry) for entry in changes.items())
        self.change(project["sets"], kind, {new}, lambda: call(self.api.update_dataset_entries, "ResourceInUseException", DatasetArn=project["arns"][kind], Changes={"GroundTruth": text.encode()}))

    def distribute(self):
        known = [p for p in self.projects.values() if p["there"] == {True} and p["sets"].get("TEST") == {frozenset()} and len(p["sets"].get("TRAIN", ())) == 1 and None not in p["sets"]["TRAIN"]]
        if not known:
            return
        project = self.random.choice(known)
        (old,) = project["sets"]["TRAIN"]
        if not old:
            return
        # Which entries move is the server's choice: this many, and none is lost. What became of it is read when both are at rest.
        project["moved"] = (old, {0, round(0.2 * len(old))})
        answer = call(self.api.distribute_dataset_entries, "ResourceNotReadyException", "InvalidParameterException", Datasets=[{"Arn": project["arns"][k]} for k in ("TRAIN", "TEST")])
        if refused(answer):
            del project["moved"]
            return
        project["moved"] = (old, {round(0.2 * len(old))})
        self.learn_moved(project)

    def learn_moved(self, project):
        ends = {k: self.rest(project["arns"][k]) for k in ("TRAIN", "TEST")}
        found = {k: self.content(project["arns"][k]) for k in ends}
        old, counts = project.pop("moved")
        failed = {d["Status"] for d in ends.values()} == {"UPDATE_FAILED"} and any(sum(label == l for _, l in old) == 1 for _, label in old)
        expect(found["TRAIN"] | found["TEST"] == old and not found["TRAIN"] & found["TEST"] and (len(found["TEST"]) in counts or (failed and not found["TEST"])), f"a distribution of {len(old)} gave {len(found['TRAIN'])} and {len(found['TEST'])}: {ends}")
        project["sets"] |= {k: {content} for k, content in found.items()}

    def delete_dataset(self):
        project, kind = self.dataset()
        if project and self.random.random() < 0.4:
            answer = self.change(project["sets"], kind, {None}, lambda: call(self.api.delete_dataset, "ResourceInUseException", DatasetArn=project["arns"][kind]))
            if not refused(answer):
                self.rest(project["arns"][kind])

    def delete_project(self):
        known = [p for p in self.projects.values() if p["there"] == {True} and all(s == {None} for s in p["sets"].values())]
        if known and self.random.random() < 0.3:
            project = self.random.choice(known)
            project["there"] = {True, False}
            project["there"] = {True} if refused(call(self.api.delete_project, "ResourceInUseException", ProjectArn=project["arn"])) else {False}

    # Versions: copies of the one that was trained at the start, and trainings.

    def add_version(self, name, ends, do):
        version = {"name": name, "may": {None} | ends, "arn": None, "wake": [False]}
        self.versions[name] = version
        answer = do()
        if refused(answer):
            del self.versions[name]
        else:
            version["arn"], version["may"] = answer["ProjectVersionArn"], ends

    def copy(self):
        if sum(None not in v["may"] for v in self.versions.values()) < 4:
            name = self.name()
            self.add_version(name, {"COPYING_COMPLETED"}, lambda: call(self.api.copy_project_version, "LimitExceededException", SourceProjectArn=self.arena.cells, SourceProjectVersionArn=self.arena.version, DestinationProjectArn=self.arena.cells, VersionName=name, OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": name}))

    def train(self):
        if self.arena.trainings > 0 and not any("TRAINING_IN_PROGRESS" in v["may"] for v in self.versions.values()):
            self.arena.trainings -= 1
            name = self.name()
            self.add_version(name, {"TRAINING_IN_PROGRESS"}, lambda: call(self.api.create_project_version, **self.arena.training(name)))

    def pick_version(self, *states):
        known = [v for v in self.versions.values() if len(v["may"]) == 1 and v["may"] <= set(states)]
        return self.random.choice(known) if known else None

    def move(self, version, new, do):
        old = version["may"]
        version["may"] = old | new
        answer = do()
        version["may"] = old if refused(answer) else new
        return answer

    def start_version(self):
        if version := self.pick_version("COPYING_COMPLETED", "TRAINING_COMPLETED", "STOPPED"):
            self.move(version, {"RUNNING"}, lambda: call(self.api.start_project_version, "LimitExceededException", "ResourceInUseException", ProjectVersionArn=version["arn"], MinInferenceUnits=self.random.choice([1, 2])))

    def stop(self):
        if self.random.random() < 0.5 and (version := self.pick_version("RUNNING")):
            self.move(version, {"STOPPED"}, lambda: call(self.api.stop_project_version, "ResourceInUseException", ProjectVersionArn=version["arn"]))

    def detect(self):
        if version := self.pick_version("RUNNING", "STOPPED"):
            woken = version["may"] == {"STOPPED"} and version["wake"][-1]
            ask = lambda: call(self.api.detect_custom_labels, "ResourceNotReadyException", "LimitExceededException", "ProvisionedThroughputExceededException", ProjectVersionArn=version["arn"], Image={"Bytes": self.arena.picture}, MinConfidence=0)
            answer = self.move(version, {"RUNNING"}, ask) if woken else ask()
            if not refused(answer):
                expect(version["may"] == {"RUNNING"} or version["wake"][-1], f"{version} answered")
                expect(answer["CustomLabels"] == self.arena.answer, f"{version['name']} answers {answer['CustomLabels']}, not {self.arena.answer}")

    def wake(self):
        if version := self.pick_version("STOPPED", "RUNNING", "COPYING_COMPLETED"):
            version["wake"].append(self.random.random() < 0.7)
            call(self.api.tag_resource, ResourceArn=version["arn"], Tags={"ocellus:wake-on-detect": "true" if version["wake"][-1] else "false"})
            version["wake"] = version["wake"][-1:]

    def delete_version(self):
        if self.random.random() < 0.4 and (version := self.pick_version("STOPPED", "COPYING_COMPLETED", "TRAINING_COMPLETED")):
            self.move(version, {None}, lambda: call(self.api.delete_project_version, "ResourceInUseException", ProjectVersionArn=version["arn"]))

    # What it finds.

    def look(self, final):
        try:
            self.compare(final)
        except Exception as error:  # noqa: BLE001: as above
            expect(False, f"client {self.number} could not look: {type(error).__name__}: {error}")

    def compare(self, final):
        """Holds everything against what is known; from then on what was found is what is known."""
        listed = {o["Key"] for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket) for o in page.get("Contents", [])}
        expect(listed <= set(self.objects), f"objects that nobody stored: {listed - set(self.objects)}")
        for key, may in self.objects.items():
            got = call(self.s3.get_object, "NoSuchKey", Bucket=self.bucket, Key=key)
            found = None if refused(got) else hashlib.sha256(got["Body"].read()).hexdigest()
            expect(found in may and (found is not None) == (key in listed), f"s3://{self.bucket}/{key} is {found}, listed {key in listed}; may be {may}")
            self.objects[key] = {found}
        self.compare_projects()
        self.compare_versions(final)

    def compare_projects(self):
        described = {p["ProjectArn"].split("/")[1]: p for page in self.api.get_paginator("describe_projects").paginate() for p in page["ProjectDescriptions"]}
        expect(all(n in self.projects for n in described if n.startswith(f"n{self.number}-")), f"projects that nobody made: {described.keys()}")
        for name, project in list(self.projects.items()):
            expect((name in described) in project["there"], f"project {name} is{'' if name in described else ' not'} there; may be {project['there']}")
            if name not in described:
                del self.projects[name]
                continue
            expect(described[name]["Status"] == "CREATED", described[name])
            project["there"], project["arn"] = {True}, described[name]["ProjectArn"]
            tags = call(self.api.list_tags_for_resource, ResourceArn=project["arn"])["Tags"]
            expect(tags in project["tags"], f"tags of {name} are {tags}; may be {project['tags']}")
            project["tags"] = [tags]
            policies = {p["PolicyName"]: p["PolicyDocument"] for p in call(self.api.list_project_policies, ProjectArn=project["arn"])["ProjectPolicies"]}
            for policy in set(policies) | set(project["policies"]):
                expect(policies.get(policy) in project["policies"].get(policy, {None}), f"policy {policy} of {name} is {policies.get(policy)}")
                project["policies"][policy] = {policies.get(policy)}
            project["arns"] = {d["DatasetType"]: d["DatasetArn"] for d in described[name]["Datasets"]}
            for kind in set(project["arns"]) | set(project["sets"]):
                self.compare_dataset(name, project, kind)
            if "moved" in project:
                self.learn_moved(project)

    def compare_dataset(self, name, project, kind):
        end = self.rest(project["arns"][kind]) if kind in project["arns"] else None
        if "moved" in project and end:
            return
        found = self.content(project["arns"][kind]) if end else None
        may = project["sets"].get(kind, {None})
        size = lambda content: None if content is None else len(content)
        expect(found in may, f"{kind} of {name} has {size(found)} entries ({end and end['Status']}); may have {[size(m) for m in may]}")
        expect(end is None or (end["Status"] in READY and end["DatasetStats"]["TotalEntries"] == len(found)), f"{kind} of {name}: {end}")
        project["sets"][kind] = {found}

    def content(self, arn):
        entries = [json.loads(e) for page in self.api.get_paginator("list_dataset_entries").paginate(DatasetArn=arn) for e in page["DatasetEntries"]]
        found = frozenset((e["source-ref"].removeprefix("s3://pictures/"), e["kind-metadata"]["class-name"]) for e in entries)
        expect(len(found) == len(entries), f"{arn} lists entries twice")
        return found

    def compare_versions(self, final):
        moving = {"STARTING", "STOPPING", "COPYING_IN_PROGRESS", "DELETING"} | ({"TRAINING_IN_PROGRESS"} if final else set())
        for name, version in list(self.versions.items()):
            one = lambda: (call(self.api.describe_project_versions, ProjectArn=self.arena.cells, VersionNames=[name])["ProjectVersionDescriptions"] or [{"Status": None}])[0]
            found = until(lambda: (d := one())["Status"] not in moving and d, 240 if final else PATIENCE) or one()
            may = version["may"] | ({"TRAINING_COMPLETED"} if "TRAINING_IN_PROGRESS" in version["may"] else set())
            if final:
                may -= {"TRAINING_IN_PROGRESS"}
            expect(found["Status"] in may, f"version {name} is {found['Status']} ({found.get('StatusMessage')}); may be {may}")
            if found["Status"] is None:
                del self.versions[name]
                continue
            version["may"], version["arn"] = {found["Status"]}, found["ProjectVersionArn"]
            tag = call(self.api.list_tags_for_resource, ResourceArn=version["arn"])["Tags"].get("ocellus:wake-on-detect") == "true"
            expect(tag in version["wake"], f"wake of {name} is {tag}; may be {version['wake']}")
            version["wake"] = [tag]
            if found["Status"] == "RUNNING":
                self.detect()


class Arena:
    """The server, the model that all copies are of, and the kills."""

    def __init__(self, server, random, trainings):
        import boto3
        from botocore.config import Config

        self.server, self.random, self.trainings = server, random, trainings
        self.quiet = threading.Event()
        os.environ |= {"AWS_SHARED_CREDENTIALS_FILE": os.path.join(server.data, "credentials"), "AWS_EC2_METADATA_DISABLED": "true"}
        config = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=60, max_pool_connections=CLIENTS * 2, s3={"addressing_style": "path"})
        self.s3, self.api = (boto3.Session().client(s, endpoint_url=server.url, config=config) for s in ("s3", "rekognition"))

    def prepare(self):
        key = upload_cells(self.s3, train=6, test=2)
        with open(os.path.join(ROOT, "samples", key), "rb") as file:
            self.picture = file.read()
        self.cells = self.api.create_project(ProjectName="cells")["ProjectArn"]
        self.version = self.api.create_project_version(**self.training("first"))["ProjectVersionArn"]
        first = lambda: self.api.describe_project_versions(ProjectArn=self.cells, VersionNames=["first"])["ProjectVersionDescriptions"][0]
        until(lambda: first()["Status"] != "TRAINING_IN_PROGRESS", 200, 0.2)
        self.api.start_project_version(ProjectVersionArn=self.version, MinInferenceUnits=1)
        until(lambda: first()["Status"] == "RUNNING")
        self.answer = self.api.detect_custom_labels(ProjectVersionArn=self.version, Image={"Bytes": self.picture}, MinConfidence=0)["CustomLabels"]
        check("a first model trains, starts and answers", first()["Status"] == "RUNNING" and len(self.answer) == 3, first())

    def training(self, name):
        data = lambda part: {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{part}.manifest"}}}]}
        return {"ProjectArn": self.cells, "VersionName": name, "OutputConfig": {"S3Bucket": "samples", "S3KeyPrefix": name}, "TrainingData": data("train"), "TestingData": data("test")}

    def round(self, clients):
        """Work, a kill at any moment of it, and a look at what is left."""
        self.quiet.clear()
        running = [c.again() for c in clients]
        time.sleep(self.random.uniform(0.05, 2))
        self.server.kill()
        note("killed")
        self.quiet.set()
        for thread in running:
            thread.join(60)
            expect(not thread.is_alive(), "a client waits for a server that is gone")
        kills = 1
        # Now and then it is killed while it comes up.
        while self.random.random() < 0.2:
            kills += 1
            coming = subprocess.Popen([os.path.join(ROOT, "ocellus"), "serve", "--data", self.server.data, "--urls", self.server.url], stdout=subprocess.DEVNULL, stderr=self.server.log, env=self.server.environment)
            time.sleep(self.random.uniform(0.2, 2))
            coming.kill()
            coming.wait()
        self.server.start()
        self.look(clients)
        return kills

    def look(self, clients, final=False):
        threads = [threading.Thread(target=c.look, args=(final,)) for c in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def leftovers(data):
    """What no name in the database or the object store leads to."""
    found = [f for f in glob.glob(os.path.join(data, "**"), recursive=True, include_hidden=True) if f.endswith((".tmp", ".new"))]
    found += glob.glob(os.path.join(data, "jobs", "*"))
    with sqlite3.connect(os.path.join(data, "ocellus.db")) as db:
        known = {f for (f,) in db.execute("SELECT folder FROM project_versions")}
        found += [f"row {r}" for r in db.execute("SELECT * FROM training_jobs UNION ALL SELECT dataset_id, kind, partner_id, NULL FROM dataset_jobs") or []]
        orphans = db.execute("SELECT COUNT(*) FROM tags WHERE resource_arn NOT IN (SELECT arn FROM projects UNION SELECT arn FROM datasets UNION SELECT arn FROM project_versions)").fetchone()[0]
        found += [f"{orphans} tags of nothing"] if orphans else []
        entries = db.execute("SELECT COUNT(*) FROM dataset_entries WHERE dataset_id NOT IN (SELECT id FROM datasets)").fetchone()[0]
        found += [f"{entries} entries of nothing"] if entries else []
    found += [m for m in glob.glob(os.path.join(data, "models", "*", "*")) if os.path.basename(m) not in known]
    for shard in glob.glob(os.path.join(data, "objects", "*", "??")):
        named = {json.load(open(f)).get("DataFile") or json.load(open(f)).get("dataFile") for f in glob.glob(os.path.join(shard, "*.json"))}
        found += [os.path.join(shard, f) for f in os.listdir(shard) if f.endswith(".data") and f not in named]
    return found


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kills", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=None)
    arguments.add_argument("--journal", type=argparse.FileType("w"), help="file for every call and its end")
    arguments = arguments.parse_args()
    global journal
    journal = arguments.journal
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}, {arguments.kills} kills", flush=True)
    with tempfile.TemporaryDirectory() as top:
        log = open(os.path.join(top, "server.log"), "wb")
        server = Server(os.path.join(top, "data"), log=log, Ocellus__Training__TimeBudget="00:00:10", Ocellus__Quotas__RunningModels=20, Ocellus__Quotas__Copies=10)
        arena = Arena(server, random.Random(seed), trainings=1 + arguments.kills // 20)
        arena.prepare()
        server.stop()
        database = sqlite3.connect(os.path.join(server.data, "ocellus.db"))
        database.executescript(WATCH)
        database.close()
        server.start()
        clients = [Client(n, server, random.Random(seed * 100 + n), arena) for n in range(CLIENTS)]
        for client in clients:
            arena.s3.create_bucket(Bucket=client.bucket)
        kills, began = 0, time.time()
        while kills < arguments.kills and len(wrong) < 20:
            kills += arena.round(clients)
        done = sum(c.done for c in clients)
        check(f"{kills} kills in {time.time() - began:.0f} s, {done} calls: what was acknowledged is there", not wrong, wrong[:5])
        wrong.clear()
        arena.look(clients, final=True)
        check("in the end everything is at rest as it was acknowledged", not wrong, wrong[:5])
        for client in clients:
            for upload in arena.s3.list_multipart_uploads(Bucket=client.bucket).get("Uploads", []):
                arena.s3.abort_multipart_upload(Bucket=client.bucket, Key=upload["Key"], UploadId=upload["UploadId"])
        check("the server ends with code 0", server.stop() == 0)
        found = leftovers(server.data)
        check("no temporary file, job, folder or row is left", not found, found[:5])
        with sqlite3.connect(os.path.join(server.data, "ocellus.db")) as database:
            moves = set(database.execute("SELECT kind, was, now FROM watched"))
            bad = {m for m in moves if m[1:] not in (VERSION_MOVES if m[0] == "version" else DATASET_MOVES)}
            check(f"{len(moves)} kinds of moves were seen, each in the table of states", not bad, bad)
            twice = database.execute("SELECT arn, COUNT(*) FROM watched WHERE now IN ('TRAINING_COMPLETED', 'TRAINING_FAILED') GROUP BY arn HAVING COUNT(*) > 1").fetchall()
            check("each training ended once", not twice, twice)
            check("the database is whole", database.execute("PRAGMA integrity_check").fetchone() == ("ok",))
        left = subprocess.run(["pgrep", "-f", server.data], capture_output=True, text=True).stdout.split()
        check("no process is left", not left, left)
        log.close()
        errors = [l for l in open(log.name, errors="replace") if l.startswith(("fail:", "crit:")) or "Unhandled exception" in l]
        check("the log has no error", not errors, errors[:5])
    return summary()


if __name__ == "__main__":
    sys.exit(main())
