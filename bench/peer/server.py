"""A plain server of one classifier, to compare with: FastAPI, one process a core, ONNX Runtime on one thread each. No signatures, no queue, no limits.

usage: MODEL=FOLDER uvicorn server:app --workers 2 --port 8000      (FOLDER holds model.onnx and model.json of an exported model)
"""
import io
import json
import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read when the library is loaded

import numpy as np
import onnxruntime
from fastapi import FastAPI, Request
from PIL import Image

FOLDER = os.environ.get("MODEL", ".")
with open(os.path.join(FOLDER, "model.json"), encoding="utf-8") as file:
    MODEL = json.load(file)
SIZE = (MODEL["width"], MODEL["height"])

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(os.path.join(FOLDER, "model.onnx"), options, providers=["CPUExecutionProvider"])
app = FastAPI()


@app.post("/detect")
async def detect(request: Request):
    """The labels of a JPEG, best first. One request at a time in each process: a second thread would only wait for the same core."""
    image = Image.open(io.BytesIO(await request.body()))
    image.draft("RGB", SIZE)  # decodes a large JPEG at a fraction of its size
    pixels = np.asarray(image.convert("RGB").resize(SIZE, Image.LANCZOS), dtype=np.uint8)[None]
    (scores,) = session.run(["scores"], {"image": pixels})
    found = sorted(zip(MODEL["labels"], scores[0].tolist()), key=lambda one: -one[1])
    return {"CustomLabels": [{"Name": name, "Confidence": 100 * score} for name, score in found]}
