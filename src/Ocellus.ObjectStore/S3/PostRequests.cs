using System.Globalization;
using System.Text;
using System.Xml.Linq;
using Microsoft.AspNetCore.WebUtilities;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using Ocellus.Wire.SigV2;
using static Ocellus.Objects.S3.S3Headers;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>Uploads from web forms (POST Object).</summary>
internal sealed class PostRequests(ObjectStore store, VersionTwoVerifier versionTwo, TimeProvider clock)
{
    /// <summary>Stores the file of a form. The policy's signature has been verified.</summary>
    public async Task PostAsync(S3Request sent, CancellationToken cancel)
    {
        var form = sent.Form!;
        var fields = form.Fields;
        var policy = PostPolicy.Parse(fields["policy"]);
        policy.Check(fields, sent.Bucket, clock.GetUtcNow());
        if (VersionTwoVerifier.IsUsedBy(fields) && versionTwo.IsTooFar(policy.Expiration))
        {
            throw new S3Exception(
                "AccessDenied",
                $"Invalid according to Policy: it is valid until {policy.Expiration:yyyy-MM-dd'T'HH:mm:ss'Z'}; a form with a signature of version 2 may be "
                    + $"valid for at most a week.");
        }

        if (form.Key is not { Length: > 0 } key)
        {
            throw new S3Exception(
                "InvalidArgument",
                "Bucket POST must contain a field named 'key'. If it is specified, please check the order of the fields: those after the file are ignored.");
        }

        if (fields.GetValueOrDefault("acl") is not (null or "private" or "bucket-owner-full-control"))
        {
            throw new S3Exception("AccessControlListNotSupported");
        }

        S3Endpoint.RefuseUnsupported([.. fields.Keys], name => fields.GetValueOrDefault(name) ?? "");
        ObjectNames.CheckKey(key);
        var request = sent with { Headers = HeadersOf(sent.Headers, fields) };
        var info = await store.PutAsync(request.Bucket, key, form.File, new PutOptions
        {
            ContentType = NullIfEmpty(fields.GetValueOrDefault("Content-Type")),
            UserMetadata = UserMetadata(request.Headers),
            Headers = Kept(request.Headers),
            Algorithms = [.. DigestSet.Names.Where(n => fields.ContainsKey("x-amz-checksum-" + n))],
            ChecksumType = "FULL_OBJECT",
            Tags = NullIfEmpty(fields.GetValueOrDefault("tagging")) is { } tags
                ? ObjectTags.Read(S3Document.Tagging.Parse(Encoding.UTF8.GetBytes(tags), cancel))
                : [],
            LengthMax = Math.Min(policy.Length.Max, ObjectStore.MaxObjectBytes),
            Verify = digests =>
            {
                if (digests.Length < policy.Length.Min)
                {
                    throw new S3Exception(
                        "EntityTooSmall",
                        string.Create(
                            CultureInfo.InvariantCulture,
                            $"Your proposed upload is smaller than the minimum allowed size: received {digests.Length} bytes, the policy requires "
                                + $"{policy.Length.Min}."));
                }

                S3Body.VerifyChecksums(request, digests);
            },
        }, cancel).ConfigureAwait(false);
        await AnswerAsync(request, key, info, fields, cancel).ConfigureAwait(false);
    }

    /// <summary>
    /// The headers of a form upload: fields with the name of a header take its place. The browser's own headers are dropped, because no policy covers them.
    /// </summary>
    private static HeaderDictionary HeadersOf(IHeaderDictionary sent, IReadOnlyDictionary<string, string> fields)
    {
        var headers = new HeaderDictionary();
        foreach (var (name, value) in sent.Where(h => !IsKept(h.Key) && !h.Key.StartsWith("x-amz-", StringComparison.OrdinalIgnoreCase)))
        {
            headers[name] = value;
        }

        foreach (var (name, value) in fields)
        {
            if (IsKept(name) || name.StartsWith("x-amz-meta-", StringComparison.OrdinalIgnoreCase)
                || name.StartsWith("x-amz-checksum-", StringComparison.OrdinalIgnoreCase))
            {
                headers[name] = value;
            }
        }

        return headers;

        static bool IsKept(string name) => KeptHeaders.Contains(name, StringComparer.OrdinalIgnoreCase);
    }

    private static async Task AnswerAsync(S3Request request, string key, ObjectInfo info, IReadOnlyDictionary<string, string> fields, CancellationToken cancel)
    {
        var response = request.Response;
        response.Headers.ETag = Quote(info.ETag);
        var path = Uri.EscapeDataString(key).Replace("%2F", "/", StringComparison.Ordinal);
        var location = $"{request.Origin}/{(request.Target.InHost ? "" : request.Bucket + "/")}{path}";
        response.Headers.Location = location;
        if ((NullIfEmpty(fields.GetValueOrDefault("success_action_redirect")) ?? NullIfEmpty(fields.GetValueOrDefault("redirect"))) is { } redirect
            && RedirectTarget(redirect) is { } target)
        {
            response.StatusCode = StatusCodes.Status303SeeOther;
            response.Headers.Location = QueryHelpers.AddQueryString(
                target, new Dictionary<string, string?> { ["bucket"] = request.Bucket, ["key"] = key, ["etag"] = Quote(info.ETag) });
            return;
        }

        // Any other value is ignored.
        response.StatusCode = fields.GetValueOrDefault("success_action_status") switch { "200" => 200, "201" => 201, _ => 204 };
        if (response.StatusCode == 201)
        {
            await WriteAsync(
                request.Response,
                new XElement(
                    "PostResponse", new XElement("Location", location), new XElement("Bucket", request.Bucket), new XElement("Key", key),
                    new XElement("ETag", Quote(info.ETag))),
                cancel)
                .ConfigureAwait(false);
        }
    }

    /// <summary>An HTTP address in a form that is valid in a header, with the host name in ASCII; null for any other text.</summary>
    private static string? RedirectTarget(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" && uri.HostNameType != UriHostNameType.Unknown
        && new UriBuilder(uri) { Host = uri.IdnHost }.Uri.AbsoluteUri is var target && HeaderText.IsValue(target) ? target : null;
}
