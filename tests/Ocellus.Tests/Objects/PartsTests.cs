using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Xml.Linq;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>What is known of an object that was uploaded in parts.</summary>
public sealed class PartsTests : BucketTests
{
    private const int First = 5 << 20;

    [Fact]
    public async Task Parts_can_be_read_one_by_one_and_are_told_with_their_checksums()
    {
        byte[][] parts = [new byte[First], "hello"u8.ToArray()];
        RandomNumberGenerator.Fill(parts[0]);
        var sums = parts.Select(p => Convert.ToBase64String(SHA256.HashData(p))).ToArray();
        await UploadAsync("big", parts, ("x-amz-checksum-algorithm", "SHA256"));

        using var second = await Server.SendTextAsync(HttpMethod.Get, "/bucket/big", "partNumber=2");
        Assert.Equal(
            (HttpStatusCode.PartialContent, "hello", "2"),
            (second.StatusCode, await second.Content.ReadAsStringAsync(Cancel), second.Headers.GetValues("x-amz-mp-parts-count").Single()));
        Assert.Equal($"bytes {First}-{First + 4}/{First + 5}", second.Content.Headers.ContentRange!.ToString());
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/big", "partNumber=3", null, 416, "InvalidPartNumber", "2 part(s)");
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/big", "partNumber=0", null, 416, "InvalidPartNumber", "'0'");

        var attributes = await AttributesAsync("big", "ETag,Checksum,ObjectParts,StorageClass,ObjectSize");
        // The checksum of the checksums, and the number of parts.
        var composite = Convert.ToBase64String(SHA256.HashData([.. sums.SelectMany(Convert.FromBase64String)])) + "-2";
        Assert.Equal(
            (composite, "COMPOSITE"),
            (attributes.Element(Ns + "Checksum")!.Element(
                Ns + "ChecksumSHA256")!.Value, attributes.Element(Ns + "Checksum")!.Element(Ns + "ChecksumType")!.Value));
        Assert.Equal((First + 5).ToString(CultureInfo.InvariantCulture), attributes.Element(Ns + "ObjectSize")!.Value);
        Assert.Equal(sums, attributes.Element(Ns + "ObjectParts")!.Elements(Ns + "Part").Select(p => p.Element(Ns + "ChecksumSHA256")!.Value));
        Assert.Equal("2", attributes.Element(Ns + "ObjectParts")!.Element(Ns + "PartsCount")!.Value);
        await Server.RefusedAsync(
            HttpMethod.Get, "/bucket/big", "attributes=", null, 400, "InvalidArgument", "ObjectParts", headers: ("x-amz-object-attributes", "Colour"));
    }

    [Theory]
    [InlineData("CRC32", "NhCmhg==")]
    [InlineData("CRC64NVME", "M3eFcAZSQlc=")]
    public async Task A_checksum_of_the_whole_object_is_that_of_its_bytes(string algorithm, string value)
    {
        await UploadAsync("whole", ["hello"u8.ToArray()], ("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", "FULL_OBJECT"));
        var checksum = (await AttributesAsync("whole", "Checksum")).Element(Ns + "Checksum")!;
        Assert.Equal((value, "FULL_OBJECT"), (checksum.Element(Ns + "Checksum" + algorithm)!.Value, checksum.Element(Ns + "ChecksumType")!.Value));
        using var head = await Server.SendTextAsync(HttpMethod.Head, "/bucket/whole", headers: ("x-amz-checksum-mode", "ENABLED"));
        Assert.Equal(value, head.Headers.GetValues("x-amz-checksum-" + algorithm.ToLowerInvariant()).Single());
    }

    [Fact]
    public async Task An_object_that_came_whole_has_no_parts()
    {
        await Server.PutObjectAsync("bucket", "k", "hello"u8.ToArray());
        Assert.Null((await AttributesAsync("k", "ETag,ObjectParts")).Element(Ns + "ObjectParts"));
        using var first = await Server.SendTextAsync(HttpMethod.Get, "/bucket/k", "partNumber=1");
        Assert.Equal("hello", await first.Content.ReadAsStringAsync(Cancel));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/k", "partNumber=2", null, 416, "InvalidPartNumber", "'2'");
        await Server.RefusedAsync(
            HttpMethod.Get, "/bucket/none", "attributes=", null, 404, "NoSuchKey", "'none'", headers: ("x-amz-object-attributes", "ETag"));
    }

    [Fact]
    public async Task More_than_one_request_or_one_object_may_have_is_refused_before_it_is_read()
    {
        var id = (await Server.OkAsync(HttpMethod.Post, "/bucket/huge", "uploads=")).Element(Ns + "UploadId")!.Value;
        foreach (var (path, query) in new[] { ("/bucket/huge", ""), ("/bucket/huge", $"partNumber=1&uploadId={id}") })
        {
            // Announced and not sent: the refusal must not wait for it.
            using var request = Server.S3Request(
                HttpMethod.Put, path, query, [("x-amz-decoded-content-length", ((5L << 30) + 1).ToString(CultureInfo.InvariantCulture))],
                new ByteArrayContent("0\r\n\r\n"u8.ToArray()));
            Server.Signer.Sign(request, "s3", "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
            using var response = await Server.Client.SendAsync(request, Cancel);
            await AssertErrorAsync(response, 400, "EntityTooLarge", "5 GB");
        }

        var tags = new List<string>();
        foreach (var number in new[] { 1, 2 })
        {
            using var part = await Server.SendS3Async(
                HttpMethod.Put, "/bucket/huge", string.Create(CultureInfo.InvariantCulture, $"partNumber={number}&uploadId={id}"), body: "x"u8.ToArray());
            tags.Add(part.Headers.ETag!.Tag);
            // As if it had 3 TB, which no test can send.
            var file = Directory.GetFiles(
                Path.Combine(Server.DataPath, "objects"), string.Create(CultureInfo.InvariantCulture, $"{number}.json"), SearchOption.AllDirectories)
                .Single();
            var json = System.Text.Json.Nodes.JsonNode.Parse(await File.ReadAllTextAsync(file, Cancel))!;
            json["Size"] = 3L << 40;
            await File.WriteAllTextAsync(file, json.ToJsonString(JsonSerializerOptions.Default), Cancel);
        }

        await Server.RefusedAsync(HttpMethod.Post, "/bucket/huge", $"uploadId={id}", Complete(tags), 400, "EntityTooLarge", "5 TB");
    }

    [Fact]
    public async Task Uploads_and_parts_are_listed_by_pages_with_prefix_and_delimiter()
    {
        var ids = new List<string>();
        foreach (var key in new[] { "a/1", "a/2", "b", "b", "c/1" })
        {
            ids.Add((await Server.OkAsync(HttpMethod.Post, "/bucket/" + key, "uploads=")).Element(Ns + "UploadId")!.Value);
        }

        var (lower, upper) = (ids[2..4].Min(StringComparer.Ordinal)!, ids[2..4].Max(StringComparer.Ordinal)!);
        var first = await Server.OkAsync(HttpMethod.Get, "/bucket", "delimiter=%2F&max-uploads=2&uploads=");
        Assert.Equal($"a/; b {lower}; true; b {lower}", Told(first));
        var second = await Server.OkAsync(HttpMethod.Get, "/bucket", $"delimiter=%2F&key-marker=b&upload-id-marker={lower}&uploads=");
        Assert.Equal($"c/; b {upper}; false;  ", Told(second));
        // A page that ends with a common prefix has no id to go on from, and the next begins behind its keys.
        var folder = await Server.OkAsync(HttpMethod.Get, "/bucket", "delimiter=%2F&max-uploads=1&uploads=");
        Assert.Equal(("a/", null), (folder.Element(Ns + "NextKeyMarker")!.Value, folder.Element(Ns + "NextUploadIdMarker")));
        Assert.Equal(
            ["c/"],
            (await Server.OkAsync(HttpMethod.Get, "/bucket", "delimiter=%2F&key-marker=b&uploads=")).Descendants(Ns + "CommonPrefixes").Select(p => p.Value));
        Assert.Equal(
            ["b", "b"],
            (await Server.OkAsync(HttpMethod.Get, "/bucket", "delimiter=%2F&key-marker=a%2F&uploads=")).Elements(Ns + "Upload")
                .Select(u => u.Element(Ns + "Key")!.Value));

        foreach (var number in new[] { 1, 2, 10 })
        {
            Assert.Equal(
                200,
                await Server.StatusAsync(
                    HttpMethod.Put, "/bucket/b", string.Create(CultureInfo.InvariantCulture, $"partNumber={number}&uploadId={ids[2]}"), "x"));
        }

        var parts = await Server.OkAsync(HttpMethod.Get, "/bucket/b", $"max-parts=1&part-number-marker=1&uploadId={ids[2]}");
        Assert.Equal("2", Assert.Single(parts.Descendants(Ns + "PartNumber")).Value);
        Assert.Equal(("2", "true"), (parts.Element(Ns + "NextPartNumberMarker")!.Value, parts.Element(Ns + "IsTruncated")!.Value));
        Assert.Equal(
            "false",
            (await Server.OkAsync(HttpMethod.Get, "/bucket/b", $"max-parts=1&part-number-marker=2&uploadId={ids[2]}")).Element(Ns + "IsTruncated")!.Value);

        static string Told(XElement list) => string.Join("; ",
            string.Join(' ', list.Descendants(Ns + "CommonPrefixes").Select(p => p.Value)),
            string.Join(' ', list.Elements(Ns + "Upload").Select(u => $"{u.Element(Ns + "Key")!.Value} {u.Element(Ns + "UploadId")!.Value}")),
            list.Element(Ns + "IsTruncated")!.Value,
            $"{list.Element(Ns + "NextKeyMarker")?.Value} {list.Element(Ns + "NextUploadIdMarker")?.Value}");
    }

    private static string Complete(IEnumerable<string> tags) => new XElement("CompleteMultipartUpload",
        tags.Select((tag, i) => new XElement("Part", new XElement("PartNumber", i + 1), new XElement("ETag", tag)))).ToString(SaveOptions.DisableFormatting);

    private Task<XElement> AttributesAsync(string key, string names) =>
        Server.OkAsync(HttpMethod.Get, "/bucket/" + key, "attributes=", null, ("x-amz-object-attributes", names));

    private async Task UploadAsync(string key, byte[][] parts, params (string Name, string Value)[] headers)
    {
        var id = (await Server.OkAsync(HttpMethod.Post, "/bucket/" + key, "uploads=", null, headers)).Element(Ns + "UploadId")!.Value;
        var tags = new List<string>();
        for (var i = 0; i < parts.Length; i++)
        {
            using var part = await Server.SendS3Async(
                HttpMethod.Put, "/bucket/" + key, string.Create(CultureInfo.InvariantCulture, $"partNumber={i + 1}&uploadId={id}"), body: parts[i]);
            tags.Add(part.Headers.ETag!.Tag);
        }

        Assert.Equal(
            HttpStatusCode.OK,
            (await Server.SendS3Async(HttpMethod.Post, "/bucket/" + key, $"uploadId={id}", body: Encoding.UTF8.GetBytes(Complete(tags)))).StatusCode);
    }
}
