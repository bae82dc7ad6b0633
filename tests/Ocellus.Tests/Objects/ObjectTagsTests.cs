using System.Globalization;
using System.Xml.Linq;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

public sealed class ObjectTagsTests : BucketTests
{
    [Fact]
    public async Task Tags_come_back_survive_a_restart_and_can_be_taken_away()
    {
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket/k", "", "x", ("x-amz-tagging", "colour=dark%20blue&size=")));
        Assert.Equal([("colour", "dark blue"), ("size", "")], await TagsAsync("k"));
        using var head = await Server.SendTextAsync(HttpMethod.Head, "/bucket/k");
        Assert.Equal("2", head.Headers.GetValues("x-amz-tagging-count").Single());
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket/k", "tagging=", Tagging(("a", "b"))));
        await Server.RestartAsync();
        Assert.Equal([("a", "b")], await TagsAsync("k"));
        using var read = await Server.SendTextAsync(HttpMethod.Get, "/bucket/k");
        Assert.Equal("x", await read.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Delete, "/bucket/k", "tagging="));
        Assert.Empty(await TagsAsync("k"));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/none", "tagging=", null, 404, "NoSuchKey", "'none'");
        await Server.RefusedAsync(HttpMethod.Put, "/bucket/none", "tagging=", Tagging(("a", "b")), 404, "NoSuchKey", "'none'");
    }

    [Fact]
    public async Task A_copy_takes_the_tags_or_replaces_them()
    {
        await Server.StatusAsync(HttpMethod.Put, "/bucket/k", "", "x", ("x-amz-tagging", "a=b"));
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket/copy", "", null, ("x-amz-copy-source", "bucket/k")));
        Assert.Equal([("a", "b")], await TagsAsync("copy"));
        Assert.Equal(
            200,
            await Server.StatusAsync(
                HttpMethod.Put, "/bucket/copy", "", null, ("x-amz-copy-source", "bucket/k"), ("x-amz-tagging-directive", "REPLACE"), ("x-amz-tagging", "c=d")));
        Assert.Equal([("c", "d")], await TagsAsync("copy"));
    }

    [Fact]
    public async Task What_S3_does_not_allow_of_tags_is_refused()
    {
        await Server.StatusAsync(HttpMethod.Put, "/bucket/k", "", "x");
        var eleven = Enumerable.Range(0, 11).Select(i => (i.ToString(CultureInfo.InvariantCulture), "x")).ToArray();
        await RefusedAsync("BadRequest", "cannot be greater than 10", eleven);
        await RefusedAsync("InvalidTag", "TagKey", (new string('k', 129), "x"));
        await RefusedAsync("InvalidTag", "TagValue", ("k", new string('v', 257)));
        await RefusedAsync("InvalidTag", "TagKey", ("", "x"));
        await RefusedAsync("InvalidTag", "TagValue", ("k", "a<b"));
        await RefusedAsync("InvalidTag", "same key", ("k", "1"), ("k", "2"));
        await RefusedAsync("InvalidTag", "System tags", ("aws:k", "1"));
        Assert.Equal(
            200, await Server.StatusAsync(HttpMethod.Put, "/bucket/k", "tagging=", Tagging([.. eleven[..9], (new string('k', 128), new string('v', 256))])));
        await Server.RefusedAsync(HttpMethod.Put, "/bucket/k", "tagging=", "<Tagging/>", 400, "MalformedXML", "TagSet");
        await Server.RefusedAsync(HttpMethod.Put, "/bucket/other", "", "x", 400, "InvalidTag", "TagKey", headers: ("x-amz-tagging", "=x"));

        Task RefusedAsync(string code, string said, params (string, string)[] tags) =>
            Server.RefusedAsync(HttpMethod.Put, "/bucket/k", "tagging=", Tagging(tags), 400, code, said);
    }

    private static string Tagging(params (string Key, string Value)[] tags) =>
        new XElement("Tagging", new XElement("TagSet", tags.Select(t => new XElement("Tag", new XElement("Key", t.Key), new XElement("Value", t.Value)))))
            .ToString();

    private async Task<IEnumerable<(string, string)>> TagsAsync(string key) =>
        (await Server.OkAsync(HttpMethod.Get, "/bucket/" + key, "tagging=")).Element(Ns + "TagSet")!.Elements()
            .Select(t => (t.Element(Ns + "Key")!.Value, t.Element(Ns + "Value")!.Value));
}
