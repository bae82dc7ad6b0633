"""Who can read what: rights of the data directory, the environment of the training process, and signatures in the log, with the real server.

usage: private_data.py
"""
import os, re, stat, subprocess, sys, tempfile, urllib.error, urllib.request

from harness import ROOT, Server, check, summary, until, upload_cells

SECRETS = {"AWS_SECRET_ACCESS_KEY": "fake-aws-secret-47", "Ocellus__S3__SecretKey": "fake-store-secret-48", "DATABASE_PASSWORD": "fake-password-49", "TORCH_HUB_TOKEN": "fake-token-50"}


def open_to_others(top):
    """What others than its owner have any right on."""
    paths = [top] + [os.path.join(folder, name) for folder, folders, files in os.walk(top) for name in folders + files]
    found = []
    for path in paths:
        try:
            mode = stat.S_IMODE(os.lstat(path).st_mode)
        except FileNotFoundError:
            continue
        if mode & 0o077 and os.path.basename(path) != ".gitignore":
            found.append(f"{path} {mode:o}")
    return found


def children(pid):
    """Ids of a process and all below it."""
    ids = [pid]
    for task in os.listdir(f"/proc/{pid}/task"):
        for child in open(f"/proc/{pid}/task/{task}/children").read().split():
            ids += children(int(child))
    return ids


def signed_everything(server):
    """Requests whose signatures are right, and some that are wrong; gives every signature and token that was sent."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    s3, rekognition = server.client("s3"), server.client("rekognition")
    sent = []
    for client in (s3, rekognition):
        client.meta.events.register("before-send", lambda request, **_: sent.append(request.headers["Authorization"].decode() if isinstance(request.headers["Authorization"], bytes) else request.headers["Authorization"]))
    s3.put_object(Bucket="samples", Key="one", Body=b"1")
    rekognition.describe_projects()
    signatures = [re.search("Signature=([0-9a-f]{64})", text)[1] for text in sent]

    import boto3
    from botocore.config import Config

    four = boto3.client("s3", endpoint_url=server.url, config=Config(signature_version="s3v4"))
    link = four.generate_presigned_url("get_object", Params={"Bucket": "samples", "Key": "one"})
    signatures.append(re.search("X-Amz-Signature=([^&]+)", link)[1])
    check("a link is answered", urllib.request.urlopen(link).read() == b"1")
    broken = link.replace("one", "other")
    for target in (broken, link + "&%zz", link.replace("?", "/?x=1&")):
        try:
            urllib.request.urlopen(target)
        except urllib.error.HTTPError as error:
            answer = error.read().decode()
            check("an error does not repeat the signature", signatures[-1] not in answer, answer)

    # Not even HTTP: the web framework would write the line down.
    import socket
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.sendall(f"GET {link.split(str(server.port), 1)[1]} HTTP/9.9\r\n\r\n".encode())
        raw.recv(1000)

    form = four.generate_presigned_post("samples", "form")
    signatures += [form["fields"]["x-amz-signature"], form["fields"]["policy"]]
    boundary = "b0undary"
    body = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in {**form["fields"], "file": "x"}.items()) + f"--{boundary}--\r\n"
    for text in (body, body.replace("form\r\n", "farm\r\n")):
        try:
            urllib.request.urlopen(urllib.request.Request(server.url + "/samples", text.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"}))
        except urllib.error.HTTPError as error:
            error.read()

    # A right signature of another request, a token that stands alone, a signature of the older kind.
    for name, value in (("Authorization", sent[-1]), ("Authorization", "lonely-token-51"), ("Authorization", "AWS AKIDEXAMPLE:b2xkLXNpZ25hdHVyZS01Mg=="), ("Authorization", "Bearer bearer-token-53")):
        for path, extra in (("/", {"X-Amz-Target": "RekognitionService.DescribeProjects", "X-Amz-Date": "20260101T000000Z"}), ("/samples/one", {"X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD"})):
            try:
                urllib.request.urlopen(urllib.request.Request(server.url + path, b"{}" if path == "/" else None, {name: value, **extra}))
            except urllib.error.HTTPError as error:
                error.read()
    signatures += ["lonely-token-51", "b2xkLXNpZ25hdHVyZS01Mg==", "bearer-token-53"]

    # A wrong secret: the signature that came is as good as one, for whoever finds out which was meant.
    keys = dict(line.split(" = ") for line in open(os.path.join(server.data, "credentials")).read().splitlines() if " = " in line)
    request = AWSRequest("POST", server.url + "/", data="{}", headers={"X-Amz-Target": "RekognitionService.DescribeProjects", "Content-Type": "application/x-amz-json-1.1"})
    SigV4Auth(Credentials(keys["aws_access_key_id"], "wrong"), "rekognition", "us-east-1").add_auth(request)
    signatures.append(re.search("Signature=([0-9a-f]{64})", request.headers["Authorization"])[1])
    try:
        urllib.request.urlopen(urllib.request.Request(server.url + "/", b"{}", dict(request.headers)))
    except urllib.error.HTTPError as error:
        answer = error.read().decode()
        check("a refusal names the access key", keys["aws_access_key_id"] in answer, answer)
        check("and not the signature", signatures[-1] not in answer, answer)
    return signatures + [keys["aws_secret_access_key"]]


def main():
    with tempfile.TemporaryDirectory() as top:
        os.chmod(top, 0o755)
        data = os.path.join(top, "data")
        log = open(os.path.join(top, "log"), "w+")
        # A mask that would leave everything open, and the noisiest log there is, asked for in every way.
        server = Server(data, ["--log-level", "Trace"], log, "umask 000; ", Ocellus__Training__TimeBudget="00:00:10", Logging__LogLevel__Default="Trace", Logging__LogLevel__Microsoft="Trace", **SECRETS,
                        **{"Logging__LogLevel__Microsoft.AspNetCore.Hosting.Diagnostics": "Trace", "Logging__Console__LogLevel__Microsoft.AspNetCore": "Trace"})
        for name in SECRETS:
            os.environ.pop(name, None)
        s3, rekognition = server.client("s3"), server.client("rekognition")
        upload_cells(s3, train=6, test=6)
        project = rekognition.create_project(ProjectName="cells")["ProjectArn"]
        place = lambda name: {"Assets": [{"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{name}.manifest"}}}]}
        rekognition.create_project_version(ProjectArn=project, VersionName="one", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "out"}, TrainingData=place("train"), TestingData=place("test"))

        seen = until(lambda: [i for i in children(server.process.pid) if b"train-job" in open(f"/proc/{i}/cmdline", "rb").read()], 120)
        check("the training runs in a process of its own", bool(seen))
        environment = open(f"/proc/{seen[0]}/environ", "rb").read().decode()
        check("none of the server's secrets is in its environment", not any(v in environment or n + "=" in environment for n, v in SECRETS.items()), environment)
        check("what the runtime reads is", "PATH=" in environment and "GLIBC_TUNABLES=" in environment, environment)
        version = lambda: rekognition.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"][0]["Status"]
        until(lambda: any(f.startswith("checkpoint") or f == "training.log" for _, d, files in os.walk(os.path.join(data, "jobs")) for f in files + d) or version() != "TRAINING_IN_PROGRESS", 120)
        found = open_to_others(data)
        check("nothing in the data directory is open to others while a model trains", not found, found[:5])
        until(lambda: version() != "TRAINING_IN_PROGRESS", 400, 0.5)
        check("it completes with what it was told", version() == "TRAINING_COMPLETED", version())
        found = open_to_others(data)
        check("nor when it has", not found, found[:5])

        signatures = signed_everything(server)
        check("the server ends with code 0", server.stop() == 0)
        log.seek(0)
        text = log.read()
        check("the log is full", "dbug" in text or "trce" in text, text[:300])
        for secret in [*signatures, *SECRETS.values()]:
            at = text.find(secret)
            check("no signature, token or secret is in the log", at < 0, text[max(0, at - 300):at + 100])

        # A folder of an earlier version, as open as they were.
        for folder, folders, files in os.walk(data):
            for name in folders + files:
                path = os.path.join(folder, name)
                os.chmod(path, os.stat(path).st_mode | (0o055 if os.path.isdir(path) else 0o044))
        os.chmod(data, 0o755)
        os.remove(os.path.join(data, ".gitignore"))
        server.start()
        at_top = [e for e in os.listdir(data) if e != ".gitignore" and stat.S_IMODE(os.stat(os.path.join(data, e)).st_mode) & 0o077]
        check("an open data directory is closed at the start", stat.S_IMODE(os.stat(data).st_mode) == 0o700 and not at_top, at_top)
        out = os.path.join(top, "model.zip")
        arn = rekognition.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"][0]["ProjectVersionArn"]
        key = os.path.join(top, "key")
        for words, file in ((["export", arn, "--out", out], out), (["keys", "create", "--name", "a", "--policy", "inference", "--credentials", key], key)):
            done = subprocess.run(["sh", "-c", 'umask 000; exec "$0" "$@"', os.path.join(ROOT, "ocellus"), *words, "--data", data], capture_output=True, text=True)
            check(f"what {words[0]} writes is the user's alone", done.returncode == 0 and stat.S_IMODE(os.stat(file).st_mode) == 0o600, done.stderr)
        server.stop()

        repository = os.path.join(top, "clone")
        os.mkdir(repository)
        if subprocess.run(["git", "init", "-q", repository], capture_output=True).returncode == 0:
            inside = Server(os.path.join(repository, "data"))
            inside.stop()
            status = subprocess.run(["git", "-C", repository, "status", "--porcelain", "--untracked-files=all"], capture_output=True, text=True).stdout
            check("a data directory in a clone is no file of it", status == "", status)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
