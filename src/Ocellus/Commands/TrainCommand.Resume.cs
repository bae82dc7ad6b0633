using Ocellus.Refusals;
using Ocellus.Training.Job;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    /// <summary>What is continued must be what was begun.</summary>
    private static async Task CheckSameAsync(Request request, JobFolder folder, Terminal terminal, CancellationToken cancel)
    {
        var job = folder.Read();
        var differs =
            request.Manifest is null ? await SameSourceAsync(request, folder, terminal, cancel) ? null : $"{request.Source} is not as the source was"
            : !SameFile(request.Manifest, folder.TrainingManifest) ? $"{request.Manifest} is not the manifest"
            : job.AutoSplit != request.TestManifest is null || (request.TestManifest is not null && !SameFile(request.TestManifest, folder.TestingManifest))
                ? "--test-manifest is not the one"
            : null;
        differs ??=
            request.Seed is { } seed && seed != job.Seed ? $"--seed {seed} is not the seed ({job.Seed})"
            : request.TimeBudget is { } time && time.TotalSeconds != job.TimeBudgetSeconds
                ? $"--time-budget {time} is not the time ({TimeSpan.FromSeconds(job.TimeBudgetSeconds)})"
            : request.AnswerMilliseconds is { } answer && answer != job.AnswerMillisecondsMax ? "--max-answer-time is not the one"
            : request.Precision is { } precision && precision != job.Precision ? "--precision is not the one"
            : request.Quick && !job.Quick ? "--quick is not the recipe"
            : !SameStart(request, folder, job) ? $"--start-from {request.StartFrom} is not the model"
            : !SamePlan(request, job) ? $"--plan {request.Plan} is not the plan"
            : null;
        if (differs is not null)
        {
            throw new CommandRefusedException(
                $"{differs} that the training in {folder.Path} began with. Use the same again, or remove that folder and start over without --resume.");
        }
    }

    private static bool SameFile(string a, string b) =>
        new FileInfo(a).Length == new FileInfo(b).Length && File.ReadAllBytes(a).AsSpan().SequenceEqual(File.ReadAllBytes(b));
}
