using System.ComponentModel.DataAnnotations;
using Ocellus.Projects;
using Ocellus.Refusals;
using Ocellus.Vision.Kernels;

namespace Ocellus.Training;

/// <summary>How this machine trains. Section <c>Ocellus:Training</c>; an invalid value stops the server at start and names the setting.</summary>
internal sealed class TrainingOptions
{
    /// <summary>Long enough for several thousand images on two cores, short enough to wait for.</summary>
    public static readonly TimeSpan TimeBudgetDefault = TimeSpan.FromMinutes(30);

    /// <summary>Maximum time of the learning itself; the plan fits its epochs into it.</summary>
    [Range(typeof(TimeSpan), "00:00:10", "1.00:00:00")]
    public TimeSpan TimeBudget { get; set; } = TimeBudgetDefault;

    /// <summary>Threads of a training; 0 for one for each core.</summary>
    [Range(0, 256)]
    public int Threads { get; set; }

    /// <summary>
    /// Which convolution kernels to use: <c>own</c> or <c>libtorch</c>. A step takes about half the time with the own ones; the others are for comparison.
    /// </summary>
    public KernelChoice Kernels { get; set; }

    /// <summary>
    /// What models compute with unless their version says otherwise: <c>float</c> or <c>int8</c>. 8 bits answer about twice as many requests from a core that
    /// has instructions for them, and are only served where the test shows that hardly an answer changes.
    /// </summary>
    public TrainingPrecision Precision { get; set; }

    /// <summary>What a new version with these tags computes with.</summary>
    /// <exception cref="RefusedException">Invalid: the tag's value is not understood.</exception>
    public TrainingPrecision PrecisionOf(IReadOnlyDictionary<string, string>? tags) => TrainingTags.IsInt8(tags) switch
    {
        true => TrainingPrecision.Int8,
        false => TrainingPrecision.Float,
        null => Precision,
    };

    /// <summary>Parallel trainings on this machine. One uses all cores; a second would only make both slower.</summary>
    [Range(1, 16)]
    public int ParallelJobs { get; set; } = 1;

    /// <summary>Crashes of a job's process after which the version is TRAINING_FAILED.</summary>
    [Range(1, 10)]
    public int CrashesMax { get; set; } = 3;
}
