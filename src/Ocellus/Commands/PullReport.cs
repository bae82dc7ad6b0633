using System.Globalization;
using Ocellus.Transfer;

namespace Ocellus.Commands;

/// <summary>What a person reads after a pull.</summary>
internal static class PullReport
{
    public static void Show(PulledProject project, ServiceEndpoint source, Terminal terminal)
    {
        terminal.Result($"{project.Name}: {project.Arn}");
        foreach (var set in project.Datasets)
        {
            terminal.Result(
                string.Create(
                    CultureInfo.InvariantCulture,
                    $"  {set.Type}: {set.Written} of {set.Entries} entries written, {set.Pictures} pictures copied ({set.Bytes / 1048576.0:0.0} MB), "
                        + $"{set.PicturesKept} were here. Now {set.Total} entries, {set.Labels} labels: {set.Arn}"));
        }

        if (project.Datasets.Count == 0)
        {
            terminal.Result("  It has no datasets.");
        }

        if (project.Policies.Count > 0)
        {
            terminal.Result($"  Policies: {string.Join(", ", project.Policies)}");
        }

        if (project.Tags > 0)
        {
            terminal.Result(string.Create(CultureInfo.InvariantCulture, $"  Tags: {project.Tags}"));
        }

        foreach (var model in project.Models.Where(m => m.Here is not null))
        {
            terminal.Result($"  Model {model.Name}: {model.Here}");
        }

        foreach (var sentence in project.Missing)
        {
            terminal.Remark($"  Not here: {sentence}");
        }

        if (project.Training is { } training)
        {
            terminal.Result($"  Training: {training}");
        }

        Stay(project, source, terminal);
    }

    /// <summary>The models that could not come, and what to do about it.</summary>
    private static void Stay(PulledProject project, ServiceEndpoint source, Terminal terminal)
    {
        var stay = project.Models.Where(m => m.Here is null).ToList();
        if (stay.Count == 0)
        {
            return;
        }

        var names = string.Join(
            ", ",
            stay.Take(10).Select(m => m.F1 is { } f1 ? string.Create(CultureInfo.InvariantCulture, $"{m.Name} (F1 {f1:0.000})") : m.Name));
        terminal.Remark(
            string.Create(CultureInfo.InvariantCulture, $"  {stay.Count} {(stay.Count == 1 ? "model stays" : "models stay")} there: {names}. ")
                + (source.IsAws ? "AWS hands out no weights of a model. " : ""));
        if (project.Training is null && project.Datasets.Exists(d => d.Type == "TRAIN" && d.Total > 0))
        {
            terminal.Remark("  To train one here on the same data: the same command with --train.");
        }
    }
}
