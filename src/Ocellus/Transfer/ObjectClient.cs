using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;
using System.Xml;
using System.Xml.Linq;
using Ocellus.Encodings;
using Ocellus.Wire.SigV4;

namespace Ocellus.Transfer;

/// <summary>An object as the store lists it.</summary>
/// <param name="Key">Its key.</param>
/// <param name="ETag">Without quotes: for an object that was put at once, the MD5 of its bytes in hexadecimal digits.</param>
/// <param name="Size">Bytes.</param>
internal sealed record ListedObject(string Key, string ETag, long Size);

/// <summary>The object store of a server: what a transfer needs of S3.</summary>
internal sealed class ObjectClient(ServiceClient client)
{
    /// <summary>Where a transferred object keeps the ETag of its original.</summary>
    public const string OriginalHeader = "x-amz-meta-original-etag";

    private const int DocumentCharactersMax = 64 * 1024 * 1024;

    /// <summary>Region of each bucket that is in another one.</summary>
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, string> _regions = new(StringComparer.Ordinal);

    /// <summary>Whether a bucket exists and may be seen.</summary>
    public async Task<bool> HasBucketAsync(string bucket, CancellationToken cancel)
    {
        using var response = await SendAsync(
            HttpMethod.Head, $"the bucket {bucket}", bucket, "", "", null, null, cancel,
            // A name that no bucket may have: creating it says why.
            r => r.IsSuccessStatusCode || r.StatusCode is HttpStatusCode.NotFound or HttpStatusCode.BadRequest);
        return response.IsSuccessStatusCode;
    }

    /// <summary>Creates a bucket, unless this account has it.</summary>
    /// <exception cref="ServiceException">Denied, or another account has it.</exception>
    public async Task CreateBucketAsync(string bucket, CancellationToken cancel)
    {
        var region = client.Endpoint.Region;
        var body = region == "us-east-1" ? []
            : System.Text.Encoding.UTF8.GetBytes(
                $"<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>{region}</LocationConstraint>"
                    + "</CreateBucketConfiguration>");
        try
        {
            using var response = await SendAsync(HttpMethod.Put, $"to create the bucket {bucket}", bucket, "", "", body, null, cancel);
        }
        catch (ServiceException refusal) when (refusal.Code == "BucketAlreadyOwnedByYou")
        {
        }
    }

    /// <summary>Stores an object.</summary>
    /// <param name="bucket">Bucket.</param>
    /// <param name="key">Key.</param>
    /// <param name="content">Its bytes.</param>
    /// <param name="contentType">Such as <c>image/jpeg</c>.</param>
    /// <param name="original">ETag of the object of another store that this is a copy of; null for none.</param>
    /// <param name="cancel">Cancels.</param>
    public async Task PutAsync(string bucket, string key, byte[] content, string contentType, string? original, CancellationToken cancel)
    {
        using var response = await SendAsync(
            HttpMethod.Put, $"to store {Name(bucket, key)}", bucket, key, "", content,
            message =>
            {
                message.Content!.Headers.ContentType = new MediaTypeHeaderValue(contentType);
                if (original is not null)
                {
                    message.Headers.TryAddWithoutValidation(OriginalHeader, original);
                }
            },
            cancel);
    }

    /// <summary>The ETag of an object, without quotes, and that of the original that it was copied from, which is empty if it is no copy.</summary>
    /// <returns>Null if there is no object.</returns>
    public async Task<(string ETag, string Original)?> FindAsync(string bucket, string key, CancellationToken cancel)
    {
        using var response = await SendAsync(
            HttpMethod.Head, Name(bucket, key), bucket, key, "", null, null, cancel, r => r.IsSuccessStatusCode || r.StatusCode == HttpStatusCode.NotFound);
        return !response.IsSuccessStatusCode ? null
            : (response.Headers.ETag?.Tag.Trim('"') ?? "", response.Headers.TryGetValues(OriginalHeader, out var values) ? string.Concat(values) : "");
    }

    /// <summary>Reads an object.</summary>
    /// <param name="bucket">Bucket.</param>
    /// <param name="key">Key.</param>
    /// <param name="unless">An ETag: if the object still has it, nothing is read.</param>
    /// <param name="bytesMax">Maximum bytes.</param>
    /// <param name="cancel">Cancels.</param>
    /// <returns>Null if it still has that ETag; otherwise bytes, content type and ETag with its quotes.</returns>
    /// <exception cref="ServiceException">Missing or denied, or larger than permitted.</exception>
    public async Task<(byte[] Content, string Type, string ETag)?> GetAsync(string bucket, string key, string? unless, long bytesMax, CancellationToken cancel)
    {
        using var response = await SendAsync(
            HttpMethod.Get, Name(bucket, key), bucket, key, "", null,
            message =>
            {
                if (unless is { Length: > 0 })
                {
                    message.Headers.TryAddWithoutValidation("If-None-Match", unless);
                }
            },
            cancel, r => r.IsSuccessStatusCode || r.StatusCode == HttpStatusCode.NotModified, bytesMax);
        if (response.StatusCode == HttpStatusCode.NotModified)
        {
            return null;
        }

        if (response.Content.Headers.ContentLength is not { } length || length > bytesMax)
        {
            var bytes = response.Content.Headers.ContentLength?.ToString("N0", CultureInfo.InvariantCulture) ?? "an unknown number of";
            throw new ServiceException(
                "TooLarge", 200, $"{Name(bucket, key)} has {bytes} bytes; the maximum is {bytesMax.ToString("N0", CultureInfo.InvariantCulture)}.");
        }

        var content = await response.Content.ReadAsByteArrayAsync(cancel);
        return content.Length == length
            ? (content, response.Content.Headers.ContentType?.MediaType ?? "application/octet-stream", response.Headers.ETag?.ToString() ?? "")
            : throw new ServiceException("", 200, $"{client.Endpoint.Name} sent {content.Length} of {length} bytes of {Name(bucket, key)}.");
    }

    /// <summary>Removes an object; one that does not exist is fine.</summary>
    public async Task DeleteAsync(string bucket, string key, CancellationToken cancel)
    {
        using var response = await SendAsync(HttpMethod.Delete, $"to remove {Name(bucket, key)}", bucket, key, "", null, null, cancel);
    }

    /// <summary>The objects whose keys begin with a prefix, in the order of the store.</summary>
    public async IAsyncEnumerable<ListedObject> ListAsync(string bucket, string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        for (string? token = null; ;)
        {
            var query = $"{(token is null ? "" : $"continuation-token={Uri.EscapeDataString(token)}&")}encoding-type=url&list-type=2"
                + $"&prefix={Uri.EscapeDataString(prefix)}";
            using var response = await SendAsync(HttpMethod.Get, $"to list {Name(bucket, prefix)}", bucket, "", query, null, null, cancel);
            var page = Parse(await response.Content.ReadAsStringAsync(cancel)) ?? throw Strange(response);
            foreach (var item in page.Elements().Where(e => e.Name.LocalName == "Contents"))
            {
                yield return new(
                    Uri.UnescapeDataString(Value(item, "Key").Replace('+', ' ')), Value(item, "ETag").Trim('"'),
                    long.TryParse(Value(item, "Size"), NumberStyles.None, CultureInfo.InvariantCulture, out var size) ? size : -1);
            }

            var next = Value(page, "NextContinuationToken");
            if (Value(page, "IsTruncated") != "true" || next.Length == 0 || next == token)
            {
                yield break;
            }

            token = next;
        }
    }

    private static string Name(string bucket, string key) => $"s3://{Readable.Truncate(bucket)}/{Readable.Truncate(key)}";

    private static string Value(XElement parent, string name) => parent.Elements().FirstOrDefault(e => e.Name.LocalName == name)?.Value ?? "";

    private static XElement? Parse(string text)
    {
        try
        {
            var settings = new XmlReaderSettings
            {
                DtdProcessing = DtdProcessing.Prohibit,
                XmlResolver = null,
                MaxCharactersInDocument = DocumentCharactersMax,
            };
            using var reader = XmlReader.Create(new StringReader(text), settings);
            return XElement.Load(reader);
        }
        catch (XmlException)
        {
            return null;
        }
    }

    private ServiceException Strange(HttpResponseMessage response) =>
        new("", (int)response.StatusCode, $"{client.Endpoint.Name} does not answer as an object store does.");

    private async Task<HttpResponseMessage> SendAsync(
        HttpMethod method, string what, string bucket, string key, string query, byte[]? body, Action<HttpRequestMessage>? complete, CancellationToken cancel,
        Func<HttpResponseMessage, bool>? isFine = null, long bytesMax = 64 * 1024 * 1024)
    {
        while (true)
        {
            var region = _regions.GetValueOrDefault(bucket, client.Endpoint.Region);
            var root = Root(region);
            string? moved = null;
            try
            {
                return await client.SendAsync(
                    what,
                    () =>
                    {
                        var message = new HttpRequestMessage(
                            method,
                            RequestSigner.Raw($"{root}/{Uri.EscapeDataString(bucket)}{(key.Length == 0 ? "" : "/" + RequestSigner.PathOf(key))}"
                                + (query.Length == 0 ? "" : "?" + query)));
                        if (body is not null)
                        {
                            message.Content = new ByteArrayContent(body);
                        }

                        complete?.Invoke(message);
                        return message;
                    },
                    "s3", body is null or [] ? Canonical.EmptyHash : Canonical.Hash(body), region,
                    async (asked, response, token) =>
                    {
                        moved = response.Headers.TryGetValues("x-amz-bucket-region", out var values) ? values.First() : null;
                        var error = Parse(await response.Content.ReadAsStringAsync(token));
                        var code = error is null ? "" : Value(error, "Code");
                        return new(code, (int)response.StatusCode, Words(asked, (int)response.StatusCode, code, error is null ? "" : Value(error, "Message")));
                    },
                    cancel, isFine, bytesMax);
            }
            catch (ServiceException refusal) when (
                moved is not null && moved != region && refusal.Status is 301 or 307 or 400 && _regions.TryAdd(bucket, moved!))
            {
                // The bucket is in another region, which the store names.
            }
        }
    }

    /// <summary>The address for a region: AWS has one for each, other servers have one for all.</summary>
    private string Root(string region)
    {
        var root = client.Endpoint.Store.AbsoluteUri.TrimEnd('/');
        var own = $"s3.{client.Endpoint.Region}.amazonaws.com";
        return client.Endpoint.Store.Host == own ? root.Replace(own, $"s3.{region}.amazonaws.com", StringComparison.Ordinal) : root;
    }

    private string Words(string what, int status, string code, string message) =>
        $"{client.Endpoint.Name} refused {what}: " + (code, status) switch
        {
            ({ Length: > 0 }, _) => $"{code}: {message}",
            (_, 403) => "access denied.",
            (_, 404) => "there is no such object or bucket.",
            _ => $"HTTP status {status}.",
        };
}
