"""Drives the verbs that need no server, as a shell does: train, detect, evaluate, export, doctor.

usage: cli_verbs.py      (runs ./ocellus in a temporary folder; needs nothing but Python)
"""
import importlib.util, json, os, pty, re, shutil, signal, sqlite3, subprocess, sys, tempfile, urllib.request, zipfile

from harness import ROOT, check, free_port, heed, summary, until

SAMPLES = os.path.join(ROOT, "samples", "cells")
OCELLUS = os.path.join(ROOT, "ocellus")
PATIENCE = 600  # seconds for one command on a busy machine


def run(folder, *words):
    return subprocess.run([OCELLUS, *words], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)


def subset(source, target, each):
    """The first lines of each label."""
    kept, lines = {}, []
    with open(os.path.join(SAMPLES, source)) as f:
        for line in f:
            label = json.loads(line)["cell-metadata"]["class-name"]
            kept[label] = kept.get(label, 0) + 1
            if kept[label] <= each:
                lines.append(line)
    with open(target, "w") as f:
        f.writelines(lines)


def alive(group):
    """Processes of a process group that still run."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc") if os.path.isdir("/proc") else []):
        try:
            with open(f"/proc/{pid}/stat") as f:
                fields = f.read().rsplit(")", 1)[1].split()
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(pid)
        except OSError:
            pass
    return found


def interrupted(top, words):
    """Starts a training, presses Ctrl-C (a signal to the whole group, as a terminal sends it) when it learns; code and what it said."""
    process = subprocess.Popen([OCELLUS, *words], cwd=top, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed)
    said, pressed = [], False
    for line in process.stderr:
        said.append(line)
        # A line of progress, after what it finds in the data and checks first.
        if not pressed and re.match(r"[\w ,]+ \d+(/| of )", line) and not line.startswith("checking"):
            pressed = True
            os.killpg(process.pid, signal.SIGINT)
    output = process.stdout.read()
    return process.wait(PATIENCE), output, "".join(said), alive(process.pid)


def interrupted_early(top, words):
    """Presses Ctrl-C as soon as the training's process is there, before it says anything."""
    process = subprocess.Popen([OCELLUS, *words], cwd=top, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed)

    def began():
        for pid in alive(process.pid):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    if b"train-job" in file.read():
                        return True
            except OSError:  # it has ended meanwhile
                pass
        return False

    if until(lambda: began() or process.poll() is not None, PATIENCE, 0.005):
        os.killpg(process.pid, signal.SIGINT)
    said = process.stderr.read()
    return process.wait(PATIENCE), said, alive(process.pid)


def asked(top, words, answer):
    """Runs a verb at a terminal and answers what it asks; the exit code and what it wrote there."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen([OCELLUS, *words], cwd=top, stdin=theirs, stdout=subprocess.DEVNULL, stderr=theirs, start_new_session=True)
    os.close(theirs)
    said = b""
    while True:
        try:
            got = os.read(ours, 4096)
        except OSError:  # the terminal's other end is closed
            break
        if not got:
            break
        # A question may come in two parts.
        if b"[y/N]" in said + got and b"[y/N]" not in said:
            os.write(ours, answer + b"\n")
        said += got
    os.close(ours)
    return process.wait(PATIENCE), said.decode(errors="replace")


def replacing(top, arn):
    """Every verb that writes asks at a terminal before it replaces something, and none does without one."""
    folder = os.path.join(top, "replaced")
    os.makedirs(os.path.join(folder, "photos", "red"))
    with open(os.path.join(SAMPLES, "test", "red-001.jpg"), "rb") as file, open(os.path.join(folder, "photos", "red", "1.jpg"), "wb") as copy:
        copy.write(file.read())
    for name in ("file", "report.html"):
        with open(os.path.join(folder, name), "w") as file:
            file.write("mine")
    os.makedirs(os.path.join(folder, "out"))
    with open(os.path.join(folder, "out", "mine"), "w") as file:
        file.write("mine")
    data = os.path.join(top, "data")
    kept = lambda name: os.path.isfile(os.path.join(folder, name, "mine") if name == "out" else os.path.join(folder, name)) and (name == "out" or open(os.path.join(folder, name), errors="replace").read() == "mine")
    for words, name in (
        (["train", "photos", "--out", "file"], "file"), (["export", arn, "--data", data, "--out", "file"], "file"), (["backup", "--data", data, "--out", "file"], "file"),
        (["check", "photos", "--html", "report.html"], "report.html"), (["convert", "photos", "--out", "out"], "out")):
        r = run(folder, *words)
        check(f"{words[0]} replaces nothing unasked", r.returncode == 1 and kept(name) and "--force" in r.stderr, r.stderr)
        code, said = asked(folder, words, b"n")
        check(f"{words[0]} asks at a terminal", code == 1 and kept(name) and "[y/N]" in said, said)
    code, said = asked(folder, ["backup", "--data", data, "--out", "file"], b"y")
    check("backup replaces what may be replaced", code == 0 and not kept("file"), said)
    code, said = asked(folder, ["convert", "photos", "--out", "out"], b"y")
    check("convert takes the place of a folder, which is kept", code == 0 and os.path.isfile(os.path.join(folder, "out.old", "mine")) and os.path.isfile(os.path.join(folder, "out", "train.manifest")), said)


def export(top, model):
    """Export from the data directory of a server that runs; a version is put there by hand, since training one takes a minute."""
    data, url = os.path.join(top, "data"), f"http://127.0.0.1:{free_port()}"
    server = subprocess.Popen([OCELLUS, "serve", "--data", data, "--urls", url, "--log-level", "Warning"], stdout=subprocess.PIPE, text=True, preexec_fn=heed)
    try:
        first = server.stdout.readline()
        check("serve prints its address when it is ready", url in first, first)
        ready = urllib.request.urlopen(url + "/health/ready", timeout=PATIENCE)
        check("and is ready then", ready.status == 200)
        arn = "arn:aws:rekognition:us-east-1:123456789012:project/p/version/v/1"
        folder = os.path.join(data, "models", "123456789012", "v-1")
        os.makedirs(folder)
        with zipfile.ZipFile(model) as z:
            for name in ("model.onnx", "model.json"):
                with open(os.path.join(folder, name), "wb") as file:
                    file.write(z.read("model/" + name))
        with sqlite3.connect(os.path.join(data, "ocellus.db"), timeout=60) as db:
            db.execute("INSERT INTO projects VALUES (?, '123456789012', 'us-east-1', 'p', 1, 'CREATED')", (arn.split("/version")[0] + "/1",))
            db.execute("INSERT INTO project_versions (arn, project_arn, account_id, region, name, created_ms, status, message, folder) VALUES (?, ?, '123456789012', 'us-east-1', 'v', 1, 'TRAINING_COMPLETED', '', 'v-1')", (arn, arn.split("/version")[0] + "/1"))
        r = run(top, "export", arn, "--data", data, "--out", "exported.zip", "--json")
        check("export works while the server runs", r.returncode == 0 and json.loads(r.stdout)["labels"] == ["platelet", "red", "white"], r.stderr)
        r = run(top, "export", arn + "1", "--data", data, "--out", "none.zip")
        check("export of a version that is not there names those that are", r.returncode == 1 and arn in r.stderr and not os.path.exists(os.path.join(top, "none.zip")), r.stderr)
        replacing(top, arn)
    finally:
        server.send_signal(signal.SIGINT)
    check("serve ends with 0 on Ctrl-C", server.wait(PATIENCE) == 0)


def python_program(top, model, picture):
    folder = os.path.join(top, "unpacked")
    with zipfile.ZipFile(model) as z:
        z.extractall(folder)
    program = os.path.join(folder, "model", "predict.py")
    check("the archive has one folder, of its own name", os.listdir(folder) == ["model"])
    check("predict.py is a Python program", subprocess.run([sys.executable, "-m", "py_compile", program]).returncode == 0)
    bare = subprocess.run([sys.executable, "-S", "-I", program, picture], capture_output=True, text=True)
    check("without its libraries it says which to install", bare.returncode == 1 and bare.stderr.count("\n") == 1 and "predict.py needs the Python package numpy" in bare.stderr, bare.stderr)
    if not all(importlib.util.find_spec(m) for m in ("onnxruntime", "PIL", "numpy")):
        print("skipped: predict.py needs onnxruntime, pillow and numpy")
        return
    theirs = subprocess.run([sys.executable, program, "--min-confidence", "0", picture], capture_output=True, text=True)
    ours = run(top, "detect", model, picture, "--min-confidence", "0", "--json")
    a, b = ({x["Name"]: x["Confidence"] for x in json.loads(r.stdout)["CustomLabels"]} for r in (theirs, ours))
    check("predict.py answers as detect does", all(abs(a[x] - b[x]) < 3 for x in b), f"{a} {b}")


def main():
    with tempfile.TemporaryDirectory() as top:
        subset("train.manifest", os.path.join(top, "train.manifest"), 8)
        subset("test.manifest", os.path.join(top, "test.manifest"), 4)
        words = ["train", "--manifest", "train.manifest", "--test-manifest", "test.manifest", "--images", SAMPLES, "--out", "model.zip", "--time-budget", "00:00:10", "--json"]

        if os.path.isdir("/proc/self"):
            code, said, left = interrupted_early(top, words)
            check("Ctrl-C in the first moment waits for the training's process", code == 130 and "--resume" in said and left == [], (code, said, left))
            shutil.rmtree(os.path.join(top, "model.zip.job"))
        code, output, said, left = interrupted(top, words)
        check("Ctrl-C ends a training with 130", code == 130, (code, said))
        check("and says how to resume", "--resume" in said, said)
        check("and writes nothing to standard output", output == "", output)
        check("and leaves no process behind", left == [], left)
        check("and no model", not os.path.exists(os.path.join(top, "model.zip")) and os.path.isdir(os.path.join(top, "model.zip.job")))
        r = run(top, *words)
        check("the same again without --resume is refused", r.returncode == 1 and "--resume" in r.stderr, r.stderr)
        r = run(top, *words, "--resume")
        check("--resume goes on to the end", r.returncode == 0, r.stderr)
        result = json.loads(r.stdout)
        check("its result is JSON with the evaluation", result["evaluation"]["AggregatedEvaluationResults"]["F1Score"] > 0.8 and result["missingPictures"] == 0, r.stdout)
        check("the work's folder is gone", sorted(os.listdir(top)) == ["model.zip", "test.manifest", "train.manifest"], os.listdir(top))
        model = os.path.join(top, "model.zip")
        with zipfile.ZipFile(model) as z:
            check("the archive is whole", z.testzip() is None and sorted(z.namelist()) == ["model/" + name for name in ("cmyk.icc", "evaluation.json", "model.json", "model.onnx", "predict.py", "read_picture.py", "srgb.icc")], z.namelist())

        white = os.path.join(SAMPLES, "test", "white-001.jpg")
        r = run(top, "detect", "model.zip", white, os.path.join(SAMPLES, "test", "red-001.jpg"), "--json", "--min-confidence", "0", "--max-results", "1")
        answers = [json.loads(line) for line in r.stdout.splitlines()]
        check("detect answers a line a picture, in order", r.returncode == 0 and [a["CustomLabels"][0]["Name"] for a in answers] == ["white", "red"], r.stdout + r.stderr)
        r = run(top, "detect", "model.zip", "train.manifest", white, "none.jpg")
        check("a bad image does not end the rest, and the code tells", r.returncode == 1 and "white-001.jpg" in r.stdout and "train.manifest: This is no image that can be read; it is text" in r.stderr and "none.jpg" in r.stderr, r.stdout + r.stderr)
        r = run(top, "detect", "model.zip", SAMPLES, "--json")
        check("detect takes a folder", r.returncode == 0 and len(r.stdout.splitlines()) == 180, r.stderr)

        r = run(top, "evaluate", "model.zip", "--manifest", os.path.join(SAMPLES, "test.manifest"), "--images", SAMPLES, "--json")
        result = json.loads(r.stdout)
        check("evaluate tests 60 pictures", r.returncode == 0 and result["testPictures"] == 60 and len(result["confusion"]) == 9, r.stdout)
        check("the best thresholds are not worse than the model's", result["atBestThresholds"]["f1"] >= result["atModelThresholds"]["f1"] > 0.5, r.stdout)
        r = run(top, "evaluate", "model.zip", "--manifest", "test.manifest", "--images", SAMPLES)
        check("evaluate prints tables", r.returncode == 0 and "mean" in r.stdout and "predicted" in r.stdout, r.stdout)

        export(top, model)
        python_program(top, model, white)
        r = run(top, "doctor", "--data", os.path.join(top, "data"), "--urls", f"http://127.0.0.1:{free_port()}", "--json")
        findings = json.loads(r.stdout)
        check("doctor answers in JSON and its code agrees", (r.returncode == 0) == findings["ok"] and {f["state"] for f in findings["findings"]} <= {"ok", "warning", "problem"}, r.stdout)
        with open(os.path.join(top, "test.manifest"), encoding="utf-8") as utf8, open(os.path.join(top, "windows.manifest"), "wb") as windows:
            windows.write(utf8.read().replace("white", "wei\u00df").encode("cp1252"))
        r = run(top, "train", "--manifest", "windows.manifest", "--images", SAMPLES, "--out", "windows.zip")
        check("a manifest that is not UTF-8 is refused by its line", r.returncode == 1 and "windows.manifest: Line" in r.stderr and "is not UTF-8: byte" in r.stderr and not os.path.exists(os.path.join(top, "windows.zip.job")), r.stderr)
        r = run(top, "evaluate", "model.zip", "--manifest", "windows.manifest", "--images", SAMPLES)
        check("for evaluate too", r.returncode == 1 and "is not UTF-8: byte" in r.stderr, r.stderr)
        r = run(top, "train", "--manifest")
        check("a wrong command line ends with 2", r.returncode == 2 and r.stdout == "", r.stderr)

    return summary()


if __name__ == "__main__":
    sys.exit(main())
