using Ocellus.Identity;

namespace Ocellus.Objects.S3;

/// <summary>The S3 permissions that a request to the object store needs, and the refusal of callers who lack one.</summary>
[Evidence("Service Authorization Reference, actions of Amazon S3; S3 User Guide, required permissions for API operations")]
internal static class S3Actions
{
    /// <summary>Parameters that address a part of a bucket's configuration, with the noun in the names of its actions.</summary>
    private static readonly Dictionary<string, string> _bucketParts = new(StringComparer.Ordinal)
    {
        ["accelerate"] = "AccelerateConfiguration",
        ["acl"] = "BucketAcl",
        ["analytics"] = "AnalyticsConfiguration",
        ["encryption"] = "EncryptionConfiguration",
        ["intelligent-tiering"] = "IntelligentTieringConfiguration",
        ["inventory"] = "InventoryConfiguration",
        ["lifecycle"] = "LifecycleConfiguration",
        ["logging"] = "BucketLogging",
        ["metrics"] = "MetricsConfiguration",
        ["notification"] = "BucketNotification",
        ["object-lock"] = "BucketObjectLockConfiguration",
        ["ownershipControls"] = "BucketOwnershipControls",
        ["policy"] = "BucketPolicy",
        ["policyStatus"] = "BucketPolicyStatus",
        ["publicAccessBlock"] = "BucketPublicAccessBlock",
        ["replication"] = "ReplicationConfiguration",
        ["requestPayment"] = "BucketRequestPayment",
        ["versioning"] = "BucketVersioning",
        ["website"] = "BucketWebsite",
    };

    /// <summary>The same for objects.</summary>
    private static readonly Dictionary<string, string> _objectParts = new(StringComparer.Ordinal)
    {
        ["acl"] = "ObjectAcl",
        ["legal-hold"] = "ObjectLegalHold",
        ["retention"] = "ObjectRetention",
        ["torrent"] = "ObjectTorrent",
    };

    /// <summary>Nouns with a Delete action of their own. For others, deleting needs the Put action.</summary>
    private static readonly HashSet<string> _deletable = new(StringComparer.Ordinal) { "BucketPolicy", "BucketWebsite", "ObjectTagging" };

    /// <summary>Headers of a write that need a further permission.</summary>
    private static readonly Dictionary<string, string> _headers = new(StringComparer.OrdinalIgnoreCase)
    {
        ["x-amz-acl"] = "s3:PutObjectAcl",
        ["x-amz-grant-full-control"] = "s3:PutObjectAcl",
        ["x-amz-grant-read"] = "s3:PutObjectAcl",
        ["x-amz-grant-read-acp"] = "s3:PutObjectAcl",
        ["x-amz-grant-write-acp"] = "s3:PutObjectAcl",
        ["x-amz-tagging"] = "s3:PutObjectTagging",
        ["x-amz-object-lock-mode"] = "s3:PutObjectRetention",
        ["x-amz-object-lock-legal-hold"] = "s3:PutObjectLegalHold",
    };

    /// <summary>Checks the permissions that are known before the body is read.</summary>
    /// <exception cref="S3Exception">AccessDenied: the caller's identity policies do not allow it.</exception>
    public static void Require(S3Request request)
    {
        if (request.Form is { } form)
        {
            RequireUpload(form, request.Bucket, request.Rights);
            return;
        }

        foreach (var permission in Of(request.Operation, request.Method, request.Target, request.Query, request.Headers, request.CopiesFrom))
        {
            Require(request.Rights, permission);
        }

        // The keys are known only after the body has been read, which requires that the caller may delete some key.
        if (request.Operation == S3Operation.DeleteObjects
            && request.Rights.RefusalUnder(Permission.S3Arn(request.Bucket) + "/", "s3:DeleteObject", "s3:DeleteObjectVersion") is { } words)
        {
            throw new S3Exception("AccessDenied", words);
        }
    }

    /// <summary>Checks a key named in the body of a request.</summary>
    /// <exception cref="S3Exception">AccessDenied.</exception>
    public static void RequireDelete(S3Request request, string key, bool version) =>
        Require(request.Rights, new(version ? "s3:DeleteObjectVersion" : "s3:DeleteObject", Permission.S3Arn(request.Bucket, key)));

    /// <summary>As in S3, a caller who may not list a bucket gets AccessDenied instead of NoSuchKey.</summary>
    public static S3Exception HideMissingKey(S3Request request, S3Exception refusal) =>
        refusal.Code == "NoSuchKey" && request.Rights.Refusal(new("s3:ListBucket", Permission.S3Arn(request.Bucket)), quote: true) is { } words
            ? new S3Exception("AccessDenied", words)
            : refusal;

    /// <summary>The permissions that a request needs. Keys of DeleteObjects are checked one by one when they are read.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="method">HTTP method.</param>
    /// <param name="target">Bucket and key.</param>
    /// <param name="query">Parameters.</param>
    /// <param name="headers">Headers.</param>
    /// <param name="source">Bucket and key that a copy reads.</param>
    public static IEnumerable<Permission> Of(
        S3Operation operation, string method, S3Target target, IQueryCollection query, IHeaderDictionary headers, (string Bucket, string Key)? source) =>
        target.Bucket.Length == 0 ? [new("s3:ListAllMyBuckets", Permission.S3Arn("*"))]
        : target.Key.Length == 0 ? OfBucket(operation, method, target.Bucket, query)
        : OfObject(operation, method, target.Bucket, target.Key, query, headers, source);

    private static void RequireUpload(PostForm form, string bucket, CallerRights rights)
    {
        var target = Permission.S3Arn(bucket, form.Key);
        Require(rights, new("s3:PutObject", target));
        foreach (var also in _headers.Where(h => form.Fields.ContainsKey(h.Key)).Select(h => h.Value)
            .Append(form.Fields.ContainsKey("tagging") ? "s3:PutObjectTagging" : null).OfType<string>().Distinct())
        {
            Require(rights, new(also, target));
        }
    }

    private static IEnumerable<Permission> OfBucket(S3Operation operation, string method, string bucket, IQueryCollection query)
    {
        string? action = operation switch
        {
            S3Operation.Feature => _bucketParts.TryGetValue(Subresources.Of(query)!, out var part) ? ActionOn(method, part) : null,
            S3Operation.CreateBucket => "CreateBucket",
            S3Operation.DeleteBucket => "DeleteBucket",
            S3Operation.GetBucketLocation => "GetBucketLocation",
            S3Operation.GetBucketTagging => "GetBucketTagging",
            S3Operation.PutBucketTagging or S3Operation.DeleteBucketTagging => "PutBucketTagging",
            S3Operation.ListVersions => "ListBucketVersions",
            S3Operation.GetBucketCors => "GetBucketCORS",
            S3Operation.PutBucketCors or S3Operation.DeleteBucketCors => "PutBucketCORS",
            S3Operation.ListUploads => "ListBucketMultipartUploads",
            S3Operation.ListObjects or S3Operation.HeadBucket => "ListBucket",

            // Keys of DeleteObjects and of a form are checked once they are known. S3Operation.None does nothing.
            _ => null,
        };
        if (action is null)
        {
            return [];
        }

        var values = new[] { (ConditionKeys.ListPrefix, "prefix"), (ConditionKeys.ListDelimiter, "delimiter"), (ConditionKeys.ListMaxKeys, "max-keys") }
            .Where(v => query.ContainsKey(v.Item2)).ToDictionary(v => v.Item1, v => query[v.Item2].ToString());
        return [new("s3:" + action, Permission.S3Arn(bucket)) { Values = values }];
    }

    private static IEnumerable<Permission> OfObject(
        S3Operation operation, string method, string bucket, string key, IQueryCollection query, IHeaderDictionary headers, (string Bucket, string Key)? source)
    {
        var version = query.ContainsKey("versionId") ? "ObjectVersion" : "Object";
        string? action = operation switch
        {
            S3Operation.Feature => Subresources.Of(query) switch
            {
                "restore" => "RestoreObject",
                "select" => "GetObject",
                "renameObject" => "PutObject",
                var parameter =>
                    _objectParts.TryGetValue(parameter!, out var part) ? ActionOn(method, part.Replace("Object", version, StringComparison.Ordinal)) : null,
            },
            S3Operation.GetObject => "Get" + version,
            S3Operation.GetObjectAttributes => $"Get{version}Attributes",
            S3Operation.GetObjectTagging => $"Get{version}Tagging",
            S3Operation.PutObjectTagging => $"Put{version}Tagging",
            S3Operation.DeleteObjectTagging => $"Delete{version}Tagging",
            S3Operation.ListParts => "ListMultipartUploadParts",
            S3Operation.AbortUpload => "AbortMultipartUpload",
            S3Operation.DeleteObject => "Delete" + version,
            S3Operation.PutObject or S3Operation.CopyObject or S3Operation.CreateUpload or S3Operation.PutPart or S3Operation.CompleteUpload => "PutObject",
            _ => null,
        };
        if (action is null)
        {
            yield break;
        }

        yield return new("s3:" + action, Permission.S3Arn(bucket, key));
        foreach (var also in _headers.Where(h => action == "PutObject" && headers.ContainsKey(h.Key)).Select(h => h.Value).Distinct())
        {
            yield return new(also, Permission.S3Arn(bucket, key));
        }

        if (source is var (fromBucket, fromKey))
        {
            yield return Permission.Read(fromBucket, fromKey);
        }
    }

    private static string ActionOn(string method, string noun) => method switch
    {
        "PUT" or "POST" => "Put" + noun,
        "DELETE" => (_deletable.Contains(noun.Replace("Version", "", StringComparison.Ordinal)) ? "Delete" : "Put") + noun,
        _ => "Get" + noun,
    };

    private static void Require(CallerRights rights, Permission permission)
    {
        if (rights.Refusal(permission, quote: true) is { } words)
        {
            throw new S3Exception("AccessDenied", words);
        }
    }
}
