"""What the client tests share: a real server on a free port, checks that count, waits that poll."""
import atexit, fcntl, json, os, re, shutil, signal, socket, struct, subprocess, time, urllib.error, urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
passed = failed = 0


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def heed():
    """For a process that is to heed Ctrl-C: a shell starts background jobs with it ignored, and that is handed down."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def check(name, ok, detail=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    print(("ok      " if ok else "FAILED  ") + name + ("" if ok else f": {detail}"), flush=True)


def summary():
    """The line that ./test counts by; the exit code."""
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


def until(condition, seconds=60, every=0.05):
    """Polls until the condition gives something true, and gives that; what it gave last when the time is up."""
    while True:
        began = time.monotonic()
        value = condition()
        if value or seconds < 0:
            return value
        time.sleep(every)
        # A test that was itself stopped for a while has not waited so long.
        seconds -= min(time.monotonic() - began, 5)


def line(name, label):
    """A manifest line with one image-level label, for a picture in the bucket 'pictures'."""
    return json.dumps({"source-ref": f"s3://pictures/{name}", "kind": 1, "kind-metadata": {"class-name": label, "confidence": 1, "type": "groundtruth/image-classification", "human-annotated": "yes", "creation-date": "2026-01-01T00:00:00"}})


def old_client():
    """Which of the AWS CLI and boto3 would talk to AWS itself, for it does not know AWS_ENDPOINT_URL; None if neither would."""
    import boto3

    words = shutil.which("aws") and subprocess.run(["aws", "--version"], capture_output=True, text=True)
    cli = words and re.search(r"aws-cli/(\d+)\.(\d+)", words.stdout + words.stderr)
    if cli and (int(cli[1]), int(cli[2])) < ((1, 29) if cli[1] == "1" else (2, 13)):
        return f"{cli[0]} is older than 1.29 or 2.13"
    return None if tuple(int(n) for n in boto3.__version__.split(".")[:2]) >= (1, 28) else f"boto3 {boto3.__version__} is older than 1.28"


def without_network():
    """The command that runs a program where there is no network; None where the system does not allow that."""
    works = lambda *words: shutil.which(words[0]) is not None and subprocess.run(words, capture_output=True).returncode == 0
    return next((words for words in (["unshare", "-n"], ["unshare", "-rn"]) if works(*words, "true")), None)


def raise_loopback():
    """What is started by without_network() has a loopback of its own, still down: any port on it is free."""
    get, put, up = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP
    with socket.socket() as any_socket:
        name = b"lo".ljust(16, b"\0")
        (flags,) = struct.unpack("16xh", fcntl.ioctl(any_socket, get, name + b"\0\0")[:18])
        fcntl.ioctl(any_socket, put, name + struct.pack("h", flags | up))


def upload_cells(s3, **most):
    """Puts so many pictures of each label of samples/cells, and their manifests, into the bucket 'samples'; for each part, as train=6. Gives the key of the last picture."""
    region = s3.meta.region_name
    s3.create_bucket(Bucket="samples", **({} if region in (None, "us-east-1", "aws-global") else {"CreateBucketConfiguration": {"LocationConstraint": region}}))
    for part, count in most.items():
        kept, counts = [], {}
        for text in open(os.path.join(ROOT, "samples", "cells", f"{part}.manifest")):
            label = json.loads(text)["cell-metadata"]["class-name"]
            counts[label] = counts.get(label, 0) + 1
            if counts[label] <= count:
                kept.append(text)
                key = json.loads(text)["source-ref"].split("/", 3)[3]
                s3.upload_file(os.path.join(ROOT, "samples", key), "samples", key)
        s3.put_object(Bucket="samples", Key=f"{part}.manifest", Body="".join(kept))
    return key


def refusal(call, **arguments):
    """The code of the error that a boto3 call ends with; None if it was accepted."""
    from botocore.exceptions import ClientError

    try:
        call(**arguments)
        return None
    except ClientError as error:
        return error.response["Error"]["Code"]


def refused(name, code, call, **arguments):
    """Checks that a boto3 call is refused with a code."""
    got = refusal(call, **arguments)
    check(f"{name}: {code}", got == code, got or "was accepted")


class Server:
    """./ocellus serve on a data directory; more arguments; its log in a file that is open, what a shell does before it, settings as environment variables."""

    def __init__(self, data, arguments=(), log=None, shell="", **settings):
        self.data, self.arguments, self.log, self.shell, self.port = data, arguments, log, shell, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {**os.environ, **{k: str(v) for k, v in settings.items()}}
        self.start()
        # A test that breaks off leaves no server behind.
        atexit.register(lambda: self.process.poll() is None and self.kill())

    def start(self):
        self.process = subprocess.Popen(["sh", "-c", self.shell + 'exec "$0" "$@"', os.path.join(ROOT, "ocellus"), "serve", "--data", self.data, "--urls", self.url, *self.arguments], stdout=subprocess.DEVNULL, stderr=self.log, env=self.environment)
        if not until(lambda: self.is_ready() or self.process.poll() is not None, 240, 0.02) or self.process.poll() is not None:
            raise SystemExit(f"the server did not become ready: {self.process.poll()}")

    def is_ready(self):
        try:
            return urllib.request.urlopen(self.url + "/health/ready", timeout=2).status == 200
        except (urllib.error.URLError, OSError):
            return False

    def client(self, service):
        import boto3
        from botocore.config import Config

        os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.path.join(self.data, "credentials")
        return boto3.Session().client(service, endpoint_url=self.url, config=Config(retries={"max_attempts": 1}))

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        return self.process.wait(60)

    def restart_after_kill(self):
        self.kill()
        self.start()
