// What of an import happens in the browser, run by node where it is there.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import { sorted } from "./imports.js";
import { crc32, zip } from "./zip.js";

const paths = (...all) => sorted(all.map((path) => ({ path, file: new Blob() })));
const names = (found) => Object.fromEntries(Object.entries(found).map(([kind, files]) => [kind, files.map((f) => f.path)]));

test("the check sum is the published one", () => assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926));
test("archives, files of labels and the rest are told apart", () => assert.deepEqual(
  names(paths("a/1.jpg", "a/_annotations.coco.json", "b.ZIP", "c.csv", "notes.docx")), { archives: ["b.ZIP"], documents: ["a/_annotations.coco.json", "c.csv"], others: ["a/1.jpg", "notes.docx"] }));
test("a licence beside images is no file of labels", () => assert.deepEqual(names(paths("f/LICENSE.txt", "f/rose/1.jpg")).documents, []));
test("texts are labels beside an image of their name, or in a folder of labels with a list of classes", () => {
  assert.deepEqual(names(paths("f/1.jpg", "f/1.txt", "f/README.txt")).documents, ["f/1.txt"]);
  assert.deepEqual(names(paths("d/data.yaml", "d/labels/1.txt", "d/README.txt")).documents, ["d/data.yaml", "d/labels/1.txt"]);
});
test("files become an archive", async () => {
  const archive = await zip([{ path: "labels/ä.txt", file: new Blob(["0 .5 .5 1 1\n"]) }, { path: "data.yaml", file: new Blob(["names: [cell]\n"]) }]);
  writeFileSync("labels.zip", new Uint8Array(await archive.arrayBuffer()));
  const bytes = new DataView(await archive.arrayBuffer());
  assert.equal(bytes.getUint32(0, true), 0x04034b50);
  assert.equal(bytes.getUint16(archive.size - 12, true), 2);
  assert.equal(bytes.getUint32(bytes.getUint32(archive.size - 6, true), true), 0x02014b50);
});
