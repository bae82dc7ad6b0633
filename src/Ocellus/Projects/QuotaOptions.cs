using System.ComponentModel.DataAnnotations;

namespace Ocellus.Projects;

/// <summary>How many there may be. Section <c>Ocellus:Quotas</c>; the defaults are AWS's.</summary>
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

    /// <summary>Trainings at once in an account and region.</summary>
    [Range(1, 1000)]
    public int Trainings { get; set; } = 2;

    /// <summary>Copies at once in an account and region.</summary>
    [Range(1, 1000)]
    public int Copies { get; set; } = 2;

    /// <summary>Models that start, run or stop at once in an account and region.</summary>
    [Range(1, 1000)]
    public int RunningModels { get; set; } = 2;

    /// <summary>Inference units of one model.</summary>
    [Range(1, 1000)]
    public int InferenceUnitsPerModel { get; set; } = 5;
}
