using System.Xml.Linq;
using Ocellus.Tests.Identity;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>Tags of buckets, lists of versions, and deletions of many objects on conditions.</summary>
public sealed class BucketFeatureTests : BucketTests
{
    /// <summary>MD5 of "x".</summary>
    private const string TagOfX = "9dd4e461268c8034f5c8564e155c67a6";

    [Fact]
    public async Task A_bucket_keeps_its_tags_through_a_restart_until_they_are_deleted()
    {
        await Server.RefusedAsync(HttpMethod.Get, "/bucket", "tagging=", null, 404, "NoSuchTagSet", "");
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Put, "/bucket", "tagging=", Tagging(("team", "lab"), ("stage", ""))));
        await Server.RestartAsync();
        Assert.Equal(["team=lab", "stage="], await TagsAsync());
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Put, "/bucket", "tagging=", Tagging(("team", "zoo"))));
        Assert.Equal(["team=zoo"], await TagsAsync());
        await Server.RefusedAsync(
            HttpMethod.Put, "/bucket", "tagging=", Tagging([.. Enumerable.Range(0, 51).Select(i => ($"k{i}", "v"))]), 400, "BadRequest", "50");
        await Server.RefusedAsync(HttpMethod.Put, "/bucket", "tagging=", Tagging(("a", "1"), ("a", "2")), 400, "InvalidTag", "'a'");
        await Server.RefusedAsync(HttpMethod.Put, "/bucket", "tagging=", "<Other/>", 400, "MalformedXML", "'Other'");
        Assert.Equal(["team=zoo"], await TagsAsync());
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Delete, "/bucket", "tagging="));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket", "tagging=", null, 404, "NoSuchTagSet", "");
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Get, "/bucket"));
    }

    [Fact]
    public async Task Every_object_is_listed_once_as_its_only_version_page_by_page()
    {
        string[] keys = ["a", "b/1", "b/2", "c +%", "d"];
        foreach (var key in keys)
        {
            await Server.PutObjectAsync("bucket", key, "x"u8.ToArray());
        }

        var found = new List<string>();
        var next = "";
        do
        {
            var page = await Server.OkAsync(HttpMethod.Get, "/bucket", $"versions=&max-keys=2{next}");
            Assert.Equal("ListVersionsResult", page.Name.LocalName);
            foreach (var version in page.Elements(Ns + "Version"))
            {
                Assert.Equal(
                    ("null", "true", "1", $"\"{TagOfX}\""),
                    (Text(version, "VersionId"), Text(version, "IsLatest"), Text(version, "Size"), Text(version, "ETag")));
                found.Add(Text(version, "Key"));
            }

            next = Text(page, "IsTruncated") == "true"
                ? $"&key-marker={Uri.EscapeDataString(Text(page, "NextKeyMarker"))}&version-id-marker={Text(page, "NextVersionIdMarker")}"
                : "";
        }
        while (next.Length > 0);

        Assert.Equal(keys, found);
        var grouped = await Server.OkAsync(HttpMethod.Get, "/bucket", "versions=&delimiter=%2F&encoding-type=url&key-marker=a");
        Assert.Equal(["c%20%2B%25", "d"], grouped.Elements(Ns + "Version").Select(v => Text(v, "Key")));
        Assert.Equal(["b/"], grouped.Elements(Ns + "CommonPrefixes").Select(v => Text(v, "Prefix")));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket", "versions=&version-id-marker=null", null, 400, "InvalidArgument", "key marker");
        await Server.RefusedAsync(HttpMethod.Get, "/bucket", "versions=&key-marker=a&version-id-marker=7", null, 400, "InvalidArgument", "'7'");
    }

    [Fact]
    public async Task Of_many_objects_those_are_deleted_that_are_as_expected()
    {
        foreach (var key in new[] { "a", "b", "c", "d", "e", "f" })
        {
            await Server.PutObjectAsync("bucket", key, "x"u8.ToArray());
        }

        var written = Text((await Server.OkAsync(HttpMethod.Get, "/bucket", "prefix=a")).Element(Ns + "Contents")!, "LastModified");
        var result = await Server.OkAsync(HttpMethod.Post, "/bucket", "delete=", $"""
            <Delete>
              <Object><Key>a</Key><ETag>"{TagOfX}"</ETag><Size>1</Size><LastModifiedTime>{written}</LastModifiedTime></Object>
              <Object><Key>b</Key><ETag>"0"</ETag></Object>
              <Object><Key>c</Key><Size>2</Size></Object>
              <Object><Key>d</Key><LastModifiedTime>2020-01-01T00:00:00Z</LastModifiedTime></Object>
              <Object><Key>e</Key><ETag>*</ETag><VersionId>null</VersionId></Object>
              <Object><Key>f</Key><Size>many</Size></Object>
              <Object><Key>absent</Key><ETag>*</ETag></Object>
            </Delete>
            """);

        Assert.Equal(["a ", "e null"], result.Elements(Ns + "Deleted").Select(d => $"{Text(d, "Key")} {(string?)d.Element(Ns + "VersionId")}"));
        Assert.Equal(
            ["b PreconditionFailed", "c PreconditionFailed", "d PreconditionFailed", "f InvalidArgument", "absent NoSuchKey"],
            result.Elements(Ns + "Error").Select(d => $"{Text(d, "Key")} {Text(d, "Code")}"));
        Assert.Equal(["b", "c", "d", "f"], (await Server.OkAsync(HttpMethod.Get, "/bucket")).Elements(Ns + "Contents").Select(o => Text(o, "Key")));
    }

    [Fact]
    public async Task Deleting_a_version_needs_the_right_to_versions()
    {
        await Server.PutObjectAsync("bucket", "a", "x"u8.ToArray());
        var key = await Server.KeyAsync("cleaner", """{"Effect":"Allow","Action":"s3:DeleteObject","Resource":"*"}""");
        using var answer = await Server.SendS3Async(
            key, HttpMethod.Post, "/bucket", "delete=",
            body: "<Delete><Object><Key>a</Key><VersionId>null</VersionId></Object><Object><Key>none</Key><ETag>*</ETag></Object></Delete>"u8.ToArray());
        // Who may not list is not told either that a key is absent.
        Assert.Equal(
            ["a AccessDenied", "none AccessDenied"],
            (await TestServer.XmlAsync(answer)).Elements(Ns + "Error").Select(d => $"{Text(d, "Key")} {Text(d, "Code")}"));
    }

    private static string Tagging(params (string Key, string Value)[] tags) =>
        $"<Tagging><TagSet>{string.Concat(tags.Select(t => $"<Tag><Key>{t.Key}</Key><Value>{t.Value}</Value></Tag>"))}</TagSet></Tagging>";

    private static string Text(XElement parent, string name) => parent.Element(Ns + name)!.Value;

    private async Task<string[]> TagsAsync() =>
        [
            .. (await Server.OkAsync(HttpMethod.Get, "/bucket", "tagging=")).Element(Ns + "TagSet")!.Elements()
                .Select(t => $"{Text(t, "Key")}={Text(t, "Value")}"),
        ];
}
