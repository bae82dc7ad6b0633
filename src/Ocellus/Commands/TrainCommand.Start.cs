using System.CommandLine;
using Ocellus.Refusals;
using Ocellus.Storage;
using Ocellus.Training.Job;
using Ocellus.Vision.Inference;
using Ocellus.Vision.Recipes;

namespace Ocellus.Commands;

internal static partial class TrainCommand
{
    private static Option<string?> StartOption(Option<TimeSpan?> answerTime)
    {
        var start = new Option<string?>("--start-from")
        {
            Description = "Go on from a finished model of the same kind, in less time: its weights and input are kept, labels are matched by name and new ones "
                + "added. The model knows the labels of these data; a label that only the earlier model knew is left out, so give its images too. With --plan "
                + "only if that plan went on from the same model.",
            HelpName = "MODEL.zip",
        };
        start.Validators.Add(result =>
        {
            if (result.GetResult(answerTime) is { Implicit: false })
            {
                result.AddError("--max-answer-time has no effect beside --start-from, which keeps the input of its model; leave it out.");
            }
        });
        return start;
    }

    /// <summary>Puts the model to go on from into the job's folder; returns its name.</summary>
    private static string? CopyStart(string? model, JobFolder folder)
    {
        if (model is null)
        {
            return null;
        }

        var (bytes, description) = ModelArchive.Read(model, real: true);
        try
        {
            var start = StartModel.Read(bytes, description);
            FileSystem.CreateFolder(folder.Start);
            ModelFiles.Save(folder.Start, bytes, description);
            return Path.GetFileName(model) is { Length: > 0 } name ? name : start.Sha256;
        }
        catch (StartException refusal)
        {
            throw new CommandRefusedException($"{model}: {refusal.Message}");
        }
    }

    /// <exception cref="CommandRefusedException">The model that the training began with is damaged.</exception>
    private static bool SameStart(Request request, JobFolder folder, JobDescription job)
    {
        if (job.StartFrom is null)
        {
            return request.StartFrom is null;
        }

        try
        {
            var begun = StartFolder.Read(folder.Start);
            return request.StartFrom is null || ModelArchive.Read(request.StartFrom, real: true).Description.ModelSha256 == begun.Sha256;
        }
        catch (StartException refusal)
        {
            throw new CommandRefusedException(
                $"{folder.Start} is damaged, which holds the model that the training goes on from: {refusal.Message} Remove {folder.Path} and start over "
                    + "without --resume.");
        }
    }
}
