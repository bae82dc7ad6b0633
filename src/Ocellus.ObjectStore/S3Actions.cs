using Ocellus.Identity;

namespace Ocellus.Objects;

/// <summary>Which actions of S3 on which resources a request to the object store needs, and the refusal of a caller who lacks one.</summary>
[Evidence("Service Authorization Reference, actions of Amazon S3; S3 User Guide, required permissions for API operations")]
internal static class S3Actions
{
    /// <summary>Where the gate leaves the rights of the caller.</summary>
    private const string RightsItem = "ocellus.rights";

    /// <summary>Parameters that turn a request for a bucket into one for a part of its configuration, and the noun in the names of the actions.</summary>
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

    /// <summary>Nouns that have an action of their own for deleting; for the others it is the one for writing.</summary>
    private static readonly HashSet<string> _deletable = new(StringComparer.Ordinal) { "BucketPolicy", "BucketWebsite", "ObjectTagging" };

    /// <summary>Headers of a write that set something beside the object, and what that needs.</summary>
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

    /// <summary>Checks what a request needs, and keeps the rights for what only its body tells.</summary>
    /// <exception cref="S3Exception">AccessDenied: the caller's identity policies do not allow it. InvalidArgument: a copy's source cannot be read.</exception>
    public static void Require(HttpContext http, CallerRights rights)
    {
        http.Items[RightsItem] = rights;
        if (PostForm.Of(http) is { } form)
        {
            RequireUpload(form, S3Target.Of(http.Request).Bucket, rights);
            return;
        }

        var (bucket, key) = S3Target.Of(http.Request);
        (string Bucket, string Key)? source = http.Request.Method == "PUT" && key.Length > 0 && http.Request.Headers.ContainsKey("x-amz-copy-source") ? CopySource.Of(http) : null;
        foreach (var permission in Of(http.Request.Method, bucket, key, http.Request.Query, http.Request.Headers, source))
        {
            Require(rights, permission);
        }

        // Which keys is known only when the body is read, and it is read only for those who may delete some key.
        if (key.Length == 0 && S3Operations.Of(http) == S3Operation.DeleteObjects && rights.RefusalUnder(Permission.S3Arn(bucket) + "/", "s3:DeleteObject", "s3:DeleteObjectVersion") is { } words)
        {
            throw new S3Exception("AccessDenied", words);
        }
    }

    /// <summary>Checks one of the keys that the body of a request names.</summary>
    /// <exception cref="S3Exception">AccessDenied.</exception>
    public static void RequireDelete(HttpContext http, string bucket, string key, bool version) =>
        Require((CallerRights)http.Items[RightsItem]!, new(version ? "s3:DeleteObjectVersion" : "s3:DeleteObject", Permission.S3Arn(bucket, key)));

    /// <summary>As in S3, whoever may not list a bucket is not told that a key is absent.</summary>
    public static S3Exception Veil(HttpContext http, S3Exception refusal)
    {
        var bucket = S3Target.Of(http.Request).Bucket;
        return refusal.Code == "NoSuchKey" && http.Items[RightsItem] is CallerRights rights && rights.Refusal(new("s3:ListBucket", Permission.S3Arn(bucket)), quote: true) is { } words
            ? new S3Exception("AccessDenied", words)
            : refusal;
    }

    /// <summary>What a request needs. The keys of DeleteObjects are checked one by one when they are read.</summary>
    /// <param name="method">HTTP method.</param>
    /// <param name="bucket">Bucket; empty for the service itself.</param>
    /// <param name="key">Key; empty for the bucket itself.</param>
    /// <param name="query">Parameters.</param>
    /// <param name="headers">Headers.</param>
    /// <param name="source">Bucket and key that a copy reads.</param>
    public static IEnumerable<Permission> Of(string method, string bucket, string key, IQueryCollection query, IHeaderDictionary headers, (string Bucket, string Key)? source)
    {
        var operation = S3Operations.Of(method, bucket, key, query, source is not null, form: false);
        return bucket.Length == 0 ? [new("s3:ListAllMyBuckets", Permission.S3Arn("*"))]
            : key.Length == 0 ? OfBucket(operation, method, bucket, query)
            : OfObject(operation, method, bucket, key, query, headers, source);
    }

    private static void RequireUpload(PostForm form, string bucket, CallerRights rights)
    {
        var target = Permission.S3Arn(bucket, form.Key);
        Require(rights, new("s3:PutObject", target));
        foreach (var also in _headers.Where(h => form.Fields.ContainsKey(h.Key)).Select(h => h.Value).Append(form.Fields.ContainsKey("tagging") ? "s3:PutObjectTagging" : null).OfType<string>().Distinct())
        {
            Require(rights, new(also, target));
        }
    }

    private static IEnumerable<Permission> OfBucket(S3Operation operation, string method, string bucket, IQueryCollection query)
    {
        string? action = operation switch
        {
            S3Operation.Feature => _bucketParts.TryGetValue(Subresources.Of(query)!, out var part) ? Act(method, part) : null,
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

            // The keys of DeleteObjects and of a form are checked when they are known; what is no operation does nothing.
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

    private static IEnumerable<Permission> OfObject(S3Operation operation, string method, string bucket, string key, IQueryCollection query, IHeaderDictionary headers, (string Bucket, string Key)? source)
    {
        var version = query.ContainsKey("versionId") ? "ObjectVersion" : "Object";
        string? action = operation switch
        {
            S3Operation.Feature => Subresources.Of(query) switch
            {
                "restore" => "RestoreObject",
                "select" => "GetObject",
                "renameObject" => "PutObject",
                var parameter => _objectParts.TryGetValue(parameter!, out var part) ? Act(method, part.Replace("Object", version, StringComparison.Ordinal)) : null,
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

    private static string Act(string method, string noun) => method switch
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
