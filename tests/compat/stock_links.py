"""Links and forms as clients make them by default: no signature version, no addressing style, no checksum setting is set by hand.

boto3 and `aws s3 presign` sign with version 2 in us-east-1, eu-west-1 and us-west-2 and with version 4 elsewhere, s3cmd's links are of version 2 everywhere. The link of the
AWS SDK for JavaScript v3 is made here in the form that its default settings give it. What is not installed is left out.

usage: stock_links.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import datetime, hashlib, hmac, os, shutil, subprocess, sys, tempfile, time, urllib.error, urllib.parse, urllib.request

from harness import Server, check, summary

# By default of botocore, which may come to sign with version 4 everywhere.
REGIONS = ["us-east-1", "eu-west-1", "us-west-2", "eu-central-1"]


def fetch(url, method="GET", body=None, headers={}):
    request = urllib.request.Request(url, data=body, method=method, headers=headers)
    if body is not None and not headers:
        # urllib would name a content type of its own, which a link of version 2 signs.
        request.add_unredirected_header("Content-Type", "")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def form(post, content, **changed):
    mark = "----form"
    fields = {**post["fields"], **changed}
    body = "".join(f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()).encode()
    body += f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'.encode() + content + f"\r\n--{mark}--\r\n".encode()
    return fetch(post["url"], "POST", body, {"Content-Type": f"multipart/form-data; boundary={mark}"})


def version(url):
    return "version 4" if "X-Amz-Signature" in url else "version 2"


def with_boto3(server):
    import boto3

    print(f"boto3 {boto3.__version__}")
    boto3.client("s3", endpoint_url=server.url, region_name="us-east-1").create_bucket(Bucket="others")
    for region in REGIONS:
        s3 = boto3.client("s3", endpoint_url=server.url, region_name=region)
        bucket = f"links-{region}"
        s3.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}))

        def link(operation, **parameters):
            return s3.generate_presigned_url(operation, Params={"Bucket": bucket, **parameters})

        key, title = "a b/ö+&=?.txt", f"boto3 in {region}"
        put = link("put_object", Key=key, ContentType="text/plain", Metadata={"colour": "light blue"})
        check(f"{title}: a put by link of {version(put)}", (got := fetch(put, "PUT", b"hello", {"Content-Type": "text/plain", "x-amz-meta-colour": "light blue"} if "X-Amz-SignedHeaders=" in put else {"Content-Type": "text/plain"}))[0] == 200, got)
        plain = link("put_object", Key="plain")
        check(f"{title}: a put without a type", (got := fetch(plain, "PUT", b"hello"))[0] == 200, got)
        get = link("get_object", Key=key, ResponseContentType="image/png", ResponseContentDisposition='attachment; filename="a&b.txt"')
        with urllib.request.urlopen(get) as answer:
            check(f"{title}: a get by link, with headers of its answer", answer.read() == b"hello" and answer.headers["Content-Type"] == "image/png" and answer.headers["Content-Disposition"] == 'attachment; filename="a&b.txt"', dict(answer.headers))
            check(f"{title}: what the put's link said is kept", answer.headers["x-amz-meta-colour"] == "light blue", dict(answer.headers))
        check(f"{title}: another key is refused", b"SignatureDoesNotMatch" in fetch(get.replace("a%20b", "plain"))[1])
        check(f"{title}: another operation is refused", fetch(get + "&tagging")[0] == 403 and fetch(get.replace("?", "??", 1))[0] == 403)
        check(f"{title}: another method is refused", b"SignatureDoesNotMatch" in fetch(get, "DELETE")[1] and s3.head_object(Bucket=bucket, Key=key)["ContentLength"] == 5)
        check(f"{title}: a list of the bucket", b"<Key>" in fetch(link("list_objects_v2"))[1])
        parts = link("list_objects_v2", Prefix="a b/")
        status, text = fetch(parts)
        check(f"{title}: a list of a part of it, {'which version 2 does not sign, is refused' if version(parts) == 'version 2' else 'signed'}", (status, b"signature_version" in text) == (403, True) if version(parts) == "version 2" else b"plain" not in text, (status, text))
        upload = s3.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
        check(f"{title}: a part by link", (got := fetch(link("upload_part", Key="parts", UploadId=upload, PartNumber=1), "PUT", b"part"))[0] == 200, got)
        s3.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": p["PartNumber"], "ETag": p["ETag"]} for p in s3.list_parts(Bucket=bucket, Key="parts", UploadId=upload)["Parts"]]})
        check(f"{title}: a head and a delete by link", fetch(link("head_object", Key="parts"), "HEAD")[0] == 200 and fetch(link("delete_object", Key="parts"), "DELETE")[0] == 204)
        late = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=1)
        far = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=8 * 24 * 3600)
        check(f"{title}: a link for more than a week is refused", b"604800" in fetch(far)[1])

        post = s3.generate_presigned_post(bucket, "forms/${filename}", Conditions=[["content-length-range", 1, 10]])
        check(f"{title}: a form", (got := form(post, b"hello"))[0] == 204 and s3.get_object(Bucket=bucket, Key="forms/a.png")["Body"].read() == b"hello", got)
        check(f"{title}: a form with too much, or another key, is refused", b"EntityTooLarge" in form(post, b"x" * 11)[1] and b"Policy Condition failed" in form(post, b"x", key="other")[1])
        check(f"{title}: a form for another bucket is refused", b"Policy Condition failed" in form({**post, "url": post["url"].replace(bucket, "others")}, b"x")[1])
        time.sleep(2.1)
        check(f"{title}: a link that is too old is refused", b"Request has expired" in fetch(late)[1])


def with_cli(server, environment):
    print(subprocess.run(["aws", "--version"], capture_output=True, text=True).stdout.strip())
    for region in REGIONS:
        link = subprocess.run(["aws", "--endpoint-url", server.url, "--region", region, "s3", "presign", f"s3://links-{region}/plain"], env=environment, capture_output=True, text=True).stdout.strip()
        check(f"aws s3 presign in {region}: a link of {version(link)}", fetch(link) == (200, b"hello"), link)


def with_s3cmd(server, environment, top):
    address = server.url.split("//")[1]
    config = os.path.join(top, "s3cfg")
    with open(config, "w") as file:
        # What s3cmd --configure asks for, and nothing else.
        file.write(f"[default]\naccess_key = {environment['KEY']}\nsecret_key = {environment['SECRET']}\nhost_base = {address}\nhost_bucket = {address}\nuse_https = False\n")

    def s3cmd(*words):
        done = subprocess.run(["s3cmd", "-c", config, *words], capture_output=True, text=True)
        check("s3cmd " + " ".join(words)[:60], done.returncode == 0, done.stderr[-400:])
        return done.stdout.strip()

    print(s3cmd("--version"))
    local = os.path.join(top, "file")
    with open(local, "w") as file:
        file.write("hello")
    s3cmd("mb", "s3://of-s3cmd")
    check("s3cmd lists the buckets", "s3://of-s3cmd" in s3cmd("ls"))
    s3cmd("put", local, "s3://of-s3cmd/a b&c")
    check("s3cmd lists the objects", "a b&c" in s3cmd("ls", "s3://of-s3cmd"))
    s3cmd("get", "s3://of-s3cmd/a b&c", local + "2")
    check("and gets what it put", open(local + "2").read() == "hello")
    link = s3cmd("signurl", "s3://of-s3cmd/a b&c", "+600")
    check(f"s3cmd signurl: a link of {version(link)}", fetch(link) == (200, b"hello"), link)
    s3cmd("--signature-v2", "ls", "s3://of-s3cmd")
    s3cmd("cp", "s3://of-s3cmd/a b&c", "s3://of-s3cmd/d")
    s3cmd("del", "s3://of-s3cmd/a b&c", "s3://of-s3cmd/d")
    s3cmd("mb", "--region", "eu-west-1", "s3://of-s3cmd-west")
    s3cmd("rb", "s3://of-s3cmd", "s3://of-s3cmd-west")


def of_javascript(server, environment):
    """What getSignedUrl(client, new PutObjectCommand(…)) of 3.729 and later gives: the checksum of an empty body is in it, for there is no other body yet."""
    now = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
    scope, path = f"{now[:8]}/us-east-1/s3/aws4_request", "/links-us-east-1/by-javascript"
    query = {"X-Amz-Algorithm": "AWS4-HMAC-SHA256", "X-Amz-Content-Sha256": "UNSIGNED-PAYLOAD", "X-Amz-Credential": f"{environment['KEY']}/{scope}", "X-Amz-Date": now, "X-Amz-Expires": "900",
             "X-Amz-SignedHeaders": "host", "x-amz-checksum-crc32": "AAAAAA==", "x-amz-sdk-checksum-algorithm": "CRC32", "x-id": "PutObject"}
    text = "&".join(f"{k}={urllib.parse.quote(v, safe='-_.~')}" for k, v in sorted(query.items()))
    canonical = "\n".join(["PUT", path, text, f"host:{server.url.split('//')[1]}\n", "host", "UNSIGNED-PAYLOAD"])
    key = ("AWS4" + environment["SECRET"]).encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, "\n".join(["AWS4-HMAC-SHA256", now, scope, hashlib.sha256(canonical.encode()).hexdigest()]).encode(), hashlib.sha256).hexdigest()
    link = f"{server.url}{path}?{text}&X-Amz-Signature={signature}"
    check("the upload link of the JavaScript SDK", (got := fetch(link, "PUT", b"hello", {"Content-Type": "text/plain"}))[0] == 200, got)
    check("is for that upload alone", fetch(link.replace("by-javascript", "other"), "PUT", b"x", {"Content-Type": "text/plain"})[0] == 403)


def main():
    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"))
        for name in [k for k in os.environ if k.startswith("AWS_")]:
            del os.environ[name]
        os.environ |= {"AWS_SHARED_CREDENTIALS_FILE": os.path.join(server.data, "credentials"), "AWS_EC2_METADATA_DISABLED": "true"}
        with open(os.environ["AWS_SHARED_CREDENTIALS_FILE"]) as file:
            keys = dict(map(str.strip, l.split("=", 1)) for l in file if "=" in l)
        environment = {**os.environ, "KEY": keys["aws_access_key_id"], "SECRET": keys["aws_secret_access_key"]}
        with_boto3(server)
        of_javascript(server, environment)
        for program, run in (("aws", lambda: with_cli(server, environment)), ("s3cmd", lambda: with_s3cmd(server, environment, top))):
            if shutil.which(program):
                run()
            else:
                print(f"left out: {program} is not installed")
        server.stop()
        return summary()


if __name__ == "__main__":
    sys.exit(main())
