"""A disk that is full while a model trains: the server lives, nothing is lost, and trainings work once there is room again.

usage: disk_full.py      (needs the right to mount a small tmpfs; says 'skipped' without it)
"""
import os, subprocess, sys, tempfile

from harness import Server, check, summary, until, upload_cells

MEGABYTE = 1 << 20


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

            filler = os.path.join(disk, "filler")
            free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
            with open(filler, "wb") as file:
                file.write(bytes(free - MEGABYTE // 2))
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
            check("the server ends with code 0", server.stop() == 0)
        finally:
            subprocess.run(["umount", "-l", disk], capture_output=True)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
