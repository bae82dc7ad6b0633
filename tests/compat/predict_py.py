"""The predict.py of an exported model against `ocellus detect`, for a classifier and a model that finds boxes: both give the same answer, whatever the picture is. Skipped where no Python has numpy and Pillow (Debian: python3-numpy, python3-pil). The
package onnxruntime is taken if it is there; otherwise a stand-in over the server's own libonnxruntime.so.

usage: predict_py.py      (runs ./ocellus in a temporary folder)
"""
import glob, json, os, subprocess, sys, tempfile, zipfile

from harness import ROOT, check, summary

# Below what a client could tell apart; the arithmetic is the same, the order in which a thread pool adds is not.
SCORE_MAY_DIFFER = 0.001
PIXELS_MAY_DIFFER = 0.5
TRAIN, TEST = 12, 3
PATIENCE = 600
# Run by the Python that has Pillow: the picture as PNG, or as JPEG of so many pixels that its decoder leaves most of them out.
PICTURES = """
import sys
from PIL import Image
source, target, width, height, kind = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5]
picture = Image.open(source).convert("RGB")
if kind == "larger":
    picture.resize((width * 3 // 2, height * 3 // 2), Image.BICUBIC).save(target)
elif kind == "wide":
    picture.resize((width, height * 2 // 3), Image.BICUBIC).save(target)
elif kind == "turned":
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.resize((height, width), Image.BICUBIC).save(target, exif=exif)
elif kind == "transparent":
    picture = picture.resize((width, height), Image.BICUBIC).convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((width, height)))
    picture.save(target)
elif kind.endswith(".jpg"):
    exif = Image.Exif()
    exif[0x0112] = 8 if kind.startswith("turned") else 1
    picture.resize((width * 5 + 3, height * 4 + 7), Image.BICUBIC).save(target, exif=exif, quality=90)
elif kind == "grey":
    picture.resize((width, height), Image.BICUBIC).convert("L").save(target)
else:
    picture.resize((width, height), Image.BICUBIC).save(target)
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
        archive.extractall(os.path.join(folder, "unpacked"))
    with open(os.path.join(folder, "unpacked", "model.json")) as file:
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
    for kind in ("same", "grey", "transparent", "turned", "wide", "larger", "large.jpg", "turned.jpg"):
        paths = []
        for picture in pictures:
            paths.append(os.path.join(folder, f"{os.path.basename(picture)}-{kind}{'' if kind.endswith('.jpg') else '.png'}"))
            subprocess.run([program, "-c", PICTURES, picture, paths[-1], str(model["width"]), str(model["height"]), kind], check=True)
        # Very small scores are near many others: their order is chance.
        words = ["--min-confidence", "5"]
        theirs = subprocess.run([program, os.path.join(folder, "unpacked", "predict.py"), *words, *paths], env=environment, capture_output=True, text=True, timeout=PATIENCE)
        check(f"{samples}, {kind}: predict.py answers", theirs.returncode == 0 and theirs.stdout.count("\n") == len(paths), theirs.stderr[-600:])
        ours = ocellus(folder, "detect", "model.zip", *paths, *words, "--json")
        answers = [[json.loads(text)["CustomLabels"] for text in output.splitlines()] for output in (ours, theirs.stdout)]
        found = [difference(a, b, model["width"], model["height"]) for a, b in zip(*answers)]
        most = [max((d[i] for d in found if d), default=0) for i in (0, 1)]
        print(f"        {samples}, {kind}: {sum(len(a) for a in answers[0])} answers; scores differ by {most[0]:.6f} at most, boxes by {most[1]:.3f} px; {found.count(None)} pictures with other names")
        ok = None not in found and most[0] <= SCORE_MAY_DIFFER and most[1] <= PIXELS_MAY_DIFFER
        check(f"{samples}, {kind}: predict.py gives the answers of ocellus detect", ok and any(answers[0]), list(zip(*answers))[:2])


def main():
    program, has_package = python()
    if program is None:
        print("skipped: no Python here has numpy and Pillow (Debian: python3-numpy, python3-pil)")
        return summary()
    with tempfile.TemporaryDirectory() as top:
        compare(top, program, has_package, "cells", TRAIN, "00:00:10")
        compare(top, program, has_package, "blood", TRAIN, "00:00:30")
    return summary()


if __name__ == "__main__":
    sys.exit(main())
