"""The predict.py of an exported model against `ocellus detect`, for a classifier and a model that finds boxes: both give the same answer, whatever the image is. Skipped where no Python has numpy and Pillow (Debian: python3-numpy, python3-pil). The
package onnxruntime is taken if it is there; otherwise a stand-in over the server's own libonnxruntime.so.

usage: predict_py.py      (runs ./ocellus in a temporary folder)
"""
import glob, json, os, subprocess, sys, tempfile, zipfile

from harness import ROOT, check, summary

# Below what a client could tell apart; the arithmetic is the same, the order in which a thread pool adds is not.
SCORE_MAY_DIFFER = 0.001
PIXELS_MAY_DIFFER = 0.5
TRAIN, TEST = 12, 3
CELLS = 40  # all: a model as the demonstration trains it
PATIENCE = 600
# Of an image whose values are moved by one grey level at most: how many answers may turn, and by how many points of confidence the right one may move on average.
# Measured: none turns and 1 point after fine-tuning, one turns and 6 points where a slow machine leaves it at the linear head; 4 and 33 with a sample whose kinds differ in smoothness.
TURNED_MAX, MOVED_MEAN_MAX = 2, 9
KINDS = ("same", "grey", "transparent", "turned", "wide", "larger", "large.jpg", "turned.jpg")
# Run by the Python that has Pillow: each picture as PNG of each kind, or as JPEG of so many pixels that its decoder leaves most of them out. Writes their paths.
PICTURES = """
import os, sys
from PIL import Image
folder, width, height, kinds, sources = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4].split(","), sys.argv[5:]


def turned(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


for kind in kinds:
    for source in sources:
        picture = Image.open(source).convert("RGB")
        target = os.path.join(folder, os.path.basename(source) + "-" + kind + ("" if kind.endswith(".jpg") else ".png"))
        sized = lambda wide, high: picture.resize((wide, high), Image.BICUBIC)
        if kind == "larger":
            sized(width * 3 // 2, height * 3 // 2).save(target)
        elif kind == "wide":
            sized(width, height * 2 // 3).save(target)
        elif kind == "turned":
            sized(height, width).save(target, exif=turned(6))
        elif kind == "transparent":
            clear = sized(width, height).convert("RGBA")
            clear.putalpha(Image.linear_gradient("L").resize((width, height)))
            clear.save(target)
        elif kind.endswith(".jpg"):
            sized(width * 5 + 3, height * 4 + 7).save(target, exif=turned(8 if kind == "turned.jpg" else 1), quality=90)
        elif kind == "grey":
            sized(width, height).convert("L").save(target)
        else:
            sized(width, height).save(target)
        print(target)
"""

# Run likewise: a good picture damaged in ways that cost no pixel, and what is no picture.
DAMAGED = """
import io, os, struct, sys
from PIL import Image
folder, source = sys.argv[1:]
held = io.BytesIO()
Image.open(source).convert("RGB").resize((1001, 1335)).save(held, "JPEG", quality=90)
jpeg, exif = held.getvalue(), b"Exif\\0\\0" + b"z" * 60
for name, content in (("bad-exif.jpg", jpeg[:2] + b"\\xff\\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:]), ("text.jpg", b"hello"), ("short.jpg", jpeg[:-2]), ("half.jpg", jpeg[: len(jpeg) // 2]), ("good.jpg", jpeg)):
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)
    print(os.path.join(folder, name))
"""
# Run likewise: each picture with every value moved by -1, 0 or 1.
NOISE = """
import os, sys
import numpy as np
from PIL import Image
chance = np.random.RandomState(0)
for source in sys.argv[2:]:
    values = np.asarray(Image.open(source).convert("RGB")).astype(int)
    target = os.path.join(sys.argv[1], os.path.basename(source) + "-noise.png")
    Image.fromarray(np.clip(values + chance.randint(-1, 2, values.shape), 0, 255).astype(np.uint8)).save(target)
    print(target)
"""


def python():
    """A Python with numpy and Pillow, and whether it has onnxruntime too."""
    has = lambda program, modules: subprocess.run([program, "-c", f"import {modules}"], capture_output=True).returncode == 0
    for program in (sys.executable, "/usr/bin/python3"):
        if os.path.exists(program) and has(program, "numpy, PIL"):
            return program, has(program, "onnxruntime")
    return None, False


def ocellus(folder, *words):
    done = subprocess.run([os.path.join(ROOT, "ocellus"), *words], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    check("ocellus " + " ".join(words)[:60], done.returncode == 0, done.stderr[-600:])
    return done.stdout


def train(folder, samples, count, budget):
    """A model of the first pictures of each kind, unpacked; its description."""
    pictures = os.path.join(ROOT, "samples", samples)
    for part, most in (("train", count), ("test", TEST)):
        kept, counts = [], {}
        for text in open(os.path.join(pictures, f"{part}.manifest")):
            label = json.loads(text).get("cell-metadata", {}).get("class-name")
            counts[label] = counts.get(label, 0) + 1
            if counts[label] <= most:
                kept.append(text)
        with open(os.path.join(folder, f"{part}.manifest"), "w") as file:
            file.writelines(kept)
    ocellus(folder, "train", "--manifest", "train.manifest", "--test-manifest", "test.manifest", "--images", pictures, "--out", "model.zip", "--time-budget", budget)
    with zipfile.ZipFile(os.path.join(folder, "model.zip")) as archive:
        archive.extractall(folder)
    with open(os.path.join(folder, "model", "model.json")) as file:
        return json.load(file), sorted(glob.glob(os.path.join(pictures, "test", "*")))[:6]


def difference(ours, theirs, width, height):
    """The largest of scores (of 1) and of box edges (in pixels of the picture) between two answers; None if they do not name the same things."""
    if [x["Name"] for x in ours] != [x["Name"] for x in theirs]:
        return None
    edges = lambda x: [] if "Geometry" not in x else [(b := x["Geometry"]["BoundingBox"])["Left"] * width, b["Top"] * height, (b["Left"] + b["Width"]) * width, (b["Top"] + b["Height"]) * height]
    scores = max((abs(a["Confidence"] - b["Confidence"]) / 100 for a, b in zip(ours, theirs)), default=0)
    return scores, max((abs(p - q) for a, b in zip(ours, theirs) for p, q in zip(edges(a), edges(b))), default=0)


def compare(top, program, has_package, samples, count, budget):
    folder = os.path.join(top, samples)
    os.mkdir(folder)
    model, pictures = train(folder, samples, count, budget)
    environment = dict(os.environ)
    if not has_package:
        environment |= {"PYTHONPATH": os.path.join(ROOT, "tests", "compat", "onnxruntime_stub"), "ONNXRUNTIME_LIBRARY": os.path.join(ROOT, "artifacts", "bin", "Ocellus", "release", "libonnxruntime.so")}
    made = subprocess.run([program, "-c", PICTURES, folder, str(model["width"]), str(model["height"]), ",".join(KINDS), *pictures], check=True, capture_output=True, text=True)
    paths = made.stdout.splitlines()
    # Very small scores are near many others: their order is chance.
    words = ["--min-confidence", "5"]
    theirs = subprocess.run([program, os.path.join(folder, "model", "predict.py"), *words, *paths], env=environment, capture_output=True, text=True, timeout=PATIENCE)
    check(f"{samples}: predict.py answers", theirs.returncode == 0 and theirs.stdout.count("\n") == len(paths), theirs.stderr[-600:])
    ours = ocellus(folder, "detect", "model.zip", *paths, *words, "--json")
    answers = list(zip(*([json.loads(text)["CustomLabels"] for text in output.splitlines()] for output in (ours, theirs.stdout))))
    for i, kind in enumerate(KINDS):
        here = answers[i * len(pictures) : (i + 1) * len(pictures)]
        found = [difference(a, b, model["width"], model["height"]) for a, b in here]
        most = [max((d[n] for d in found if d), default=0) for n in (0, 1)]
        print(f"        {samples}, {kind}: {sum(len(a) for a, _ in here)} answers; scores differ by {most[0]:.6f} at most, boxes by {most[1]:.3f} px; {found.count(None)} pictures with other names")
        same = len(here) == len(pictures) and None not in found and most[0] <= SCORE_MAY_DIFFER and most[1] <= PIXELS_MAY_DIFFER
        check(f"{samples}, {kind}: predict.py gives the answers of ocellus detect", same and any(a for a, _ in here), here[:2])
    if model["kind"] != "localization":
        damaged(folder, program, environment, pictures[0])
        noise(folder, program, sorted(glob.glob(os.path.join(ROOT, "samples", samples, "test", "*"))))


def damaged(folder, program, environment, picture):
    """One file that cannot be read never costs the others, and what the server's reader answers predict.py answers."""
    paths = subprocess.run([program, "-c", DAMAGED, folder, picture], check=True, capture_output=True, text=True).stdout.splitlines()
    theirs = subprocess.run([program, os.path.join(folder, "model", "predict.py"), "--min-confidence", "0", *paths], env=environment, capture_output=True, text=True, timeout=PATIENCE)
    ours = subprocess.run([os.path.join(ROOT, "ocellus"), "detect", "model.zip", *paths, "--min-confidence", "0", "--json"], cwd=folder, capture_output=True, text=True, timeout=PATIENCE)
    named = lambda done: [(os.path.basename(a["picture"]), a["CustomLabels"]) for a in map(json.loads, done.stdout.splitlines()) if "error" not in a]
    check("damaged pictures: predict.py answers those that ocellus detect answers", [n for n, _ in named(theirs)] == [n for n, _ in named(ours)] == ["bad-exif.jpg", "short.jpg", "good.jpg"], theirs.stdout + theirs.stderr[-600:] + ours.stderr)
    found = [difference(a, b, 1, 1) for (_, a), (_, b) in zip(named(ours), named(theirs))]
    check("and as it answers them", all(d and d[0] <= SCORE_MAY_DIFFER for d in found), found)
    said = theirs.stderr.strip().splitlines()
    check("a line for each of the others, and code 1", (theirs.returncode, ours.returncode, len(said)) == (1, 1, 2) and "text.jpg: The image must be JPEG or PNG" in said[0] and "half.jpg: The image is cut short" in said[1], theirs.stderr)


def noise(folder, program, pictures):
    """Answers of a classifier hold when an image's values are moved by one grey level."""
    moved = subprocess.run([program, "-c", NOISE, folder, *pictures], check=True, capture_output=True, text=True).stdout.splitlines()
    ask = lambda paths: [{c["Name"]: c["Confidence"] for c in json.loads(text)["CustomLabels"]} for text in ocellus(folder, "detect", "model.zip", *paths, "--min-confidence", "0", "--json").splitlines()]
    before, after = ask(pictures), ask(moved)
    truth = [os.path.basename(p).split("-")[0] for p in pictures]
    turned = [os.path.basename(p) for p, a, b in zip(pictures, before, after) if max(a, key=a.get) != max(b, key=b.get)]
    mean = {label: sum(abs(a[t] - b[t]) for t, a, b in zip(truth, before, after) if t == label) / truth.count(label) for label in sorted(set(truth))}
    print(f"        one grey level: {len(turned)} of {len(pictures)} answers turn; confidence moves by " + ", ".join(f"{m:.2f} ({label})" for label, m in mean.items()) + " points on average")
    check("one grey level turns no more answers than it may", len(turned) <= TURNED_MAX, turned)
    check("and moves confidence little", max(mean.values()) <= MOVED_MEAN_MAX, mean)


def main():
    program, has_package = python()
    if program is None:
        print("skipped: no Python here has numpy and Pillow (Debian: python3-numpy, python3-pil)")
        return summary()
    with tempfile.TemporaryDirectory() as top:
        compare(top, program, has_package, "cells", CELLS, "00:01:30")
        compare(top, program, has_package, "blood", TRAIN, "00:00:30")
    return summary()


if __name__ == "__main__":
    sys.exit(main())
