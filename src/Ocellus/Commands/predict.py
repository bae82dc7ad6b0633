#!/usr/bin/env python3
"""Answers as the Ocellus server does, without it.

usage: predict.py [--min-confidence N] [--max-results N] IMAGE...

Belongs beside read_picture.py, model.onnx, model.json, srgb.icc and cmyk.icc. Needs onnxruntime, pillow and numpy. Writes one JSON object per image, one per line:
{"picture": "a.jpg", "CustomLabels": [{"Name": "...", "Confidence": 97.5, "Geometry": {"BoundingBox": {...}}}]}
(Geometry for models that find boxes, in ratios of the image). Exit code 1 if an image was refused; the others are still answered.

The network is the very file that the server runs, and read_picture.py reads images as the server does.
"""
import argparse
import json
import os
import sys

# Read when the library is loaded: otherwise ONNX Runtime reports its use to its makers and writes a device id below the home folder.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

try:
    import numpy as np
    import onnxruntime
    import PIL
except ImportError as missing:
    if missing.name not in ("numpy", "onnxruntime", "PIL"):
        raise
    sys.exit(f"predict.py needs the Python package {missing.name.lower().replace('pil', 'pillow')}, which is not installed here. All that it needs: python3 -m pip install onnxruntime pillow numpy")

import read_picture

HERE = os.path.dirname(os.path.abspath(__file__))
GREY = 127


def target(model, width, height):
    """The size in the network's input of an upright image of that width and height."""
    if model["resize"] != "fit":
        return model["width"], model["height"]
    scale = min(model["width"] / width, model["height"] / height)
    return max(1, min(model["width"], round(width * scale))), max(1, min(model["height"], round(height * scale)))


def open_rgb(path, model):
    return read_picture.open_rgb(path, lambda width, height: target(model, width, height))


def prepare(image, model):
    """Network input [1, height, width, 3] and the share of its width and height that the image fills."""
    pixels = np.full((model["height"], model["width"], 3), GREY, dtype=np.uint8)
    pixels[: image.height, : image.width] = np.asarray(image, dtype=np.uint8)
    return pixels[None], image.width / model["width"], image.height / model["height"]


def answer(session, model, path):
    """Every label or box with its score, unfiltered."""
    pixels, share_x, share_y = prepare(open_rgb(path, model), model)
    if model["kind"] != "localization":
        (scores,) = session.run(["scores"], {"image": pixels})
        return [(i, float(s), None) for i, s in enumerate(scores[0])]
    boxes, scores, labels = session.run(["boxes", "scores", "labels"], {"image": pixels})
    found = []
    wide, high = model["width"] * share_x, model["height"] * share_y
    for (x1, y1, x2, y2), score, label in zip(boxes, scores, labels):
        left, top = min(max(float(x1) / wide, 0), 1), min(max(float(y1) / high, 0), 1)
        right, bottom = min(max(float(x2) / wide, 0), 1), min(max(float(y2) / high, 0), 1)
        if right > left and bottom > top:  # not wholly in the grey beside the image
            found.append((int(label), float(score), {"Left": left, "Top": top, "Width": right - left, "Height": bottom - top}))
    return found


def choose(model, found, min_confidence, max_results):
    """The labels above the threshold, the most confident first, equal ones by name."""
    kept = []
    for label, score, box in found:
        threshold = model["thresholds"][label] if label < len(model["thresholds"]) else 0.5
        if (score >= threshold) if min_confidence is None else (100 * score >= min_confidence):
            one = {"Name": model["labels"][label], "Confidence": min(max(100 * score, 0.0), 100.0)}
            kept.append(one if box is None else {**one, "Geometry": {"BoundingBox": box}})
    kept.sort(key=lambda one: (-one["Confidence"], one["Name"]))
    limit = 100 if any(box is not None for _, _, box in found) else len(kept)
    return kept[: limit if max_results is None else min(limit, max_results)]


def main():
    parser = argparse.ArgumentParser(description="Answers as the Ocellus server does, without it.")
    parser.add_argument("images", nargs="+", metavar="IMAGE")
    parser.add_argument("--min-confidence", type=float, help="0 to 100, for every label; without it each label has its own threshold")
    parser.add_argument("--max-results", type=int)
    options = parser.parse_args()
    with open(os.path.join(HERE, "model.json"), encoding="utf-8") as file:
        model = json.load(file)
    onnxruntime.disable_telemetry_events()  # on Windows the variable above does not do it
    session = onnxruntime.InferenceSession(os.path.join(HERE, "model.onnx"), providers=["CPUExecutionProvider"])
    # The bytes of a name that is not UTF-8 become escapes that JSON allows.
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    refused = False
    for path in options.images:
        try:
            labels = choose(model, answer(session, model, path), options.min_confidence, options.max_results)
            print(json.dumps({"picture": path, "CustomLabels": labels}, ensure_ascii=False), flush=True)
        except Exception as problem:  # of any kind: one bad file must not stop the others
            refused = True
            print(f"predict.py: {path}: {problem or type(problem).__name__}", file=sys.stderr)
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
