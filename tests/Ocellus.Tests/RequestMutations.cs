using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Ocellus.Identity;
using Ocellus.Wire.AwsJson;

namespace Ocellus.Tests;

/// <summary>A valid request that is not signed yet.</summary>
/// <param name="Service"><c>rekognition</c> or <c>s3</c>.</param>
/// <param name="Target">Path and query as they go over the wire.</param>
internal sealed record PlainRequest(string Service, string Method, string Target, (string Name, string Value)[] Headers, byte[] Body)
{
    /// <summary>Of the operation and a body that says what it is about.</summary>
    public static PlainRequest Api(string operation, object body) =>
        new(
            "rekognition", "POST", "/", [("X-Amz-Target", "RekognitionService." + operation), ("Content-Type", "application/x-amz-json-1.1")],
            JsonSerializer.SerializeToUtf8Bytes(body));

    public static PlainRequest S3(string method, string target, string body = "", params (string Name, string Value)[] headers) =>
        new("s3", method, target, headers, Encoding.UTF8.GetBytes(body));
}

/// <summary>
/// Damages requests as proxies, bugs and enemies do: their bytes, or their parts before they are signed, so that the damage gets past the signature. The same
/// seed brings the same damage, but for the time of signing.
/// </summary>
internal static class RequestMutations
{
    /// <summary>How long the server may wait for more of a request before it is told that there is none.</summary>
    private static readonly TimeSpan s_grace = TimeSpan.FromSeconds(2);

    private static readonly string[] s_methods = ["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "GE", "get"];

    private static readonly string[] s_paths =
    [
        "/..", "/%2e%2e/%2e%2e/etc", "//", "/%00", "/%", "/%zz", "/%F0%9F%98%80", "/a%2Fb", "/%C0%AF", "/" + new string('k', 1100), "/%0A", "/%1B%5B31m",
        "/mutations/%08", "/mutations/%FF", "/" + string.Concat(Enumerable.Repeat("%F0%9F%98%80", 130)), "/.", "/mutations/k%20%2B",
    ];

    private static readonly string[] s_parameters =
    [
        "uploads", "versions", "versionId=", "versionId=7", "partNumber=99999999999", "partNumber=1&uploadId=x", "uploadId=%00", "max-keys=-1",
        "max-keys=2147483648", "list-type=3", "tagging", "acl", "policy", "delete", "cors",
        "attributes", "location", "delimiter=", "prefix=%F0%9F", "encoding-type=x", "continuation-token=%%%", "key-marker=a&version-id-marker=b",
        "response-content-type=%0d%0a", "X-Amz-Expires=1", "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=0", "max-buckets=0", "max-buckets=1&prefix=%00",
        "bucket-region=%0d", "continuation-token=", "continuation-token=%2Fw%3D%3D", "response-expires=%F0%9F%98%80", "response-content-disposition=%1b",
        "x-amz-meta-%C3%BC=1", "=", "&&&", "a=b=c",
    ];

    private static readonly (string Name, string Value)[] s_headers =
    [
        ("Range", "bytes=9-1"), ("Range", "bytes=-"), ("Range", "bytes=0-99999999999999999999"), ("Content-MD5", "x"), ("Content-Type", new string('t', 3000)),
        ("Content-Encoding", "aws-chunked"), ("x-amz-copy-source", "/%zz"),
        ("x-amz-copy-source", "mutations/none?versionId=1"), ("x-amz-copy-source", "/"), ("x-amz-tagging", "a&b=%"), ("x-amz-checksum-crc32", "AAAA"),
        ("x-amz-checksum-algorithm", "NONE"), ("x-amz-sdk-checksum-algorithm", "SHA256"), ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("If-Match", "\"\""), ("If-Match", ",,,"), ("If-None-Match", "x"), ("If-Modified-Since", "never"), ("x-amz-decoded-content-length", "-1"),
        ("x-amz-metadata-directive", "x"), ("x-amz-object-attributes", ",ETag,,X"), ("x-amz-max-parts", "-1"),
        ("X-Amz-Target", "RekognitionService."), ("X-Amz-Target", "RekognitionService.DetectFaces"), ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "gzip"), ("Expect", "100-continue"), ("Origin", "null"), ("Cookie", "a=b"), ("x-amz-meta-ü", "ü"), ("x-amz-acl", "public-read"),
        ("x-amz-if-match-size", "x"), ("x-amz-if-match-last-modified-time", "x"), ("x-amz-security-token", "t"), ("X-Forwarded-Host", "elsewhere"),
        ("Connection", "upgrade"), ("Upgrade", "h2c"), ("Accept-Encoding", "x"), ("Origin", "https://ü"), ("Origin", "\u001b"),
        ("Access-Control-Request-Method", "GET"), ("Access-Control-Request-Headers", "ü, x"), ("x-amz-meta-b", "\u001bü\u202e"),
        ("Content-Disposition", "\u0001ü"), ("Cache-Control", "ü"), ("Content-Language", "\u007f"),
        ("x-amz-server-side-encryption", "AES256"), ("x-amz-storage-class", "\u001b"), ("x-amz-expected-bucket-owner", "ü"),
        ("x-amz-copy-source", "mutations/%FF"), ("x-amz-copy-source", "mutations/k"), ("x-amz-checksum-mode", "ENABLED"),
    ];

    private static readonly string[] s_payloads =
    [
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", Signer.UnsignedPayload, "x",
        "",
    ];

    /// <summary>Valid requests to both services. They name the bucket <c>mutations</c> with an object <c>k</c>, and a version.</summary>
    public static PlainRequest[] Valid(string version, byte[] image)
    {
        var project = version[..version.IndexOf("/version/", StringComparison.Ordinal)] + "/1";
        var dataset = project[..^2] + "/dataset/train/1";
        const string Policy = """{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"rekognition:CopyProjectVersion","Resource":"*"}]}""";
        return
        [
            PlainRequest.Api("DescribeProjects", new { MaxResults = 5 }),
            PlainRequest.Api("CreateProject", new { ProjectName = "mutations", Tags = new { a = "b" } }),
            PlainRequest.Api("DeleteProject", new { ProjectArn = project }),
            PlainRequest.Api("DescribeProjectVersions", new { ProjectArn = project, VersionNames = new[] { "v1" } }),
            PlainRequest.Api(
                "CreateDataset",
                new
                {
                    ProjectArn = project,
                    DatasetType = "TRAIN",
                    DatasetSource = new { GroundTruthManifest = new { S3Object = new { Bucket = "mutations", Name = "k" } } },
                }),
            PlainRequest.Api("ListDatasetEntries", new { DatasetArn = dataset, ContainsLabels = new[] { "a" }, NextToken = "" }),
            PlainRequest.Api(
                "UpdateDatasetEntries", new { DatasetArn = dataset, Changes = new { GroundTruth = "{\"source-ref\":\"s3://mutations/k\"}\n"u8.ToArray() } }),
            PlainRequest.Api("PutProjectPolicy", new { ProjectArn = project, PolicyName = "p", PolicyDocument = Policy }),
            PlainRequest.Api("TagResource", new { ResourceArn = version, Tags = new { team = "lab" } }),
            PlainRequest.Api("ListTagsForResource", new { ResourceArn = version }),
            PlainRequest.Api("DetectCustomLabels", new { ProjectVersionArn = version, MinConfidence = 50, Image = new { Bytes = image } }),
            PlainRequest.Api("DetectCustomLabels", new { ProjectVersionArn = version, Image = new { S3Object = new { Bucket = "mutations", Name = "k" } } }),
            PlainRequest.S3("GET", "/"),
            PlainRequest.S3("PUT", "/mutations"),
            PlainRequest.S3("GET", "/mutations?list-type=2&prefix=k&max-keys=10"),
            PlainRequest.S3("GET", "/mutations?versions="),
            PlainRequest.S3("GET", "/mutations?uploads="),
            PlainRequest.S3("GET", "/?max-buckets=1&prefix=m"),
            PlainRequest.S3("GET", "/mutations?cors="),
            PlainRequest.S3("GET", "/mutations?tagging="),
            PlainRequest.S3(
                "OPTIONS", "/mutations/k", "", ("Origin", "https://page"), ("Access-Control-Request-Method", "GET"),
                ("Access-Control-Request-Headers", "x-amz-date")),
            PlainRequest.S3("POST", "/mutations/parts?uploads=", "", ("x-amz-checksum-algorithm", "CRC32"), ("x-amz-meta-a", "b")),
            PlainRequest.S3("PUT", "/mutations/parts?partNumber=1&uploadId=00000000000000000000000000000000", "content"),
            PlainRequest.S3(
                "POST", "/mutations/parts?uploadId=00000000000000000000000000000000",
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"0\"</ETag></Part></CompleteMultipartUpload>"),
            PlainRequest.S3("PUT", "/mutations?tagging=", "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>"),
            PlainRequest.S3(
                "PUT", "/mutations?cors=",
                "<CORSConfiguration><CORSRule><AllowedOrigin>*</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule></CORSConfiguration>"),
            PlainRequest.S3("POST", "/mutations?delete=", "<Delete><Object><Key>gone</Key><Size>1</Size></Object></Delete>"),
            PlainRequest.S3("PUT", "/mutations/k", "content", ("Content-Type", "text/plain"), ("x-amz-meta-a", "b"), ("x-amz-tagging", "a=b")),
            PlainRequest.S3("PUT", "/mutations/copy", "", ("x-amz-copy-source", "mutations/k")),
            PlainRequest.S3("GET", "/mutations/k", "", ("Range", "bytes=1-3")),
            PlainRequest.S3("HEAD", "/mutations/k"),
            PlainRequest.S3("GET", "/mutations/k?attributes=", "", ("x-amz-object-attributes", "ETag,ObjectSize")),
            PlainRequest.S3("DELETE", "/mutations/gone"),
            PlainRequest.S3("GET", "/mutations/k?tagging="),
            PlainRequest.S3("PUT", "/mutations/k?tagging=", "<Tagging><TagSet/></Tagging>"),
            PlainRequest.S3(
                "PUT", "/mutations/chunks", "7\r\ncontent\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
                ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"), ("x-amz-decoded-content-length", "7"),
                ("x-amz-trailer", "x-amz-checksum-crc32"), ("Content-Encoding", "aws-chunked")),
        ];
    }

    /// <summary>The bytes of a damaged request, signed.</summary>
    public static byte[] Mutate(PlainRequest valid, Uri server, Signer signer, Random random)
    {
        var request = valid;
        var how = random.Next(3);
        for (var times = how == 0 ? 0 : random.Next(1, 4); times > 0; times--)
        {
            request = Changed(request, random);
        }

        var bytes = Sign(request, server, signer);
        for (var times = how == 1 ? 0 : random.Next(1, 4); times > 0; times--)
        {
            bytes = Damaged(bytes, random, Math.Min(bytes.Length, 900));
        }

        return bytes;
    }

    /// <summary>The bytes of a request with its signature.</summary>
    public static byte[] Sign(PlainRequest request, Uri server, Signer signer)
    {
        using var message = new HttpRequestMessage(
            new HttpMethod(request.Method),
            Signer.Raw(server.GetLeftPart(UriPartial.Authority) + request.Target))
        { Content = new ByteArrayContent(request.Body) };
        foreach (var (name, value) in request.Headers.Where(h => h.Name != "x-amz-content-sha256"))
        {
            _ = message.Headers.TryAddWithoutValidation(name, value) || message.Content.Headers.TryAddWithoutValidation(name, value);
        }

        signer.Sign(message, request.Service, request.Headers.FirstOrDefault(h => h.Name == "x-amz-content-sha256").Value ?? Signer.HashOf(request.Body));
        var text = new StringBuilder($"{request.Method} {request.Target} HTTP/1.1\r\nHost: {server.Authority}\r\nConnection: close\r\n");
        foreach (var (name, values) in message.Headers.NonValidated.Select(h => (h.Key, h.Value))
            .Concat(message.Content.Headers.NonValidated.Select(h => (h.Key, h.Value))).Where(h => h.Key != "Content-Length"))
        {
            text.Append($"{name}: {string.Join(',', (IEnumerable<string>)values)}\r\n");
        }

        return [.. Encoding.UTF8.GetBytes(text.Append($"Content-Length: {request.Body.Length}\r\n\r\n").ToString()), .. request.Body];
    }

    /// <summary>Sends bytes to a server and tells the status of its answer; 0 if it closed the connection without one.</summary>
    public static async Task<int> SendAsync(Uri server, byte[] bytes, CancellationToken cancel)
    {
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(server.Host, server.Port, cancel);
        var stream = client.GetStream();
        var answer = new byte[12];
        var read = 0;
        try
        {
            await stream.WriteAsync(bytes, cancel);
            while (read < answer.Length)
            {
                var more = stream.ReadAsync(answer.AsMemory(read), cancel).AsTask();
                if (await Task.WhenAny(more, Task.Delay(s_grace, cancel)) != more)
                {
                    // The server waits for what a damaged length announces: it comes no more. Not told before, for it would take the client as gone.
                    client.Client.Shutdown(SocketShutdown.Send);
                }

                var count = await more;
                read += count;
                if (count == 0)
                {
                    break;
                }
            }
        }
        catch (Exception failure) when (failure is IOException or SocketException)
        {
            // Closed while it was written: an answer may be there all the same, or not.
        }

        return read == answer.Length && int.TryParse(Encoding.ASCII.GetString(answer, 9, 3), out var status) ? status : 0;
    }

    /// <summary>Whether an answer tells of a fault of the server. It says 501 of what it has not and 505 of another HTTP.</summary>
    public static bool IsFault(int status) => status >= 500 && status is not (501 or 505);

    private static PlainRequest Changed(PlainRequest request, Random random)
    {
        T Any<T>(T[] values) => values[random.Next(values.Length)];
        switch (random.Next(7))
        {
            case 0:
                return request with { Method = Any(s_methods) };
            case 1:
                var cut = request.Target.Split('?', 2);
                var path = random.Next(2) == 0 ? Any(s_paths) : cut[0].TrimEnd('/') + Any(s_paths);
                return request with { Target = cut.Length == 2 ? $"{path}?{cut[1]}" : path };
            case 2:
                return request with { Target = request.Target + (request.Target.Contains('?', StringComparison.Ordinal) ? '&' : '?') + Any(s_parameters) };
            case 3:
                return request with { Headers = [.. request.Headers, Any(s_headers)] };
            case 4 when request.Headers.Length > 0:
                var at = random.Next(request.Headers.Length);
                return request with { Headers = [.. request.Headers.Where((_, i) => i != at)] };
            case 5 when request.Service == "s3":
                return request with { Headers = [.. request.Headers.Where(h => h.Name != "x-amz-content-sha256"), ("x-amz-content-sha256", Any(s_payloads))] };
            default:
                return request with { Body = Damaged(request.Body, random, request.Body.Length) };
        }
    }

    /// <param name="within">Damage begins among so many first bytes.</param>
    private static byte[] Damaged(byte[] bytes, Random random, int within)
    {
        if (bytes.Length == 0)
        {
            return [.. Enumerable.Range(0, random.Next(1, 200)).Select(_ => (byte)random.Next(256))];
        }

        int at = random.Next(within), length = random.Next(1, 1 + Math.Min(64, bytes.Length - at));
        switch (random.Next(7))
        {
            case 0:
                var flipped = (byte[])bytes.Clone();
                flipped[at] ^= (byte)(1 << random.Next(8));
                return flipped;
            case 1:
                return bytes[..at];
            case 2:
                var inserted = new byte[length];
                random.NextBytes(inserted);
                return [.. bytes[..at], .. inserted, .. bytes[at..]];
            case 3:
                return [.. bytes[..at], .. bytes[(at + length)..]];
            case 4:
                return [.. bytes[..(at + length)], .. bytes[at..]];
            case 5:
                return [.. bytes[..at], .. Encoding.ASCII.GetBytes(new string((char)random.Next(32, 127), random.Next(1, 20_000))), .. bytes[at..]];
            default:
                // Digits decide lengths and limits.
                var digits = Enumerable.Range(0, bytes.Length).Where(i => bytes[i] is >= (byte)'0' and <= (byte)'9').ToArray();
                var changed = (byte[])bytes.Clone();
                changed[digits.Length > 0 ? digits[random.Next(digits.Length)] : at] = (byte)('0' + random.Next(10));
                return changed;
        }
    }
}
