using System.Globalization;
using System.Xml.Linq;
using Ocellus.Encodings;
using Ocellus.Objects.Files;
using Ocellus.Wire;
using static Ocellus.Objects.S3.S3Headers;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>Requests to buckets, and DeleteObjects.</summary>
internal sealed partial class BucketRequests(ObjectStore store, Regions regions, ILogger<BucketRequests> log)
{
    /// <summary>Maximum keys of one DeleteObjects: S3's limit.</summary>
    private const int DeleteKeysMax = 1000;

    /// <summary>Maximum buckets of one page: S3's limit.</summary>
    private const int BucketsMax = 10_000;

    /// <summary>The bucket that a request names, if the sender's account may use it.</summary>
    /// <exception cref="S3Exception">InvalidBucketName, NoSuchBucket, AccessDenied.</exception>
    public Bucket Owned(S3Request request) => Owned(request.Bucket, request.AccountId, request.Header("x-amz-expected-bucket-owner"));

    /// <summary>A bucket that the account may use.</summary>
    /// <param name="bucket">Its name.</param>
    /// <param name="accountId">The account.</param>
    /// <param name="expectedOwner">The account that the sender expects to be the owner; empty for any.</param>
    public Bucket Owned(string bucket, string accountId, string expectedOwner)
    {
        if (!ObjectNames.IsBucketName(bucket))
        {
            throw new S3Exception("InvalidBucketName", $"The specified bucket is not valid: '{Readable.Truncate(bucket)}'.");
        }

        store.CheckReadable(bucket);
        var found = store.FindBucket(bucket) ?? throw new S3Exception("NoSuchBucket", $"The specified bucket does not exist: '{bucket}'.");
        if (found.AccountId != accountId)
        {
            throw new S3Exception("AccessDenied", $"Access Denied: the bucket '{bucket}' does not belong to account {accountId}.");
        }

        return expectedOwner.Length == 0 || expectedOwner == accountId ? found
            : throw new S3Exception(
                "AccessDenied", $"Access Denied: the bucket '{bucket}' belongs to {accountId}, and the request expects {Readable.Truncate(expectedOwner)}.");
    }

    public Task ListBucketsAsync(S3Request request, CancellationToken cancel)
    {
        var (prefix, region) = (request.Parameter("prefix"), request.Parameter("bucket-region"));
        var max = Number(request.Parameter("max-buckets"), BucketsMax);
        if (max is < 1 or > BucketsMax)
        {
            throw new S3Exception(
                "InvalidArgument",
                string.Create(CultureInfo.InvariantCulture, $"max-buckets must be an integer between 1 and {BucketsMax}; received '{max}'."));
        }

        var after = NullIfEmpty(request.Parameter("continuation-token")) is { } token ? ListingRequests.FromToken(token) : "";
        var rest = store.Buckets(request.AccountId)
            .Where(
                b =>
                    string.CompareOrdinal(b.Name, after) > 0
                        && b.Name.StartsWith(prefix, StringComparison.Ordinal)
                        && (region.Length == 0 || b.Region == region))
            .ToList();
        var shown = rest.Take((int)max).ToList();
        return WriteAsync(request.Response, new XElement(Ns + "ListAllMyBucketsResult", Owner(request.AccountId),
            new XElement(Ns + "Buckets", shown.Select(b => new XElement(Ns + "Bucket",
                new XElement(Ns + "Name", b.Name), new XElement(Ns + "CreationDate", Iso(b.CreationDate)),
                new XElement(Ns + "BucketRegion", b.Region)))),
            prefix.Length > 0 ? new XElement(Ns + "Prefix", prefix) : null,
            rest.Count > shown.Count ? new XElement(Ns + "ContinuationToken", ListingRequests.ToToken(shown[^1].Name)) : null), cancel);
    }

    public async Task CreateBucketAsync(S3Request request, CancellationToken cancel)
    {
        var body = await S3Body.ReadXmlAsync(request, S3Document.CreateBucketConfiguration, optional: true, cancel).ConfigureAwait(false);
        var wanted = NullIfEmpty(body?.Child("LocationConstraint"));
        if (wanted is not null && !regions.Has(wanted))
        {
            throw new S3Exception(
                "InvalidLocationConstraint",
                $"The specified location constraint is not valid: '{Readable.Truncate(wanted)}' is not a region, such as eu-west-1, nor one that the setting "
                    + $"{RegionOptions.Section}:More names.");
        }

        // As in AWS, us-east-1 creates buckets in every region, and any other region only in itself.
        if (wanted is not null && request.Caller.Region != Bucket.FirstRegion && wanted != request.Caller.Region)
        {
            throw new S3Exception(
                "IllegalLocationConstraintException",
                $"The {wanted} location constraint is incompatible for the region specific endpoint this request was sent to: it is signed for "
                    + $"{request.Caller.Region}.");
        }

        var existing = store.FindBucket(request.Bucket);
        if (request.Caller.Region == Bucket.FirstRegion
            && wanted is null
            && existing is { Region: Bucket.FirstRegion }
            && existing.AccountId == request.AccountId)
        {
            // In us-east-1, creating a bucket that one already owns is not an error. Scripts rely on it.
            request.Response.Headers.Location = "/" + request.Bucket;
            return;
        }

        store.CreateBucket(request.Bucket, request.AccountId, wanted ?? request.Caller.Region);
        request.Response.Headers.Location = "/" + request.Bucket;
    }

    public async Task PutCorsAsync(S3Request request, CancellationToken cancel)
    {
        var document = await S3Body.ReadXmlAsync(request, S3Document.CorsConfiguration, optional: false, cancel).ConfigureAwait(false);
        store.SetCors(request.Bucket, CorsRules.Read(document!));
    }

    public async Task PutTagsAsync(S3Request request, CancellationToken cancel)
    {
        var document = await S3Body.ReadXmlAsync(request, S3Document.Tagging, optional: false, cancel).ConfigureAwait(false);
        var tags = ObjectTags.Read(document!, ObjectTags.MaxPerBucket);
        store.SetBucketTags(request.Bucket, tags.Count == 0 ? null : tags);
        request.Response.StatusCode = 204;
    }

    public async Task DeleteManyAsync(S3Request request, CancellationToken cancel)
    {
        var body = (await S3Body.ReadXmlAsync(request, S3Document.Delete, optional: false, cancel).ConfigureAwait(false))!;
        var entries = body.All("Object").ToList();
        if (body.Name != "Delete" || entries.Count is 0 or > DeleteKeysMax || entries.Exists(o => o.Child("Key") is null))
        {
            throw new S3Exception(
                "MalformedXML",
                $"The body must be a Delete element of 1 to {DeleteKeysMax} Object elements, each with a Key; received '{Readable.Truncate(body.Name)}' "
                    + $"with {entries.Count}.");
        }

        var quiet = body.Child("Quiet") == "true";
        var result = new XElement(Ns + "DeleteResult");
        foreach (var entry in entries)
        {
            var key = entry.Child("Key")!;
            var version = NullIfEmpty(entry.Child("VersionId")) is { } id ? new XElement(Ns + "VersionId", id) : null;
            if (await DeleteOneAsync(request, key, entry, cancel).ConfigureAwait(false) is { } refusal)
            {
                result.Add(
                    new XElement(
                        Ns + "Error", new XElement(Ns + "Key", key), version, new XElement(Ns + "Code", refusal.Code),
                        new XElement(Ns + "Message", refusal.Message)));
            }
            else if (!quiet)
            {
                result.Add(new XElement(Ns + "Deleted", new XElement(Ns + "Key", key), version));
            }
        }

        await WriteAsync(request.Response, result, cancel).ConfigureAwait(false);
    }

    /// <summary>Deletes one of several keys. A failure does not affect the others.</summary>
    private async Task<S3Exception?> DeleteOneAsync(S3Request request, string key, XmlNode entry, CancellationToken cancel)
    {
        try
        {
            if (key.Length == 0)
            {
                throw new S3Exception("UserKeyMustBeSpecified");
            }

            var version = NullIfEmpty(entry.Child("VersionId"));
            S3Actions.RequireDelete(request, key, version is not null);
            ObjectNames.CheckKey(key);
            if (version is not (null or "null"))
            {
                throw new S3Exception("NoSuchVersion", $"The specified version does not exist: '{Readable.Truncate(version)}'; buckets have no versions here.");
            }

            var conditions = DeleteConditions.Of(entry.Child("ETag"), entry.Child("LastModifiedTime"), entry.Child("Size"));
            await store.DeleteAsync(request.Bucket, key, cancel, conditions).ConfigureAwait(false);
            return null;
        }
        catch (S3Exception refusal) when (refusal.Code != "NoSuchBucket")
        {
            return S3Actions.HideMissingKey(request, refusal);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            DeleteFailed(log, failure, request.Bucket, key);
            return new S3Exception("InternalError");
        }
    }

    [LoggerMessage(1412, LogLevel.Error, "Deleting {Key} of bucket {Bucket} failed")]
    private static partial void DeleteFailed(ILogger log, Exception failure, string bucket, string key);
}
