namespace Ocellus.Identity;

/// <summary>
/// The actions of both services, including those that this server does not implement. A policy written for AWS is thus accepted unchanged, and a misspelled
/// action is refused instead of having no effect.
/// </summary>
[Evidence("service model rekognition-2016-06-27; actions of Amazon S3 in the Service Authorization Reference")]
internal static class KnownActions
{
    private static readonly string[] _all =
    [
        .. Of("rekognition", """
            AssociateFaces CompareFaces CopyProjectVersion CreateCollection CreateDataset CreateFaceLivenessSession CreateProject CreateProjectVersion
            CreateStreamProcessor CreateUser
            DeleteCollection DeleteDataset DeleteFaces DeleteProject DeleteProjectPolicy DeleteProjectVersion DeleteStreamProcessor DeleteUser
            DescribeCollection DescribeDataset
            DescribeProjectVersions DescribeProjects DescribeStreamProcessor DetectCustomLabels DetectFaces DetectLabels DetectModerationLabels
            DetectProtectiveEquipment DetectText
            DisassociateFaces DistributeDatasetEntries GetCelebrityInfo GetCelebrityRecognition GetContentModeration GetFaceDetection
            GetFaceLivenessSessionResults GetFaceSearch
            GetLabelDetection GetMediaAnalysisJob GetPersonTracking GetSegmentDetection GetTextDetection IndexFaces ListCollections ListDatasetEntries
            ListDatasetLabels ListFaces
            ListMediaAnalysisJobs ListProjectPolicies ListStreamProcessors ListTagsForResource ListUsers PutProjectPolicy RecognizeCelebrities SearchFaces
            SearchFacesByImage SearchUsers
            SearchUsersByImage StartCelebrityRecognition StartContentModeration StartFaceDetection StartFaceLivenessSession StartFaceSearch StartLabelDetection
            StartMediaAnalysisJob
            StartPersonTracking StartProjectVersion StartSegmentDetection StartStreamProcessor StartTextDetection StopProjectVersion StopStreamProcessor
            TagResource UntagResource
            UpdateDatasetEntries UpdateStreamProcessor
            """),
        .. Of("s3", """
            AbortMultipartUpload BypassGovernanceRetention CreateBucket DeleteBucket DeleteBucketPolicy DeleteBucketWebsite DeleteObject DeleteObjectTagging
            DeleteObjectVersion
            DeleteObjectVersionTagging GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging
            GetBucketNotification
            GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock GetBucketRequestPayment
            GetBucketTagging
            GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration
            GetLifecycleConfiguration
            GetMetricsConfiguration GetObject GetObjectAcl GetObjectAttributes GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent
            GetObjectVersion
            GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionTagging GetReplicationConfiguration ListAllMyBuckets ListBucket
            ListBucketMultipartUploads ListBucketVersions
            ListMultipartUploadParts PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAcl PutBucketCORS PutBucketLogging PutBucketNotification
            PutBucketObjectLockConfiguration PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging
            PutBucketVersioning
            PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration PutInventoryConfiguration PutLifecycleConfiguration
            PutMetricsConfiguration PutObject
            PutObjectAcl PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl PutObjectVersionTagging PutReplicationConfiguration
            RestoreObject
            """),
    ];

    /// <summary>Whether a pattern, such as <c>rekognition:Describe*</c>, matches an action.</summary>
    public static bool AnyMatch(string pattern) => Array.Exists(_all, action => PolicyPattern.Matches(pattern, action, ignoreCase: true));

    /// <summary>Whether this is the full name of an action.</summary>
    public static bool Has(string action) => Array.Exists(_all, known => known == action);

    private static IEnumerable<string> Of(string service, string names) =>
        names.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(name => $"{service}:{name}");
}
