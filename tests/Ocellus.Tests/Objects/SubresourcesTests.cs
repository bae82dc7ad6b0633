using System.Net;
using static Ocellus.Tests.Objects.S3Calls;

namespace Ocellus.Tests.Objects;

public sealed class SubresourcesTests : BucketTests
{
    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        await Server.PutObjectAsync("bucket", "k", "x"u8.ToArray());
    }

    [Theory]
    [InlineData("PUT", "/bucket", "acl", "PutBucketAcl")]
    [InlineData("PUT", "/bucket/k", "acl", "PutObjectAcl")]
    [InlineData("PUT", "/bucket", "versioning", "PutBucketVersioning")]
    [InlineData("PUT", "/bucket", "lifecycle", "PutBucketLifecycleConfiguration")]
    [InlineData("DELETE", "/bucket", "lifecycle", "DeleteBucketLifecycleConfiguration")]
    [InlineData("PUT", "/bucket", "website", "PutBucketWebsite")]
    [InlineData("PUT", "/bucket", "replication", "PutBucketReplication")]
    [InlineData("PUT", "/bucket", "policy", "PutBucketPolicy")]
    [InlineData("POST", "/bucket/k", "restore", "RestoreObject")]
    [InlineData("POST", "/bucket/k", "select", "SelectObjectContent")]
    [InlineData("GET", "/bucket/k", "torrent", "GetObjectTorrent")]
    [InlineData("PUT", "/bucket/k", "retention", "PutObjectRetention")]
    public Task What_is_not_served_is_refused_by_the_name_of_its_operation(string method, string path, string parameter, string operation) =>
        Server.RefusedAsync(new HttpMethod(method), path, parameter + "=", method == "GET" ? null : "<X/>", 501, "NotImplemented", operation);

    [Theory]
    [InlineData("policy", "NoSuchBucketPolicy")]
    [InlineData("lifecycle", "NoSuchLifecycleConfiguration")]
    [InlineData("website", "NoSuchWebsiteConfiguration")]
    [InlineData("replication", "ReplicationConfigurationNotFoundError")]
    [InlineData("encryption", "ServerSideEncryptionConfigurationNotFoundError")]
    [InlineData("object-lock", "ObjectLockConfigurationNotFoundError")]
    [InlineData("tagging", "NoSuchTagSet")]
    [InlineData("cors", "NoSuchCORSConfiguration")]
    public Task What_is_not_configured_is_said_to_be_so(string parameter, string code) =>
        Server.RefusedAsync(HttpMethod.Get, "/bucket", parameter + "=", null, 404, code, "");

    [Fact]
    public async Task Questions_have_the_answers_of_a_new_bucket()
    {
        var versioning = await Server.OkAsync(HttpMethod.Get, "/bucket", "versioning=");
        Assert.Equal((Ns + "VersioningConfiguration", ""), (versioning.Name, versioning.Value));
        foreach (var path in new[] { "/bucket", "/bucket/k" })
        {
            var grant = (await Server.OkAsync(HttpMethod.Get, path, "acl=")).Element(Ns + "AccessControlList")!.Elements().Single();
            Assert.Equal("FULL_CONTROL", grant.Element(Ns + "Permission")!.Value);
        }

        Assert.Equal("true", (await Server.OkAsync(HttpMethod.Get, "/bucket", "publicAccessBlock=")).Element(Ns + "BlockPublicAcls")!.Value);
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/none", "acl=", null, 404, "NoSuchKey", "'none'");
        await Server.RefusedAsync(HttpMethod.Get, "/absent", "versioning=", null, 404, "NoSuchBucket", "'absent'");
    }

    [Fact]
    public async Task Access_lists_and_versions_are_refused_and_not_forgotten()
    {
        await Server.RefusedAsync(
            HttpMethod.Put, "/bucket/public", "", "x", 400, "AccessControlListNotSupported", "ACLs", headers: ("x-amz-acl", "public-read"));
        await Server.RefusedAsync(
            HttpMethod.Put, "/bucket/public", "", "x", 400, "AccessControlListNotSupported", "ACLs", headers: ("x-amz-grant-read", "id=1"));
        await Server.RefusedAsync(
            HttpMethod.Put, "/bucket/secret", "", "x", 501, "NotImplemented", "aws:kms", headers: ("x-amz-server-side-encryption", "aws:kms"));
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Put, "/bucket/private", "", "x", ("x-amz-acl", "private")));
        await Server.RefusedAsync(HttpMethod.Get, "/bucket/k", "versionId=7", null, 404, "NoSuchVersion", "'7'");
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Get, "/bucket/k", "versionId=null"));
        await Server.RefusedAsync(HttpMethod.Get, "/Bad_Bucket", "", null, 400, "InvalidBucketName", "'Bad_Bucket'");
        await Server.RefusedAsync(HttpMethod.Get, "/absent-bucket", "", null, 404, "NoSuchBucket", "'absent-bucket'");
    }

    [Fact]
    public async Task A_deletion_may_depend_on_the_object_there()
    {
        await Server.RefusedAsync(HttpMethod.Delete, "/bucket/k", "", null, 412, "PreconditionFailed", "", headers: ("If-Match", "\"other\""));
        Assert.Equal(200, await Server.StatusAsync(HttpMethod.Get, "/bucket/k"));
        Assert.Equal(204, await Server.StatusAsync(HttpMethod.Delete, "/bucket/k", "", null, ("If-Match", "\"9dd4e461268c8034f5c8564e155c67a6\"")));
        using var gone = await Server.SendTextAsync(HttpMethod.Get, "/bucket/k");
        Assert.Equal(HttpStatusCode.NotFound, gone.StatusCode);
    }
}
