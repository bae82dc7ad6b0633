using Dapper;
using Ocellus.Datasets;
using Ocellus.Refusals;
using Ocellus.Storage;

namespace Ocellus.Console.Images;

/// <summary>The labels of a project: those of its images, and those that were made for images to come; with colours and keys.</summary>
internal sealed class LabelBook(DataDirectory data, DatasetCatalog datasets, ImageProjects projects, ImageChanges changes)
{
    /// <summary>Colours to choose from.</summary>
    public const int Colours = 12;

    /// <summary>Labels of a project that no image has yet, beside the 250 of its datasets.</summary>
    private const int LabelsMax = 500;

    /// <summary>Labels of a page of a dataset.</summary>
    private const int PageMax = 1000;

    /// <summary>Lines rewritten between two looks at whether the caller still waits.</summary>
    private const int Step = 1000;

    /// <summary>The labels, in order of first appearance; those without images come last.</summary>
    /// <exception cref="RefusedException">Denied; NotReady or InUse: a job holds a dataset.</exception>
    public async Task<IReadOnlyList<BookLabel>> ListAsync(ImageProject project, CancellationToken cancel)
    {
        await projects.RequireAsync(project, "ListDatasetEntries", project.Sets, cancel);
        var labels = new Dictionary<string, BookLabel>(StringComparer.Ordinal);
        foreach (var set in project.Sets)
        {
            foreach (var (name, images, _) in await datasets.ListLabelsAsync(project.Caller, project.Get(set).Arn, 0, PageMax, cancel))
            {
                var label = labels.GetValueOrDefault(name) ?? new BookLabel(name);
                labels[name] = set == ImageSet.Train ? label with { Train = images } : label with { Test = images };
            }
        }

        await using var connection = await data.ConnectAsync(cancel);
        foreach (var (name, colour, key) in await connection.QueryAsync<(string, long, string)>(
            "SELECT label, colour, hotkey FROM console_labels WHERE project_arn = @Arn ORDER BY label", new { project.Arn }))
        {
            labels[name] = (labels.GetValueOrDefault(name) ?? new BookLabel(name)) with { Colour = (int)colour, Key = key };
        }

        return [.. labels.Values];
    }

    /// <summary>Makes a label, or changes its colour and key.</summary>
    /// <exception cref="RefusedException">Invalid: the name, colour or key is none. Denied. LimitExceeded: too many labels.</exception>
    public async Task PutAsync(ImageProject project, BookLabel label, CancellationToken cancel)
    {
        CheckName(label.Name);
        if (label.Colour is < -1 or >= Colours || label.Key is not ("" or ['1' or '2' or '3' or '4' or '5' or '6' or '7' or '8' or '9']))
        {
            throw Refused.Invalid($"A label has a colour from 0 to {Colours - 1} or none (-1), and a key from 1 to 9 or none.");
        }

        await RequireWriteAsync(project, cancel);
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var row = new { project.Arn, label.Name, label.Colour, label.Key };
        if (label.Key.Length > 0)
        {
            await connection.ExecuteAsync("UPDATE console_labels SET hotkey = '' WHERE project_arn = @Arn AND hotkey = @Key", row, transaction);
        }

        await connection.ExecuteAsync(
            """
            INSERT INTO console_labels (project_arn, label, colour, hotkey) VALUES (@Arn, @Name, @Colour, @Key)
            ON CONFLICT (project_arn, label) DO UPDATE SET colour = excluded.colour, hotkey = excluded.hotkey
            """,
            row, transaction);
        if (await connection.ExecuteScalarAsync<long>("SELECT COUNT(*) FROM console_labels WHERE project_arn = @Arn", row, transaction) > LabelsMax)
        {
            throw Refused.Limit($"A project may have {LabelsMax} labels that no image has.");
        }

        await transaction.CommitAsync(CancellationToken.None);
        changes.PublishAll(project.Arn);
    }

    /// <summary>Gives labels another name in all images; labels that exist under that name already become one with them.</summary>
    /// <returns>How many images changed.</returns>
    /// <exception cref="RefusedException">Invalid: the name is none. Denied. InUse: a job holds a dataset.</exception>
    public async Task<long> RenameAsync(ImageProject project, IReadOnlyList<string> from, string to, CancellationToken cancel)
    {
        CheckName(to);
        await RequireWriteAsync(project, cancel);
        var old = from.Where(f => f != to).Distinct(StringComparer.Ordinal).ToList();
        var images = await datasets.ChangeAsync(
            project.Caller, [.. project.Datasets.Select(d => d.Arn)],
            async (open, token) =>
            {
                long changed = 0;
                foreach (var change in open)
                {
                    foreach (var label in old)
                    {
                        changed += await RenameAsync(change, label, to, token);
                    }
                }

                return changed;
            },
            cancel);
        await RenameAsync(project.Arn, old, to, cancel);
        changes.PublishAll(project.Arn);
        return images;
    }

    /// <summary>Forgets a label that no image has.</summary>
    /// <exception cref="RefusedException">InUse: images have it. Denied.</exception>
    public async Task RemoveAsync(ImageProject project, string label, CancellationToken cancel)
    {
        await RequireWriteAsync(project, cancel);
        if ((await ListAsync(project, cancel)).FirstOrDefault(l => l.Name == label) is { } used && used.Train + used.Test > 0)
        {
            throw Refused.InUse($"{used.Train + used.Test} images have the label '{label}'; take it from them, or make it one with another label.");
        }

        await using var connection = await data.ConnectAsync(cancel);
        await connection.ExecuteAsync("DELETE FROM console_labels WHERE project_arn = @Arn AND label = @label", new { project.Arn, label });
        changes.PublishAll(project.Arn);
    }

    private static async Task<long> RenameAsync(EntryChanges change, string from, string to, CancellationToken cancel)
    {
        long changed = 0, after = 0;
        while (await change.WithLabelAsync(from, after, Step) is { Count: > 0 } step)
        {
            foreach (var entry in step)
            {
                cancel.ThrowIfCancellationRequested();
                await change.ReplaceAsync(entry, LineLabels.Parse(LineLabels.Rename(entry.Entry, from, to)), cancel);
                changed++;
            }

            after = step[^1].Ordinal;
        }

        return changed;
    }

    /// <summary>Colour and key go with the name; the first of several labels gives them, unless the new name has its own.</summary>
    private async Task RenameAsync(string projectArn, List<string> from, string to, CancellationToken cancel)
    {
        await using var connection = await data.ConnectAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        foreach (var label in from)
        {
            var names = new { projectArn, label, to };
            if (await connection.ExecuteScalarAsync<long>(
                "SELECT COUNT(*) FROM console_labels WHERE project_arn = @projectArn AND label = @to", names, transaction) == 0)
            {
                await connection.ExecuteAsync("UPDATE console_labels SET label = @to WHERE project_arn = @projectArn AND label = @label", names, transaction);
            }

            await connection.ExecuteAsync("DELETE FROM console_labels WHERE project_arn = @projectArn AND label = @label", names, transaction);
        }

        await transaction.CommitAsync(CancellationToken.None);
    }

    private static void CheckName(string name)
    {
        if (name.Length is 0 or > 256 || name.Any(char.IsControl) || name != name.Trim())
        {
            throw Refused.Invalid($"A label has 1 to 256 characters, no line breaks, and no spaces around it; received {name.Length} characters.");
        }
    }

    /// <summary>A project without datasets has nothing to update yet; what makes its first dataset decides then.</summary>
    private Task RequireWriteAsync(ImageProject project, CancellationToken cancel) =>
        project.Datasets.Count > 0
            ? projects.RequireAsync(project, "UpdateDatasetEntries", project.Sets, cancel)
            : projects.RequireAsync(project, Identity.Permission.Rekognition("CreateDataset", project.Arn), cancel);
}
