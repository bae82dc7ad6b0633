"""Nothing leaves the machine: a server with a running model that idles, a training, `detect`, `doctor` and an exported predict.py run in a network
namespace that has only its loopback, under `strace`. None may look a name up or send anything beyond the loopback, and none may make or write a file
outside its data directory, its output and the temporary directory; the home folder stays empty. Needs `strace`, a kernel that allows network namespaces,
and `boto3` (Debian: strace, util-linux, python3-boto3), and says so where one is missing.

usage: offline.py      (runs ./ocellus in a temporary folder)
"""
import configparser, glob, ipaddress, json, os, re, shutil, socket, subprocess, sys, tempfile, time, urllib.parse, urllib.request, zipfile

from harness import ROOT, Server, check, raise_loopback, summary, until, upload_cells, without_network
from predict_py import python

PROGRAM = os.path.join(ROOT, "artifacts", "publish", "Ocellus", "release", "Ocellus.dll")
PICTURES = os.path.join(ROOT, "samples", "cells")
# Seconds. Left alone, ONNX Runtime looked up where to report its use 20 times in 75.
IDLE = 30
PATIENCE = 600
# What a library may take for a wish of the user, or for a machine where nobody is to be measured: the programs must be silent without any of them.
HUSHES = """CI TF_BUILD GITHUB_ACTIONS GITLAB_CI CIRCLECI TRAVIS JENKINS_URL CODEBUILD_BUILD_ID BUILDKITE TEAMCITY_VERSION APPVEYOR
    BITBUCKET_BUILD_NUMBER SYSTEM_TEAMFOUNDATIONCOLLECTIONURI DO_NOT_TRACK""".split()
HUSHED = re.compile("|".join(HUSHES) + r"|(ORT|XDG|AWS|OTEL)_.*|.*TELEMETRY.*|.*_PROXY", re.IGNORECASE)
SENDS = ("connect", "sendto", "sendmsg", "sendmmsg", "io_uring_setup")
OPENS = ("open", "openat", "openat2")
MAKES = ("creat", "mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "truncate")
TRACE = ["strace", "-f", "--seccomp-bpf", "-y", "-s", "64", "-e", "trace=" + ",".join(SENDS + OPENS + MAKES)]
LINE = re.compile(r"^\d+\s+(?P<call>\w+)\((?P<rest>.*)$")
UNFINISHED = "<unfinished ...>"
RESUMED = re.compile(r"^\d+\s+<\.\.\. \w+ resumed>")
PATH = re.compile(r'(?:(?:AT_FDCWD|\d+)<(?P<folder>[^>]*)>, )?"(?P<path>(?:[^"\\]|\\.)*)"')
WRITES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_TMPFILE")


def can_trace():
    words = ["strace", "-f", "--seccomp-bpf", "-o", os.devnull, "-e", "trace=connect", "true"]
    return shutil.which(words[0]) is not None and subprocess.run(words, capture_output=True).returncode == 0


class Machine:
    """Folders of a user with an empty home, and what became of them."""

    def __init__(self, top):
        self.top, self.traces = top, 0
        self.home, self.work, self.data, temporary = (os.path.join(top, name) for name in ("home", "work", "data", "tmp"))
        for folder in (self.home, self.work, temporary):
            os.mkdir(folder)
        self.own = (self.work, self.data, temporary)
        for name in [n for n in os.environ if HUSHED.fullmatch(n)]:
            del os.environ[name]
        os.environ.update(HOME=self.home, TMPDIR=temporary, PYTHONDONTWRITEBYTECODE="1")

    def trace(self):
        self.traces += 1
        return os.path.join(self.top, f"trace-{self.traces}")

    def run(self, name, *words, code=0, environment=None):
        """Runs a program to its end and judges it; what it wrote to standard output."""
        trace = self.trace()
        environment = {**os.environ, **(environment or {})}
        done = subprocess.run([*TRACE, "-o", trace, *words], cwd=self.work, env=environment, capture_output=True, text=True, timeout=PATIENCE)
        check(f"{name} does its work", done.returncode == code, (done.returncode, done.stderr[-600:]))
        self.judge(name, trace)
        return done.stdout

    def judge(self, name, trace):
        sent, written = self.deeds(trace)
        check(f"{name}: nothing is sent and no name is looked up beyond the loopback", not sent, sorted(sent)[:10])
        check(f"{name}: nothing is written but to the data directory, the output and the temporary directory", not written, sorted(written)[:10])
        left = [os.path.join(folder, file) for folder, _, files in os.walk(self.home) for file in files]
        check(f"{name}: the home folder stays empty", not os.listdir(self.home), left[:10])

    @staticmethod
    def calls(trace):
        """The lines of a trace; a call that another thread came in between of is one line again, with its result."""
        begun = {}
        for text in open(trace, errors="replace"):
            thread = text.split(" ", 1)[0]
            resumed = RESUMED.match(text)
            if text.endswith(UNFINISHED + "\n"):
                begun[thread] = text[: -len(UNFINISHED) - 1]
            elif resumed and thread in begun:
                yield begun.pop(thread) + text[resumed.end():]
            else:
                yield text
        yield from begun.values()

    def deeds(self, trace):
        """What a trace tells of messages that left, and of files that are not the machine's own."""
        sent, written = set(), set()
        for text in self.calls(trace):
            match = LINE.match(text)
            if match is None:
                continue
            call, rest = match["call"], match["rest"]
            if call in SENDS:
                sent |= {f"{call} {address}" for address in self.far(call, rest)}
                continue
            found = [os.path.normpath(os.path.join(self.work, p["folder"] or "", p["path"])) for p in PATH.finditer(rest)]
            if call in OPENS and "O_CREAT" not in rest and (" = -1 " in rest or not WRITES.search(rest)):
                sent |= {f"{call} {path}" for path in found if path == "/etc/resolv.conf"}
            elif not (call.startswith("mkdir") and " = -1 EEXIST " in rest):
                # A folder that is there already is not made. A link is made where its second name says.
                written |= {f"{call} {path}" for path in found[-1:] if not self.is_own(path)}
        return sent, written

    def is_own(self, path):
        return path in ("/dev/null", "/dev/tty") or path.startswith(("/proc/", *(folder + "/" for folder in self.own))) or path in self.own

    def far(self, call, rest):
        """The addresses of a call that are not this machine's."""
        if call == "io_uring_setup":
            yield "(what goes through it is not seen)"
        for family, more in re.findall(r"sa_family=(AF_\w+)([^}]*)", rest):
            port, host = re.search(r"port=htons\((\d+)\)", more), re.search(r'"([0-9a-f.:]+)"', more)
            if family in ("AF_INET", "AF_INET6") and host and port:
                address = ipaddress.ip_address(host[1])
                if not (getattr(address, "ipv4_mapped", None) or address).is_loopback or port[1] == "53":
                    yield f"{host[1]} port {port[1]}"
            elif family == "AF_UNIX":
                path = re.search(r'sun_path="([^"]*)"', more)
                if path and not self.is_own(path[1]):
                    yield path[1]
            elif family != "AF_NETLINK":
                yield family + more


def control(machine):
    """What is looked for is found in a program that does it."""
    trace, file = machine.trace(), os.path.join(machine.home, "file")
    program = f"""
import os, socket
open({file!r}, "w").close()
os.rename({file!r}, {file + "2"!r})
os.remove({file + "2"!r})
for act in (lambda: socket.create_connection(("192.0.2.1", 9)), lambda: socket.getaddrinfo("example.com", 80)):
    try:
        act()
    except OSError:
        pass
"""
    subprocess.run([*TRACE, "-o", trace, sys.executable, "-c", program], check=True, timeout=PATIENCE, stderr=subprocess.DEVNULL)
    sent, written = machine.deeds(trace)
    check("a program that sends, looks up and writes is seen", "connect 192.0.2.1 port 9" in sent and "openat /etc/resolv.conf" in sent, sent)
    check("and its files too", {f"openat {file}", f"rename {file}2"} <= written, written)


def subset(machine, part, count):
    """A manifest of the first pictures of each label."""
    kept, counts = [], {}
    for text in open(os.path.join(PICTURES, f"{part}.manifest")):
        label = json.loads(text)["cell-metadata"]["class-name"]
        counts[label] = counts.get(label, 0) + 1
        if counts[label] <= count:
            kept.append(text)
    with open(os.path.join(machine.work, f"{part}.manifest"), "w") as file:
        file.writelines(kept)


def verbs(machine):
    """The launcher's training, then what its model answers to: the program without the launcher, and an exported predict.py."""
    subset(machine, "train", 6)
    subset(machine, "test", 2)
    pictures = sorted(glob.glob(os.path.join(PICTURES, "test", "*")))[:3]
    machine.run("train", os.path.join(ROOT, "ocellus"), "train", "--manifest", "train.manifest", "--test-manifest", "test.manifest",
                "--images", PICTURES, "--out", "model.zip", "--time-budget", "00:00:10")
    answers = machine.run("detect", "dotnet", PROGRAM, "detect", "model.zip", *pictures, "--json")
    check("detect: an answer for each picture", answers.count("CustomLabels") == len(pictures), answers)
    # A server's address that is taken is asked whether a server of ours has it: not through a proxy. It may find a problem of this machine, too.
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address, far = f"http://127.0.0.1:{taken.getsockname()[1]}", "http://192.0.2.1:3128"
        machine.run("doctor", "dotnet", PROGRAM, "doctor", "--data", machine.work, "--urls", address, code=1, environment={"http_proxy": far, "all_proxy": far})

    program, has_package = python()
    if program is None:
        print("skipped: predict.py; no Python here has numpy and Pillow (Debian: python3-numpy, python3-pil)")
        return
    with zipfile.ZipFile(os.path.join(machine.work, "model.zip")) as archive:
        archive.extractall(os.path.join(machine.work, "unpacked"))
    environment = {}
    if not has_package:
        stub, library = os.path.join(ROOT, "tests", "compat", "onnxruntime_stub"), os.path.join(os.path.dirname(PROGRAM), "libonnxruntime.so")
        environment = {"PYTHONPATH": stub, "ONNXRUNTIME_LIBRARY": library}
    print("        predict.py runs with " + ("the package onnxruntime" if has_package else "a stand-in for it, over the library of the server"))
    answers = machine.run("predict.py", program, os.path.join("unpacked", "model", "predict.py"), *pictures, environment=environment)
    check("predict.py: an answer for each picture", answers.count("CustomLabels") == len(pictures), answers)


def console(server, data, page):
    """Signs in with the key of the credentials file, and reads a page of the console."""
    keys = configparser.ConfigParser()
    keys.read(os.path.join(data, "credentials"))
    form = {"key": keys["default"]["aws_access_key_id"], "secret": keys["default"]["aws_secret_access_key"], "region": "us-east-1", "to": page}
    browser = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor())
    request = urllib.request.Request(server.url + "/ui/sign-in", urllib.parse.urlencode(form).encode(), {"Sec-Fetch-Site": "same-origin"})
    return browser.open(request, timeout=30).read().decode()


def serve(machine):
    """A server that was started without the launcher: it trains, runs a model, answers and idles."""
    trace, log = machine.trace(), open(os.path.join(machine.top, "server.log"), "w")
    # The tracer is a grandchild, so that signals reach the server.
    words = " ".join([*TRACE, "-D", "-o", trace, "dotnet", PROGRAM])
    server = Server(machine.data, shell=f'cd {machine.work}; exec {words} "$@"; ', log=log, Ocellus__Training__TimeBudget="00:00:10")
    try:
        s3, api = server.client("s3"), server.client("rekognition")
        key = upload_cells(s3, train=6, test=2)
        project = api.create_project(ProjectName="cells")["ProjectArn"]
        for part in ("train", "test"):
            source = {"GroundTruthManifest": {"S3Object": {"Bucket": "samples", "Name": f"{part}.manifest"}}}
            dataset = api.create_dataset(ProjectArn=project, DatasetType=part.upper(), DatasetSource=source)["DatasetArn"]
            until(lambda: api.describe_dataset(DatasetArn=dataset)["DatasetDescription"]["Status"] == "CREATE_COMPLETE")
        output = {"S3Bucket": "samples", "S3KeyPrefix": "out"}
        version = api.create_project_version(ProjectArn=project, VersionName="one", OutputConfig=output)["ProjectVersionArn"]
        one = lambda: api.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"][0]
        until(lambda: one()["Status"] != "TRAINING_IN_PROGRESS", PATIENCE, 0.5)
        check("serve trains", one()["Status"] == "TRAINING_COMPLETED", one())
        api.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
        until(lambda: one()["Status"] != "STARTING")
        answer = api.detect_custom_labels(ProjectVersionArn=version, Image={"S3Object": {"Bucket": "samples", "Name": key}}, MinConfidence=0)
        check("and answers", len(answer["CustomLabels"]) == 3, answer)
        check("and shows its console", all("cells" in console(server, machine.data, page) for page in ("/ui/", "/ui/p/cells/models/one")))
        time.sleep(IDLE)
    finally:
        code = server.stop()
    check("and ends with code 0", code == 0, code)
    until(lambda: f"{server.process.pid} +++ exited" in open(trace, errors="replace").read(), 20)
    machine.judge("serve", trace)


def main():
    if "--inside" not in sys.argv:
        without = without_network()
        if without is None or not can_trace():
            print("skipped: strace or network namespaces are not to be had here (Debian: strace, util-linux)")
            return summary()
        # What is built is built before the network is gone.
        subprocess.run([os.path.join(ROOT, "ocellus"), "--version"], check=True, stdout=subprocess.DEVNULL)
        os.execvp(without[0], [*without, sys.executable, os.path.abspath(__file__), "--inside"])
    raise_loopback()
    with tempfile.TemporaryDirectory() as top:
        machine = Machine(os.path.realpath(top))
        control(machine)
        verbs(machine)
        serve(machine)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
