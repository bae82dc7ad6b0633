"""A machine in a bad way: a damaged database, a folder that cannot be written, more connections than file descriptors. The server says what is wrong and what to do, loses nothing without
a word, and where it can it lives on and recovers. Needs `boto3` (Debian: python3-boto3); the folder that cannot be written needs the right to mount.

usage: bad_machine.py      (starts ./ocellus serve on free ports and temporary data directories)
"""
import hashlib, os, shutil, socket, subprocess, sys, tempfile

from harness import ROOT, Server, check, free_port, refusal, summary, until

OCELLUS = os.path.join(ROOT, "ocellus")
FILES = 420


def tree(path):
    """Hashes of all files, but of the lock, which is open, and what SQLite makes beside a database to read it."""
    skipped = ("lock", "ocellus.db-shm", "ocellus.db-wal")
    return {os.path.relpath(os.path.join(d, f), path): hashlib.sha256(open(os.path.join(d, f), "rb").read()).hexdigest() for d, _, fs in os.walk(path) for f in fs if f not in skipped}


def refuses(name, data, *words):
    """The server does not start, with exit code 1, and says these words and no stack trace."""
    done = subprocess.run([OCELLUS, "serve", "--data", data, "--urls", f"http://127.0.0.1:{free_port()}"], capture_output=True, text=True, timeout=120)
    check(f"{name}: the server refuses to start with exit code 1", done.returncode == 1, (done.returncode, done.stderr[-500:]))
    missing = [w for w in words if w not in done.stderr]
    check(f"{name}: it says what is wrong and what to do", not missing and "   at " not in done.stderr, (missing, done.stderr[-800:]))


def damaged(top):
    data = os.path.join(top, "data")
    server = Server(data)
    rekognition = server.client("rekognition")
    for n in range(60):
        rekognition.create_project(ProjectName=f"p{n}", Tags={f"tag{i}": "x" * 200 for i in range(10)})
    check("the server stops with code 0", server.stop() == 0)
    kept = os.path.join(top, "kept")
    shutil.copytree(data, kept)

    database = os.path.join(data, "ocellus.db")
    size = os.path.getsize(database)
    for name, place, content in (("a page in the middle is overwritten", size // 2 // 4096 * 4096, os.urandom(4096)), ("the file's head is overwritten", 0, b"\0" * 100), ("the file is cut", None, None)):
        with open(database, "r+b") as file:
            if content:
                file.seek(place)
                file.write(content)
            else:
                file.truncate(size // 3)
        before = tree(data)
        refuses(name, data, "damaged", "backup", "ocellus doctor")
        check(f"{name}: nothing was changed", tree(data) == before)
        if place:
            doctor = subprocess.run([OCELLUS, "doctor", "--data", data, "--json"], capture_output=True, text=True, timeout=300)
            check("ocellus doctor names the damaged database", doctor.returncode == 1 and "is damaged" in doctor.stdout and "backup" in doctor.stdout, doctor.stdout[-800:])
        shutil.copy(os.path.join(kept, "ocellus.db"), database)

    server = Server(data)
    names = {p["ProjectName"] if "ProjectName" in p else p["ProjectArn"].split("/")[1] for page in server.client("rekognition").get_paginator("describe_projects").paginate() for p in page["ProjectDescriptions"]}
    check("with the backup put back everything is there", names == {f"p{n}" for n in range(60)}, names)
    server.stop()


def damaged_object(top):
    data = os.path.join(top, "torn")
    log = open(os.path.join(top, "torn.log"), "w+")
    server = Server(data, log=log)
    s3 = server.client("s3")
    s3.create_bucket(Bucket="bucket")
    for key in ("whole", "torn"):
        s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
    server.stop()
    files = [os.path.join(d, f) for d, _, fs in os.walk(os.path.join(data, "objects")) for f in fs if f.endswith(".json") and f != "bucket.json"]
    file = next(f for f in files if '"Key":"torn"' in open(f).read())
    text = open(file).read()
    open(file, "w").write(text[:150])

    server.start()
    check("with a damaged object the others are served", s3.get_object(Bucket="bucket", Key="whole")["Body"].read() == b"whole")
    check("a damaged object is not served, and not said to be absent", refusal(s3.get_object, Bucket="bucket", Key="torn") == "InternalError")
    check("the log names the damaged file", until(lambda: file in open(log.name).read(), 10), open(log.name).read()[-500:])
    doctor = [OCELLUS, "doctor", "--data", data, "--urls", f"http://127.0.0.1:{free_port()}", "--json"]
    found = subprocess.run(doctor, capture_output=True, text=True, timeout=300)
    check("ocellus doctor finds it beside the server", found.returncode == 1 and file in found.stdout and "--repair" in found.stdout, found.stdout[-800:])
    busy = subprocess.run([*doctor, "--repair"], capture_output=True, text=True, timeout=300)
    check("ocellus doctor --repair wants the server stopped", busy.returncode == 1 and "stop it" in busy.stderr, busy.stderr[-800:])
    check("the server stops with code 0 all the same", server.stop() == 0)
    mended = subprocess.run([*doctor, "--repair"], capture_output=True, text=True, timeout=300)
    check("ocellus doctor --repair mends it and tells", "is restored" in mended.stdout, mended.stdout[-800:])
    server.start()
    check("the mended object is served", s3.get_object(Bucket="bucket", Key="torn")["Body"].read() == b"torn")
    server.stop()

    objects = os.path.join(data, "objects")
    os.rename(objects, objects + ".kept")
    open(objects, "w").close()
    refuses("a file where the object store should be", data, "Move the file away", objects)


def read_only(top):
    disk = os.path.join(top, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=32m", "tmpfs", disk], capture_output=True).returncode:
        print("skipped: no right to mount a tmpfs")
        return
    try:
        os.mkdir(os.path.join(disk, "data"))
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        refuses("a folder that cannot be written", os.path.join(disk, "data"), "cannot be written", "--data")
        refuses("a folder that cannot be made", os.path.join(disk, "other"), "cannot be created")
    finally:
        subprocess.run(["umount", "-l", disk], capture_output=True)


def in_use(top):
    data = os.path.join(top, "used")
    server = Server(data)
    refuses("a folder of another server", data, "in use by another Ocellus server", "--data")
    server.stop()


def out_of_files(top):
    """Many more connections than there are file descriptors: those too many are closed, the process lives, and all is as before once they are gone."""
    data = os.path.join(top, "files")
    # The log has a line for each connection that is closed.
    log = open(os.path.join(top, "files.log"), "wb")
    server = Server(data, log=log, shell=f"ulimit -n {FILES}; ")
    s3, rekognition = server.client("s3"), server.client("rekognition")
    s3.create_bucket(Bucket="pictures")
    s3.put_object(Bucket="pictures", Key="before", Body=b"x" * 1000)
    held, closed = [], 0
    for _ in range(FILES + 80):
        connection = socket.create_connection(("127.0.0.1", server.port), 5)
        connection.settimeout(0.2 if len(held) > 40 else 0.01)
        try:
            # Nothing comes from a connection that is taken; one too many ends.
            closed += connection.recv(1) == b""
        except ConnectionError:
            closed += 1
        except TimeoutError:
            held.append(connection)
    used = lambda: len(os.listdir(f"/proc/{server.process.pid}/fd"))
    check(f"of {FILES + 80} connections {len(held)} are taken and {closed} closed", closed > 300 and len(held) < FILES // 2, (len(held), closed))
    check("the server lives and has descriptors left", server.process.poll() is None and used() < FILES, server.process.poll())
    # On the connections of the clients that were there before.
    check("who was there is served", s3.get_object(Bucket="pictures", Key="before")["Body"].read() == b"x" * 1000)
    for connection in held:
        connection.close()
    check("it takes objects and projects again", until(lambda: tried(s3.put_object, Bucket="pictures", Key="after", Body=b"z"), 30) and until(lambda: tried(rekognition.create_project, ProjectName="after"), 30))
    check("what was there is there", s3.get_object(Bucket="pictures", Key="before")["Body"].read() == b"x" * 1000)
    check("it ends with code 0", server.stop() == 0)
    log.close()
    left = [f for d, _, fs in os.walk(data) for f in fs if f.endswith(".tmp")]
    check("no half-written file is left", not left, left)


def tried(call, **arguments):
    """Whether a call was taken; a connection that is closed again was not."""
    from botocore.exceptions import BotoCoreError

    try:
        return refusal(call, **arguments) is None
    except BotoCoreError:
        return False


def main():
    with tempfile.TemporaryDirectory() as top:
        damaged(top)
        damaged_object(top)
        read_only(top)
        in_use(top)
        out_of_files(top)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
