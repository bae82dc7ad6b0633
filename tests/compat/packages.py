"""The archives of build/release, in a bare Debian that has no SDK: doctor, the demo and a server from the full one; doctor and the demo's model from the one that only serves.
Then the steps of deploy/Dockerfile, one after the other, as a container engine would carry them out; there is none here.

usage: packages.py      (makes both archives for linux-x64, which takes minutes; skipped where mmdebstrap is absent or may not make a root)
"""
import configparser, glob, json, os, re, shutil, signal, subprocess, sys, tempfile, time, urllib.request

from harness import ROOT, check, free_port, heed, summary, until

PACKAGES = "libssl3,libstdc++6"  # what the README says is needed
PATIENCE = 600


def skip(reason):
    print(f"skipped: {reason}")
    print("0 passed, 0 failed")
    sys.exit(0)


def make_root(folder, suite="bookworm", packages=PACKAGES):
    """A minimal Debian. A machine that cannot make one, for want of rights or of a mirror, has nothing to test."""
    made = subprocess.run(["mmdebstrap", "--variant=minbase", *([f"--include={packages}"] if packages else []), suite, folder], capture_output=True, text=True)
    if made.returncode != 0:
        skip("mmdebstrap cannot make a root here: " + made.stderr.strip().splitlines()[-1])


def inside(root, *words):
    """The command line that runs something in the root, where this machine's files are not to be seen."""
    script = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && root=$1 && shift && exec chroot "$root" "$@"'
    return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", script, "sh", root, *words]


def run(root, *words):
    return subprocess.run(inside(root, *words), capture_output=True, text=True, timeout=PATIENCE)


def unpack(kind, root):
    archives = os.path.join(ROOT, "artifacts", "release")
    (name,) = [n for n in os.listdir(archives) if n.startswith(kind + "-0") and n.endswith("-linux-x64.tar.gz")]
    subprocess.run(["tar", "xzf", os.path.join(archives, name), "-C", os.path.join(root, "opt")], check=True)
    return "/opt/" + name.removesuffix(".tar.gz")


def serve(root, program, data):
    """Starts a server in the root, whose loopback is this machine's; gives the process and a client."""
    import boto3

    url = f"http://127.0.0.1:{free_port()}"
    process = subprocess.Popen(inside(root, program, "serve", "--data", data, "--urls", url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=heed)

    def ready():
        try:
            return urllib.request.urlopen(url + "/health/ready", timeout=2).status == 200
        except OSError:
            return False

    check(f"{program} serves", until(ready, 60))
    keys = configparser.ConfigParser()
    keys.read(root + data + "/credentials")
    client = boto3.client("rekognition", endpoint_url=url, region_name="us-east-1", aws_access_key_id=keys["default"]["aws_access_key_id"], aws_secret_access_key=keys["default"]["aws_secret_access_key"])
    return process, client


def stop(process):
    """Ctrl-C reaches the server, which is the child of the process that made its namespace."""
    children = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True).stdout.split()
    for child in children:
        os.kill(int(child), signal.SIGINT)
    return process.wait(60)


def answers(client):
    """Starts the demo's version and asks it about an image of the object store."""
    project = client.describe_projects()["ProjectDescriptions"][0]["ProjectArn"]
    version = client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"][0]["ProjectVersionArn"]
    client.start_project_version(ProjectVersionArn=version, MinInferenceUnits=1)
    state = lambda: client.describe_project_versions(ProjectArn=project)["ProjectVersionDescriptions"][0]["Status"]
    until(lambda: state() != "STARTING", 60)
    labels = client.detect_custom_labels(ProjectVersionArn=version, Image={"S3Object": {"Bucket": "samples", "Name": "cells/test/red-001.jpg"}})["CustomLabels"]
    client.stop_project_version(ProjectVersionArn=version)
    return project, [label["Name"] for label in labels]


def dockerfile():
    """The instructions of deploy/Dockerfile with what follows each, comments and broken lines undone."""
    with open(os.path.join(ROOT, "deploy", "Dockerfile")) as file:
        text = "".join(line for line in file if not line.startswith("#"))
    return [tuple(line.split(" ", 1)) for line in re.sub(r"\\\n\s*", " ", text).splitlines() if line]


def image(top):
    """What a container engine does with the Dockerfile: a Debian of the name, packages, archive, user, and the server with its health check."""
    root = os.path.join(top, "image")
    values, words, port = {}, {}, free_port()
    as_user = lambda *command: inside(root, "setpriv", f"--reuid={words['USER']}", f"--regid={words['USER']}", "--clear-groups", "sh", "-c", f"cd {words['WORKDIR']} && exec \"$@\"", "sh", *command)
    for what, text in dockerfile():
        text = re.sub(r"\$\{(\w+)\}", lambda m: values.get(m[1], m[0]), text)
        if what == "FROM":
            check("the image is of a Debian that is tested", text == "debian:bookworm-slim", text)
            make_root(root, packages="")
            shutil.copy("/etc/resolv.conf", os.path.join(root, "etc", "resolv.conf"))
        elif what == "ARG":
            values.update([text.split("=", 1)])
        elif what in ("ADD", "COPY"):
            *sources, target = text.split()
            for source in sources:
                found = glob.glob(os.path.join(ROOT, source))
                check(f"{what} {source}: it is there", len(found) == 1, found)
                subprocess.run(["tar", "xzf", found[0], "-C", root + target] if source.endswith(".tar.gz") and what == "ADD" else ["cp", "-r", found[0], root + target], check=True)
        elif what == "RUN":
            done = run(root, "sh", "-c", text)
            check(f"RUN {text[:60]} …", done.returncode == 0, done.stdout[-1000:] + done.stderr[-2000:])
        else:
            words[what] = text
    of = lambda what: json.loads(words[what].replace("8741", str(port)))
    process = subprocess.Popen(as_user(*of("ENTRYPOINT"), *of("CMD")), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=heed)
    probe = json.loads(words["HEALTHCHECK"].split("CMD ", 1)[1].replace("8741", str(port)))
    healthy = lambda: subprocess.run(as_user(*probe), capture_output=True).returncode == 0
    check("what the image starts becomes healthy", until(healthy, 60, 0.5))
    credentials = os.stat(os.path.join(root, "data", "credentials"))
    check("its data are of its own user, in the volume", credentials.st_uid != 0 and credentials.st_mode & 0o777 == 0o600 and words["VOLUME"] == "/data")
    check("and it stops by Ctrl-C", stop(process) == 0, process.returncode)
    check("then it is no longer healthy", not healthy())


def main():
    if shutil.which("mmdebstrap") is None or shutil.which("unshare") is None or os.geteuid() != 0:
        skip("mmdebstrap is not installed, or this is not root")
    with tempfile.TemporaryDirectory() as top:
        root = os.path.join(top, "root")
        make_root(root)
        began = time.monotonic()
        made = subprocess.run([os.path.join(ROOT, "build", "release"), "linux-x64"], capture_output=True, text=True)
        check(f"build/release makes two archives ({time.monotonic() - began:.0f} s)", made.returncode == 0, made.stderr[-2000:])
        full, slim = (unpack(kind, root) + "/ocellus" for kind in ("ocellus", "ocellus-serve"))

        check("the Dockerfile installs what is here and no more", any(f"--no-install-recommends {PACKAGES.replace(',', ' ')} " in text for _, text in dockerfile()))
        for program in (full, slim):
            doctor = run(root, program, "doctor")
            check(f"{program} doctor finds nothing in the way", doctor.returncode == 0, doctor.stdout + doctor.stderr)
        demo = run(root, full, "demo", "--data", "/data")
        check("the demo trains and answers", demo.returncode == 0 and "RUNNING" in demo.stdout, demo.stdout[-2000:] + demo.stderr[-1000:])

        process, client = serve(root, full, "/data")
        check("a server of the full archive answers", answers(client)[1] == ["red"])
        check("and stops by Ctrl-C", stop(process) == 0, process.returncode)

        process, client = serve(root, slim, "/data")
        project, labels = answers(client)
        check("a server of the small archive answers", labels == ["red"], labels)
        try:
            client.create_project_version(ProjectArn=project, VersionName="again", OutputConfig={"S3Bucket": "samples", "S3KeyPrefix": "again"})
            check("it refuses to train", False)
        except client.exceptions.InvalidParameterException as refusal:
            check("it refuses to train, in words", "serves models and cannot train" in str(refusal), refusal)
        check("and stops by Ctrl-C", stop(process) == 0, process.returncode)
        for words in (("demo",), ("train", "--manifest", "m", "--images", "i", "--out", "o.zip")):
            refused = run(root, slim, *words)
            check(f"the small archive's {words[0]} is refused with one line", refused.returncode == 1 and refused.stderr.count("\n") == 1 and "cannot train" in refused.stderr, refused.stderr)
        image(top)
    return summary()


if __name__ == "__main__":
    sys.exit(main())
