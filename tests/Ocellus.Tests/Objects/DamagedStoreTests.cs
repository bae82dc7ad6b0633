using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

/// <summary>One damaged file costs what it stands for, and nothing else.</summary>
public sealed class DamagedStoreTests : BucketTests
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Server.PutObjectAsync("bucket", "whole", "hello"u8.ToArray());
        await Server.PutObjectAsync("bucket", "torn", "secret"u8.ToArray());
        await Server.CreateBucketAsync("other");
        await Server.PutObjectAsync("other", "whole", "hello"u8.ToArray());
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("cut")]
    [InlineData("null")]
    [InlineData("no members")]
    [InlineData("a member is null")]
    [InlineData("a member of another kind")]
    [InlineData("another size")]
    [InlineData("data of another size")]
    [InlineData("no data")]
    [InlineData("data elsewhere")]
    [InlineData("data of another object")]
    [InlineData("another key")]
    [InlineData("no ETag")]
    public async Task A_damaged_object_is_alone_unreadable_and_a_new_one_heals_it(string damage)
    {
        await Server.RestartAsync(() => Damage(damage));

        Assert.Equal("hello", await TextAsync("/bucket/whole"));
        Assert.Equal("hello", await TextAsync("/other/whole"));
        Assert.Equal(["whole"], (await Server.OkAsync(HttpMethod.Get, "/bucket")).Descendants(Ns + "Key").Select(k => k.Value));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/torn", "", null, 500, "InternalError", "damaged");
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/torn", "tagging=", null, 500, "InternalError", "ocellus doctor");
        Assert.Equal(500, await Server.StatusAsync(HttpMethod.Head, "/bucket/torn"));
        // There is one: whoever wants to make sure that there is none must not be told so.
        await Server.RefusedAsync(HttpMethod.Put, "/bucket/torn", "", "new", 412, "PreconditionFailed", "", headers: ("If-None-Match", "*"));
        await Server.RefusedAsync(HttpMethod.Delete, "/bucket/whole", "", null, 412, "PreconditionFailed", "", headers: ("If-Match", "\"0\""));
        await Server.RefusedAsync(HttpMethod.Delete, "/bucket/torn", "", null, 500, "InternalError", "damaged", headers: ("If-Match", "*"));

        await Server.PutObjectAsync("bucket", "torn", "new"u8.ToArray());
        Assert.Equal("new", await TextAsync("/bucket/torn"));
        await Server.RestartAsync();
        Assert.Equal("new", await TextAsync("/bucket/torn"));
    }

    [Fact]
    public async Task The_content_of_a_damaged_object_is_not_swept_and_its_bucket_is_not_deleted_with_it()
    {
        await Server.RestartAsync(() => Damage("empty"));
        await Server.StatusAsync(HttpMethod.Get, "/bucket");
        Assert.Equal("secret", await File.ReadAllTextAsync(Directory.GetFiles(Shard("torn"), Hash("torn") + ".*.data").Single(), Cancel));

        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Delete, "/bucket/whole"));
        await Server.RefusedAsync(HttpMethod.Delete, "/bucket", "", null, 409, "BucketNotEmpty", "--repair");
        // Who deletes the object itself means it.
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Delete, "/bucket/torn"));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/torn", "", null, 404, "NoSuchKey", "torn");
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Delete, "/bucket"));
    }

    [Fact]
    public async Task Data_that_is_damaged_while_the_server_runs_is_told_and_never_served()
    {
        var data = Directory.GetFiles(Shard("torn"), "*.data").Single(f => Path.GetFileName(f).StartsWith(Hash("torn"), StringComparison.Ordinal));
        File.Delete(data);
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/torn", "", null, 500, "InternalError", "damaged");
        await File.WriteAllTextAsync(data, "secre", Cancel);
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/torn", "", null, 500, "InternalError", "damaged");
        await File.WriteAllTextAsync(data, "secret", Cancel);
        Assert.Equal("secret", await TextAsync("/bucket/torn"));
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("""{"Name":"bucket","Acc""")]
    [InlineData("""{"Name":"other","AccountId":"123456789012","Region":"us-east-1","CreationDate":"2026-01-01T00:00:00+00:00"}""")]
    [InlineData("""{"Name":"bucket","AccountId":null,"Region":"us-east-1","CreationDate":"2026-01-01T00:00:00+00:00"}""")]
    [InlineData(null)]
    public async Task A_bucket_without_its_description_is_alone_unreadable_and_nobody_takes_its_name(string? text)
    {
        var file = Path.Combine(Server.DataPath, "objects", "bucket", "bucket.json");
        await Server.RestartAsync(() =>
        {
            File.Delete(file);
            if (text is not null)
            {
                File.WriteAllText(file, text);
            }
        });

        Assert.Equal("hello", await TextAsync("/other/whole"));
        Assert.Equal(
            ["other"],
            (await Server.OkAsync(HttpMethod.Get, "/")).Descendants(Ns + "Name").Concat((await Server.OkAsync(HttpMethod.Get, "/")).Descendants("Name"))
                .Select(n => n.Value).Distinct());
        foreach (var (method, path) in new[]
        {
            (HttpMethod.Get, "/bucket"),
            (HttpMethod.Get, "/bucket/whole"),
            (HttpMethod.Put, "/bucket/whole"),
            (HttpMethod.Put, "/bucket"),
            (HttpMethod.Delete, "/bucket"),
        })
        {
            await Server.RefusedAsync(method, path, "", null, 500, "InternalError", "'bucket' is damaged");
        }

        Assert.Equal(2, Directory.GetFiles(Path.GetDirectoryName(file)!, "*.data", SearchOption.AllDirectories).Length);
        await Server.CreateBucketAsync("third");
    }

    [Fact]
    public async Task A_damaged_upload_and_a_damaged_part_are_alone_unreadable()
    {
        var (torn, whole) = (await UploadAsync("a"), await UploadAsync("b"));
        foreach (var number in new[] { 1, 2 })
        {
            await PartAsync("b", whole, number, "old");
        }

        await Server.RestartAsync(() =>
        {
            File.WriteAllText(Path.Combine(UploadFolder(torn), "upload.json"), "{\"Id\":");
            File.WriteAllText(Path.Combine(UploadFolder(whole), "2.json"), "");
        });

        Assert.Equal([whole], (await Server.OkAsync(HttpMethod.Get, "/bucket", "uploads=")).Descendants(Ns + "UploadId").Select(u => u.Value));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/a", "uploadId=" + torn, null, 500, "InternalError", "Abort it");
        await Server.RefusedAsync(HttpMethod.Put, "/bucket/a", $"partNumber=1&uploadId={torn}", "x", 500, "InternalError", "damaged");
        Assert.Equal(["1"], (await Server.OkAsync(HttpMethod.Get, "/bucket/b", "uploadId=" + whole)).Descendants(Ns + "PartNumber").Select(n => n.Value));
        var tag = await PartAsync("b", whole, 2, "new");
        Assert.Equal(["1", "2"], (await Server.OkAsync(HttpMethod.Get, "/bucket/b", "uploadId=" + whole)).Descendants(Ns + "PartNumber").Select(n => n.Value));

        // Its data went while the server ran.
        File.Delete(Directory.GetFiles(UploadFolder(whole), "2.*.data").Single(f => File.ReadAllText(f) == "new"));
        await Server.RefusedAsync(
            HttpMethod.Post, "/bucket/b", "uploadId=" + whole,
            $"<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>", 400, "InvalidPart",
            "Part 2 is damaged");
        tag = await PartAsync("b", whole, 2, "again");
        await Server.OkAsync(
            HttpMethod.Post, "/bucket/b", "uploadId=" + whole,
            $"<CompleteMultipartUpload><Part><PartNumber>2</PartNumber><ETag>{tag}</ETag></Part></CompleteMultipartUpload>");
        Assert.Equal("again", await TextAsync("/bucket/b"));
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Delete, "/bucket/a", "uploadId=" + torn));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/a", "uploadId=" + torn, null, 404, "NoSuchUpload", "");
    }

    private static string Hash(string key) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)));

    private string Shard(string key) => Path.Combine(Server.DataPath, "objects", "bucket", Hash(key)[..2]);

    private string UploadFolder(string id) => Path.Combine(Server.DataPath, "objects", "bucket", ".uploads", id);

    private void Damage(string how)
    {
        var file = Path.Combine(Shard("torn"), Hash("torn") + ".json");
        var text = File.ReadAllText(file);
        var json = JsonNode.Parse(text)!.AsObject();
        var data = Path.Combine(Shard("torn"), (string)json["DataFile"]!);
        var changed = how switch
        {
            "empty" => "",
            "cut" => text[..(text.Length / 2)],
            "null" => "null",
            "no members" => "{}",
            "a member is null" => With("UserMetadata", null),
            "a member of another kind" => With("Tags", 7),
            "another size" => With("Size", 7),
            "data of another size" or "no data" => text,
            "data elsewhere" => With("DataFile", "../../../credentials"),
            "data of another object" => With("DataFile", Path.GetFileName(Directory.GetFiles(Shard("whole"), Hash("whole") + "*.data").Single())),
            "another key" => With("Key", "tarn"),
            "no ETag" => With("ETag", "\"\r\nX-Evil: 1"),
            _ => throw new ArgumentOutOfRangeException(nameof(how)),
        };
        if (how is "no data" or "data of another size")
        {
            File.Delete(data);
        }

        if (how is "data of another size")
        {
            File.WriteAllText(data, "longer than it was");
        }

        File.WriteAllText(file, changed);

        string With(string name, JsonNode? value)
        {
            json[name] = value;
            return json.ToJsonString();
        }
    }

    private async Task<string> UploadAsync(string key) => (await Server.OkAsync(HttpMethod.Post, "/bucket/" + key, "uploads=")).Element(Ns + "UploadId")!.Value;

    private async Task<string> PartAsync(string key, string id, int number, string text)
    {
        using var response = await Server.SendTextAsync(HttpMethod.Put, "/bucket/" + key, $"partNumber={number}&uploadId={id}", text);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return response.Headers.ETag!.Tag;
    }

    private async Task<string> TextAsync(string path)
    {
        using var response = await Server.SendTextAsync(HttpMethod.Get, path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return await response.Content.ReadAsStringAsync(Cancel);
    }
}
