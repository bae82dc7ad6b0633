"""Drives the object store of a real server with boto3 as it comes: its own checksums, trailers and retries.

usage: s3_boto3.py      (starts ./ocellus serve on a free port and a temporary data directory)
"""
import base64, hashlib, http.client, io, os, socket, sys, tempfile, time, urllib.error, urllib.parse, urllib.request, zlib

from harness import Server, check, refused, summary


def main():
    import boto3
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    def fetch(url, method="GET", body=None, headers={}):
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data=body, method=method, headers=headers), timeout=30) as r:
                return r.status, r.read()
        except urllib.error.HTTPError as e:
            return e.code, e.read()

    with tempfile.TemporaryDirectory() as top:
        server = Server(os.path.join(top, "data"))
        for name in [k for k in os.environ if k.startswith("AWS_")]:
            del os.environ[name]
        os.environ |= {"AWS_SHARED_CREDENTIALS_FILE": os.path.join(server.data, "credentials"), "AWS_EC2_METADATA_DISABLED": "true"}
        session = boto3.Session()
        path_style = {"addressing_style": "path"}
        s3 = session.client("s3", endpoint_url=server.url)
        print(f"boto3 {boto3.__version__}")

        # buckets
        s3.create_bucket(Bucket="one")
        s3.create_bucket(Bucket="one")
        west = session.client("s3", endpoint_url=server.url, region_name="eu-west-1")
        west.create_bucket(Bucket="west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        refused("a bucket of one's own again, in the west", "BucketAlreadyOwnedByYou", west.create_bucket, Bucket="west", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        refused("a bucket for another region", "IllegalLocationConstraintException", west.create_bucket, Bucket="far", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
        check("the bucket's region", s3.get_bucket_location(Bucket="west")["LocationConstraint"] == "eu-west-1" and s3.head_bucket(Bucket="west")["BucketRegion"] == "eu-west-1")
        check("list_buckets", [b["Name"] for b in s3.list_buckets()["Buckets"]] == ["one", "west"])
        s3.put_object(Bucket="west", Key="k", Body=b"x")
        check("a bucket of another region is served", west.get_object(Bucket="west", Key="k")["Body"].read() == b"x")

        # objects, with every checksum of the client
        body = os.urandom(300_000)
        put = s3.put_object(Bucket="one", Key="plain", Body=body, ContentType="image/jpeg", Metadata={"colour": "blue"}, CacheControl="no-cache")
        got = s3.get_object(Bucket="one", Key="plain", ChecksumMode="ENABLED")
        check("put and get", got["Body"].read() == body and got["ETag"] == put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"')
        check("with its metadata", (got["ContentType"], got["Metadata"], got["CacheControl"]) == ("image/jpeg", {"colour": "blue"}, "no-cache"), got)
        check("a default checksum is kept", got.get("ChecksumCRC32") == base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode() or "ChecksumCRC32" not in put, got)
        for algorithm in ["CRC32", "SHA1", "SHA256"]:
            p = s3.put_object(Bucket="one", Key="sum", Body=io.BytesIO(body), ChecksumAlgorithm=algorithm)
            g = s3.get_object(Bucket="one", Key="sum", ChecksumMode="ENABLED")
            check(f"a streamed put with {algorithm}", g["Body"].read() == body and g[f"Checksum{algorithm}"] == p[f"Checksum{algorithm}"], p)
        refused("a wrong checksum", "BadDigest", s3.put_object, Bucket="one", Key="bad", Body=b"x", ChecksumCRC32="AAAAAA==")
        refused("which left nothing", "NoSuchKey", s3.get_object, Bucket="one", Key="bad")
        head = s3.head_object(Bucket="one", Key="plain")
        check("head", head["ContentLength"] == len(body) and head["LastModified"].tzinfo is not None)
        check("a range", s3.get_object(Bucket="one", Key="plain", Range="bytes=10-19")["Body"].read() == body[10:20])
        refused("a range beyond the end", "InvalidRange", s3.get_object, Bucket="one", Key="plain", Range="bytes=300000-")
        refused("not modified", "304", s3.get_object, Bucket="one", Key="plain", IfNoneMatch=put["ETag"])
        refused("no match", "PreconditionFailed", s3.get_object, Bucket="one", Key="plain", IfMatch='"0"')
        refused("a put over an object", "PreconditionFailed", s3.put_object, Bucket="one", Key="plain", Body=b"", IfNoneMatch="*")
        s3.put_object(Bucket="one", Key="empty")
        check("an empty object", s3.get_object(Bucket="one", Key="empty")["Body"].read() == b"")
        refused("no such key", "NoSuchKey", s3.get_object, Bucket="one", Key="none")
        refused("no such key, by head", "404", s3.head_object, Bucket="one", Key="none")
        refused("no such bucket", "NoSuchBucket", s3.list_objects_v2, Bucket="none")
        refused("a key too long", "KeyTooLongError", s3.put_object, Bucket="one", Key="k" * 1025, Body=b"")

        # copies
        s3.copy_object(Bucket="one", Key="copy", CopySource={"Bucket": "one", "Key": "plain"})
        check("a copy takes the metadata", s3.head_object(Bucket="one", Key="copy")["Metadata"] == {"colour": "blue"})
        s3.copy_object(Bucket="one", Key="copy", CopySource="one/copy", MetadataDirective="REPLACE", Metadata={"size": "5"})
        check("or replaces it", s3.head_object(Bucket="one", Key="copy")["Metadata"] == {"size": "5"})
        refused("a copy of nothing", "NoSuchKey", s3.copy_object, Bucket="one", Key="copy", CopySource="one/none")

        copied = s3.copy_object(Bucket="one", Key="copy", CopySource="one/sum")["CopyObjectResult"]
        check("a copy tells its checksum and what it is of", copied["ChecksumSHA256"] == p["ChecksumSHA256"] and copied.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT", copied)
        plain = session.client("s3", endpoint_url=server.url, config=Config(s3=path_style, request_checksum_calculation="when_required"))
        unasked = plain.put_object(Bucket="one", Key="unasked", Body=b"x")
        check("no checksum that nobody asked for", not [k for k in unasked if k.startswith("Checksum")], unasked)
        s3.put_object(Bucket="one", Key="encoded", Body=b"x", ContentEncoding="deflate, gzip")
        check("a content encoding to the letter", s3.head_object(Bucket="one", Key="encoded")["ContentEncoding"] == "deflate, gzip")
        refused("encryption that is none", "NotImplemented", s3.put_object, Bucket="one", Key="bad", Body=b"", ServerSideEncryption="AES256")
        refused("another owner", "AccessDenied", s3.get_object, Bucket="one", Key="plain", ExpectedBucketOwner="999999999999")
        refused("a control character among keys to delete, in words that are read", "MalformedXML", s3.delete_objects, Bucket="one", Delete={"Objects": [{"Key": "a\x08"}]})
        refused("a key with a control character that is not there", "NoSuchKey", s3.get_object, Bucket="one", Key="a\x08")
        s3.put_object(Bucket="one", Key="a\x08", Body=b"x")
        check("and one that is", [o["Key"] for o in s3.list_objects_v2(Bucket="one", Prefix="a")["Contents"]] == ["a\x08"] and s3.delete_object(Bucket="one", Key="a\x08"))
        pages = list(s3.get_paginator("list_buckets").paginate(PaginationConfig={"PageSize": 1})) if s3.can_paginate("list_buckets") else [s3.list_buckets()]
        check("buckets in pages of one", [b["Name"] for page in pages for b in page["Buckets"]] == ["one", "west"], pages)

        # keys and lists
        keys = sorted(["odd/ ", "odd/+", "odd/%", "odd/%2F", "odd/../x", "odd//y", "odd/ö", "odd/\U0001F600", "odd/<&>\"'", "odd/" + "k" * 1020], key=lambda k: k.encode())
        for k in keys:
            s3.put_object(Bucket="one", Key=k, Body=k.encode())
        listed = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket="one", Prefix="odd/", PaginationConfig={"PageSize": 3}) for o in page["Contents"]]
        check("odd keys, in pages of three", listed == keys, listed)
        check("and by the old list", [o["Key"] for page in s3.get_paginator("list_objects").paginate(Bucket="one", Prefix="odd/", PaginationConfig={"PageSize": 3}) for o in page["Contents"]] == keys)
        check("their content", all(s3.get_object(Bucket="one", Key=k)["Body"].read() == k.encode() for k in keys))
        check("an empty continuation token", s3.list_objects_v2(Bucket="one", Prefix="odd/", ContinuationToken="").get("ContinuationToken") == "")
        check("start after", [o["Key"] for o in s3.list_objects_v2(Bucket="one", Prefix="odd/", StartAfter=keys[4])["Contents"]] == keys[5:])
        check("a delimiter", [p["Prefix"] for p in s3.list_objects_v2(Bucket="one", Delimiter="/")["CommonPrefixes"]] == ["odd/"])

        with_owner = s3.list_objects_v2(Bucket="one", Prefix="odd/", FetchOwner=True, Delimiter="..")
        check("another delimiter", [p["Prefix"] for p in with_owner["CommonPrefixes"]] == ["odd/.."] and len(with_owner["Contents"]) == len(keys) - 1, with_owner)
        check("owners if asked for", all(o["Owner"]["ID"] for o in with_owner["Contents"]) and "Owner" not in s3.list_objects_v2(Bucket="one", Prefix="odd/")["Contents"][0])

        # multipart, as the transfer manager does it and by hand
        large = os.urandom(20 * 1024 * 1024 + 7)
        s3.upload_fileobj(io.BytesIO(large), "one", "large", Config=TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20))
        check("the upload had three parts", s3.head_object(Bucket="one", Key="large")["ETag"].endswith('-3"'))
        back = io.BytesIO()
        s3.download_fileobj("one", "large", back)
        check("a multipart object comes back byte for byte", back.getvalue() == large)
        s3.copy({"Bucket": "one", "Key": "large"}, "one", "large copy", Config=TransferConfig(multipart_threshold=8 << 20, multipart_chunksize=8 << 20))
        check("a multipart copy", hashlib.sha256(s3.get_object(Bucket="one", Key="large copy")["Body"].read()).digest() == hashlib.sha256(large).digest())
        up = s3.create_multipart_upload(Bucket="one", Key="hand")["UploadId"]
        tag = s3.upload_part(Bucket="one", Key="hand", UploadId=up, PartNumber=1, Body=b"x")["ETag"]
        check("list_parts", [(p["PartNumber"], p["ETag"]) for p in s3.list_parts(Bucket="one", Key="hand", UploadId=up)["Parts"]] == [(1, tag)])
        check("list_multipart_uploads", [u["UploadId"] for u in s3.list_multipart_uploads(Bucket="one")["Uploads"]] == [up])
        refused("a part that is not there", "InvalidPart", s3.complete_multipart_upload, Bucket="one", Key="hand", UploadId=up, MultipartUpload={"Parts": [{"PartNumber": 2, "ETag": tag}]})
        done = [s3.complete_multipart_upload(Bucket="one", Key="hand", UploadId=up, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": tag}]}) for _ in range(2)]
        check("an upload completed twice gives one answer", done[0]["ETag"] == done[1]["ETag"] and done[0]["Location"] == done[1]["Location"], done)
        up = s3.create_multipart_upload(Bucket="one", Key="hand")["UploadId"]
        s3.abort_multipart_upload(Bucket="one", Key="hand", UploadId=up)
        refused("an aborted upload", "NoSuchUpload", s3.list_parts, Bucket="one", Key="hand", UploadId=up)

        # links of version 4, which not every region has by default: stock_links.py tries those
        signer = session.client("s3", endpoint_url=server.url, config=Config(signature_version="s3v4", s3=path_style))
        url = signer.generate_presigned_url("put_object", Params={"Bucket": "one", "Key": "by link", "ContentType": "text/plain"}, ExpiresIn=60)
        check("a put by link", fetch(url, "PUT", b"hello", {"Content-Type": "text/plain"})[0] == 200)
        check("with another content type is refused", fetch(url, "PUT", b"hello", {"Content-Type": "text/html"})[0] == 403)
        get = signer.generate_presigned_url("get_object", Params={"Bucket": "one", "Key": "by link"}, ExpiresIn=60)
        check("a get by link", fetch(get) == (200, b"hello"))
        check("an altered link is refused", b"SignatureDoesNotMatch" in fetch(get.replace("by%20link", "plain"))[1])
        week = signer.generate_presigned_url("get_object", Params={"Bucket": "one", "Key": "by link"}, ExpiresIn=604801)
        check("a link for more than a week is refused", b"AuthorizationQueryParametersError" in fetch(week)[1])

        for method in ["head", "delete"]:
            url = signer.generate_presigned_url(f"{method}_object", Params={"Bucket": "one", "Key": "by link"}, ExpiresIn=60)
            check(f"a {method} by link", fetch(url, method.upper())[0] == (200 if method == "head" else 204))
        check("which deleted it", fetch(get)[0] == 404)
        late = signer.generate_presigned_url("get_object", Params={"Bucket": "one", "Key": "plain"}, ExpiresIn=1)
        time.sleep(2.1)
        check("a link that is too old is refused", b"Request has expired" in fetch(late)[1])

        # a large object: it passes through, and is never held
        def high_water():
            with open(f"/proc/{server.process.pid}/status") as status:
                return next(int(l.split()[1]) for l in status if l.startswith("VmHWM")) * 1024

        if os.path.exists("/proc/self/status"):
            size, before = 1 << 30, high_water()
            target = urllib.parse.urlsplit(signer.generate_presigned_url("put_object", Params={"Bucket": "one", "Key": "gigabyte"}, ExpiresIn=600))
            connection = http.client.HTTPConnection(target.netloc, timeout=300)
            connection.putrequest("PUT", f"{target.path}?{target.query}")
            connection.putheader("Content-Length", str(size))
            connection.endheaders()
            for _ in range(size >> 20):
                connection.send(bytes(1 << 20))
            put = connection.getresponse().status
            read = sum(len(chunk) for chunk in s3.get_object(Bucket="one", Key="gigabyte")["Body"].iter_chunks(1 << 20))
            grown = high_water() - before
            check(f"a gigabyte there and back takes {grown >> 20} MB of memory, less than 96", put == 200 and read == size and grown < 96 << 20, (put, read, grown))
            s3.delete_object(Bucket="one", Key="gigabyte")

        # forms
        def form(post, content, **changed):
            mark = "----form"
            fields = {**post["fields"], **changed}
            text = "".join(f'--{mark}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
            body = text.encode() + f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'.encode() + content + f"\r\n--{mark}--\r\n".encode()
            return fetch(post["url"], "POST", body, {"Content-Type": f"multipart/form-data; boundary={mark}"})

        post = signer.generate_presigned_post("one", "forms/${filename}", Fields={"success_action_status": "201"}, Conditions=[["content-length-range", 1, 1000], {"success_action_status": "201"}], ExpiresIn=60)
        check("a post by form", form(post, b"hello")[0] == 201 and s3.get_object(Bucket="one", Key="forms/a.png")["Body"].read() == b"hello")
        check("with too much is refused", b"EntityTooLarge" in form(post, b"x" * 1001)[1])
        check("with another field is refused", b"Policy Condition failed" in form(post, b"x", success_action_status="200")[1])
        check("with another signature is refused", b"SignatureDoesNotMatch" in form(post, b"x", **{"x-amz-signature": "0" * 64})[1])

        # tags, attributes, rules for pages
        s3.put_object(Bucket="one", Key="tagged", Body=b"x", Tagging="a=b&c=")
        check("tags of a put", s3.get_object_tagging(Bucket="one", Key="tagged")["TagSet"] == [{"Key": "a", "Value": "b"}, {"Key": "c", "Value": ""}] and s3.head_object(Bucket="one", Key="tagged")["ResponseMetadata"]["HTTPHeaders"]["x-amz-tagging-count"] == "2")
        s3.copy_object(Bucket="one", Key="tagged copy", CopySource="one/tagged")
        check("a copy takes them", len(s3.get_object_tagging(Bucket="one", Key="tagged copy")["TagSet"]) == 2)
        s3.put_object_tagging(Bucket="one", Key="tagged", Tagging={"TagSet": [{"Key": str(i), "Value": "v"} for i in range(10)]})
        refused("an eleventh tag", "BadRequest", s3.put_object_tagging, Bucket="one", Key="tagged", Tagging={"TagSet": [{"Key": str(i), "Value": "v"} for i in range(11)]})
        s3.delete_object_tagging(Bucket="one", Key="tagged")
        check("and without", s3.get_object_tagging(Bucket="one", Key="tagged")["TagSet"] == [])
        known = s3.get_object_attributes(Bucket="one", Key="large", ObjectAttributes=["ETag", "ObjectParts", "ObjectSize"])
        check("attributes of an object in parts", known["ObjectParts"]["TotalPartsCount"] == 3 and known["ObjectSize"] == len(large), known)
        check("its last part", s3.get_object(Bucket="one", Key="large", PartNumber=3)["Body"].read() == large[16 << 20:])
        s3.put_bucket_cors(Bucket="one", CORSConfiguration={"CORSRules": [{"AllowedOrigins": ["https://page"], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["*"]}]})
        asked = {"Origin": "https://page", "Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "x-amz-date"}
        check("a browser may ask and put", fetch(server.url + "/one/plain", "OPTIONS", headers=asked)[0] == 200)
        check("another page may not", fetch(server.url + "/one/plain", "OPTIONS", headers={**asked, "Origin": "https://other"})[0] == 403)
        check("the rules", s3.get_bucket_cors(Bucket="one")["CORSRules"][0]["AllowedOrigins"] == ["https://page"])
        s3.delete_bucket_cors(Bucket="one")
        refused("no rules", "NoSuchCORSConfiguration", s3.get_bucket_cors, Bucket="one")

        # what is not configured, and what is not served
        check("versioning is off", "Status" not in s3.get_bucket_versioning(Bucket="one"))
        check("the owner alone has access", [g["Permission"] for g in s3.get_bucket_acl(Bucket="one")["Grants"]] == ["FULL_CONTROL"])
        refused("no lifecycle", "NoSuchLifecycleConfiguration", s3.get_bucket_lifecycle_configuration, Bucket="one")
        refused("versioning", "NotImplemented", s3.put_bucket_versioning, Bucket="one", VersioningConfiguration={"Status": "Enabled"})
        refused("an access list", "AccessControlListNotSupported", s3.put_object, Bucket="one", Key="public", Body=b"", ACL="public-read")

        # the bucket in the host; not every system looks up names under localhost
        look_up = socket.getaddrinfo
        socket.getaddrinfo = lambda host, *more, **named: look_up("127.0.0.1" if str(host).endswith("localhost") else host, *more, **named)
        hosted = session.client("s3", endpoint_url=server.url.replace("127.0.0.1", "localhost"), config=Config(signature_version="s3v4", s3={"addressing_style": "virtual"}))
        hosted.put_object(Bucket="one", Key="by host/ö +%", Body=b"hello")
        check("a bucket in the host", s3.get_object(Bucket="one", Key="by host/ö +%")["Body"].read() == b"hello" and hosted.list_objects_v2(Bucket="one", Prefix="by host")["KeyCount"] == 1)
        link = hosted.generate_presigned_url("get_object", Params={"Bucket": "one", "Key": "by host/ö +%"}, ExpiresIn=60)
        check("its link", "//one.localhost:" in link and fetch(link) == (200, b"hello"), link)
        hosted.delete_objects(Bucket="one", Delete={"Objects": [{"Key": "by host/ö +%"}]})
        socket.getaddrinfo = look_up

        # who may
        def client(**arguments):
            return boto3.client("s3", endpoint_url=server.url, region_name="us-east-1", **arguments)

        known = session.get_credentials()
        refused("a wrong secret", "SignatureDoesNotMatch", client(aws_access_key_id=known.access_key, aws_secret_access_key="x" * 40).list_buckets)
        refused("a wrong key", "InvalidAccessKeyId", client(aws_access_key_id="AKIAAAAAAAAAAAAAAAAA", aws_secret_access_key="x" * 40).list_buckets)
        refused("a session token", "InvalidToken", client(aws_access_key_id=known.access_key, aws_secret_access_key=known.secret_key, aws_session_token="abc").list_buckets)

        # after a crash, and away with it
        server.kill()
        server.start()
        check("after kill -9 an object is as it was", s3.get_object(Bucket="one", Key="plain")["Body"].read() == body)
        refused("a bucket that is not empty", "BucketNotEmpty", s3.delete_bucket, Bucket="one")
        everything = [{"Key": o["Key"]} for o in s3.list_objects_v2(Bucket="one")["Contents"]]
        answer = s3.delete_objects(Bucket="one", Delete={"Objects": everything + [{"Key": "k" * 1025}]})
        check("delete_objects answers for each key", len(answer["Deleted"]) == len(everything) and [e["Code"] for e in answer["Errors"]] == ["KeyTooLongError"], answer)
        s3.delete_bucket(Bucket="one")
        # The bucket is gone at once; its files are removed in the background. The rest are the two files of the barrier that a backup closes.
        for _ in range(200):
            left = sorted(os.listdir(os.path.join(server.data, "objects")))
            if left == [".door", ".inside", "west"]:
                break
            time.sleep(0.05)
        check("a deleted bucket leaves no files", left == [".door", ".inside", "west"], left)
        check("the server ends cleanly", server.stop() == 0)

    return summary()


if __name__ == "__main__":
    sys.exit(main())
