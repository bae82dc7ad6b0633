"""Cuts the sample data set samples/cells (single blood cells) out of the BCCD pictures.

    python3 cut_cells.py BCCD_FOLDER OUTPUT_FOLDER

BCCD_FOLDER holds train.manifest, test.manifest and images/. The result is the same
on every run with the same Pillow. Needs Pillow (Debian: python3-pil).
"""
import json
import random
import shutil
import sys
from pathlib import Path

from PIL import Image

NAMES = {"RBC": "red", "WBC": "white", "Platelets": "platelet"}
PER_LABEL = {"train": 40, "test": 20}
PER_PICTURE = {"red": 1, "white": 2, "platelet": 3}
# Every crop is as many pixels of its original, never resized: what kind a cell is must not show in how smooth or how
# large the crop is. A red cell and its rim fill it, a platelet lies among red cells, of a white one the middle is seen.
SIDE = 116
JITTER = 8            # pixels that a cell may be away from the middle, each way
OVERLAP_MAX = 0.15    # share of a box that one other box may cover
MARGIN_MAX = {"white": 0.05, "platelet": 0.5}    # share of the box of such a cell that may reach into another's crop
# Smaller boxes are mostly mistakes of the annotation (a platelet called a white cell).
BOX_SIDE_MIN = {"red": 50, "white": 75, "platelet": 20}
QUALITY = 88
CREATED = "2026-01-01T00:00:00"


def covered(box, other):
    """The share of box that other covers."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / ((box[2] - box[0]) * (box[3] - box[1]))


def square(box, width, height, chance):
    """The square around the middle of box, a little off it; None where it would leave the picture."""
    left = (box[0] + box[2] - SIDE) // 2 + chance.randint(-JITTER, JITTER)
    top = (box[1] + box[3] - SIDE) // 2 + chance.randint(-JITTER, JITTER)
    if left < 0 or top < 0 or left + SIDE > width or top + SIDE > height:
        return None
    return left, top, left + SIDE, top + SIDE


def cells(line, chance):
    """The usable cells of a manifest line: (label, square)."""
    attribute = next(key[:-len("-metadata")] for key in line if key.endswith("-metadata"))
    size = line[attribute]["image_size"][0]
    width, height = size["width"], size["height"]
    class_map = line[attribute + "-metadata"]["class-map"]
    boxes = []
    for a in line[attribute]["annotations"]:
        box = (a["left"], a["top"], a["left"] + a["width"], a["top"] + a["height"])
        boxes.append((NAMES[class_map[str(a["class_id"])]], box))
    for i, (label, box) in enumerate(boxes):
        if min(box[2] - box[0], box[3] - box[1]) < BOX_SIDE_MIN[label]:
            continue
        if box[0] <= 2 or box[1] <= 2 or box[2] >= width - 2 or box[3] >= height - 2:
            continue
        # Both ways: a platelet inside a red cell's box spoils the red cell's crop too.
        if any(max(covered(box, other), covered(other, box)) > OVERLAP_MAX
               for j, (_, other) in enumerate(boxes) if j != i):
            continue
        crop = square(box, width, height, chance)
        # Red cells lie beside everything; a white cell or a platelet in the margin of another kind's crop would make its label doubtful.
        if crop is None or any(
                name not in ("red", label) and covered(other, crop) > MARGIN_MAX[name]
                for name, other in boxes):
            continue
        yield label, crop


def cut(source, output, part):
    folder = output / part
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = [json.loads(text) for text in (source / f"{part}.manifest").read_text("utf-8").splitlines()]
    lines.sort(key=lambda line: line["source-ref"])
    count = dict.fromkeys(NAMES.values(), 0)
    entries = []
    for line in lines:
        name = line["source-ref"].rsplit("/", 1)[1]
        here = dict.fromkeys(count, 0)
        chance = random.Random(name)
        with Image.open(source / "images" / part / name) as picture:
            picture = picture.convert("RGB")
        for label, crop in cells(line, chance):
            if here[label] == PER_PICTURE[label] or count[label] == PER_LABEL[part]:
                continue
            here[label] += 1
            count[label] += 1
            key = f"{part}/{label}-{count[label]:03}.jpg"
            picture.crop(crop).save(output / key, quality=QUALITY)
            entries.append((key, label))
    entries.sort()
    labels = sorted(count)
    with open(output / f"{part}.manifest", "w", encoding="utf-8", newline="\n") as manifest:
        for key, label in entries:
            manifest.write(json.dumps({
                "source-ref": f"s3://samples/cells/{key}",
                "cell": labels.index(label),
                "cell-metadata": {
                    "class-name": label,
                    "confidence": 1,
                    "type": "groundtruth/image-classification",
                    "human-annotated": "yes",
                    "creation-date": CREATED,
                    "job-name": "labeling-job/cell",
                },
            }, separators=(",", ":")) + "\n")
    print(part, count)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, output = Path(sys.argv[1]), Path(sys.argv[2])
    for part in PER_LABEL:
        cut(source, output, part)


if __name__ == "__main__":
    main()
