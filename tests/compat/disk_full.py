"""A disk that is full while a model trains, while data are imported and while they are converted: the server lives, nothing is lost or half done, and
everything works once there is room again.

usage: disk_full.py      (needs the right to mount a small tmpfs; says 'skipped' without it)
"""
import json, os, subprocess, sys, tempfile

from harness import ROOT, Server, check, summary, until, upload_cells

MEGABYTE = 1 << 20
OCELLUS = os.path.join(ROOT, "ocellus")


def fill(disk, left):
    """Fills the disk but for some bytes; gives the file that has to go to make room."""
    filler = os.path.join(disk, "filler")
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    with open(filler, "wb") as file:
        for _ in range((free - left) // MEGABYTE):
            file.write(bytes(MEGABYTE))
        file.write(bytes((free - left) % MEGABYTE))
    return filler


def photos(folder, count, size):
    """Pictures that are as large as photographs, in a folder a label: what follows the end of a JPEG is no part of it."""
    with open(os.path.join(ROOT, "samples", "cells", "test", "red-001.jpg"), "rb") as file:
        picture = file.read()
    for i in range(count):
        name = os.path.join(folder, ("rose", "tulip")[i % 2], f"{i:03d}.jpg")
        os.makedirs(os.path.dirname(name), exist_ok=True)
        with open(name, "wb") as file:
            file.write(picture + os.urandom(size - len(picture)))


def convert(top, disk):
    """A disk that is full in the middle of a conversion: one sentence, and nothing is left but what was there."""
    source, out = os.path.join(top, "photos"), os.path.join(disk, "out")
    filler = fill(disk, 4 * MEGABYTE)
    before = sorted(os.listdir(disk))
    end = subprocess.run([OCELLUS, "convert", source, "--out", out], capture_output=True, text=True)
    said = [line for line in end.stderr.splitlines() if line.startswith("ocellus:")]
    check("a conversion that fills the disk says so in one sentence", end.returncode == 1 and len(said) == 1 and "space" in said[0].lower(), end.stderr)
    check("and leaves nothing half done", sorted(os.listdir(disk)) == before, os.listdir(disk))
    os.remove(filler)
    end = subprocess.run([OCELLUS, "convert", source, "--out", out], capture_output=True, text=True)
    check("with room again it converts all", end.returncode == 0 and "40 images" in end.stdout, end.stdout + end.stderr)
    subprocess.run(["rm", "-r", out], check=True)


def bring(top, disk, server):
    """A disk that is full in the middle of an import: the server lives, and the same command goes on where it was."""
    words = [OCELLUS, "import", os.path.join(top, "photos"), "--project", "photos", "--url", server.url, "--data", server.data, "--json"]
    filler = fill(disk, 8 * MEGABYTE)
    end = subprocess.run(words, capture_output=True, text=True)
    said = [line for line in end.stderr.splitlines() if line.startswith("ocellus:")]
    check("an import that fills the server's disk ends with a sentence", end.returncode == 1 and len(said) == 1 and "Unexpected" not in said[0], end.stderr)
    print(f"        {said}")
    check("and the server lives", server.process.poll() is None and server.client("rekognition").describe_projects() is not None)
    os.remove(filler)
    end = subprocess.run(words, capture_output=True, text=True)
    check("with room again it goes on", end.returncode == 0, end.stdout + end.stderr)
    result = json.loads(end.stdout or "{}")
    check("and brings what was missing alone", result.get("picturesKept", 0) > 0 and result.get("picturesKept", 0) + result.get("picturesUploaded", 0) == 40, result)
    check("all entries are there, none twice", [d["total"] for d in result.get("datasets", [])] == [40], result)


def main():
    with tempfile.TemporaryDirectory() as top:
        disk = os.path.join(top, "disk")
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", disk], capture_output=True).returncode:
            print("skipped: no right to mount a tmpfs")
            return summary()
        try:
            server = Server(os.path.join(disk, "data"), Ocellus__Training__TimeBudget="00:00:10")
            s3, rekognition = server.client("s3"), server.client("rekognition")
            upload_cells(s3, train=6, test=6)
            project = rekognition.create_project(ProjectName="cells")["ProjectArn"]
            data = lambda name: [{"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{name}.manifest"}}}]
            train = lambda name: rekognition.create_project_version(ProjectArn=project, VersionName=name, OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "out"}, TrainingData={"Assets": data("train")}, TestingData={"Assets": data("test")})
            version = lambda name: rekognition.describe_project_versions(ProjectArn=project, VersionNames=[name])["ProjectVersionDescriptions"][0]

            filler = fill(disk, MEGABYTE // 2)
            train("full")
            # Three looks of the server and more: none of them may count against the training.
            until(lambda: version("full")["Status"] != "TRAINING_IN_PROGRESS", 75, 0.5)
            waiting = version("full")
            check("the training waits", waiting["Status"] == "TRAINING_IN_PROGRESS", waiting)
            print(f"        {waiting['StatusMessage']}")
            check("with a full disk the server goes on answering", len(rekognition.describe_projects()["ProjectDescriptions"]) == 1 and s3.head_object(Bucket="samples", Key="train.manifest")["ContentLength"] > 0)
            check("and lives", server.process.poll() is None)
            os.remove(filler)
            # Its lease may have to run out first.
            until(lambda: version("full")["Status"] != "TRAINING_IN_PROGRESS", 400, 0.5)
            check("and completes once there is room", version("full")["Status"] == "TRAINING_COMPLETED", version("full"))
            train("room")
            until(lambda: version("room")["Status"] != "TRAINING_IN_PROGRESS", 400, 0.5)
            check("with room again the next training completes", version("room")["Status"] == "TRAINING_COMPLETED", version("room"))
            photos(os.path.join(top, "photos"), 40, MEGABYTE // 2)
            bring(top, disk, server)
            check("the server ends with code 0", server.stop() == 0)
            subprocess.run(["rm", "-r", server.data], check=True)
            convert(top, disk)
        finally:
            subprocess.run(["umount", "-l", disk], capture_output=True)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
