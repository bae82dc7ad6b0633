using System.ComponentModel.DataAnnotations;

namespace Ocellus.Projects;

/// <summary>Quotas. Section <c>Ocellus:Quotas</c>; the defaults are AWS's.</summary>
internal sealed class QuotaOptions
{
    /// <summary>Projects of one account and region.</summary>
    [Range(1, 100_000)]
    public int Projects { get; set; } = 100;

    /// <summary>Policies of one project.</summary>
    [Range(1, 1000)]
    public int PoliciesPerProject { get; set; } = 5;

    /// <summary>Model versions in one project.</summary>
    [Range(1, 100_000)]
    public int VersionsPerProject { get; set; } = 100;

    /// <summary>Concurrent trainings in an account and region.</summary>
    [Range(1, 1000)]
    public int Trainings { get; set; } = 2;

    /// <summary>Concurrent copies in an account and region.</summary>
    [Range(1, 1000)]
    public int Copies { get; set; } = 2;

    /// <summary>Models that are starting, running or stopping in an account and region.</summary>
    [Range(1, 1000)]
    public int RunningModels { get; set; } = 2;

    /// <summary>Inference units of one model.</summary>
    [Range(1, 1000)]
    public int InferenceUnitsPerModel { get; set; } = 5;
}
