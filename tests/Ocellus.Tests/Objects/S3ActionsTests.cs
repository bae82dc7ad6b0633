using System.Net;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.WebUtilities;
using Ocellus.Identity;
using Ocellus.Objects.S3;
using Ocellus.Tests.Identity;

namespace Ocellus.Tests.Objects;

public sealed class S3ActionsTests
{
    [Theory]
    [InlineData("GET", "", "", "", "s3:ListAllMyBuckets arn:aws:s3:::*")]
    [InlineData("PUT", "b", "", "", "s3:CreateBucket arn:aws:s3:::b")]
    [InlineData("HEAD", "b", "", "", "s3:ListBucket arn:aws:s3:::b")]
    [InlineData("GET", "b", "", "list-type=2&prefix=a", "s3:ListBucket arn:aws:s3:::b")]
    [InlineData("GET", "b", "", "location", "s3:GetBucketLocation arn:aws:s3:::b")]
    [InlineData("GET", "b", "", "uploads", "s3:ListBucketMultipartUploads arn:aws:s3:::b")]
    [InlineData("GET", "b", "", "versions", "s3:ListBucketVersions arn:aws:s3:::b")]
    [InlineData("GET", "b", "", "tagging", "s3:GetBucketTagging arn:aws:s3:::b")]
    [InlineData("PUT", "b", "", "tagging", "s3:PutBucketTagging arn:aws:s3:::b")]
    [InlineData("DELETE", "b", "", "tagging", "s3:PutBucketTagging arn:aws:s3:::b")]
    [InlineData("GET", "b", "", "acl", "s3:GetBucketAcl arn:aws:s3:::b")]
    [InlineData("PUT", "b", "", "cors", "s3:PutBucketCORS arn:aws:s3:::b")]
    [InlineData("DELETE", "b", "", "cors", "s3:PutBucketCORS arn:aws:s3:::b")]
    [InlineData("DELETE", "b", "", "policy", "s3:DeleteBucketPolicy arn:aws:s3:::b")]
    [InlineData("DELETE", "b", "", "", "s3:DeleteBucket arn:aws:s3:::b")]
    [InlineData("POST", "b", "", "delete", "")]
    [InlineData("GET", "b", "a/k", "", "s3:GetObject arn:aws:s3:::b/a/k")]
    [InlineData("HEAD", "b", "k", "", "s3:GetObject arn:aws:s3:::b/k")]
    [InlineData("GET", "b", "k", "versionId=1", "s3:GetObjectVersion arn:aws:s3:::b/k")]
    [InlineData("GET", "b", "k", "tagging", "s3:GetObjectTagging arn:aws:s3:::b/k")]
    [InlineData("DELETE", "b", "k", "tagging", "s3:DeleteObjectTagging arn:aws:s3:::b/k")]
    [InlineData("PUT", "b", "k", "", "s3:PutObject arn:aws:s3:::b/k")]
    [InlineData("PUT", "b", "k", "partNumber=1&uploadId=u", "s3:PutObject arn:aws:s3:::b/k")]
    [InlineData("POST", "b", "k", "uploads", "s3:PutObject arn:aws:s3:::b/k")]
    [InlineData("POST", "b", "k", "uploadId=u", "s3:PutObject arn:aws:s3:::b/k")]
    [InlineData("GET", "b", "k", "uploadId=u", "s3:ListMultipartUploadParts arn:aws:s3:::b/k")]
    [InlineData("DELETE", "b", "k", "uploadId=u", "s3:AbortMultipartUpload arn:aws:s3:::b/k")]
    [InlineData("DELETE", "b", "k", "", "s3:DeleteObject arn:aws:s3:::b/k")]

    // A parameter that means nothing with the method does not turn the request into a lesser one.
    [InlineData("GET", "b", "k", "uploadId=", "s3:GetObject arn:aws:s3:::b/k")]
    [InlineData("DELETE", "b", "k", "uploadId=", "s3:DeleteObject arn:aws:s3:::b/k")]
    [InlineData("DELETE", "b", "k", "attributes", "s3:DeleteObject arn:aws:s3:::b/k")]
    [InlineData("PUT", "b", "k", "attributes", "s3:PutObject arn:aws:s3:::b/k")]
    [InlineData("POST", "b", "k", "tagging&uploads", "s3:PutObject arn:aws:s3:::b/k")]
    [InlineData("POST", "b", "k", "attributes&uploadId=u", "s3:PutObject arn:aws:s3:::b/k")]
    [InlineData("HEAD", "b", "k", "tagging", "s3:GetObject arn:aws:s3:::b/k")]
    [InlineData("HEAD", "b", "k", "attributes", "s3:GetObject arn:aws:s3:::b/k")]
    [InlineData("DELETE", "b", "", "uploads", "s3:DeleteBucket arn:aws:s3:::b")]
    [InlineData("DELETE", "b", "", "location", "s3:DeleteBucket arn:aws:s3:::b")]
    [InlineData("PUT", "b", "", "uploads", "s3:CreateBucket arn:aws:s3:::b")]
    [InlineData("PUT", "b", "", "location", "s3:CreateBucket arn:aws:s3:::b")]
    public void Every_request_has_its_action_and_resource(string method, string bucket, string key, string query, string needed)
    {
        var permissions = PermissionsOf(method, bucket, key, new QueryCollection(QueryHelpers.ParseQuery(query))).ToList();
        Assert.Equal(needed, string.Join(", ", permissions.Select(p => $"{p.Action} {p.Resources.Single()}")));
        Assert.All(permissions, p => Assert.True(KnownActions.Has(p.Action), p.Action));
    }

    [Fact]
    public void Whatever_a_request_has_in_its_query_what_changes_something_needs_the_right_to_it()
    {
        string[] parameters =
        [
            "acl", "attributes", "cors", "delete", "location", "policy", "restore", "select", "tagging", "uploadId=", "uploadId=u", "uploads", "versionId=null",
            "versions", "partNumber=1",
        ];
        foreach (var method in new[] { "GET", "HEAD", "PUT", "POST", "DELETE", "PATCH" })
        {
            foreach (var (first, second) in parameters.SelectMany(a => parameters.Append("").Select(b => (a, b))))
            {
                foreach (var key in new[] { "", "k" })
                {
                    var query = new QueryCollection(QueryHelpers.ParseQuery($"{first}&{second}"));
                    var operation = S3Operations.Of(method, "b", key, query, copies: false, form: false);
                    var actions = PermissionsOf(method, "b", key, query).Select(p => p.Action).ToList();

                    if (operation is not (S3Operation.None or S3Operation.Feature or S3Operation.DeleteObjects))
                    {
                        Assert.True(
                            actions.Count == 1 && KnownActions.Has(actions[0]),
                            $"{method} {key}?{first}&{second} is {operation} and needs {string.Join(", ", actions)}");
                    }
                }
            }
        }
    }

    [Fact]
    public async Task A_key_may_do_with_objects_what_its_policy_says_and_is_refused_in_the_words_of_AWS()
    {
        await using var server = await TestServer.StartAsync();
        await server.CreateBucketAsync("photos");
        await server.PutObjectAsync("photos", "open/a", [1, 2]);
        await server.PutObjectAsync("photos", "secret/b", [3]);
        var key = await server.KeyAsync(
            "ann",
            """{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::photos/open/*"}""",
            """{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::photos","Condition":{"StringLike":{"s3:prefix":"open/*"}}}""");

        await AssertAsync(server, key, HttpMethod.Get, "/photos/open/a", "", HttpStatusCode.OK);
        await AssertAsync(server, key, HttpMethod.Get, "/photos", "list-type=2&prefix=open%2F", HttpStatusCode.OK);
        var refusal = await AssertAsync(server, key, HttpMethod.Get, "/photos/secret/b", "", HttpStatusCode.Forbidden);
        Assert.Contains(
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: s3:GetObject on resource: \"arn:aws:s3:::photos/secret/b\" because no "
                + "identity-based policy allows the s3:GetObject action",
            WebUtility.HtmlDecode(refusal), StringComparison.Ordinal);
        await AssertAsync(server, key, HttpMethod.Get, "/photos", "list-type=2", HttpStatusCode.Forbidden);
        await AssertAsync(server, key, HttpMethod.Get, "/", "", HttpStatusCode.Forbidden);
        await AssertAsync(server, key, HttpMethod.Delete, "/photos", "", HttpStatusCode.Forbidden);
        await AssertAsync(server, key, HttpMethod.Put, "/photos/secret/c", "", HttpStatusCode.Forbidden);

        // A copy reads as well as it writes.
        using (var copy = await server.SendS3Async(key, HttpMethod.Put, "/photos/open/c", headers: [("x-amz-copy-source", "/photos/secret/b")]))
        {
            Assert.Equal(HttpStatusCode.Forbidden, copy.StatusCode);
        }

        // What is absent is told only to those who may list.
        await AssertAsync(server, key, HttpMethod.Get, "/photos/open/none", "", HttpStatusCode.Forbidden);
        await AssertAsync(server, server.Signer, HttpMethod.Get, "/photos/open/none", "", HttpStatusCode.NotFound);
        await AssertAsync(server, key, HttpMethod.Get, "/nobucket/k", "", HttpStatusCode.Forbidden);

        // Of many keys each is decided by itself.
        var body = Encoding.UTF8.GetBytes("<Delete><Object><Key>open/a</Key></Object><Object><Key>secret/b</Key></Object></Delete>");
        using (var many = await server.SendS3Async(key, HttpMethod.Post, "/photos", "delete=", body: body))
        {
            var xml = await TestServer.XmlAsync(many);
            Assert.Equal("open/a", xml.Elements().Single(e => e.Name.LocalName == "Deleted").Value);
            var error = xml.Elements().Single(e => e.Name.LocalName == "Error");
            Assert.StartsWith("secret/bAccessDenied", error.Value, StringComparison.Ordinal);
        }

        await AssertAsync(server, server.Signer, HttpMethod.Get, "/photos/secret/b", "", HttpStatusCode.OK);
    }

    private static async Task<string> AssertAsync(TestServer server, Signer key, HttpMethod method, string path, string query, HttpStatusCode status)
    {
        using var answer = await server.SendS3Async(key, method, path, query);
        Assert.True(status == answer.StatusCode, $"{method} {path}?{query}: {answer.StatusCode}");
        return await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
    }

    private static IEnumerable<Permission> PermissionsOf(string method, string bucket, string key, QueryCollection query) =>
        S3Actions.Of(
            S3Operations.Of(method, bucket, key, query, copies: false, form: false),
            method, new S3Target(bucket, key, InHost: false), query, new HeaderDictionary(), null);
}
