using System.Xml.Linq;
using static Ocellus.Objects.S3.S3Xml;

namespace Ocellus.Objects.S3;

/// <summary>
/// Unsupported S3 features that a parameter names. Where it is true, a request for the configuration is answered as for a new bucket in AWS; every other
/// request is refused with the name of its operation.
/// </summary>
internal static class Subresources
{
    /// <summary>A parameter, and the operation's name after Get, Put, Delete or Post, for buckets and for objects; null where it has no meaning.</summary>
    private static readonly (string Parameter, string? OnBucket, string? OnObject)[] _known =
    [
        ("accelerate", "BucketAccelerateConfiguration", null), ("acl", "BucketAcl", "ObjectAcl"), ("analytics", "BucketAnalyticsConfiguration", null),
        ("encryption", "BucketEncryption", null), ("intelligent-tiering", "BucketIntelligentTieringConfiguration", null),
        ("inventory", "BucketInventoryConfiguration", null),
        ("legal-hold", null, "ObjectLegalHold"), ("lifecycle", "BucketLifecycleConfiguration", null), ("logging", "BucketLogging", null),
        ("metrics", "BucketMetricsConfiguration", null), ("notification", "BucketNotificationConfiguration", null),
        ("object-lock", "ObjectLockConfiguration", null),
        ("ownershipControls", "BucketOwnershipControls", null), ("policy", "BucketPolicy", null), ("policyStatus", "BucketPolicyStatus", null),
        ("publicAccessBlock", "PublicAccessBlock", null), ("replication", "BucketReplication", null), ("requestPayment", "BucketRequestPayment", null),
        ("restore", null, "RestoreObject"), ("retention", null, "ObjectRetention"), ("select", null, "SelectObjectContent"), ("torrent", null, "ObjectTorrent"),
        ("versioning", "BucketVersioning", null), ("website", "BucketWebsite", null), ("renameObject", null, "RenameObject"),
    ];

    /// <summary>Complete names of operations.</summary>
    private static readonly HashSet<string> _whole = ["RestoreObject", "SelectObjectContent", "RenameObject"];

    /// <summary>The parameter of a request that names such a feature; null if there is none.</summary>
    public static string? Of(IQueryCollection query) => Array.Find(_known, k => query.ContainsKey(k.Parameter)).Parameter;

    /// <summary>The response to a request for a configuration. The bucket and the object must exist.</summary>
    /// <exception cref="S3Exception">The operation is not supported, or nothing is configured.</exception>
    public static XElement Answer(string parameter, string method, bool onObject, string accountId) => (method, parameter, onObject) switch
    {
        ("GET", "versioning", false) => new XElement(Ns + "VersioningConfiguration"),
        ("GET", "acl", _) => AccessList(accountId),
        ("GET", "accelerate", false) => new XElement(Ns + "AccelerateConfiguration"),
        ("GET", "logging", false) => new XElement(Ns + "BucketLoggingStatus"),
        ("GET", "notification", false) => new XElement(Ns + "NotificationConfiguration"),
        ("GET", "requestPayment", false) => new XElement(Ns + "RequestPaymentConfiguration", new XElement(Ns + "Payer", "BucketOwner")),
        ("GET", "ownershipControls", false) =>
            new XElement(Ns + "OwnershipControls", new XElement(Ns + "Rule", new XElement(Ns + "ObjectOwnership", "BucketOwnerEnforced"))),
        ("GET", "publicAccessBlock", false) => new XElement(
            Ns + "PublicAccessBlockConfiguration", new XElement(Ns + "BlockPublicAcls", true), new XElement(Ns + "IgnorePublicAcls", true),
            new XElement(Ns + "BlockPublicPolicy", true), new XElement(Ns + "RestrictPublicBuckets", true)),
        ("GET", "policy" or "policyStatus", false) => throw new S3Exception("NoSuchBucketPolicy"),
        ("GET", "lifecycle", false) => throw new S3Exception("NoSuchLifecycleConfiguration"),
        ("GET", "website", false) => throw new S3Exception("NoSuchWebsiteConfiguration"),
        ("GET", "replication", false) => throw new S3Exception("ReplicationConfigurationNotFoundError"),
        ("GET", "encryption", false) => throw new S3Exception("ServerSideEncryptionConfigurationNotFoundError"),
        ("GET", "object-lock", false) => throw new S3Exception("ObjectLockConfigurationNotFoundError"),
        _ => throw new S3Exception(
            "NotImplemented",
            $"{Operation(parameter, method, onObject)} is not implemented: the parameter '{parameter}' implies functionality that the object store "
                + $"does not have."),
    };

    /// <summary>The AWS name of an operation.</summary>
    private static string Operation(string parameter, string method, bool onObject)
    {
        var known = Array.Find(_known, k => k.Parameter == parameter);
        var name = (onObject ? known.OnObject : known.OnBucket) ?? known.OnBucket ?? known.OnObject!;
        return _whole.Contains(name) ? name : method[..1] + method[1..].ToLowerInvariant() + name;
    }

    /// <summary>The bucket's owner owns every object and alone has access.</summary>
    private static XElement AccessList(string accountId)
    {
        XNamespace instance = "http://www.w3.org/2001/XMLSchema-instance";
        return new XElement(Ns + "AccessControlPolicy", Owner(accountId), new XElement(Ns + "AccessControlList", new XElement(Ns + "Grant",
            new XElement(
                Ns + "Grantee", new XAttribute(XNamespace.Xmlns + "xsi", instance.NamespaceName), new XAttribute(instance + "type", "CanonicalUser"),
                new XElement(Ns + "ID", accountId)),
            new XElement(Ns + "Permission", "FULL_CONTROL"))));
    }
}
