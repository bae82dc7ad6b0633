"""Cuts the sample data set samples/cells (single blood cells) out of the BCCD pictures.

    python3 cut_cells.py BCCD_FOLDER OUTPUT_FOLDER

BCCD_FOLDER holds train.manifest, test.manifest and images/. The result is the same
on every run with the same Pillow. Needs Pillow (Debian: python3-pil).
"""
import json
import shutil
import sys
from pathlib import Path

from PIL import Image

NAMES = {"RBC": "red", "WBC": "white", "Platelets": "platelet"}
PER_LABEL = {"train": 40, "test": 20}
PER_PICTURE = {"red": 1, "white": 2, "platelet": 2}
MARGIN = 0.2          # of the longer side of the box, on each side
OVERLAP_MAX = 0.15    # share of a box that one other box may cover
# Smaller boxes are mostly mistakes of the annotation (a platelet called a white cell).
BOX_SIDE_MIN = {"red": 50, "white": 75, "platelet": 20}
SIDE_MIN = 96         # the service refuses pictures under 64 pixels
QUALITY = 88
CREATED = "2026-01-01T00:00:00"


def covered(box, other):
    """The share of box that other covers."""
    width = min(box[2], other[2]) - max(box[0], other[0])
    height = min(box[3], other[3]) - max(box[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / ((box[2] - box[0]) * (box[3] - box[1]))


def square(box, width, height):
    """The square around box with its margin, moved (not shrunk) into the picture; None if it does not fit."""
    side = round(max(box[2] - box[0], box[3] - box[1]) * (1 + 2 * MARGIN))
    if side > min(width, height):
        return None
    left = min(max((box[0] + box[2] - side) // 2, 0), width - side)
    top = min(max((box[1] + box[3] - side) // 2, 0), height - side)
    return left, top, left + side, top + side


def cells(line):
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
        crop = square(box, width, height)
        # A white cell in the margin of another crop would make its label doubtful.
        if crop is None or (label != "white" and any(
                name == "white" and covered(crop, other) > 0.05 for name, other in boxes)):
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
        with Image.open(source / "images" / part / name) as picture:
            picture = picture.convert("RGB")
        for label, crop in cells(line):
            if here[label] == PER_PICTURE[label] or count[label] == PER_LABEL[part]:
                continue
            here[label] += 1
            count[label] += 1
            cell = picture.crop(crop)
            if cell.width < SIDE_MIN:
                cell = cell.resize((SIDE_MIN, SIDE_MIN), Image.BICUBIC)
            key = f"{part}/{label}-{count[label]:03}.jpg"
            cell.save(output / key, quality=QUALITY)
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
