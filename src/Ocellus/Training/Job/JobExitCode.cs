namespace Ocellus.Training.Job;

/// <summary>How a training process ends.</summary>
internal static class JobExitCode
{
    /// <summary>An outcome is written.</summary>
    public const int Done = 0;

    /// <summary>Stopped on request; a checkpoint is written.</summary>
    public const int Stopped = 3;

    /// <summary>Failed for a reason that may be temporary, which is the last line of standard error.</summary>
    public const int Broken = 4;
}
