"""Every snippet of README.md, as printed and in its order, in one shell session, with the AWS CLI and boto3 of this machine: in a copy of the clone, with
a home folder of its own, and where the system allows it in a network namespace that has only its loopback. The session starts with what would lead to AWS
or away from this machine: keys, a profile, a configuration file, a proxy. Needs `aws` and `boto3` (Debian: awscli, python3-boto3) that know
AWS_ENDPOINT_URL.

usage: readme.py
"""
import json, os, re, signal, subprocess, sys, tempfile, time, urllib.request

from harness import ROOT, check, old_client, raise_loopback, summary, until, without_network

URL = "http://127.0.0.1:8741"
# The demonstration, the longest, takes three minutes on an idle machine.
PATIENCE = 900
# Snippets that cannot be run here, by their first words, and why. All others are.
SKIPPED = {"build/release": "takes minutes and the network; packages.py makes the archives and runs them"}
# What the output of a snippet must have, by words that one snippet alone has.
EXPECTED = {
    "./ocellus demo": r"StopProjectVersion: STOPPING → STOPPED",
    "./ocellus doctor": r"Nothing stands in the way",
    "./ocellus console": r"http://127\.0\.0\.1:8741/ui/sign-in\?ticket=",
    "./ocellus detect ~/cells.zip": r"(?s)white-001.*white.*red-001.*red",
    "./ocellus train ~/photos": r"(?s)180 images.*as a folder a label.*180 images.*F1 .*white-001.*white",
    "eval \"$(./ocellus env)\"": r"^$",
    "# images and manifests into the object store": r"(?s)make_bucket: samples.*upload: .*F1Score.*\"STARTING\".*\"Name\": \"white\".*\"STOPPING\"",
    "./ocellus import": r"(?s)project/imported/.*pictures uploaded.*a folder a label",
    "import boto3  ": r"'Name': 'red'",
    "aws()": r":project/cells/",
    "import boto3, os": r":project/cells/",
    "./ocellus keys": r"(?s)app.*tess",
    "--s3-endpoint http://127.0.0.1:9000": r"CREATE_COMPLETE",
}
FAR_PROXY = "http://192.0.2.1:3128"
LEADS_AWAY = {
    "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY": "theirs", "AWS_SESSION_TOKEN": "theirs", "AWS_PROFILE": "work",
    "AWS_REGION": "eu-west-3", "AWS_ENDPOINT_URL_S3": "http://192.0.2.1", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "http_proxy": FAR_PROXY, "HTTP_PROXY": FAR_PROXY,
}
CONFIGURATION = """[default]
region = eu-west-3
ignore_configured_endpoint_urls = true
role_arn = arn:aws:iam::123456789012:role/theirs
source_profile = work
[profile work]
credential_process = /bin/false
"""


def snippets():
    """Language and text of each fenced block."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        return re.findall(r"^```(\w*)\n(.*?)^```$", file.read(), re.MULTILINE | re.DOTALL)


def only(text, table):
    """The value of the one key of a table that a text begins with or has."""
    return next((value for key, value in table.items() if key in text), None)


def quick_waiters(folder):
    """The clients' own waiters with another patience: AWS's looks every two minutes at a training of one. Told by AWS_DATA_PATH, which both clients know."""
    from botocore.loaders import Loader

    loader = Loader()
    waiters = loader.load_service_model("rekognition", "waiters-2")
    for waiter in waiters["waiters"].values():
        waiter["maxAttempts"], waiter["delay"] = waiter["delay"] * waiter["maxAttempts"], 1
    target = os.path.join(folder, "rekognition", loader.determine_latest_version("rekognition", "waiters-2"))
    os.makedirs(target)
    with open(os.path.join(target, "waiters-2.json"), "w") as file:
        json.dump(waiters, file)


class Session:
    """A terminal: one shell that ends at the first command that fails, and a second one for the server."""

    def __init__(self, top):
        self.top, self.clone, self.home, self.server = top, os.path.join(top, "clone"), os.path.join(top, "home"), None
        os.makedirs(os.path.join(self.home, ".aws"))
        with open(os.path.join(self.home, ".aws", "config"), "w") as file:
            file.write(CONFIGURATION)
        quick_waiters(os.path.join(top, "waiters"))
        os.mkdir(self.clone)
        self.entries = set(os.listdir(ROOT)) - {".git"}
        for name in self.entries:
            os.symlink(os.path.join(ROOT, name), os.path.join(self.clone, name))
        # A shorter training of the server's; what is learned in it is enough for cells.
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")} | LEADS_AWAY
        self.environment |= {"HOME": self.home, "AWS_DATA_PATH": os.path.join(top, "waiters"), "Ocellus__Training__TimeBudget": "00:00:40"}
        self.log = os.path.join(top, "log")
        with open(self.log, "w") as log:
            streams = {"stdin": subprocess.PIPE, "stdout": log, "stderr": log, "text": True}
            self.shell = subprocess.Popen(["sh", "-eu"], cwd=self.clone, env=self.environment, start_new_session=True, **streams)

    def run(self, number, language, text):
        """Runs a snippet; whether all of it did its work, and what it wrote."""
        file, mark = os.path.join(self.top, f"snippet-{number}"), f"\n@@ {number}\n"
        with open(file, "w", encoding="utf-8") as target:
            target.write(text)
        began = os.path.getsize(self.log)
        written = lambda: open(self.log, encoding="utf-8", errors="replace").read().encode()[began:].decode(errors="replace")
        try:
            self.shell.stdin.write(f"{'. ' if language == 'sh' else 'python3 '}{file} </dev/null\nprintf '\\n@@ {number}\\n'\n")
            self.shell.stdin.flush()
        except BrokenPipeError:
            return False, "the session has ended before"
        until(lambda: written().endswith(mark) or self.shell.poll() is not None, PATIENCE, 0.1)
        return written().endswith(mark), written().removesuffix(mark)

    def serve(self, text):
        """The server's own terminal."""
        log = open(os.path.join(self.top, "server.log"), "w")
        self.server = subprocess.Popen(["sh", "-c", "exec " + text], cwd=self.clone, env=self.environment, stdout=log, stderr=log, start_new_session=True)
        return bool(until(lambda: self.server.poll() is not None or self.is_ready(), 60)) and self.server.poll() is None, open(log.name).read()

    def is_ready(self):
        try:
            return urllib.request.build_opener(urllib.request.ProxyHandler({})).open(URL + "/health/ready", timeout=2).status == 200
        except OSError:
            return False

    def end(self):
        """Ends what was started here, and only that."""
        self.shell.stdin.close()
        if self.shell.poll() is None and not until(lambda: self.shell.poll() is not None, 10):
            os.killpg(self.shell.pid, signal.SIGKILL)
        if self.server is None:
            return None
        self.server.terminate()
        try:
            return self.server.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self.server.pid, signal.SIGKILL)
            return None


def main():
    if old_client():
        print(f"skipped: {old_client()} and would talk to AWS itself")
        return summary()
    without = without_network()
    if "--inside" not in sys.argv and without:
        # What is built is built before the network is gone.
        subprocess.run([os.path.join(ROOT, "ocellus"), "--version"], check=True, stdout=subprocess.DEVNULL)
        os.execvp(without[0], [*without, sys.executable, os.path.abspath(__file__), "--inside"])
    if "--inside" in sys.argv:
        raise_loopback()
    blocks = snippets()
    for table in (SKIPPED, EXPECTED):
        for key in table:
            check(f"README.md has one snippet with {key!r}", sum(key in text for _, text in blocks) == 1)
    with tempfile.TemporaryDirectory() as top:
        session = Session(top)
        try:
            for number, (language, text) in enumerate(blocks, 1):
                name = f"snippet {number}, {text.splitlines()[0][:70]}"
                if reason := only(text, SKIPPED):
                    print(f"skipped: {name}: {reason}")
                    continue
                if language not in ("sh", "python"):
                    check(f"{name}: is in a language that can be run", False, language)
                    continue
                began = time.monotonic()
                done, output = session.serve(text) if text.startswith("./ocellus serve") else session.run(number, language, text)
                check(f"{name} ({time.monotonic() - began:.0f} s)", done, output[-1500:])
                expected = only(text, EXPECTED)
                if expected is not None:
                    check(f"{name}: its output", re.search(expected, output), output[-1500:])
        finally:
            code = session.end()
        check("the server ends with code 0", code == 0, code)
        left = sorted(set(os.listdir(session.clone)) - session.entries)
        check("nothing is left in the clone but what .gitignore names", left == ["ocellus-data", "ocellus-outside", "ocellus-store"], left)
        named = {".aws", "blood", "blood-coco", "cells-check.html", "cells-folders", "cells.zip", "drawings", "one.zip", "photos", "photos.zip", "tess.credentials"}
        check("the home folder has what the commands name", set(os.listdir(session.home)) == named, os.listdir(session.home))
        with open(os.path.join(session.home, ".aws", "config")) as file:
            check("and the user's own configuration is as it was", file.read() == CONFIGURATION)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
