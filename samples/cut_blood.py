"""Makes the sample data set samples/blood (boxes around blood cells) from the BCCD pictures.

    python3 cut_blood.py BCCD_FOLDER OUTPUT_FOLDER

BCCD_FOLDER holds train.manifest, test.manifest and images/. The result is the same
on every run with the same Pillow. Needs Pillow (Debian: python3-pil).
"""
import json
import shutil
import sys
from pathlib import Path

from PIL import Image

NAMES = {"RBC": "red", "WBC": "white", "Platelets": "platelet"}
LABELS = sorted(NAMES.values())
COUNT = {"train": 60, "test": 20}
SIZE = (480, 360)     # three quarters of the originals: still more than the network looks at
QUALITY = 88
BOXES_MAX = 50        # of one picture, a limit of the service
CREATED = "2026-01-01T00:00:00"


def boxes(line):
    """The boxes of a manifest line at the new size: (label, left, top, width, height) in whole pixels."""
    attribute = next(key[:-len("-metadata")] for key in line if key.endswith("-metadata"))
    size = line[attribute]["image_size"][0]
    class_map = line[attribute + "-metadata"]["class-map"]
    across, down = SIZE[0] / size["width"], SIZE[1] / size["height"]
    for a in line[attribute]["annotations"]:
        left, top = max(0, round(a["left"] * across)), max(0, round(a["top"] * down))
        right = min(SIZE[0], round((a["left"] + a["width"]) * across))
        bottom = min(SIZE[1], round((a["top"] + a["height"]) * down))
        if right - left > 1 and bottom - top > 1:
            yield NAMES[class_map[str(a["class_id"])]], left, top, right - left, bottom - top


def choose(lines, count):
    """Those with all three labels first, then those with two; spread over the whole set, in the order of their names."""
    lines = sorted(lines, key=lambda line: line["source-ref"])
    usable = [(line, list(boxes(line))) for line in lines]
    usable = [(line, found) for line, found in usable if 0 < len(found) <= BOXES_MAX]
    chosen = []
    for labels in (3, 2, 1):
        group = [item for item in usable if len({box[0] for box in item[1]}) == labels]
        wanted = min(len(group), count - len(chosen))
        chosen += [group[i * len(group) // wanted] for i in range(wanted)]
    return sorted(chosen, key=lambda item: item[0]["source-ref"])


def make(source, output, part):
    folder = output / part
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    lines = [json.loads(text) for text in (source / f"{part}.manifest").read_text("utf-8").splitlines()]
    count = dict.fromkeys(LABELS, 0)
    with open(output / f"{part}.manifest", "w", encoding="utf-8", newline="\n") as manifest:
        for number, (line, found) in enumerate(choose(lines, COUNT[part]), 1):
            key = f"{part}/blood-{number:03}.jpg"
            with Image.open(source / "images" / part / line["source-ref"].rsplit("/", 1)[1]) as picture:
                picture.convert("RGB").resize(SIZE, Image.LANCZOS).save(output / key, quality=QUALITY)
            for box in found:
                count[box[0]] += 1
            manifest.write(json.dumps({
                "source-ref": f"s3://samples/blood/{key}",
                "cells": {
                    "image_size": [{"width": SIZE[0], "height": SIZE[1], "depth": 3}],
                    "annotations": [
                        {"class_id": LABELS.index(label), "left": left, "top": top, "width": width, "height": height}
                        for label, left, top, width, height in found],
                },
                "cells-metadata": {
                    "objects": [{"confidence": 1} for _ in found],
                    "class-map": {str(i): label for i, label in enumerate(LABELS)},
                    "type": "groundtruth/object-detection",
                    "human-annotated": "yes",
                    "creation-date": CREATED,
                    "job-name": "labeling-job/cells",
                },
            }, separators=(",", ":")) + "\n")
    print(part, count)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    source, output = Path(sys.argv[1]), Path(sys.argv[2])
    for part in COUNT:
        make(source, output, part)


if __name__ == "__main__":
    main()
