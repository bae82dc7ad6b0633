using Ocellus.Identity;

namespace Ocellus.Projects;

/// <summary>A project version as stored.</summary>
internal sealed class VersionRow
{
    public string Arn { get; init; } = "";

    public string ProjectArn { get; init; } = "";

    public string AccountId { get; init; } = "";

    public string Region { get; init; } = "";

    public string Name { get; init; } = "";

    public long CreatedMs { get; init; }

    public long UpdatedMs { get; init; }

    public ProjectVersionStatus Status { get; init; }

    public string Message { get; init; } = "";

    public string? Description { get; init; }

    public string? KmsKeyId { get; init; }

    public string OutputBucket { get; init; } = "";

    public string OutputPrefix { get; init; } = "";

    /// <summary>Name of the version's folder, under <c>models/&lt;account&gt;/</c> for the model and under <c>jobs/</c> for its training.</summary>
    public string Folder { get; init; } = "";

    public long? MinUnits { get; init; }

    public long? MaxUnits { get; init; }

    /// <summary>MinInferenceUnits of the last start; null before the first.</summary>
    public long? LastMinUnits { get; init; }

    /// <summary>MaxInferenceUnits of the last start, if it had one.</summary>
    public long? LastMaxUnits { get; init; }

    /// <summary>Why it stops or stopped without a request to stop; null otherwise.</summary>
    public string? StopReason { get; init; }

    public long? EndedMs { get; init; }

    public long? BillableSeconds { get; init; }

    public string? SourceArn { get; init; }

    /// <summary>JSON of the wire's TrainingDataResult.</summary>
    public string? TrainingResult { get; init; }

    /// <summary>JSON of the wire's TestingDataResult.</summary>
    public string? TestingResult { get; init; }

    /// <summary>JSON of the wire's EvaluationResult.</summary>
    public string? EvaluationResult { get; init; }

    /// <summary>JSON of the wire's GroundTruthManifest.</summary>
    public string? ManifestSummary { get; init; }
}

/// <summary>What a request for a version's model needs to know. Every request reads it, so it is small.</summary>
internal sealed class ServedVersion
{
    public string Arn { get; init; } = "";

    public ProjectVersionStatus Status { get; init; }

    public string Message { get; init; } = "";

    /// <summary>As in <see cref="VersionRow"/>.</summary>
    public string? StopReason { get; init; }

    public long? MinUnits { get; init; }

    /// <summary>As in <see cref="VersionRow"/>.</summary>
    public long? LastMinUnits { get; init; }

    /// <summary>As in <see cref="VersionRow"/>.</summary>
    public long? LastMaxUnits { get; init; }
}

/// <summary>A version to create.</summary>
internal sealed record NewVersion(string ProjectArn, string Name, ProjectVersionStatus Status, string Folder, string OutputBucket, string OutputPrefix)
{
    public string? Description { get; init; }

    public string? KmsKeyId { get; init; }

    public string? SourceArn { get; init; }

    public string? TrainingResult { get; init; }

    public string? TestingResult { get; init; }

    public string? EvaluationResult { get; init; }

    public string? ManifestSummary { get; init; }

    public IReadOnlyDictionary<string, string>? Tags { get; init; }

    /// <summary>Rights of the caller, for the job: <see cref="CallerRights.ToJson"/>.</summary>
    public string? Rights { get; init; }

    /// <summary>When it was created, if that is known already because files name its ARN.</summary>
    public long? CreatedMs { get; init; }
}

/// <summary>What a job writes to its version's row when it ends. Null members change nothing.</summary>
internal sealed record VersionOutcome(long EndedMs)
{
    /// <summary>Who must still have the lease of the job; null if nobody needs one.</summary>
    public string? LeaseOwner { get; init; }

    public long? BillableSeconds { get; init; }

    public string? TrainingResult { get; init; }

    public string? TestingResult { get; init; }

    public string? EvaluationResult { get; init; }

    public string? ManifestSummary { get; init; }
}
