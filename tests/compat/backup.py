"""Backup beside a running server that boto3 keeps busy, and restore: one moment, nothing half, nothing lost. The real program throughout.

usage: backup.py
"""
import json, os, signal, stat, subprocess, sys, tarfile, tempfile, threading, time

from harness import ROOT, Server, check, refusal, summary, until, upload_cells


def ocellus(*words, **more):
    return subprocess.run([os.path.join(ROOT, "ocellus"), *words], capture_output=True, text=True, **more)


def start(*words):
    return subprocess.Popen([os.path.join(ROOT, "ocellus"), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


class Load:
    """Writes an object, then a project that stands for it, again and again; takes some away, the project first. And two objects, the first before the second."""

    def __init__(self, server, workers=4):
        self.ended, self.failures = threading.Event(), []
        # Clients are made here: boto3's making of them is not for several threads at once.
        self.threads = [threading.Thread(target=self.run, args=(w, server.client("s3"), server.client("rekognition"))) for w in range(workers)]
        self.written = [0] * workers
        [t.start() for t in self.threads]

    def run(self, worker, s3, rekognition):
        try:
            number = 0
            while not self.ended.is_set():
                name = f"w{worker}-{number}"
                s3.put_object(Bucket="rows", Key=name, Body=name.encode())
                project = rekognition.create_project(ProjectName=name)["ProjectArn"]
                s3.put_object(Bucket="first", Key=f"w{worker}", Body=str(number).encode())
                s3.put_object(Bucket="second", Key=f"w{worker}", Body=str(number).encode())
                if number % 3 == 0:
                    rekognition.delete_project(ProjectArn=project)
                    s3.delete_object(Bucket="rows", Key=name)
                number += 1
                self.written[worker] = number
        except Exception as failure:
            self.failures.append(failure)

    def stop(self):
        self.ended.set()
        [t.join(60) for t in self.threads]


def content(client, bucket, key):
    return client.get_object(Bucket=bucket, Key=key)["Body"].read()


def main():
    with tempfile.TemporaryDirectory() as top:
        data, archive = os.path.join(top, "data"), os.path.join(top, "backup.tar")
        settings = {"Ocellus__Quotas__Projects": 100000, "Ocellus__Training__TimeBudget": "00:00:20"}
        server = Server(data, **settings)
        s3, rekognition = server.client("s3"), server.client("rekognition")
        for bucket in ("rows", "first", "second"):
            s3.create_bucket(Bucket=bucket)
        upload_cells(s3, train=6, test=6)
        project = rekognition.create_project(ProjectName="cells")["ProjectArn"]
        place = lambda name: {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{name}.manifest"}}}]}
        train = lambda name: rekognition.create_project_version(ProjectArn=project, VersionName=name, OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "out"}, TrainingData=place("train"), TestingData=place("test"))["ProjectVersionArn"]
        status = lambda client, name: client.describe_project_versions(ProjectArn=project, VersionNames=[name])["ProjectVersionDescriptions"][0]["Status"]
        running = train("running")
        until(lambda: status(rekognition, "running") != "TRAINING_IN_PROGRESS", 400, 0.5)
        rekognition.start_project_version(ProjectVersionArn=running, MinInferenceUnits=1)
        until(lambda: status(rekognition, "running") == "RUNNING")
        train("under-way")

        load = Load(server)
        until(lambda: min(load.written) > 5)
        done = ocellus("backup", "--data", data, "--out", archive, "--json")
        check("a backup beside a busy server", done.returncode == 0, done.stderr)
        told = json.loads(done.stdout)
        print(f"        {told}")
        check("it holds writers back for less than a second", told["heldSeconds"] < 1, told)
        check("its file is the user's alone", stat.S_IMODE(os.stat(archive).st_mode) == 0o600)
        check("it says that secrets are in it", "secrets" in ocellus("backup", "--data", data, "--out", archive, "--force").stderr)
        check("an existing file stays", ocellus("backup", "--data", data, "--out", archive).returncode == 1)
        after = list(load.written)
        until(lambda: min(load.written) > max(after) + 3)
        load.stop()
        check("the load had no failed request", not load.failures, load.failures[:1])
        check("nothing is left in the data directory", not os.path.exists(os.path.join(data, ".backup")))

        unpacked = os.path.join(top, "unpacked")
        with tarfile.open(archive) as tar:
            tar.extractall(unpacked, filter="data")
        check("sha256sum agrees", subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=unpacked, capture_output=True).returncode == 0)

        # Killed in the middle: no file, and the next one works. The restore likewise.
        for wait in (0.3, 0.6, 0.9, 1.2):
            killed = start("backup", "--data", data, "--out", os.path.join(top, "killed.tar"))
            time.sleep(wait)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
        check("a killed backup leaves no file under its name or a whole one", not os.path.exists(os.path.join(top, "killed.tar")) or ocellus("restore", "--in", os.path.join(top, "killed.tar"), "--data", os.path.join(top, "from-killed")).returncode == 0)
        check("and the server goes on writing", refusal(s3.put_object, Bucket="rows", Key="after", Body=b"") is None)
        check("and the next backup works", ocellus("backup", "--data", data, "--out", archive, "--force").returncode == 0)
        server.stop()

        restored = os.path.join(top, "restored")
        for wait in (0.2, 0.5, 0.8):
            killed = start("restore", "--in", archive, "--data", restored)
            time.sleep(wait)
            killed.send_signal(signal.SIGKILL)
            killed.wait()
            whole = os.path.exists(os.path.join(restored, "secret.key"))
            check("a killed restore leaves nothing or everything", whole or not os.path.exists(restored), os.path.exists(restored) and os.listdir(restored))
            if whole:
                break
        done = ocellus("restore", "--in", archive, "--data", restored, "--json")
        check("the next restore works", done.returncode == 0 or whole, done.stderr)
        check("a second one into the same folder is refused", "not empty" in ocellus("restore", "--in", archive, "--data", restored).stderr)
        with open(archive, "rb") as file, open(os.path.join(top, "cut.tar"), "wb") as cut:
            cut.write(file.read()[:-20000])
        done = ocellus("restore", "--in", os.path.join(top, "cut.tar"), "--data", os.path.join(top, "cut"))
        check("a cut backup is refused and leaves nothing", done.returncode == 1 and "cut off" in done.stderr and not os.path.exists(os.path.join(top, "cut")) and not os.path.exists(os.path.join(top, "cut.restoring")), done.stderr)
        with open(archive, "r+b") as file:
            whole = file.read()
            at = whole.index(b"\xff\xd8\xff") + 100
            file.seek(at)
            file.write(bytes([whole[at] ^ 1]))
        done = ocellus("restore", "--in", archive, "--data", os.path.join(top, "damaged"))
        check("a damaged file is named", done.returncode == 1 and "is damaged" in done.stderr and not os.path.exists(os.path.join(top, "damaged")), done.stderr)

        again = Server(restored, **settings)
        s3, rekognition = again.client("s3"), again.client("rekognition")
        until(lambda: status(rekognition, "running") == "RUNNING")
        check("a running model runs again", status(rekognition, "running") == "RUNNING")
        with open(os.path.join(ROOT, "samples", "cells", "test", "red-001.jpg"), "rb") as image:
            check("and answers", rekognition.detect_custom_labels(ProjectVersionArn=running, Image={"Bytes": image.read()})["ResponseMetadata"]["HTTPStatusCode"] == 200)
        until(lambda: status(rekognition, "under-way") != "TRAINING_IN_PROGRESS", 400, 0.5)
        check("the training that was under way is done", status(rekognition, "under-way") == "TRAINING_COMPLETED", status(rekognition, "under-way"))
        again.stop()

        # The first archive, taken under load: database and objects of one moment.
        moment = Server(compose(unpacked, os.path.join(top, "moment")), **settings)
        s3, rekognition = moment.client("s3"), moment.client("rekognition")
        names = {p["ProjectArn"].split("/")[1] for page in rekognition.get_paginator("describe_projects").paginate() for p in page["ProjectDescriptions"]} - {"cells"}
        keys = {o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="rows") for o in page.get("Contents", [])}
        check(f"of each of {len(names)} rows the object is there", len(names) > 10 and names <= keys, sorted(names - keys)[:5])
        check("with its content", all(content(s3, "rows", name) == name.encode() for name in names))
        check("no more objects are without a row than were being written", len(keys - names) <= len(load.threads), sorted(keys - names)[:9])
        for worker in range(len(load.threads)):
            first, second = (int(content(s3, bucket, f"w{worker}")) for bucket in ("first", "second"))
            check("the first of two objects is not older than the second", 0 <= first - second <= 1, (first, second))
        moment.stop()

        small = os.path.join(top, "small")
        os.mkdir(small)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], capture_output=True).returncode == 0:
            try:
                for words in (["backup", "--data", data, "--out", os.path.join(small, "b.tar")], ["restore", "--in", os.path.join(top, "full.tar"), "--data", os.path.join(small, "data")]):
                    if words[0] == "restore":
                        ocellus("backup", "--data", data, "--out", os.path.join(top, "full.tar"))
                    done = ocellus(*words)
                    check(f"{words[0]} on a full disk says so and leaves nothing", done.returncode == 1 and "Nothing is left" in done.stderr and not os.listdir(small), (done.stderr, os.listdir(small)))
            finally:
                subprocess.run(["umount", "-l", small], capture_output=True)
    return summary()


def compose(unpacked, target):
    """The files of an archive that tar took apart, as a data directory: the same that restore makes."""
    for name in ("backup.json", "SHA256SUMS"):
        os.remove(os.path.join(unpacked, name))
    os.rename(unpacked, target)
    return target


if __name__ == "__main__":
    sys.exit(main())
