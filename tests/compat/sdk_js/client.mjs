// Drives a running server with the AWS SDK for JavaScript v3 as it comes. Started by ../sdk_js.py.
//
// usage: node client.mjs URL SAMPLES      (SAMPLES is the folder samples/cells; keys and region come from the environment)
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { randomBytes } from "node:crypto";
import * as S3 from "@aws-sdk/client-s3";
import * as R from "@aws-sdk/client-rekognition";

const [endpoint, samples] = process.argv.slice(2);
const s3 = new S3.S3Client({ endpoint, forcePathStyle: true, maxAttempts: 1 });
const rekognition = new R.RekognitionClient({ endpoint, maxAttempts: 1 });
let passed = 0, failed = 0;

function check(name, ok, detail = "") {
  ok ? passed++ : failed++;
  console.log((ok ? "ok      " : "FAILED  ") + name + (ok ? "" : ": " + (typeof detail === "string" ? detail : JSON.stringify(detail))));
}

async function refused(name, call, error) {
  try {
    await call();
    check(name, false, "was accepted");
  } catch (failure) {
    check(`${name}: ${error.name ?? error}`, typeof error === "string" ? failure.name === error : failure instanceof error, `${failure.name}: ${failure.message}`);
  }
}

const ask = (command) => rekognition.send(command);

async function until(condition, seconds = 60) {
  const deadline = Date.now() + 1000 * seconds;
  for (;;) {
    const value = await condition();
    if (value || Date.now() > deadline) return value;
    await new Promise((done) => setTimeout(done, 100));
  }
}

async function objects() {
  const put = (Key, Body, more = {}) => s3.send(new S3.PutObjectCommand({ Bucket: "scripts", Key, Body, ...more }));
  const get = async (Key, more = {}) => s3.send(new S3.GetObjectCommand({ Bucket: "scripts", Key, ...more }));
  await s3.send(new S3.CreateBucketCommand({ Bucket: "scripts" }));
  await S3.waitUntilBucketExists({ client: s3, maxWaitTime: 10 }, { Bucket: "scripts" });
  check("a bucket and its waiter", (await s3.send(new S3.ListBucketsCommand({}))).Buckets.some((b) => b.Name === "scripts"));
  const body = randomBytes(100_000);
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
    const stored = await put("odd +%/ö\u{1F600}", body, { ChecksumAlgorithm, Metadata: { colour: "blue" }, Tagging: "a=b" });
    const got = await get("odd +%/ö\u{1F600}", { ChecksumMode: "ENABLED" });
    check(`an object with ${ChecksumAlgorithm}`, Buffer.compare(Buffer.from(await got.Body.transformToByteArray()), body) === 0 && got["Checksum" + ChecksumAlgorithm] === stored["Checksum" + ChecksumAlgorithm] && got.Metadata.colour === "blue" && got.TagCount === 1, got.$metadata);
  }
  const Key = "odd +%/ö\u{1F600}";
  check("its tags", (await s3.send(new S3.GetObjectTaggingCommand({ Bucket: "scripts", Key }))).TagSet[0].Value === "b");
  check("its attributes", (await s3.send(new S3.GetObjectAttributesCommand({ Bucket: "scripts", Key, ObjectAttributes: ["ETag", "ObjectSize"] }))).ObjectSize === body.length);
  check("a range", Buffer.from(await (await get(Key, { Range: "bytes=5-9" })).Body.transformToByteArray()).equals(body.subarray(5, 10)));
  await s3.send(new S3.CopyObjectCommand({ Bucket: "scripts", Key: "copy", CopySource: "scripts/" + encodeURIComponent(Key) }));
  await S3.waitUntilObjectExists({ client: s3, maxWaitTime: 10 }, { Bucket: "scripts", Key: "copy" });
  const seen = [];
  for await (const page of S3.paginateListObjectsV2({ client: s3, pageSize: 1 }, { Bucket: "scripts" })) seen.push(...page.Contents.map((o) => o.Key));
  check("a copy, its waiter and a paginated list", JSON.stringify(seen) === JSON.stringify(["copy", Key]), seen);
  const { UploadId } = await s3.send(new S3.CreateMultipartUploadCommand({ Bucket: "scripts", Key: "parts", ChecksumAlgorithm: "CRC32" }));
  const large = randomBytes(5 << 20), parts = [];
  for (const [i, bytes] of [large, body].entries()) {
    const part = await s3.send(new S3.UploadPartCommand({ Bucket: "scripts", Key: "parts", UploadId, PartNumber: i + 1, Body: bytes, ChecksumAlgorithm: "CRC32" }));
    parts.push({ PartNumber: i + 1, ETag: part.ETag, ChecksumCRC32: part.ChecksumCRC32 });
  }
  await s3.send(new S3.CompleteMultipartUploadCommand({ Bucket: "scripts", Key: "parts", UploadId, MultipartUpload: { Parts: parts } }));
  const second = await get("parts", { PartNumber: 2 });
  check("an upload in parts, read by its second part", second.PartsCount === 2 && Buffer.from(await second.Body.transformToByteArray()).equals(body));
  await s3.send(new S3.PutBucketCorsCommand({ Bucket: "scripts", CORSConfiguration: { CORSRules: [{ AllowedOrigins: ["*"], AllowedMethods: ["GET"] }] } }));
  check("rules for pages", (await s3.send(new S3.GetBucketCorsCommand({ Bucket: "scripts" }))).CORSRules.length === 1);
  await refused("no such key", () => get("none"), S3.NoSuchKey);
  await refused("no such key, by head", () => s3.send(new S3.HeadObjectCommand({ Bucket: "scripts", Key: "none" })), S3.NotFound);
  await refused("no such bucket", () => s3.send(new S3.ListObjectsV2Command({ Bucket: "none" })), S3.NoSuchBucket);
  await refused("an object that is there", () => put("copy", "x", { IfNoneMatch: "*" }), "PreconditionFailed");
  await refused("versions", () => s3.send(new S3.PutBucketVersioningCommand({ Bucket: "scripts", VersioningConfiguration: { Status: "Enabled" } })), "NotImplemented");
  const gone = await s3.send(new S3.DeleteObjectsCommand({ Bucket: "scripts", Delete: { Objects: ["copy", "parts", Key].map((k) => ({ Key: k })) } }));
  check("deletion of many", gone.Deleted.length === 3);
  await s3.send(new S3.DeleteBucketCommand({ Bucket: "scripts" }));
  await S3.waitUntilBucketNotExists({ client: s3, maxWaitTime: 10 }, { Bucket: "scripts" });
}

/** Uploads the first pictures of each label and a manifest of them. */
async function upload(part, most) {
  const counts = {}, lines = [];
  for (const line of readFileSync(join(samples, part + ".manifest"), "utf8").trim().split("\n")) {
    const entry = JSON.parse(line), label = entry["cell-metadata"]["class-name"];
    counts[label] = (counts[label] ?? 0) + 1;
    if (counts[label] > most) continue;
    const name = entry["source-ref"].split("/cells/")[1];
    await s3.send(new S3.PutObjectCommand({ Bucket: "samples", Key: "cells/" + name, Body: readFileSync(join(samples, name)) }));
    lines.push(line);
  }
  await s3.send(new S3.PutObjectCommand({ Bucket: "samples", Key: `cells/${part}.manifest`, Body: lines.join("\n") }));
  return lines;
}

async function customLabels() {
  await s3.send(new S3.CreateBucketCommand({ Bucket: "samples" }));
  const lines = await upload("train", 12);
  await upload("test", 5);
  const { ProjectArn } = await ask(new R.CreateProjectCommand({ ProjectName: "cells" }));
  await refused("a project's name twice", () => ask(new R.CreateProjectCommand({ ProjectName: "cells" })), R.ResourceInUseException);
  await refused("a name that is not allowed", () => ask(new R.CreateProjectCommand({ ProjectName: "a b" })), "ValidationException");
  check("DescribeProjects", (await ask(new R.DescribeProjectsCommand({}))).ProjectDescriptions[0].ProjectArn === ProjectArn);
  const datasets = {};
  for (const kind of ["train", "test"]) {
    const { DatasetArn } = await ask(new R.CreateDatasetCommand({ ProjectArn, DatasetType: kind.toUpperCase(), DatasetSource: { GroundTruthManifest: { S3Object: { Bucket: "samples", Name: `cells/${kind}.manifest` } } } }));
    datasets[kind] = DatasetArn;
    check(`CreateDataset ${kind}`, await until(async () => (await ask(new R.DescribeDatasetCommand({ DatasetArn }))).DatasetDescription.Status === "CREATE_COMPLETE"));
  }
  const entries = [];
  for await (const page of R.paginateListDatasetEntries({ client: rekognition, pageSize: 10 }, { DatasetArn: datasets.train })) entries.push(...page.DatasetEntries);
  check("ListDatasetEntries", entries.length === lines.length, entries.length);
  check("ListDatasetLabels", (await ask(new R.ListDatasetLabelsCommand({ DatasetArn: datasets.train }))).DatasetLabelDescriptions.length === 3);
  await ask(new R.UpdateDatasetEntriesCommand({ DatasetArn: datasets.train, Changes: { GroundTruth: Buffer.from(entries[0]) } }));
  check("UpdateDatasetEntries", await until(async () => (await ask(new R.DescribeDatasetCommand({ DatasetArn: datasets.train }))).DatasetDescription.Status === "UPDATE_COMPLETE"));

  const OutputConfig = { S3Bucket: "samples", S3KeyPrefix: "out" };
  const { ProjectVersionArn } = await ask(new R.CreateProjectVersionCommand({ ProjectArn, VersionName: "one", OutputConfig, Tags: { a: "b" } }));
  check("ListTagsForResource", (await ask(new R.ListTagsForResourceCommand({ ResourceArn: ProjectVersionArn }))).Tags.a === "b");
  await ask(new R.TagResourceCommand({ ResourceArn: ProjectVersionArn, Tags: { c: "d" } }));
  await ask(new R.UntagResourceCommand({ ResourceArn: ProjectVersionArn, TagKeys: ["a"] }));
  check("TagResource, UntagResource", JSON.stringify((await ask(new R.ListTagsForResourceCommand({ ResourceArn: ProjectVersionArn }))).Tags) === '{"c":"d"}');
  const one = { ProjectArn, VersionNames: ["one"] };
  const trained = await R.waitUntilProjectVersionTrainingCompleted({ client: rekognition, maxWaitTime: 400, minDelay: 1, maxDelay: 2 }, one);
  check("CreateProjectVersion and its waiter", trained.state === "SUCCESS", trained);
  const description = (await ask(new R.DescribeProjectVersionsCommand(one))).ProjectVersionDescriptions[0];
  check("DescribeProjectVersions", description.Status === "TRAINING_COMPLETED" && description.CreationTimestamp instanceof Date && description.EvaluationResult.F1Score > 0.5, description);

  const name = readdirSync(join(samples, "test")).sort().at(-1);
  const Image = { Bytes: readFileSync(join(samples, "test", name)) };
  const detect = (image) => ask(new R.DetectCustomLabelsCommand({ ProjectVersionArn, Image: image, MinConfidence: 0 }));
  await refused("a version that does not run", () => detect(Image), R.ResourceNotReadyException);
  check("StartProjectVersion", (await ask(new R.StartProjectVersionCommand({ ProjectVersionArn, MinInferenceUnits: 1 }))).Status === "STARTING");
  check("and its waiter", (await R.waitUntilProjectVersionRunning({ client: rekognition, maxWaitTime: 60, minDelay: 1, maxDelay: 1 }, one)).state === "SUCCESS");
  const found = (await detect(Image)).CustomLabels;
  check("DetectCustomLabels", found.length === 3 && found[0].Confidence >= found[1].Confidence, found);
  await refused("what is no picture", () => detect({ Bytes: Buffer.from("text") }), R.InvalidImageFormatException);
  await refused("an object that is not there", () => detect({ S3Object: { Bucket: "samples", Name: "none" } }), R.InvalidS3ObjectException);
  check("StopProjectVersion", (await ask(new R.StopProjectVersionCommand({ ProjectVersionArn }))).Status === "STOPPING");
  const stopped = (version) => until(async () => (await ask(new R.DescribeProjectVersionsCommand(version))).ProjectVersionDescriptions[0].Status === "STOPPED");
  check("and STOPPED", await stopped(one));

  const PolicyDocument = JSON.stringify({ Version: "2012-10-17", Statement: [{ Effect: "Allow", Principal: { AWS: "arn:aws:iam::111122223333:root" }, Action: "rekognition:CopyProjectVersion", Resource: "*" }] });
  const policy = await ask(new R.PutProjectPolicyCommand({ ProjectArn, PolicyName: "copy", PolicyDocument }));
  check("ListProjectPolicies", (await ask(new R.ListProjectPoliciesCommand({ ProjectArn }))).ProjectPolicies[0].PolicyRevisionId === policy.PolicyRevisionId);
  await refused("a policy that is none", () => ask(new R.PutProjectPolicyCommand({ ProjectArn, PolicyName: "no", PolicyDocument: "{}" })), R.MalformedPolicyDocumentException);
  await ask(new R.DeleteProjectPolicyCommand({ ProjectArn, PolicyName: "copy" }));
  check("DeleteProjectPolicy", (await ask(new R.ListProjectPoliciesCommand({ ProjectArn }))).ProjectPolicies.length === 0);
  const other = (await ask(new R.CreateProjectCommand({ ProjectName: "other" }))).ProjectArn;
  const copy = (await ask(new R.CopyProjectVersionCommand({ SourceProjectArn: ProjectArn, SourceProjectVersionArn: ProjectVersionArn, DestinationProjectArn: other, VersionName: "copied", OutputConfig }))).ProjectVersionArn;
  check("CopyProjectVersion", await until(async () => (await ask(new R.DescribeProjectVersionsCommand({ ProjectArn: other }))).ProjectVersionDescriptions[0].Status === "COPYING_COMPLETED"));

  for (const arn of [ProjectVersionArn, copy]) check("DeleteProjectVersion", (await ask(new R.DeleteProjectVersionCommand({ ProjectVersionArn: arn }))).Status === "DELETING");
  for (const arn of [ProjectArn, other]) await until(async () => (await ask(new R.DescribeProjectVersionsCommand({ ProjectArn: arn }))).ProjectVersionDescriptions.length === 0);
  await ask(new R.DeleteDatasetCommand({ DatasetArn: datasets.test }));
  const empty = async () => (await ask(new R.DescribeProjectsCommand({ ProjectNames: ["cells"] }))).ProjectDescriptions[0].Datasets;
  await until(async () => (await empty()).length === 1);
  const test = (await ask(new R.CreateDatasetCommand({ ProjectArn, DatasetType: "TEST" }))).DatasetArn;
  await until(async () => (await ask(new R.DescribeDatasetCommand({ DatasetArn: test }))).DatasetDescription.Status === "CREATE_COMPLETE");
  await ask(new R.DistributeDatasetEntriesCommand({ Datasets: [{ Arn: datasets.train }, { Arn: test }] }));
  check("DistributeDatasetEntries", await until(async () => (await ask(new R.DescribeDatasetCommand({ DatasetArn: test }))).DatasetDescription.DatasetStats.TotalEntries > 0));
  await until(async () => (await ask(new R.DescribeDatasetCommand({ DatasetArn: test }))).DatasetDescription.Status === "UPDATE_COMPLETE");
  for (const arn of [datasets.train, test]) await ask(new R.DeleteDatasetCommand({ DatasetArn: arn }));
  check("DeleteDataset", await until(async () => (await empty()).length === 0));
  for (const arn of [ProjectArn, other]) check("DeleteProject", (await ask(new R.DeleteProjectCommand({ ProjectArn: arn }))).Status === "DELETING");
  await refused("a project that is gone", () => ask(new R.CreateDatasetCommand({ ProjectArn, DatasetType: "TRAIN" })), R.ResourceNotFoundException);
}

try {
  await objects();
  await customLabels();
} catch (failure) {
  check("no unforeseen error", false, failure.stack ?? String(failure));
}
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed ? 1 : 0);
